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
    summary["data"] = {{"name", o.data}, {"train", run.rows[0]}, {"valid", run.rows[1]}, {"test", run.rows[2]}};
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
