#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "report/html.hpp"
#include "report/svg.hpp"

namespace {

constexpr auto width = 300.0;
constexpr auto most_units = std::size_t{9};   // drawn of a layer
constexpr auto most_layers = std::size_t{6};  // drawn of a machine

/// How many units are drawn of a layer, and where.
struct Row {
    std::size_t shown = 0;
    bool all = true;
    double y = 0.0;

    auto x(std::size_t unit) const -> double {
        const auto step = 25.0;
        return 30.0 + step * (static_cast<double>(unit) + 0.5 * static_cast<double>(most_units - shown));
    }
};

}  // namespace

auto draw_machine(const std::vector<std::size_t>& layers, const std::vector<std::pair<std::size_t, std::size_t>>& edges)
    -> std::string {
    if (layers.size() < 2 || layers.size() > most_layers) { return {}; }
    const auto gap = layers.size() == 2 ? 74.0 : 56.0;
    const auto height = gap * static_cast<double>(layers.size() - 1) + 40;
    auto rows = std::vector<Row>{};
    for (std::size_t l = 0; l != layers.size(); ++l) {
        // An even number of dots leaves the middle free for "...".
        rows.push_back({.shown = std::min(layers[l], most_units),
                        .all = layers[l] <= most_units,
                        .y = height - 20 - gap * static_cast<double>(l)});
    }
    auto description = std::string("The machine: layers of");
    for (const auto units : layers) { description += ' ' + whole_number(units); }
    auto svg = fmt::format(R"(<svg class="machine" viewBox="0 0 {} {}" role="img" aria-label="{} units, those of the data first">)",
                           width, height, description);
    const auto hidden = [](const Row& row, std::size_t unit) { return !row.all && unit == most_units - 2; };
    for (const auto& [lower, upper] : edges) {
        if (lower >= rows.size() || upper >= rows.size()) { continue; }
        auto path = std::string{};
        for (std::size_t i = 0; i != rows[lower].shown; ++i) {
            for (std::size_t j = 0; j != rows[upper].shown; ++j) {
                if (hidden(rows[lower], i) || hidden(rows[upper], j)) { continue; }
                path +=
                    fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}", rows[lower].x(i), rows[lower].y, rows[upper].x(j), rows[upper].y);
            }
        }
        svg += fmt::format(R"(<path class="edges" d="{}"/>)", path);
    }
    for (std::size_t l = 0; l != rows.size(); ++l) {
        const auto& row = rows[l];
        for (std::size_t unit = 0; unit != row.shown; ++unit) {
            if (hidden(row, unit)) {
                svg += fmt::format(R"(<path class="dots" d="M{:.1f} {:.1f}h0m6 0h0m6 0h0"/>)", row.x(unit) - 6, row.y);
            } else {
                svg += fmt::format(R"(<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="7"/>)", l == 0 ? "visible" : "unit",
                                   row.x(unit), row.y);
            }
        }
        svg += fmt::format(R"(<text x="{:.1f}" y="{:.1f}">{}</text>)", row.x(row.shown - 1) + 16, row.y + 4.5,
                           whole_number(layers[l]));
    }
    return svg + "</svg>";
}
