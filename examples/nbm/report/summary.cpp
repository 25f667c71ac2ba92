#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "report/curves.hpp"
#include "report/html.hpp"
#include "report/judgement.hpp"
#include "report/page.hpp"
#include "report/summary.hpp"
#include "report/svg.hpp"

namespace {

using Json = nlohmann::ordered_json;

auto text_in(const Json& json, const char* key) -> std::string {
    if (!json.is_object() || !json.contains(key) || json[key].is_null()) { return {}; }
    return json[key].is_string() ? json[key].get<std::string>() : json[key].dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Each value of an object, those of objects within by their names joined: {"rows": {"train": 5}} is "rows train", "5".
auto flat(const Json& json, const std::string& prefix, std::vector<std::pair<std::string, std::string>>& rows) -> void {
    for (const auto& [key, value] : json.items()) {
        auto name = prefix.empty() ? key : prefix + " " + key;
        std::ranges::replace(name, '_', ' ');
        if (value.is_object()) {
            flat(value, name, rows);
        } else if (!value.is_null()) {
            rows.emplace_back(name, escape(text_in(json, key.c_str())));
        }
    }
}

auto interval(const Estimated& e) -> std::string { return fmt::format("{} to {}", number(e.low), number(e.high)); }

auto tile(const std::string& name, const std::string& value, const std::string& unit, const std::string& below, bool first = false)
    -> std::string {
    return fmt::format(R"(<div class="tile{}"><dt>{}</dt><dd><span class="figure">{}</span>{}{}</dd></div>)", first ? " first" : "",
                       escape(name), value, unit.empty() ? "" : fmt::format(R"( <span class="unit">{}</span>)", unit),
                       below.empty() ? "" : fmt::format(R"(<span class="below">{}</span>)", below));
}

auto capital(std::string text) -> std::string {
    if (!text.empty()) { text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0]))); }
    return text;
}

auto split_name(const std::string& split) -> std::string {
    return split == "valid" ? "Validation" : split == "train" ? "Training" : "Test";
}

/// "2026-11-29T12:00:00Z" as "2026-11-29 12:00 UTC"; any other text as it is.
auto time_text(const std::string& iso) -> std::string {
    constexpr auto minutes = std::size_t{16};
    if (iso.size() < minutes || iso[10] != 'T') { return iso; }
    return iso.substr(0, 10) + ' ' + iso.substr(11, 5) + (iso.ends_with('Z') ? " UTC" : "");
}

/// What is known of the data: its name, and the rows of each split.
auto describe_data(const Run& run) -> std::string {
    auto name = run.setting("data");
    auto rows = std::vector<std::pair<std::string, std::string>>{};
    if (run.summary.is_object() && run.summary.contains("data")) {
        const auto& data = run.summary["data"];
        if (data.is_object()) {
            flat(data, "", rows);
        } else if (data.is_string()) {
            name = data.get<std::string>();
        }
    }
    auto text = escape(name);
    auto counts = std::vector<std::string>{};
    for (const auto& [key, value] : rows) {
        if (key == "name") {
            text = value;
        } else {
            counts.push_back(value + " " + escape(key));
        }
    }
    if (!counts.empty()) { text += fmt::format(R"(<span class="below">{}</span>)", fmt::join(counts, ", ")); }
    return text;
}

auto tiles_of(const Run& run) -> std::string {
    auto html = std::string{};
    const auto* const what = run.bound ? "lower bound" : "log-probability";
    for (const auto* split : {"test", "train"}) {
        if (const auto* const value = run.likelihood(split)) {
            html += tile(std::string(split == std::string("train") ? "Train " : "Test ") + what, number(value->value), "nats",
                         interval(*value), html.empty());
        }
    }
    if (run.log_z) {
        const auto trusted = run.log_z->trustworthy;
        html += tile("log Z", number(run.log_z->value.value), "nats",
                     interval(run.log_z->value) + fmt::format(R"( <span class="badge {}">{}</span>)", trusted ? "good" : "bad",
                                                              trusted ? "trustworthy" : "not to be trusted"));
    }
    html += tile("Epochs", escape(describe_epochs(run)), "", escape(describe_training(run)), html.empty());
    if (const auto seconds = run.seconds()) {
        html += tile("Time", duration(*seconds), "", run.summary.is_object() ? "all in all" : "in the epochs that were recorded");
    }
    return R"(<dl class="tiles">)" + html + "</dl>\n";
}

}  // namespace

auto describe_machine(const Run& run) -> std::string {
    if (run.layers.empty()) {
        const auto hidden = run.setting("hidden");
        return hidden.empty() ? "A Boltzmann machine" : fmt::format("A restricted Boltzmann machine with {} hidden units", hidden);
    }
    return fmt::format("A {} Boltzmann machine {}", run.layers.size() > 2 ? "deep" : "restricted", fmt::join(run.layers, "\u2013"));
}

auto describe_training(const Run& run) -> std::string {
    const auto trainer = run.setting("trainer");
    if (trainer.empty()) { return {}; }
    if (trainer == "exact") { return "exact gradient, " + run.setting("optimiser"); }
    const auto rate = run.setting("learning_rate");
    return fmt::format("{}-{}, {}, {}",
                       trainer == "cd"    ? "CD"
                       : trainer == "pcd" ? "PCD"
                       : trainer == "pt"  ? "PT"
                                          : trainer,
                       run.setting("steps"), run.setting("optimiser"),
                       rate == "0.0" ? "usual learning rate" : "learning rate " + rate);
}

auto describe_epochs(const Run& run) -> std::string {
    const auto wanted = run.setting("epochs");
    const auto done = run.epochs.empty() ? std::string("0") : short_number(run.epochs.back(), 12);
    if (run.epochs.empty() && run.summary.is_object()) { return wanted; }  // there is no history.csv
    return wanted.empty() || wanted == done ? done : done + " of " + wanted;
}

auto what_is_estimated(const Run& run) -> std::string { return run.bound ? "lower bound" : "mean log-probability"; }

auto report_header(const Run& run) -> std::string {
    const auto outcome = run.outcome();
    const auto* const tone = outcome == "finished" || outcome == "completed" ? "good" : outcome == "stopped" ? "" : "caution";
    auto badges = fmt::format(R"(<li class="badge {}">{}</li>)", tone, escape(outcome));
    const auto data = run.setting("data");
    // A file by its name: the whole path is in the configuration.
    if (!data.empty()) {
        badges += fmt::format(R"(<li class="badge">{}</li>)", escape(std::filesystem::path(data).filename().string()));
    }
    if (run.parameters() != 0) { badges += fmt::format(R"(<li class="badge">{} parameters</li>)", whole_number(run.parameters())); }
    if (const auto started = text_in(run.summary, "started"); !started.empty()) {
        badges += fmt::format(R"(<li class="badge">started <time datetime="{}">{}</time></li>)", escape(started),
                              escape(time_text(started)));
    }
    return fmt::format(
        R"(<header><div class="words"><p class="eyebrow">nbm &middot; report of a run</p><h1>{}</h1><p class="lead">{}</p><ul class="badges">{}</ul></div>{}</header>)",
        escape(run.name), escape(describe_machine(run)), badges, draw_machine(run.layers, run.edges));
}

auto summary_section(const Run& run) -> std::string {
    auto html = tiles_of(run);
    auto intervals = std::vector<Interval>{};
    for (const auto* split : {"train", "valid", "test"}) {
        if (const auto* const e = run.likelihood(split)) {
            intervals.push_back({split_name(split) + " rows", e->value, e->low, e->high, intervals.size()});
        }
    }
    auto facts = std::vector<std::pair<std::string, std::string>>{{"Machine", escape(describe_machine(run))}};
    if (run.parameters() != 0) { facts.emplace_back("Parameters", whole_number(run.parameters())); }
    facts.emplace_back("Data", describe_data(run));
    facts.emplace_back("Training", escape(describe_training(run)));
    auto outcome = run.outcome();
    if (outcome == "unfinished") {
        outcome = "unfinished: there is no summary.json, so the run was interrupted, has failed, or is still under way";
    }
    if (const auto why = text_in(run.summary, "stop_reason"); !why.empty()) { outcome += ": " + why; }
    facts.emplace_back("Outcome", escape(outcome));
    facts.emplace_back("Seed", escape(run.setting("seed")));
    html += R"(<div class="pair">)";
    if (!intervals.empty()) {
        const auto title = capital(what_is_estimated(run)) + (run.bound ? " of the log-probability" : "");
        html += figure("likelihoods", escape(title) + R"( <span class="unit">nats a row</span>)",
                       std::string("Bars are what 3 standard errors of Z do to the value.") +
                           (run.bound ? " The true values are these or higher, given the true log Z." : ""),
                       "", draw(intervals, title + " of each split", "nats"));
    }
    return html + R"(<div class="card">)" + definitions(facts) + "</div></div>\n";
}

auto verdict_list(const std::vector<Judgement>& judgements) -> std::string {
    auto html = std::string{};
    for (const auto& [tone, claim, reason] : judgements) {
        const auto* const kind = tone == Tone::good      ? "good"
                                 : tone == Tone::caution ? "caution"
                                 : tone == Tone::bad     ? "bad"
                                                         : "neutral";
        // Shapes, so that nobody needs to see the colours.
        const auto* const mark = tone == Tone::good      ? "M5 10.5l3.5 3.5L15 7"
                                 : tone == Tone::caution ? "M10 5v6M10 14.5v.01"
                                 : tone == Tone::bad     ? "M6 6l8 8M14 6l-8 8"
                                                         : "M10 9v6M10 5.5v.01";
        html += fmt::format(
            R"(<li class="{}"><svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="10"/><path d="{}"/></svg><div><h3>{}</h3><p>{}</p></div></li>)",
            kind, mark, escape(claim), escape(reason));
    }
    return "<ul class=\"verdicts\">" + html + "</ul>\n";
}

auto environment_section(const Run& run) -> std::string {
    auto rows = std::vector<std::pair<std::string, std::string>>{};
    if (run.summary.is_object() && run.summary.contains("environment") && run.summary["environment"].is_object()) {
        flat(run.summary["environment"], "", rows);
    }
    if (rows.empty()) { return {}; }
    return R"(<div class="card">)" + definitions(rows) + "</div>\n";
}

auto reproduce_section(const Run& run) -> std::string {
    auto html = std::string{};
    if (!run.config_text.empty()) {
        const auto config = (run.folder / "config.toml").lexically_normal().string();
        html += copyable(fmt::format("nbm train {} --output {}", shell_path(config), shell_path(run.name + "-again")),
                         "Repeats the run");
    }
    if (const auto command = text_in(run.summary, "command"); !command.empty()) {
        html += copyable(command, "The command that made it");
    }
    return html;
}

auto configuration_section(const Run& run) -> std::string {
    constexpr auto most = std::size_t{60'000};
    if (run.config_text.empty()) { return {}; }
    if (run.config_text.size() <= most) { return copyable(run.config_text, "config.toml"); }
    return copyable(std::string_view(run.config_text).substr(0, most), "config.toml, its beginning");
}
