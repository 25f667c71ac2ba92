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
#include "pictures.hpp"
#include "profile.hpp"
#include "results.hpp"

namespace fs = std::filesystem;

namespace {

constexpr auto files = {"summary.json", "config.toml", "history.csv", "weights.h5"};

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
    auto results = old_pictures(folder);
    for (const auto* name : files) { results.push_back(folder / name); }
    for (const auto& path : results) {
        if (fs::is_directory(path)) { throw nbm::FileError(path.string(), "is a folder, in the way of a result"); }
    }
    for (const auto* name : {"samples", "plots"}) {
        if (fs::exists(folder / name) && !fs::is_directory(folder / name)) {
            throw nbm::FileError((folder / name).string(), "is a file, in the way of a folder for results");
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
    for (const auto& path : old_pictures(folder)) { fs::remove(path); }
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
