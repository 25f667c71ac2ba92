#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "report/curves.hpp"
#include "report/gallery.hpp"
#include "report/html.hpp"
#include "report/machine_charts.hpp"
#include "report/page.hpp"
#include "report/pictures.hpp"
#include "report/report.hpp"
#include "report/run_files.hpp"
#include "report/summary.hpp"

namespace fs = std::filesystem;

namespace {

auto curves_section(const Run& run, nlohmann::ordered_json& data) -> std::string {
    auto curves = learning_curves(run);
    if (curves.empty()) { return {}; }
    return R"(<p class="hint needs-js">Point at a chart, touch it, or move to it with the tab key and use the arrow keys, to read values. The legend switches curves off and on.</p><div class="charts">)" +
           figures(std::move(curves), "curve", data) + "</div>\n";
}

auto notes_section(const Run& run, const Album& album) -> std::string {
    auto html = std::string{};
    for (const auto& note : run.problems) { html += "<li>" + escape(note) + "</li>"; }
    for (const auto& note : album.notes()) { html += "<li>" + escape(note) + "</li>"; }
    return html.empty() ? html : "<ul class=\"notes\">" + html + "</ul>\n";
}

auto page_of(const Run& run) -> std::string {
    auto data = nlohmann::ordered_json::object();
    auto sections = std::vector<Section>{{"Summary", summary_section(run)},
                                         {"Verdict", verdict_list(judge(run))},
                                         {"Learning curves", curves_section(run, data)},
                                         {"Samples", ""},
                                         {"Filters", ""},
                                         {"Weights", weight_figures(run)},
                                         {"Annealing", ais_figures(run, data)},
                                         {"Reproduce", reproduce_section(run)},
                                         {"Environment", environment_section(run)},
                                         {"Configuration", configuration_section(run)},
                                         {"Left out", ""}};
    const auto title = run.name + " - report of nbm";
    const auto header = report_header(run);
    // Pictures get what the rest leaves of the page.
    const auto rest = make_page(title, header, sections, data).size();
    auto album = Album(page_limit - std::min(page_limit, rest));
    auto filters = filters_section(run, album);
    sections[3].html = samples_section(run, album);
    sections[4].html = std::move(filters);
    sections.back().html = notes_section(run, album);
    return make_page(title, header, sections, data);
}

}  // namespace

auto write_report(const fs::path& run, const fs::path& output) -> void { write_page(output, page_of(read_run(run))); }

auto write_report(const fs::path& run) -> fs::path {
    const auto path = run / "report.html";
    write_report(run, path);
    return path;
}
