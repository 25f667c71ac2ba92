#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "report/curves.hpp"
#include "report/html.hpp"

namespace {

using Json = nlohmann::ordered_json;

constexpr auto not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr auto most_charts = std::size_t{40};
constexpr auto most_points = std::size_t{24'000};  // on a page
constexpr auto most_points_of_a_chart = std::size_t{500};

/// What is known of metrics by their names, in the order of the page.
struct Known {
    std::string_view name;
    std::string_view title;
    std::string_view unit;
    std::string_view note;
};

constexpr Known known[] = {
    {"prob", "Mean log-probability", "nats", "Estimated by AIS; higher is better. Bars are 3 standard errors of Z."},
    {"exact_prob", "Mean log-probability, exact", "nats", "By enumeration; higher is better."},
    {"pslike", "Pseudo-likelihood", "nats", "A cheap stand-in for the log-probability; higher is better."},
    {"cost", "Cost", "nats",
     "Mean free energy of the data minus that of the chains. It tells whether training moves, not how good the machine is."},
    {"recon", "Reconstruction error", "", "Lower is better, but it is no likelihood: it can fall while the machine gets worse."},
    {"free_energy_gap", "Free energy gap", "nats",
     "Validation rows against training rows: a gap that grows is a sign of overfitting."},
    {"free_energy", "Free energy", "nats", "Mean over the rows; the two curves part when the machine overfits."},
    {"logz", "log Z", "nats", "Estimated by AIS, with bars of 3 standard errors of Z."},
    {"exact_logz", "log Z, exact", "nats", "By enumeration."},
    {"logz_ess", "Effective sample size of AIS", "runs", "How many runs of equal weight would be as good; 40 are needed."},
    {"logz_share", "Largest share of a run of AIS", "", "Of all weight; at most 0.1 is good."},
    {"logz_weight_variance", "Variance of the log weights of AIS", "nats\u00B2", "At most 1.5 is good."},
    {"learning_rate", "Learning rate", "", ""},
    {"momentum", "Momentum", "", ""},
    {"weights_norm", "Norm of the weights", "", ""},
    {"update_ratio", "Size of updates relative to the weights", "", "About 0.001 is usual."},
    {"hidden_dead", "Dead hidden units", "share", ""},
    {"hidden_saturated", "Saturated hidden units", "share", ""},
    {"chain_flip_rate", "Flips of the chains", "share", "How many units change in a sweep: near 0, the chains are stuck."},
    {"chain_free_energy_gap", "Free energy of chains against data", "nats", ""},
    {"chain_autocorrelation", "Autocorrelation time of the chains", "sweeps", "Lower is better."},
    {"swap_rate_min", "Smallest swap rate of the temperatures", "share", "Near 0, replicas do not travel."},
    {"swap_rate_mean", "Mean swap rate of the temperatures", "share", ""},
    {"round_trips", "Round trips of the replicas", "", ""},
    {"seconds", "Time of an epoch", "s", ""},
};

/// A column with the columns of the ends of its error bars.
struct Metric {
    std::string name;
    std::string low = {};
    std::string high = {};
};

auto has_values(const nbm::Table& table, const std::string& name) -> bool {
    return std::ranges::any_of(table.column(name), [](const std::optional<double>& x) { return x && std::isfinite(*x); });
}

/// The name of the column whose error bar ends in `name`, such as "logz" for "logz_low" or "logz_mine" for "logz_low_mine".
auto owner_of(const nbm::Table& table, const std::string& name, std::string_view end) -> std::string {
    for (auto at = name.find(end); at != std::string::npos; at = name.find(end, at + 1)) {
        const auto rest = name.substr(at + end.size());
        if (!rest.empty() && rest[0] != '_') { continue; }
        if (const auto owner = name.substr(0, at) + rest; table.has(owner)) { return owner; }
    }
    return {};
}

auto metrics_of(const nbm::Table& table) -> std::vector<Metric> {
    auto metrics = std::vector<Metric>{};
    for (const auto& name : table.names) {
        if (name == "epoch" || !owner_of(table, name, "_low").empty() || !owner_of(table, name, "_high").empty()) { continue; }
        if (has_values(table, name)) { metrics.push_back({name}); }
    }
    for (const auto& name : table.names) {
        const auto set = [&](std::string_view end, std::string Metric::* member) {
            const auto found = std::ranges::find(metrics, owner_of(table, name, end), &Metric::name);
            if (found != metrics.end()) { (*found).*member = name; }
        };
        set("_low", &Metric::low);
        set("_high", &Metric::high);
    }
    return metrics;
}

auto without_val(const std::string& name) -> std::string { return name.starts_with("val_") ? name.substr(4) : name; }

/// The longest known name that it begins with, and what a callback's name added to it.
auto known_of(const std::string& metric) -> std::pair<const Known*, std::string> {
    const Known* best = nullptr;
    for (const auto& k : known) {
        const auto fits = metric == k.name || (metric.starts_with(k.name) && metric[k.name.size()] == '_');
        if (fits && (best == nullptr || k.name.size() > best->name.size())) { best = &k; }
    }
    return {best, best == nullptr ? "" : metric.substr(std::min(metric.size(), best->name.size() + 1))};
}

auto place_of(const std::string& metric) -> std::size_t {
    const auto* const k = known_of(metric).first;
    // The unknown ones come before the time.
    return k == nullptr ? 2 * std::size(known) - 3 : 2 * static_cast<std::size_t>(k - std::begin(known));
}

/// The metrics of one chart share a name; log Z comes with the exact one.
auto group_of(const std::string& name) -> std::string {
    constexpr auto exact = std::string_view("logz_exact");
    return name.starts_with(exact) ? "logz" + name.substr(exact.size()) : without_val(name);
}

auto values(const nbm::Table& table, const std::string& name) -> std::vector<double> {
    auto result = std::vector<double>{};
    for (const auto& x : table.column(name)) { result.push_back(x.value_or(not_a_number)); }
    return result;
}

auto series_of(const nbm::Table& table, const Metric& metric, std::string label, std::size_t colour) -> Series {
    auto series = Series{.label = std::move(label), .colour = colour, .y = values(table, metric.name)};
    if (!metric.low.empty() && !metric.high.empty()) {
        series.low = values(table, metric.low);
        series.high = values(table, metric.high);
    }
    return series;
}

auto described(const std::string& group, bool bound, const std::string& trainer) -> Curves {
    auto curves = Curves{};
    const auto [k, suffix] = known_of(group);
    curves.chart.x_label = "epoch";
    if (k == nullptr) {
        curves.chart.title = group;
        return curves;
    }
    auto title = std::string(k->title);
    curves.note = k->note;
    if (bound && k->name == "prob") {
        title = "Lower bound of the mean log-probability";
        curves.note = "At or below the true value; log Z estimated by AIS. Higher is better. Bars are 3 standard errors of Z.";
    }
    if (k->name == "cost" && trainer == "exact") { curves.note = "Minus the mean log-probability, exact; lower is better."; }
    curves.chart.title = suffix.empty() ? title : title + " (" + suffix + ")";
    curves.chart.y_label = k->unit;
    return curves;
}

/// The groups of these metrics in the order of the page.
auto groups_of(const std::vector<Metric>& metrics, auto group_of_metric) -> std::vector<std::string> {
    auto groups = std::vector<std::string>{};
    for (const auto& metric : metrics) {
        const auto group = group_of_metric(metric.name);
        if (std::ranges::find(groups, group) == groups.end()) { groups.push_back(group); }
    }
    auto order = std::vector<std::pair<std::size_t, std::size_t>>{};  // place on the page, then in the file
    for (const auto& group : groups) { order.emplace_back(place_of(without_val(group)), order.size()); }
    std::ranges::sort(order);
    auto sorted = std::vector<std::string>{};
    for (const auto& [place, index] : order) { sorted.push_back(groups[index]); }
    return sorted;
}

/// Keeps the rows in which any series has a value, at most so many of them, evenly, the first and the last among them; returns how
/// many there were.
auto thin(Chart& chart, std::size_t most) -> std::size_t {
    auto rows = std::vector<std::size_t>{};
    for (std::size_t i = 0; i != chart.x.size(); ++i) {
        if (std::ranges::any_of(chart.series, [&](const Series& s) { return !std::isnan(s.y[i]); })) { rows.push_back(i); }
    }
    const auto count = rows.size();
    if (count > most) {
        auto chosen = std::vector<std::size_t>{};
        for (std::size_t k = 0; k != most; ++k) { chosen.push_back(rows[k * (count - 1) / (most - 1)]); }
        rows = chosen;
    }
    const auto keep = [&](std::vector<double>& all) {
        if (all.empty()) { return; }
        auto kept = std::vector<double>{};
        for (const auto i : rows) { kept.push_back(all[i]); }
        all = std::move(kept);
    };
    keep(chart.x);
    for (auto& s : chart.series) { keep(s.y), keep(s.low), keep(s.high); }
    return count;
}

/// null for NaN, texts for infinities.
auto to_json(const std::vector<double>& numbers) -> Json {
    auto json = Json::array();
    for (const auto x : numbers) {
        json.push_back(std::isnan(x) ? Json(nullptr) : std::isinf(x) ? Json(x < 0.0 ? "-inf" : "inf") : Json(x));
    }
    return json;
}

auto to_json(const Chart& chart) -> Json {
    auto all = Json::array();
    for (const auto& s : chart.series) {
        auto one = Json{{"name", s.label}, {"colour", colour_class(s.colour)}, {"y", to_json(s.y)}};
        if (!s.low.empty()) { one["low"] = to_json(s.low), one["high"] = to_json(s.high); }
        all.push_back(std::move(one));
    }
    return {{"x_name", chart.x_label}, {"unit", chart.y_label}, {"x", to_json(chart.x)}, {"series", std::move(all)}};
}

auto legend_of(const Chart& chart) -> std::string {
    if (chart.series.size() < 2) { return {}; }
    auto html = std::string{};
    for (std::size_t k = 0; k != chart.series.size(); ++k) {
        html += fmt::format(R"(<span class="key" data-series="{}">{}{}</span>)", k, swatch(chart.series[k].colour),
                            escape(chart.series[k].label));
    }
    return html;
}

}  // namespace

auto learning_curves(const Run& run) -> std::vector<Curves> {
    auto all = std::vector<Curves>{};
    if (run.history.columns.empty()) { return all; }
    const auto metrics = metrics_of(run.history);
    for (const auto& group : groups_of(metrics, group_of)) {
        auto curves = described(group, run.bound, run.setting("trainer"));
        curves.chart.x = run.epochs;
        for (const auto& metric : metrics) {
            if (group_of(metric.name) != group) { continue; }
            const auto validation = metric.name.starts_with("val_");
            const auto label = metric.name.starts_with("logz_exact") ? "exact"
                               : group.starts_with("logz")           ? "estimate"
                               : validation                          ? "validation"
                                                                     : "training";
            curves.chart.series.push_back(series_of(run.history, metric, label, curves.chart.series.size()));
        }
        if (curves.chart.series.size() == 1) { curves.chart.series[0].label = curves.chart.title; }
        all.push_back(std::move(curves));
    }
    return all;
}

auto learning_curves(const std::vector<Run>& runs, const std::vector<std::string>& labels) -> std::vector<Curves> {
    auto metrics = std::vector<Metric>{};
    auto epochs = std::vector<double>{};
    for (const auto& run : runs) {
        if (run.history.columns.empty()) { continue; }
        for (auto& metric : metrics_of(run.history)) { metrics.push_back(std::move(metric)); }
        epochs.insert(epochs.end(), run.epochs.begin(), run.epochs.end());
    }
    std::ranges::sort(epochs);
    epochs.erase(std::unique(epochs.begin(), epochs.end()), epochs.end());
    const auto bound = std::ranges::any_of(runs, &Run::bound);
    auto all = std::vector<Curves>{};
    for (const auto& name : groups_of(metrics, [](const std::string& metric) { return metric; })) {
        auto curves = described(without_val(name), bound, "");
        if (name.starts_with("val_")) { curves.chart.title += ", validation rows"; }
        if (bound && without_val(name) == "prob") { curves.note += " Of restricted machines, the mean log-probability itself."; }
        curves.chart.x = epochs;
        for (std::size_t k = 0; k != runs.size(); ++k) {
            const auto& table = runs[k].history;
            if (table.columns.empty()) { continue; }
            const auto own = metrics_of(table);
            const auto metric = std::ranges::find(own, name, &Metric::name);
            if (metric == own.end()) { continue; }
            auto series = series_of(table, *metric, labels[k], k);
            const auto spread = [&](std::vector<double>& column) {
                if (column.empty()) { return; }
                auto wide = std::vector<double>(epochs.size(), not_a_number);
                for (std::size_t i = 0; i != column.size(); ++i) {
                    wide[static_cast<std::size_t>(std::ranges::lower_bound(epochs, runs[k].epochs[i]) - epochs.begin())] =
                        column[i];
                }
                column = std::move(wide);
            };
            spread(series.y), spread(series.low), spread(series.high);
            curves.chart.series.push_back(std::move(series));
        }
        all.push_back(std::move(curves));
    }
    return all;
}

auto figure(const std::string& id, const std::string& title, const std::string& text, const std::string& legend,
            const std::string& drawing) -> std::string {
    return fmt::format(
        R"(<figure class="chart" id="{0}" aria-labelledby="{0}-title"><figcaption><h3 id="{0}-title">{1}</h3>{2}</figcaption>)"
        R"({3}<div class="plot">{4}</div></figure>)",
        id, title, text.empty() ? "" : "<p>" + text + "</p>", legend.empty() ? "" : R"(<div class="legend">)" + legend + "</div>",
        drawing);
}

auto figures(std::vector<Curves> curves, const std::string& prefix, Json& data) -> std::string {
    auto html = std::string{};
    const auto left_out = curves.size() - std::min(curves.size(), most_charts);
    curves.resize(curves.size() - left_out);
    auto count = std::size_t{1};
    for (const auto& c : curves) { count += c.chart.series.size(); }
    const auto most = std::clamp(most_points / count, std::size_t{40}, most_points_of_a_chart);
    for (std::size_t k = 0; k != curves.size(); ++k) {
        auto& [chart, note] = curves[k];
        const auto rows = thin(chart, most);
        auto text = escape(note);
        if (rows > most) { text += fmt::format(" {} of {} points are drawn.", most, whole_number(rows)); }
        const auto id = fmt::format("{}{}", prefix, k + 1);
        data[id] = to_json(chart);
        auto title = escape(chart.title);
        if (!chart.y_label.empty()) { title += fmt::format(R"( <span class="unit">{}</span>)", escape(chart.y_label)); }
        html += figure(id, title, text, legend_of(chart), draw(chart));
    }
    if (left_out != 0) { html += fmt::format(R"(<p class="note">{} more metrics are in history.csv.</p>)", left_out); }
    return html;
}
