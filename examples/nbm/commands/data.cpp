#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "commands/command.hpp"
#include "data_summary.hpp"
#include "likelihood_json.hpp"
#include "machine_file.hpp"
#include "option_kinds.hpp"
#include "rows.hpp"
#include "sheet.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

struct DataOptions : MachineOptions {
    std::string whiten;  // empty: not
    double epsilon = nbm::WhiteningOptions{}.epsilon;
    std::string squash;  // empty: not
    std::string shares;  // empty: as the source says
    std::string map;
    std::string preview;
    std::size_t rows = 100;
    bool random = false;
    std::size_t height = 0;
};

/// Draws of rows have numbers of their own.
constexpr auto preview_order = std::uint64_t{1} << 56U;

auto shares_of(const std::string& text) -> nbm::Shares {
    auto numbers = std::vector<std::size_t>{};
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find('/', begin), text.size());
        const auto part = text.substr(begin, end - begin);
        if (part.empty() || part.size() > 3 || part.find_first_not_of("0123456789") != std::string::npos) {
            numbers.clear();
            break;
        }
        numbers.push_back(std::stoul(part));
        begin = end + 1;
    }
    if (numbers.size() != 3) {
        throw nbm::InputError(
            fmt::format("--resplit {}: percents of training, validation and test rows are expected, as in 80/10/10", text));
    }
    return {.train = numbers[0], .valid = numbers[1], .test = numbers[2]};
}

auto holds_one_split(const std::string& path) -> bool {
    const auto ending = fs::path(path).extension();
    return ending == ".npy" || ending == ".csv" || ending == ".tsv";
}

/// Rows that nobody has split are one set of rows in a file that holds no more.
auto load(const DataOptions& o) -> nbm::Dataset<Real> {
    const auto split = !(holds_one_split(o.output) && o.split.empty()) && o.shares.empty();
    auto data = nbm::load_dataset<Real>(o.run.data, {.seed = o.run.seed, .allowed = nbm::Allowed::real, .split = split});
    if (!o.shares.empty()) { nbm::resplit(data, shares_of(o.shares), o.run.seed); }
    return data;
}

/// Whitened data may have any values, and some ways to go on need others.
auto prepare(nbm::Dataset<Real>& data, const DataOptions& o) -> std::optional<nbm::Whitening<Real>> {
    auto whitening = std::optional<nbm::Whitening<Real>>{};
    if (!o.whiten.empty()) {
        whitening = nbm::whiten(data, {.kind = o.whiten == "pca" ? nbm::Whiten::pca : nbm::Whiten::zca, .epsilon = o.epsilon});
    }
    if (!o.squash.empty()) {
        nbm::squash(data, o.squash == "range" ? nbm::Squash::range : nbm::Squash::logistic);
    } else if (o.run.binarise == "sample") {
        if (whitening) {
            throw nbm::InputError("--binarise sample needs values in [0, 1], which whitened ones are not; add --squash");
        }
        for (const auto& split : splits_of(data)) {
            nbm::check_unit_interval(*split.rows, fmt::format("--binarise sample: {}, {}", o.run.data, split.name));
        }
    }
    binarise_rows(data, o.run);
    return whitening;
}

auto check_options(const CLI::App& command, const DataOptions& o) -> void {
    const auto typed = [&](const char* name) { return command.get_option(name)->count() != 0; };
    const auto needs = [&](const char* name, bool there, const char* other) {
        if (typed(name) && !there) { throw nbm::InputError(fmt::format("{} needs {}", name, other)); }
    };
    needs("--epsilon", !o.whiten.empty(), "--whiten");
    needs("--map", !o.whiten.empty(), "--whiten");
    for (const auto* name : {"--rows", "--random", "--height"}) { needs(name, !o.preview.empty(), "--preview"); }
    needs("--split", !o.preview.empty() || !o.output.empty(), "--output or --preview");
}

/// Throws FileError unless all files can be written.
auto check_files(const DataOptions& o) -> void {
    auto file = static_cast<const MachineOptions&>(o);
    const auto check = [&](const std::string& path) {
        file.output = path;
        if (!path.empty()) { check_output_file(file); }
    };
    if (!o.output.empty()) { ending_of(o.output, {".npz", ".h5", ".hdf5", ".npy", ".csv", ".tsv"}); }
    check(o.output);
    if (fs::path(o.output).extension() == ".npy") { check(fs::path(o.output).replace_extension(".lbl.npy").string()); }
    const auto check_ending = [](const char* option, const std::string& path, const char* ending) {
        if (!path.empty() && fs::path(path).extension() != ending) {
            throw nbm::InputError(fmt::format("{} {}: found the ending '{}', expected {}", option, path,
                                              fs::path(path).extension().string(), ending));
        }
    };
    check_ending("--preview", o.preview, ".png");
    check_ending("--map", o.map, ".npz");
    check(o.preview);
    check(o.map);
    if (!o.map.empty() && fs::path(o.map).lexically_normal() == fs::path(o.output).lexically_normal()) {
        throw nbm::InputError(fmt::format("--map and --output are both {}; choose two names", o.map));
    }
}

/// What is written: all splits, or the one that was asked for, as training rows.
auto chosen(const nbm::Dataset<Real>& data, const DataOptions& o) -> nbm::Dataset<Real> {
    const auto splits = splits_of(data);
    if (o.split.empty()) {
        if (holds_one_split(o.output) && splits.size() > 1) {
            throw nbm::InputError(fmt::format("--split is needed: {} holds one of train, valid and test", o.output));
        }
        return data;
    }
    const auto split = chosen_split(data, o);
    return {.train = *split.rows, .train_labels = *split.labels, .label_names = data.label_names};
}

/// The first rows, or some in random order.
auto preview_of(const nbm::Dataset<Real>& data, const DataOptions& o) -> nbm::Image {
    const auto& all = o.split.empty() ? data.train : *chosen_split(data, o).rows;
    const auto count = std::min(o.rows, all.shape(0));
    auto order = std::vector<std::size_t>{};
    if (o.random) { order = nbm::permutation(nbm::Stream(o.run.seed, nbm::Purpose::samples), preview_order, all.shape(0)); }
    auto rows = nbm::zero_matrix<Real>(count, all.shape(1));
    for (std::size_t r = 0; r != count; ++r) {
        std::ranges::copy(nbm::MatrixView<const Real>(all).row(o.random ? order[r] : r),
                          nbm::MatrixView<Real>(rows).row(r).begin());
    }
    const auto shape = picture_shape(all.shape(1), o.height);
    const auto layout = required_sheet_layout(shape, count, 1, "--preview " + o.preview);
    const auto grey = std::ranges::all_of(rows, [](Real x) { return x >= Real{0} && x <= Real{1}; });
    return nbm::tile_images<Real>(rows, shape, layout.across, grey ? nbm::Grey::zero_to_one : nbm::Grey::symmetric, layout.zoom);
}

auto write_map(const nbm::Whitening<Real>& whitening, const std::string& path) -> void {
    auto mean = nbm::zero_matrix<Real>(1, whitening.mean.size());
    std::ranges::copy(whitening.mean, mean.begin());
    nbm::write_npz<Real>(path, {{"mean", mean}, {"transform", whitening.transform}, {"inverse", whitening.inverse}});
}

auto data(const CLI::App& command, const DataOptions& o) -> void {
    check_options(command, o);
    check_files(o);
    nbm::set_threads(o.run.threads);
    auto rows = load(o);
    const auto whitening = prepare(rows, o);
    const auto written = o.output.empty() ? nbm::Dataset<Real>{} : chosen(rows, o);
    const auto image = o.preview.empty() ? nbm::Image{} : preview_of(rows, o);
    const auto summary = summarise(rows);
    auto files = std::vector<std::string>{};
    if (!o.output.empty()) { nbm::save_dataset(written, files.emplace_back(o.output)); }
    if (!o.preview.empty()) { nbm::write_png(image, files.emplace_back(o.preview)); }
    if (!o.map.empty()) { write_map(*whitening, files.emplace_back(o.map)); }
    if (o.json) {
        fmt::print("{}\n", text_of(to_json(summary, o.run.data)));
        return;
    }
    print(summary, o.run.data);
    for (const auto& file : files) { fmt::print("written: {}\n", file); }
}

}  // namespace

auto add_data_command(CLI::App& app) -> Command {
    const auto o = std::make_shared<DataOptions>();
    auto* const command =
        app.add_subcommand("data", "Tell what a data set holds, show its rows, prepare it, and write it to a file of another kind");
    o->run.binarise = "grey";
    command->add_option("data,--data", o->run.data, "A data set, as nbm train --data takes it; its values may be any numbers")
        ->required()
        ->type_name("DATA");
    const auto option = [&](const char* name, auto& value, const Kind& kind, const char* help) {
        return command->add_option(name, value, help)->type_name(kind.word)->check(kind.check)->take_last();
    };
    option("--resplit", o->shares, text("T/V/T"),
           "Join all rows, shuffle them by --seed, and split them anew: percents for training, validation and test, as 80/10/10")
        ->group("Data");
    option("--whiten", o->whiten, one_of({"pca", "zca"}),
           "Make units uncorrelated and of equal variance, as the training rows tell: along principal axes, or turned back")
        ->group("Data");
    add_option(*command, "Data", "--epsilon", o->epsilon, number(0.0, 1e9), "Of --whiten: added to each variance");
    option("--squash", o->squash, one_of({"logistic", "range"}),
           "Bring values into [0, 1]: by 1 / (1 + exp(-x)), or in proportion to the range of the training rows")
        ->group("Data");
    add_binarise_options(*command, o->run);
    add_run_options(*command, o->run, "Data");
    add_split(*command, *o, "Which rows are written or shown; by default all are written, and training rows shown");
    option("--preview", o->preview, text("FILE.png"), "A sheet of rows as pictures")->group("Preview");
    add_option(*command, "Preview", "--rows", o->rows, whole(1, 10'000), "How many");
    command->add_flag("--random", o->random, "Some, drawn by --seed, not the first ones")->group("Preview");
    add_option(*command, "Preview", "--height", o->height, whole(0),
               "Of pictures; 0: a square where the units make one, else one row");
    add_output(*command, *o, "FILE", "File for the data set: .npz or .h5, or .npy, .csv or .tsv for one set of rows");
    option("--map", o->map, text("FILE.npz"), "File for the mean, the transform and its inverse of --whiten")->group("Output");
    command->add_flag("--json", o->json, "One JSON object, for scripts")->group("Output");
    return {command, [o, command] { data(*command, *o); }};
}
