#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "report/compare.hpp"
#include "report/curves.hpp"
#include "report/gallery.hpp"
#include "report/html.hpp"
#include "report/page.hpp"
#include "report/pictures.hpp"
#include "report/summary.hpp"
#include "report/svg.hpp"

namespace {

auto cell(const std::string& html, const char* kind = "") -> std::string {
    return fmt::format("<td{}>{}</td>", kind, html.empty() ? "&ndash;" : html);
}

auto likelihood_cell(const Run& run, const std::string& split) -> std::string {
    const auto* const e = run.likelihood(split);
    if (e == nullptr) { return cell(""); }
    return cell(fmt::format(R"({}{}<span class="below">{} to {}</span>)", run.bound ? "&ge; " : "", number(e->value),
                            number(e->low), number(e->high)));
}

auto header_of(const Comparison& c) -> std::string {
    auto badges = std::string{};
    for (std::size_t k = 0; k != c.runs.size(); ++k) { badges += fmt::format(R"(<li class="badge">{}</li>)", escape(c.labels[k])); }
    return fmt::format(
        R"(<header><div class="words"><p class="eyebrow">nbm &middot; comparison</p><h1>{} runs</h1><p class="lead">{}</p><ul class="badges">{}</ul></div></header>)",
        c.runs.size(), escape(c.conclusions.front().claim + "."), badges);
}

auto runs_table(const Comparison& c) -> std::string {
    auto rows = std::string{};
    for (std::size_t k = 0; k != c.runs.size(); ++k) {
        const auto& run = c.runs[k];
        const auto best = c.best == k;
        rows += fmt::format(R"(<tr{}><th scope="row">{}{}{}</th>)", best ? " class=\"best\"" : "", swatch(k), escape(c.labels[k]),
                            best ? R"(<span class="below">highest</span>)" : "");
        rows += cell(fmt::format("{}", fmt::join(run.layers, "\u2013")));
        for (const auto* split : {"test", "train"}) { rows += likelihood_cell(run, split); }
        rows += c.below[k] ? cell(fmt::format(R"({} &plusmn; {}<span class="below">{}</span>)", number(c.below[k]->value),
                                              number(c.below[k]->bar),
                                              c.below[k]->beyond_bar() ? "beyond the error bars" : "within the error bars"))
                           : cell("");
        rows += run.log_z ? cell(fmt::format(R"({}<span class="below">{}</span>)", number(run.log_z->value.value),
                                             run.log_z->trustworthy ? "trustworthy" : "not to be trusted"))
                          : cell("");
        rows += cell(fmt::format(R"({}<span class="below">{}</span>)", escape(describe_epochs(run)), escape(run.outcome()))) +
                cell(run.seconds() ? duration(*run.seconds()) : "") + "</tr>";
    }
    return fmt::format(
        R"(<div class="table" tabindex="0" role="region" aria-label="The runs"><table><thead><tr><th scope="col">Run</th><th scope="col">Machine</th><th scope="col">Test, nats</th><th scope="col">Training, nats</th>)"
        R"(<th scope="col">Below the highest</th><th scope="col">log Z</th><th scope="col">Epochs</th><th scope="col">Time</th></tr></thead><tbody>{}</tbody></table></div>)",
        rows);
}

auto intervals_of(const Comparison& c) -> std::string {
    auto intervals = std::vector<Interval>{};
    for (std::size_t k = 0; k != c.runs.size(); ++k) {
        if (const auto* const e = c.runs[k].likelihood(c.split)) {
            intervals.push_back({c.labels[k] + (c.runs[k].bound ? ", lower bound" : ""), e->value, e->low, e->high, k});
        }
    }
    if (intervals.empty()) { return {}; }
    const auto title = std::string("Mean log-probability of the ") + c.split + " rows";
    return R"(<div class="charts">)" +
           figure("likelihoods", title + R"( <span class="unit">nats a row</span>)",
                  "Bars are what 3 standard errors of Z do to the value.", "", draw(intervals, title, "nats")) +
           "</div>\n";
}

auto settings_section(const Comparison& c) -> std::string {
    if (c.settings.empty()) { return "<p class=\"hint\">All settings are the same.</p>\n"; }
    auto head = std::string(R"(<th scope="col">Setting</th>)");
    for (const auto& label : c.labels) { head += fmt::format(R"(<th scope="col">{}</th>)", escape(label)); }
    auto rows = std::string{};
    for (const auto& setting : c.settings) {
        rows += fmt::format(R"(<tr><th scope="row">{}</th>)", escape(setting.key));
        for (const auto& value : setting.values) { rows += cell(escape(value), R"( class="wrap")"); }
        rows += "</tr>";
    }
    return fmt::format(
        R"(<div class="table" tabindex="0" role="region" aria-label="Settings that differ"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>)",
        head, rows);
}

auto curves_section(const Comparison& c, nlohmann::ordered_json& data) -> std::string {
    auto curves = learning_curves(c.runs, c.labels);
    return curves.empty() ? "" : R"(<div class="charts">)" + figures(std::move(curves), "curve", data) + "</div>\n";
}

auto gallery(const std::string& html) -> std::string {
    return html.empty() ? html : R"(<div class="gallery">)" + html + "</div>\n";
}

}  // namespace

auto comparison_page(const Comparison& c) -> std::string {
    auto data = nlohmann::ordered_json::object();
    auto commands = std::string{};
    for (std::size_t k = 0; k != c.runs.size(); ++k) {
        if (c.runs[k].config_text.empty()) { continue; }
        commands += copyable(
            fmt::format("nbm train {} --output {}", shell_path((c.runs[k].folder / "config.toml").lexically_normal().string()),
                        shell_path(c.runs[k].name + "-again")),
            c.labels[k]);
    }
    auto sections =
        std::vector<Section>{{"Summary", verdict_list(c.conclusions) + "<br>" + runs_table(c) + "<br>" + intervals_of(c)},
                             {"Settings that differ", settings_section(c)},
                             {"Learning curves", curves_section(c, data)},
                             {"Samples", ""},
                             {"Filters", ""},
                             {"Reproduce", commands},
                             {"Left out", ""}};
    const auto title = fmt::format("{} - compared by nbm", fmt::join(c.labels, ", "));
    const auto header = header_of(c);
    const auto rest = make_page(title, header, sections, data).size();
    auto album = Album(page_limit - std::min(page_limit, rest));
    auto samples = std::string{};
    auto filters = std::string{};
    const auto share = std::min<std::size_t>(500'000, album.left() / (4 * c.runs.size()));
    for (std::size_t k = 0; k != c.runs.size(); ++k) {
        const auto& run = c.runs[k];
        if (run.samples) { samples += picture_figure(album, *run.samples, c.labels[k], "Samples at the end.", share); }
        for (const auto& filter : run.filters) {
            filters += picture_figure(album, filter, c.labels[k], fmt::format("Hidden layer {}.", *filter.number), share);
        }
    }
    sections[3].html = gallery(samples);
    sections[4].html = gallery(filters);
    auto notes = std::string{};
    for (std::size_t k = 0; k != c.runs.size(); ++k) {
        for (const auto& problem : c.runs[k].problems) {
            notes += "<li>" + escape(fmt::format("{}: {}", c.labels[k], problem)) + "</li>";
        }
    }
    for (const auto& note : album.notes()) { notes += "<li>" + escape(note) + "</li>"; }
    if (!notes.empty()) { sections.back().html = "<ul class=\"notes\">" + notes + "</ul>\n"; }
    return make_page(title, header, sections, data);
}
