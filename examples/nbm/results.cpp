#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "likelihood_json.hpp"
#include "profile.hpp"
#include "results.hpp"

namespace fs = std::filesystem;

namespace {

constexpr auto files = {"summary.json", "config.toml", "history.csv", "weights.h5", "samples.png", "filters.png"};
constexpr std::size_t tiles_across = 10;
constexpr std::size_t tiles = 100;

/// The weights and checkpoints of single epochs that an earlier run saved.
auto saved_epochs(const fs::path& folder) -> std::vector<fs::path> {
    auto result = std::vector<fs::path>{};
    const auto collect = [&](const fs::path& where, auto wanted) {
        if (!fs::is_directory(where)) { return; }
        for (const auto& entry : fs::directory_iterator(where)) {
            if (wanted(entry.path().filename().string())) { result.push_back(entry.path()); }
        }
    };
    collect(folder / "weights", [](const std::string& name) { return name.starts_with("epoch-") && name.ends_with(".h5"); });
    // Wherever `nbm resume` would find one.
    if (fs::is_directory(folder)) {
        for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied)) {
            if (entry.is_regular_file() && entry.path().extension() == ".ckpt") { result.push_back(entry.path()); }
        }
    }
    return result;
}

/// Long chains from training rows, so that one sees whether the machine keeps all kinds of them; the visible probabilities given
/// the last hidden samples.
auto draw_samples(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& train, std::uint64_t seed) -> nbm::Matrix<Real> {
    constexpr std::size_t sweeps = 1000;
    auto chains = nbm::make_chains(dbm, tiles, seed, nbm::Purpose::samples);
    const auto rows = nbm::permutation(nbm::Stream(seed, nbm::Purpose::samples), std::uint64_t{1} << 55U, train.shape(0));
    for (std::size_t c = 0; c != tiles; ++c) {
        for (std::size_t k = 0; k != train.shape(1); ++k) { chains.states[0](c, k) = train(rows[c % rows.size()], k); }
    }
    auto probabilities = nbm::States<Real>{};
    nbm::Gibbs({.steps = sweeps - 1}).run(dbm, chains);
    nbm::GibbsProb({}).run(dbm, chains, probabilities);
    return probabilities[0];
}

/// floor_seconds is null where there is no floor.
auto to_json(const TrainingProfile& profile) -> nlohmann::ordered_json {
    auto json = nlohmann::ordered_json{};
    for (const auto& [name, seconds] : phases_of(profile)) { json[name] = seconds; }
    json["total"] = profile.phases.total;
    json["updates"] = profile.phases.updates;
    json["floor_seconds"] = profile.floor ? nlohmann::ordered_json(*profile.floor) : nullptr;
    json["threads"] = profile.threads;
    return json;
}

}  // namespace

auto has_checkpoint(const fs::path& folder) -> bool {
    try {
        nbm::newest_checkpoint<Real>(folder);
        return true;
    } catch (const nbm::FileError&) { return false; }
}

auto start_again(const TrainOptions& o) -> std::string {
    return fmt::format("nbm train {} --output {} --overwrite", (fs::path(o.output) / "config.toml").string(), o.output);
}

auto check_output(const TrainOptions& o) -> void {
    const auto folder = fs::path(o.output);
    for (const auto* name : files) {
        if (fs::is_directory(folder / name)) {
            throw nbm::FileError((folder / name).string(), "is a folder, in the way of a result");
        }
    }
    const auto saves_epochs = o.save_every != 0 || !o.save_epochs.empty();
    if (saves_epochs && fs::exists(folder / "weights") && !fs::is_directory(folder / "weights")) {
        throw nbm::FileError((folder / "weights").string(), "is a file, in the way of the folder for the weights");
    }
    if (fs::is_directory(folder) && !fs::is_empty(folder) && !o.overwrite) {
        throw nbm::FileError(folder.string(), "holds files already; choose another folder or add --overwrite" +
                                                  (has_checkpoint(folder) ? ", or go on with: nbm resume " + folder.string() : ""));
    }
}

auto prepare_output(const TrainOptions& o) -> void {
    const auto folder = fs::path(o.output);
    nbm::make_writable_folder(folder);
    for (const auto* name : files) { fs::remove(folder / name); }
    for (const auto& path : saved_epochs(folder)) { fs::remove(path); }
    if (o.save_every != 0 || !o.save_epochs.empty()) { nbm::make_writable_folder(folder / "weights"); }
}

auto write_summary(const Likelihood& likelihood, const TrainOptions& o, const TrainingProfile* profile) -> void {
    auto summary = to_json(likelihood);
    summary["seed"] = o.seed;
    summary["seconds"] = likelihood.seconds;
    if (profile != nullptr) { summary["profile"] = to_json(*profile); }
    summary["command"] = o.command;
    nbm::write_text(fs::path(o.output) / "summary.json", text_of(summary) + "\n");
}

auto write_pictures(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& train, const TrainOptions& o) -> bool {
    constexpr std::size_t widest = 16'384;
    const auto folder = fs::path(o.output);
    const auto shape = nbm::image_shape_of(dbm.visible_size());
    const auto zoom = shape.width < 10 ? std::size_t{8} : std::size_t{2};
    const auto across = std::min(tiles_across, widest / (zoom * (shape.width + 1)));
    if (across == 0) { return false; }
    const auto samples = draw_samples(dbm, train, o.seed);
    nbm::write_png(nbm::tile_images<Real>(samples, shape, across, nbm::Grey::zero_to_one, zoom), folder / "samples.png");
    const auto& lowest = dbm.synapses().front();  // in ascending order: the one of the visible layer
    const auto& weights = lowest.weights;
    auto filters = nbm::zero_matrix<Real>(std::min(tiles, dbm.size(lowest.edge.upper)), dbm.visible_size());
    for (std::size_t j = 0; j != filters.shape(0); ++j) {
        for (std::size_t i = 0; i != filters.shape(1); ++i) { filters(j, i) = weights(i, j); }
    }
    nbm::write_png(nbm::tile_images<Real>(filters, shape, across, nbm::Grey::symmetric, zoom), folder / "filters.png");
    return true;
}
