#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "environment.hpp"
#include "likelihood_json.hpp"
#include "profile.hpp"
#include "results.hpp"

namespace fs = std::filesystem;

namespace {

constexpr std::size_t tiles_across = 10;
constexpr std::size_t tiles = 100;

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

auto write_summary(const RunSummary& run, const TrainOptions& o) -> std::string {
    auto summary = to_json(run.likelihood);
    summary["seed"] = o.seed;
    summary["started"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(run.started)));
    summary["seconds"] = run.likelihood.seconds;
    summary["outcome"] = run.history.outcome() == nbm::Outcome::stopped ? "stopped" : "completed";
    if (!run.history.stop_reason().empty()) { summary["stop_reason"] = run.history.stop_reason(); }
    summary["layers"] = std::vector<std::size_t>(run.topology.sizes().begin(), run.topology.sizes().end());
    summary["epochs"] = run.history.rows().size();
    summary["data"] = {
        {"name", o.data}, {"train", run.data.train.shape(0)}, {"valid", run.data.valid.shape(0)}, {"test", run.data.test.shape(0)}};
    if (run.profile != nullptr) { summary["profile"] = to_json(*run.profile); }
    summary["environment"] = environment();
    summary["command"] = o.command;
    auto text = text_of(summary) + "\n";
    nbm::write_text(fs::path(o.output) / "summary.json", text);
    return text;
}

auto append_text(const fs::path& path, const std::string& more) -> void {
    auto file = std::ifstream(path, std::ios::binary);
    if (!file) { return; }
    const auto text = std::string(std::istreambuf_iterator<char>(file), {});
    nbm::write_text(path, text + more);
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
