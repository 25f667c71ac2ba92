#include "run_callbacks.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "overrides.hpp"
#include "people.hpp"

namespace fs = std::filesystem;

namespace {

using Sections = std::vector<nbm::CallbackSection>;
using Settings = std::vector<std::pair<std::string, nbm::ConfigValue>>;

auto whole(std::size_t x) -> nbm::ConfigValue { return static_cast<std::int64_t>(x); }

auto section_of(std::string type, Settings settings, const std::string& place) -> nbm::CallbackSection {
    auto section = nbm::CallbackSection{.type = std::move(type), .place = place, .settings = {}};
    for (auto& [key, value] : settings) { section.settings.push_back({std::move(key), std::move(value), place}); }
    return section;
}

/// The callbacks that options stand for.
auto asked_callbacks(const TrainOptions& o) -> Sections {
    auto sections = Sections{};
    const auto add = [&](std::string type, Settings settings) {
        sections.push_back(section_of(std::move(type), std::move(settings), "command line"));
    };
    if (o.ais_every != 0) {
        if (o.ais_schedule == "adaptive" || o.ais_base != "data" || o.ais_path != "geometric" || o.ais_summed != "larger" ||
            o.ais_sweeps != 1) {
            throw nbm::InputError(
                "--ais-every estimates with fixed schedules, the data's base rates and the geometric path only; leave out "
                "--ais-base, --ais-path, --ais-summed, --ais-sweeps and --ais-schedule adaptive, or --ais-every");
        }
        add("ais", {{"runs", whole(o.ais_runs)},
                    {"betas", whole(o.ais_betas)},
                    {"schedule", std::string(o.ais_schedule == "linear" ? "linear" : "three_piece")},
                    {"seed", whole(o.seed)},
                    {"every", whole(o.ais_every)}});
    }
    if (o.save_every != 0 || !o.save_epochs.empty()) {
        add("periodic_save", {{"weight_path", std::string("weights/epoch-{epoch:04d}.h5")},
                              {"every", whole(o.save_every)},
                              {"at", std::vector<std::int64_t>(o.save_epochs.begin(), o.save_epochs.end())}});
    }
    return sections;
}

/// Sheets of a few short chains from training rows, about ten of them over the training: small, since writing
/// them takes longer than drawing the samples.
auto usual_samples(const TrainOptions& o) -> Settings {
    constexpr auto sheets = 10.0;
    const auto every = std::max(1.0, std::round(static_cast<double>(o.epochs) / sheets));
    return {{"path", std::string("samples/epoch-{epoch:04d}")},
            {"n_chains", whole(5)},
            {"n_samples", whole(3)},
            {"plot_every", whole(10)},
            {"start", std::string("data")},
            {"seed", whole(o.seed)},
            {"every", whole(static_cast<std::size_t>(every))},
            {"at_end", true}};
}

auto usual_callbacks(const TrainOptions& o) -> Sections {
    auto sections = Sections{};
    const auto add = [&](std::string type, Settings settings) {
        sections.push_back(section_of(std::move(type), std::move(settings), "usual callbacks"));
    };
    add("csv_logger", {});
    add("checkpoint", {{"every_epochs", whole(0)}, {"every_seconds", whole(60)}});
    add("progress_bar", {});
    add("terminate_on_non_finite", {});
    if (o.trainer == "pt") { add("tempering_monitor", {}); }
    add("jsonl_logger", {{"filename", std::string("log.jsonl")}});
    add("summary", {});
    add("samples", usual_samples(o));
    add("plots", {});
    return sections;
}

auto has_type(const Sections& sections, std::string_view type) -> bool {
    return std::ranges::find(sections, type, &nbm::CallbackSection::type) != sections.end();
}

auto setting_of(const nbm::CallbackSection& section, std::string_view key) -> const nbm::Setting* {
    const auto found = std::ranges::find(section.settings, key, &nbm::Setting::key);
    return found == section.settings.end() ? nullptr : &*found;
}

/// What reads the CSV file looks where the logger writes it.
auto follow_csv_logger(Sections& sections) -> void {
    const auto logger = std::ranges::find(sections, "csv_logger", &nbm::CallbackSection::type);
    if (logger == sections.end()) { return; }
    const auto copy = [&](nbm::CallbackSection& reader, std::string_view from, std::string to) {
        const auto* const setting = setting_of(*logger, from);
        if (setting == nullptr || setting_of(reader, to) != nullptr) { return; }
        reader.settings.push_back({std::move(to), setting->value, setting->place});
    };
    for (auto& section : sections) {
        if (section.type != "summary" && section.type != "plots") { continue; }
        copy(section, "filename", "csv_filepath");
        copy(section, "separator", "separator");
    }
}

auto sections_of(const nbm::Config& config, const TrainOptions& o, bool resumed) -> Sections {
    auto sections = config.callbacks;
    if (!resumed) {
        for (auto& section : asked_callbacks(o)) { sections.push_back(std::move(section)); }
        for (auto& section : usual_callbacks(o)) {
            if (!has_type(sections, section.type)) { sections.push_back(std::move(section)); }
        }
    }
    if (o.no_pictures) {
        std::erase_if(sections, [](const nbm::CallbackSection& section) {
            return section.type == "samples" || section.type == "plots" || section.type == "filter_images";
        });
    }
    override_callbacks(sections, o.set);
    follow_csv_logger(sections);
    return sections;
}

}  // namespace

auto make_run_callbacks(const nbm::Config& config, const TrainOptions& o, bool resumed) -> RunCallbacks {
    auto result = RunCallbacks{};
    const auto registry = nbm::builtin_callbacks<Real>();
    auto* const stream = people(o.quiet, o.json);
    for (auto& section : sections_of(config, o, resumed)) {
        auto made = nbm::make_callback(registry, section, o.output);
        result.effective += "\n" + made.effective;
        if (section.type == "summary") {
            const auto* const folder = setting_of(section, "save_folder");
            result.summary = fs::path(o.output) / (folder == nullptr ? "." : std::get<std::string>(folder->value)) / "summary.txt";
        }
        if (section.type == "progress_bar") {
            if (stream == nullptr) { continue; }
            if (o.json) {
                std::erase_if(section.settings, [](const nbm::Setting& s) { return s.key == "stream"; });
                section.settings.push_back({"stream", std::string("stderr"), "--json"});
                made = nbm::make_callback(registry, section, o.output);
            }
        }
        if (section.type == "plots" && !nbm::has_gnuplot()) {
            if (has_type(config.callbacks, "plots")) {
                result.warnings.emplace_back(
                    "no plots are drawn: the program gnuplot is not there; install the package gnuplot-nox");
            }
            continue;
        }
        result.list.append(std::move(made.callback));
    }
    return result;
}
