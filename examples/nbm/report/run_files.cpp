#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "report/run_files.hpp"

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

constexpr auto infinity = std::numeric_limits<double>::infinity();
constexpr auto not_a_number = std::numeric_limits<double>::quiet_NaN();

auto text_of(const fs::path& path) -> std::string {
    if (fs::is_directory(path)) { throw nbm::FileError(path.string(), "is a folder; a file is needed"); }
    auto file = std::ifstream(path, std::ios::binary);
    auto text = std::string(std::istreambuf_iterator<char>(file), {});
    if (!file) { throw nbm::FileError(path.string(), "cannot be read"); }
    return text;
}

/// Throws FileError for what is no JSON object.
auto json_of(const fs::path& path) -> Json {
    auto json = Json{};
    try {
        json = Json::parse(text_of(path));
    } catch (const Json::parse_error& error) {
        throw nbm::FileError(path.string(), fmt::format("is damaged: no JSON at byte {}", error.byte));
    } catch (const Json::exception&) { throw nbm::FileError(path.string(), "is damaged: it has a number beyond all bounds"); }
    if (!json.is_object()) { throw nbm::FileError(path.string(), "is damaged: no JSON object"); }
    return json;
}

/// Numbers of a JSON object, `missing` where there is null.
class Numbers {
public:
    Numbers(const Json& object, const fs::path& path, std::string where)
        : object_(object), path_(path.string()), where_(std::move(where)) {
        if (!object.is_object()) { throw nbm::FileError(path_, fmt::format("is damaged: {} is no object", where_)); }
    }
    auto at(const char* key, double missing) const -> double {
        const auto found = object_.find(key);
        if (found == object_.end() || found->is_null()) { return missing; }
        if (!found->is_number()) { throw nbm::FileError(path_, fmt::format("is damaged: {} in {} is no number", key, where_)); }
        return found->get<double>();
    }
    auto list(const char* key) const -> std::vector<double> {
        const auto found = object_.find(key);
        auto result = std::vector<double>{};
        if (found == object_.end() || found->is_null()) { return result; }
        const auto fits = [](const Json& x) { return x.is_number() || x.is_null(); };
        if (!found->is_array() || !std::ranges::all_of(*found, fits)) {
            throw nbm::FileError(path_, fmt::format("is damaged: {} is no list of numbers", key));
        }
        for (const auto& x : *found) { result.push_back(x.is_null() ? not_a_number : x.get<double>()); }
        return result;
    }
    auto estimate() const -> Estimated {
        return {.value = at("value", not_a_number),
                .low = at("low", -infinity),
                .high = at("high", infinity),
                .standard_error = at("standard_error", infinity)};
    }

private:
    const Json& object_;
    std::string path_;
    std::string where_;
};

auto read_summary(Run& run, const fs::path& path) -> void {
    run.summary = json_of(path);
    const auto log_z = [&](const char* name) -> std::optional<LogZTold> {
        const auto z = run.summary.find(name);
        if (z == run.summary.end() || z->is_null()) { return std::nullopt; }
        const auto numbers = Numbers(*z, path, name);
        const auto verdict = z->find("verdict");
        const auto trusted = z->find("trustworthy");
        return LogZTold{.value = numbers.estimate(),
                        .effective_sample_size = numbers.at("effective_sample_size", not_a_number),
                        .log_weight_variance = numbers.at("log_weight_variance", infinity),
                        .largest_weight_share = numbers.at("largest_weight_share", not_a_number),
                        .trustworthy = trusted != z->end() && trusted->is_boolean() && trusted->get<bool>(),
                        .verdict = verdict != z->end() && verdict->is_string() ? verdict->get<std::string>() : ""};
    };
    run.log_z = log_z("log_z");
    run.reverse_log_z = log_z("log_z_reverse");
    for (const auto* split : {"train", "valid", "test"}) {
        for (const auto* what : {"log_prob", "bound"}) {
            const auto name = fmt::format("{}_{}", split, what);
            const auto found = run.summary.find(name);
            if (found == run.summary.end() || found->is_null()) { continue; }
            run.likelihoods.push_back({split, Numbers(*found, path, name).estimate()});
        }
    }
    run.bound = run.summary.contains("train_bound") || run.summary.contains("test_bound");
}

auto read_history(Run& run, const fs::path& path) -> void {
    run.history = nbm::read_table(path);
    if (!run.history.has("epoch")) { throw nbm::FileError(path.string(), "is damaged: it has no column 'epoch'"); }
    auto last = 0.0;
    auto line = std::size_t{1};
    for (const auto& epoch : run.history.column("epoch")) {
        ++line;
        if (!epoch || !std::isfinite(*epoch) || *epoch <= last) {
            throw nbm::FileError(path.string(),
                                 fmt::format("is damaged: row {} has no epoch that follows the one before", line - 1));
        }
        run.epochs.push_back(last = *epoch);
    }
}

auto read_ais(Run& run, const fs::path& path) -> void {
    const auto json = json_of(path);
    const auto numbers = Numbers(json, path, "the file");
    run.log_weights = numbers.list("log_weights");
    run.ais_positions = numbers.list("positions");
    run.ais_sample_sizes = numbers.list("effective_sample_size");
    if (run.ais_positions.size() != run.ais_sample_sizes.size()) {
        throw nbm::FileError(path.string(), fmt::format("is damaged: {} positions, but {} effective sample sizes",
                                                        run.ais_positions.size(), run.ais_sample_sizes.size()));
    }
}

/// Layers and edges, from the weights or else from the settings.
auto read_machine_of(Run& run) -> void {
    for (const auto* name : {"weights/final.h5", "weights.h5"}) {
        if (!fs::exists(run.folder / name)) { continue; }
        try {
            run.machine = nbm::load_weights<double>(run.folder / name);
        } catch (const nbm::Error& error) { run.problems.push_back(fmt::format("The weights are left out: {}.", error.what())); }
        break;
    }
    if (run.machine) {
        for (std::size_t l = 0; l != run.machine->layer_count(); ++l) { run.layers.push_back(run.machine->size(l)); }
        for (const auto& [edge, weights] : run.machine->synapses()) { run.edges.emplace_back(edge.lower, edge.upper); }
    } else {
        for (const auto& setting : run.config.settings) {
            if (setting.key != "layers") { continue; }
            if (const auto* const units = std::get_if<std::vector<std::int64_t>>(&setting.value)) {
                for (const auto n : *units) { run.layers.push_back(static_cast<std::size_t>(std::max<std::int64_t>(n, 0))); }
            }
        }
        for (std::size_t l = 1; l < run.layers.size(); ++l) { run.edges.emplace_back(l - 1, l); }
    }
    run.bound = run.bound || run.layers.size() > 2;
}

/// The number in "epoch-0012.png", or in "0012.png".
auto epoch_in(const fs::path& path) -> std::optional<std::size_t> {
    const auto stem = path.stem().string();
    const auto digits = stem.starts_with("epoch-") ? stem.substr(6) : stem;
    if (digits.empty() || digits.size() > 9 || !std::ranges::all_of(digits, [](unsigned char c) { return std::isdigit(c) != 0; })) {
        return {};
    }
    return std::stoul(digits);
}

auto find_pictures(Run& run) -> void {
    const auto first_of = [&](std::initializer_list<const char*> names) -> std::optional<Picture> {
        for (const auto* name : names) {
            if (fs::is_regular_file(run.folder / name)) { return Picture{run.folder / name, name}; }
        }
        return {};
    };
    run.samples = first_of({"samples/final.png", "samples.png"});
    run.film = first_of({"samples/film.gif"});
    constexpr auto most_layers = std::size_t{50};
    for (std::size_t layer = 1; layer <= most_layers; ++layer) {
        const auto name = fmt::format("plots/filters-h{}.png", layer);
        if (fs::is_regular_file(run.folder / name)) { run.filters.push_back({run.folder / name, name, layer}); }
    }
    if (run.filters.empty()) {
        if (const auto old = first_of({"filters.png"})) { run.filters.push_back({old->path, old->name, 1}); }
    }
    auto ignored = std::error_code{};
    for (const auto& entry : fs::directory_iterator(run.folder / "samples", ignored)) {
        const auto epoch = epoch_in(entry.path());
        if (!entry.is_regular_file() || entry.path().extension() != ".png" || !epoch) { continue; }
        run.sheets.push_back({entry.path(), "samples/" + entry.path().filename().string(), epoch});
    }
    std::ranges::sort(run.sheets, {}, [](const Picture& p) { return std::pair(*p.number, p.name); });
}

}  // namespace

auto Run::setting(const std::string& key) const -> std::string {
    const auto found = std::ranges::find(config.settings, key, &nbm::Setting::key);
    if (found == config.settings.end()) { return {}; }
    const auto* const text = std::get_if<std::string>(&found->value);
    return text != nullptr ? *text : nbm::to_toml(found->value);
}

auto Run::parameters() const -> std::size_t {
    if (layers.empty()) { return 0; }
    auto count = std::size_t{0};
    for (const auto units : layers) { count += units; }
    for (const auto& [lower, upper] : edges) { count += layers[lower] * layers[upper]; }
    return count;
}

auto Run::seconds() const -> std::optional<double> {
    auto epochs_took = std::optional<double>{};
    if (history.has("seconds") && !epochs.empty()) {
        epochs_took = 0.0;
        for (const auto& value : history.column("seconds")) { *epochs_took += value.value_or(0.0); }
    }
    if (summary.is_object() && summary.contains("seconds") && summary["seconds"].is_number()) {
        // A summary knows the last session alone.
        return std::max(summary["seconds"].get<double>(), epochs_took.value_or(0.0));
    }
    return epochs_took;
}

auto Run::outcome() const -> std::string {
    if (summary.is_object() && summary.contains("outcome") && summary["outcome"].is_string()) {
        return summary["outcome"].get<std::string>();
    }
    return summary.is_object() ? "finished" : "unfinished";
}

auto Run::likelihood(const std::string& split) const -> const Estimated* {
    const auto found = std::ranges::find(likelihoods, split, &SplitLikelihood::split);
    return found == likelihoods.end() ? nullptr : &found->value;
}

auto read_run(const fs::path& folder) -> Run {
    if (!fs::exists(folder)) {
        auto names = std::vector<std::string>{};
        auto ignored = std::error_code{};
        const auto parent = folder.has_parent_path() ? folder.parent_path() : fs::path(".");
        for (const auto& entry : fs::directory_iterator(parent, ignored)) {
            if (entry.is_directory(ignored)) { names.push_back(entry.path().filename().string()); }
        }
        const auto nearest = nbm::nearest_name(folder.filename().string(), names);
        throw nbm::FileError(folder.string(),
                             "there is no such run folder" + (nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest)));
    }
    if (!fs::is_directory(folder)) { throw nbm::FileError(folder.string(), "is a file; the folder of a run is needed"); }
    const auto config = folder / "config.toml";
    const auto history = folder / "history.csv";
    if (!fs::exists(config) && !fs::exists(history)) {
        throw nbm::FileError(folder.string(),
                             "is no run folder: it holds neither config.toml nor history.csv, as nbm train --output writes");
    }
    auto run = Run{};
    run.folder = folder;
    run.name = fs::weakly_canonical(folder).filename().string();
    if (fs::exists(config)) {
        run.config_text = text_of(config);
        run.config = nbm::parse_config(run.config_text, config.string());
    }
    if (fs::exists(history)) { read_history(run, history); }
    if (fs::exists(folder / "summary.json")) { read_summary(run, folder / "summary.json"); }
    if (fs::exists(folder / "ais.json")) { read_ais(run, folder / "ais.json"); }
    read_machine_of(run);
    find_pictures(run);
    return run;
}
