#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "machine_file.hpp"
#include "option_kinds.hpp"
#include "rows.hpp"

namespace fs = std::filesystem;

auto rows_for(const Machine& machine, const MachineOptions& o) -> nbm::Dataset<Real> {
    if (o.run.data.empty()) {
        throw nbm::InputError(
            "--data is needed: digits, bars-and-stripes:N, a CSV, .npy, .npz or HDF5 file, or a folder with IDX, PNG, CSV or .npy "
            "files");
    }
    auto data = load_rows(o.run);
    if (data.train.shape(1) != machine.dbm.visible_size()) {
        throw nbm::InputError(fmt::format("--data {}: its rows have {} values, the machine of {} has {} visible units", o.run.data,
                                          data.train.shape(1), machine.file.path.string(), machine.dbm.visible_size()));
    }
    return data;
}

auto add_file_and_data(CLI::App& command, MachineOptions& o) -> void {
    add_file(command, o);
    o.run.data.clear();
    add_data_options(command, o.run);
}

auto splits_of(const nbm::Dataset<Real>& data) -> std::vector<Split> {
    auto splits = std::vector<Split>{{"train", &data.train, &data.train_labels},
                                     {"valid", &data.valid, &data.valid_labels},
                                     {"test", &data.test, &data.test_labels}};
    std::erase_if(splits, [](const Split& split) { return split.rows->shape(0) == 0; });
    return splits;
}

auto chosen_split(const nbm::Dataset<Real>& data, const MachineOptions& o) -> Split {
    const auto splits = splits_of(data);
    const auto find = [&](const std::string& name) { return std::ranges::find(splits, name, &Split::name); };
    if (o.split.empty()) { return find("test") != splits.end() ? *find("test") : splits.front(); }
    if (const auto found = find(o.split); found != splits.end()) { return *found; }
    auto names = std::vector<std::string>{};
    for (const auto& split : splits) { names.push_back(split.name); }
    throw nbm::InputError(
        fmt::format("--split {}: the data {} have no such rows; there are: {}", o.split, o.run.data, fmt::join(names, ", ")));
}

auto add_split(CLI::App& command, MachineOptions& o, const char* help) -> void {
    const auto kind = one_of({"train", "valid", "test"});
    command.add_option("--split", o.split, help)->type_name(kind.word)->check(kind.check)->group("Data")->take_last();
}

auto add_output(CLI::App& command, MachineOptions& o, const char* word, const char* help) -> CLI::Option* {
    const auto kind = text(word);
    command.add_flag("--overwrite", o.overwrite, "Replace the file when there is one")->group("Output");
    return command.add_option("--output", o.output, help)->type_name(kind.word)->check(kind.check)->group("Output")->take_last();
}

auto add_plots(CLI::App& command, MachineOptions& o, const char* help) -> void {
    const auto kind = text("FOLDER");
    command.add_option("--plots", o.plots, help)->type_name(kind.word)->check(kind.check)->group("Output")->take_last();
    command.add_flag("--overwrite", o.overwrite, "Replace plots that are there")->group("Output");
}

auto check_output_file(const MachineOptions& o) -> void {
    const auto path = fs::path(o.output);
    if (fs::is_directory(path)) { throw nbm::FileError(o.output, "is a folder; the name of a file is expected"); }
    if (fs::exists(path) && !o.overwrite) {
        throw nbm::FileError(o.output, "is there already; choose another name or add --overwrite");
    }
    nbm::make_writable_folder(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

auto ending_of(const std::string& output, const std::vector<std::string>& endings) -> std::string {
    auto ending = fs::path(output).extension().string();
    if (std::ranges::find(endings, ending) == endings.end()) {
        throw nbm::InputError(
            fmt::format("--output {}: found the ending '{}', expected {}", output, ending, fmt::join(endings, " or ")));
    }
    return ending;
}
