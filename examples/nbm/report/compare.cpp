#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "likelihood_json.hpp"
#include "report/compare.hpp"
#include "report/html.hpp"
#include "report/summary.hpp"

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

auto labels_of(const std::vector<Run>& runs) -> std::vector<std::string> {
    auto labels = std::vector<std::string>{};
    for (const auto& run : runs) { labels.push_back(run.name); }
    auto sorted = labels;
    std::ranges::sort(sorted);
    if (std::ranges::adjacent_find(sorted) == sorted.end()) { return labels; }
    labels.clear();
    for (const auto& run : runs) { labels.push_back(run.folder.lexically_normal().string()); }
    return labels;
}

auto different_settings(const std::vector<Run>& runs) -> std::vector<DifferentSetting> {
    auto keys = std::vector<std::string>{};
    for (const auto& run : runs) {
        for (const auto& setting : run.config.settings) {
            if (std::ranges::find(keys, setting.key) == keys.end()) { keys.push_back(setting.key); }
        }
    }
    auto result = std::vector<DifferentSetting>{};
    for (const auto& key : keys) {
        auto values = std::vector<std::string>{};
        for (const auto& run : runs) { values.push_back(run.setting(key)); }
        if (std::ranges::adjacent_find(values, std::not_equal_to{}) != values.end()) { result.push_back({key, values}); }
    }
    return result;
}

auto differs(const Comparison& c, const std::string& key) -> bool {
    return std::ranges::find(c.settings, key, &DifferentSetting::key) != c.settings.end();
}

auto finite(const Run& run, const std::string& split) -> bool {
    const auto* const value = run.likelihood(split);
    return value != nullptr && std::isfinite(value->value);
}

/// The split that most can be said of.
auto choose_split(const std::vector<Run>& runs) -> std::string {
    auto chosen = std::string{};
    auto most = std::ptrdiff_t{0};
    for (const auto* split : {"test", "train"}) {
        const auto count = std::ranges::count_if(runs, [&](const Run& run) { return finite(run, split); });
        if (count > most) { chosen = split, most = count; }
    }
    return chosen;
}

/// Finds the best run, and how far the others are below it.
auto rank(Comparison& c) -> void {
    const auto value = [&](std::size_t k) { return c.runs[k].likelihood(c.split)->value; };
    for (std::size_t k = 0; k != c.runs.size(); ++k) {
        if (!finite(c.runs[k], c.split)) { continue; }
        if (!c.best || value(k) > value(*c.best)) {
            c.second = c.best;
            c.best = k;
        } else if (!c.second || value(k) > value(*c.second)) {
            c.second = k;
        }
    }
    c.beyond_bars = c.second.has_value();
    for (std::size_t k = 0; k != c.runs.size(); ++k) {
        if (k == *c.best || !finite(c.runs[k], c.split)) { continue; }
        c.below[k] = difference(*c.runs[*c.best].likelihood(c.split), *c.runs[k].likelihood(c.split));
        // A bound may be far below the truth.
        const auto open = c.runs[k].bound;
        c.beyond_bars = c.beyond_bars && c.below[k]->beyond_bar() && !open;
    }
}

auto conclude_best(const Comparison& c) -> Judgement {
    const auto& best = c.labels[*c.best];
    const auto& second = c.labels[*c.second];
    const auto& gap = *c.below[*c.second];
    const auto bound = c.runs[*c.best].bound;
    const auto* const what = bound != c.runs[*c.second].bound ? "number" : bound ? "lower bound" : "mean log-probability";
    const auto numbers = fmt::format("The {} of the {} rows of {} is {} nats above that of {} (\u00B1 {}, the error bars of both).",
                                     what, c.split, best, number(gap.value), second, number(gap.bar));
    const auto& log_z = c.runs[*c.best].log_z;
    if (c.beyond_bars && log_z && !log_z->trustworthy) {
        return {Tone::caution, fmt::format("{} has the highest number, with a log Z that cannot be trusted", best),
                numbers + " This is beyond the error bars, but these are too narrow where log Z cannot be trusted."};
    }
    if (c.beyond_bars) { return {Tone::good, fmt::format("{} is best", best), numbers + " This is beyond the error bars."}; }
    if (gap.beyond_bar()) {
        return {Tone::caution, fmt::format("{} has the highest number, which does not show that it is best", best),
                numbers + " But among the others there are lower bounds or wider error bars: their true values may be higher."};
    }
    return {Tone::caution, fmt::format("{} and {} cannot be told apart", best, second),
            numbers + " This is within the error bars; more runs of AIS or more inverse temperatures make them narrower."};
}

auto conclude(Comparison& c) -> void {
    const auto with = std::ranges::count_if(c.runs, [&](const Run& run) { return finite(run, c.split); });
    if (with < 2) {
        c.conclusions.push_back({Tone::neutral, "There is nothing to compare yet",
                                 with == 0 ? "None of the runs has a likelihood in its summary.json."
                                           : "Only one of the runs has a likelihood in its summary.json."});
        return;
    }
    const auto thresholds = differs(c, "threshold") &&
                            std::ranges::any_of(c.runs, [](const Run& run) { return run.setting("binarise") == "threshold"; });
    if (differs(c, "data") || differs(c, "binarise") || thresholds) {
        c.conclusions.push_back({Tone::bad, "The likelihoods cannot be compared",
                                 "The runs were trained on different data, or on data made binary in different ways; "
                                 "log-probabilities of different rows say nothing about which machine is better."});
        return;
    }
    rank(c);
    c.conclusions.push_back(conclude_best(c));
    auto doubtful = std::vector<std::string>{};
    for (std::size_t k = 0; k != c.runs.size(); ++k) {
        if (c.runs[k].log_z && !c.runs[k].log_z->trustworthy) { doubtful.push_back(c.labels[k]); }
    }
    if (!doubtful.empty()) {
        c.conclusions.push_back(
            {Tone::bad, "Not every log Z can be trusted",
             fmt::format("The log-probabilities may be too high of: {}. The report of such a run says why, and what to do.",
                         fmt::join(doubtful, ", "))});
    }
    if (std::ranges::any_of(c.runs, &Run::bound)) {
        c.conclusions.push_back({Tone::neutral, "Lower bounds",
                                 "The numbers of deep machines are lower bounds of the mean log-probability: a machine whose bound "
                                 "is lower is not thereby worse."});
    }
    if (differs(c, "seed")) {
        c.conclusions.push_back({Tone::neutral, "Different seeds",
                                 "Generated data, binary samples of grey rows and random splits depend on the seed: the rows may "
                                 "not be the same ones. Differences as large as those between seeds mean nothing."});
    }
}

/// Rows of a table with one column a run: what is compared, then its value in each.
auto rows_of(const Comparison& c) -> std::vector<std::vector<std::string>> {
    auto rows = std::vector<std::vector<std::string>>{};
    const auto add = [&](const std::string& name, auto value_of) {
        auto row = std::vector<std::string>{name};
        for (std::size_t k = 0; k != c.runs.size(); ++k) { row.push_back(value_of(c.runs[k], k)); }
        if (std::ranges::any_of(row.begin() + 1, row.end(), [](const std::string& text) { return !text.empty(); })) {
            rows.push_back(row);
        }
    };
    add("machine", [](const Run& run, std::size_t) { return fmt::format("{}", fmt::join(run.layers, "-")); });
    for (const auto& setting : c.settings) {
        add(setting.key, [&](const Run&, std::size_t k) { return setting.values[k]; });
    }
    add("outcome", [](const Run& run, std::size_t) { return run.outcome(); });
    add("epochs", [](const Run& run, std::size_t) { return describe_epochs(run); });
    add("time", [](const Run& run, std::size_t) { return run.seconds() ? duration(*run.seconds()) : ""; });
    add("log Z", [](const Run& run, std::size_t) {
        return run.log_z ? fmt::format("{:.2f} [{:.2f}, {:.2f}]{}", run.log_z->value.value, run.log_z->value.low,
                                       run.log_z->value.high, run.log_z->trustworthy ? "" : " ?")
                         : "";
    });
    for (const auto* split : {"train", "valid", "test"}) {
        add(split, [&](const Run& run, std::size_t k) {
            const auto* const e = run.likelihood(split);
            return e == nullptr ? ""
                                : fmt::format("{}{:.2f} [{:.2f}, {:.2f}]{}", run.bound ? ">= " : "", e->value, e->low, e->high,
                                              split == c.split && c.best == k ? " *" : "");
        });
    }
    return rows;
}

auto to_json(const Estimated& e) -> Json {
    return {{"value", number_or_null(e.value)},
            {"low", number_or_null(e.low)},
            {"high", number_or_null(e.high)},
            {"standard_error", number_or_null(e.standard_error)}};
}

}  // namespace

auto compare_runs(const std::vector<std::string>& folders) -> Comparison {
    if (folders.size() < 2) {
        throw nbm::InputError("compare needs the folders of at least two runs; nbm report shows a single one");
    }
    auto c = Comparison{};
    for (const auto& folder : folders) { c.runs.push_back(read_run(folder)); }
    for (std::size_t k = 0; k != folders.size(); ++k) {
        for (std::size_t j = 0; j != k; ++j) {
            if (fs::equivalent(folders[j], folders[k])) {
                throw nbm::InputError(fmt::format("'{}' and '{}' are the same run; name each one once", folders[j], folders[k]));
            }
        }
    }
    c.labels = labels_of(c.runs);
    c.settings = different_settings(c.runs);
    c.split = choose_split(c.runs);
    c.below.resize(c.runs.size());
    conclude(c);
    return c;
}

auto to_text(const Comparison& c) -> std::string {
    auto rows = rows_of(c);
    auto head = std::vector<std::string>{""};
    head.insert(head.end(), c.labels.begin(), c.labels.end());
    rows.insert(rows.begin(), head);
    auto text = std::string{};
    for (const auto& row : rows) {
        auto line = std::string{};
        for (std::size_t k = 0; k != row.size(); ++k) {
            auto width = std::size_t{0};
            for (const auto& other : rows) { width = std::max(width, other[k].size()); }
            line += fmt::format("{:<{}}", row[k].empty() && k != 0 ? "-" : row[k], width + 2);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    if (c.best) { text += "(* the highest; nats, with bars of 3 standard errors of Z)\n"; }
    for (const auto& [tone, claim, reason] : c.conclusions) { text += fmt::format("{}: {}\n", claim, reason); }
    return text;
}

auto to_json(const Comparison& c) -> Json {
    auto runs = Json::array();
    for (std::size_t k = 0; k != c.runs.size(); ++k) {
        const auto& run = c.runs[k];
        auto one = Json{{"run", run.folder.string()},
                        {"name", run.name},
                        {"layers", run.layers},
                        {"bound", run.bound},
                        {"outcome", run.outcome()}};
        one["epochs"] = run.epochs.empty() ? Json(nullptr) : number_or_null(run.epochs.back());
        one["seconds"] = run.seconds() ? number_or_null(*run.seconds()) : Json(nullptr);
        one["log_z"] = nullptr;
        if (run.log_z) {
            one["log_z"] = to_json(run.log_z->value);
            one["log_z"]["trustworthy"] = run.log_z->trustworthy;
        }
        for (const auto* split : {"train", "valid", "test"}) {
            const auto* const e = run.likelihood(split);
            one[split] = e == nullptr ? Json(nullptr) : to_json(*e);
        }
        one["below_best"] = c.below[k]
                                ? Json{{"value", number_or_null(c.below[k]->value)}, {"bar", number_or_null(c.below[k]->bar)}}
                                : Json(nullptr);
        auto settings = Json::object();
        for (const auto& setting : c.settings) {
            settings[setting.key] = setting.values[k].empty() ? Json(nullptr) : Json(setting.values[k]);
        }
        one["settings"] = std::move(settings);
        runs.push_back(std::move(one));
    }
    auto conclusions = Json::array();
    for (const auto& [tone, claim, reason] : c.conclusions) { conclusions.push_back(claim + ": " + reason); }
    return {{"split", c.split.empty() ? Json(nullptr) : Json(c.split)},
            {"best", c.best ? Json(c.runs[*c.best].folder.string()) : Json(nullptr)},
            {"beyond_error_bars", c.beyond_bars},
            {"conclusions", std::move(conclusions)},
            {"runs", std::move(runs)}};
}
