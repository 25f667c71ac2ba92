#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "configuration.hpp"
#include "machine_file.hpp"

namespace fs = std::filesystem;

namespace {

auto missing(const fs::path& path) -> nbm::FileError {
    auto names = std::vector<std::string>{};
    auto error = std::error_code{};
    for (const auto& entry : fs::directory_iterator(path.has_parent_path() ? path.parent_path() : fs::path("."), error)) {
        names.push_back(entry.path().filename().string());
    }
    const auto nearest = nbm::nearest_name(path.filename().string(), names);
    return {path.string(), "there is no such weight file, checkpoint or run folder" +
                               (nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest))};
}

/// Whether a setting of a training means the same to other commands; the steps of a training, for one, are no steps of samples.
auto is_shared(const std::string& key) -> bool {
    return key == "data" || key == "binarise" || key == "threshold" || key == "seed" || key == "threads" ||
           key.starts_with("stream") || key.starts_with("ais_");
}

/// Options of a run that the command has, too.
auto apply_run(const fs::path& folder, CLI::App& command) -> void {
    const auto config = nbm::read_config(folder / "config.toml");
    auto app = CLI::App();
    auto all = TrainOptions{};
    auto* const train = add_train_command(app, all);
    app.parse("nbm train", true);
    apply_settings(config, *train);  // so that the whole file is checked
    // The threshold of the run has no meaning for another way that was typed.
    const auto* const binarise = command.get_option_no_throw("--binarise");
    const auto other = binarise != nullptr && binarise->count() != 0 && binarise->results().back() != "threshold";
    auto known = nbm::Config{};
    for (const auto& setting : config.settings) {
        if (other && setting.key == "threshold") { continue; }
        auto name = "--" + setting.key;
        std::ranges::replace(name, '_', '-');
        if (is_shared(setting.key) && command.get_option_no_throw(name) != nullptr) { known.settings.push_back(setting); }
    }
    apply_settings(known, command);
}

}  // namespace

auto find_machine(const std::string& name) -> MachineFile {
    const auto path = fs::path(name);
    auto error = std::error_code{};
    if (!fs::exists(path, error)) { throw missing(path); }
    if (!fs::is_directory(path)) { return {.path = path, .folder = {}, .checkpoint = path.extension() == ".ckpt"}; }
    // Earlier versions wrote the weights beside the other results.
    for (const auto* const weights : {"weights/final.h5", "weights.h5"}) {
        if (fs::exists(path / weights)) { return {.path = path / weights, .folder = path}; }
    }
    try {
        const auto newest = nbm::newest_checkpoint<Real>(path);
        for (const auto& problem : newest.refused) { fmt::print(stderr, "nbm: warning: {}; an earlier one is used\n", problem); }
        return {.path = newest.path, .folder = path, .checkpoint = true};
    } catch (const nbm::FileError& problem) {
        throw nbm::FileError((path / "weights/final.h5").string(), fmt::format("there is no such file, and {}", problem.what()));
    }
}

template <class T>
auto read_machine(const MachineFile& file) -> nbm::DBM<T> {
    if (file.checkpoint) {
        // Throws for one that is damaged. Training by other programs than this one may have been in double.
        try {
            nbm::load_training<Real>(file.path);
        } catch (const nbm::FileError& problem) {
            try {
                nbm::load_training<double>(file.path);
            } catch (const nbm::FileError&) { throw problem; }
        }
    }
    return nbm::load_weights<T>(file.path);
}

template auto read_machine(const MachineFile&) -> nbm::DBM<float>;
template auto read_machine(const MachineFile&) -> nbm::DBM<double>;

auto add_file(CLI::App& command, MachineOptions& o) -> void {
    command.add_option("file", o.file, "Weights, a checkpoint, or the folder of a run, whose config.toml then gives options")
        ->required()
        ->type_name("FILE");
}

auto require_finite(const nbm::DBM<Real>& dbm, const fs::path& path) -> void {
    const auto check = [&](const auto& values, const std::string& name) {
        const auto bad = std::ranges::count_if(values, [](Real x) { return !std::isfinite(x); });
        if (bad != 0) {
            throw nbm::FileError(
                path.string(), fmt::format("{} of the {} numbers of {} are not finite; see nbm inspect", bad, values.size(), name));
        }
    };
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) { check(dbm.bias(l), nbm::part_name(l)); }
    for (const auto& [edge, weights] : dbm.synapses()) { check(weights, nbm::part_name(edge)); }
}

auto open_machine(CLI::App& command, MachineOptions& o) -> Machine {
    auto file = find_machine(o.file);
    if (!file.folder.empty() && fs::exists(file.folder / "config.toml")) { apply_run(file.folder, command); }
    nbm::set_threads(o.run.threads);
    auto machine = Machine{.file = file, .dbm = read_machine<Real>(file)};
    require_finite(machine.dbm, file.path);
    return machine;
}
