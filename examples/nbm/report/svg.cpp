#include "report/svg.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "report/html.hpp"

namespace {

constexpr auto infinity = std::numeric_limits<double>::infinity();
constexpr auto largest = 1e300;                       // beyond, differences overflow
constexpr auto letter = 6.7;                          // width of a digit in pixels
constexpr auto most_marked_points = std::size_t{60};  // beyond, marks run into each other

struct Size {
    const char* name;
    double width;
    double height;
};
constexpr Size sizes[] = {{"wide", 560, 300}, {"narrow", 340, 250}};

auto drawable(double value) -> bool { return std::abs(value) <= largest; }

/// What an axis spans, and where its ticks are.
struct Axis {
    double low = infinity;
    double high = -infinity;
    double step = 1.0;

    auto include(double value) -> void {
        if (!drawable(value)) { return; }
        low = std::min(low, value);
        high = std::max(high, value);
    }

    auto span() const -> double { return high - low; }

    /// margin: a share of the span; wanted: about so many ticks; whole: ticks at whole numbers only.
    auto finish(double margin, double wanted, bool whole) -> void {
        if (low > high) { low = 0.0, high = 1.0; }
        const auto magnitude = std::max(std::abs(low), std::abs(high));
        if (span() <= 1e-9 * magnitude || span() == 0.0) {
            const auto half = whole ? 1.0 : 0.05 * magnitude;
            low -= half, high += half;
            if (span() == 0.0) { high = 1.0; }
        } else {
            const auto extra = margin * span();
            low -= extra, high += extra;
        }
        const auto least = span() / wanted;
        const auto power = std::pow(10.0, std::floor(std::log10(least)));
        const auto share = least / power;
        step = power * (share <= 1.0 ? 1.0 : share <= 2.0 ? 2.0 : share <= 5.0 ? 5.0 : 10.0);
        if (whole) { step = std::max(step, 1.0); }
    }

    auto ticks() const -> std::vector<double> {
        auto result = std::vector<double>{};
        const auto first = std::ceil(low / step - 1e-9);
        for (auto k = 0; k != 20; ++k) {
            const auto tick = (first + k) * step;
            if (tick > high + 1e-9 * step) { break; }
            result.push_back(tick);
        }
        return result;
    }

    auto text(double tick) const -> std::string {
        const auto magnitude = std::max(std::abs(low), std::abs(high));
        if (magnitude >= 1e6 || magnitude < 1e-3) { return short_number(std::abs(tick) < 1e-6 * step ? 0.0 : tick, 4); }
        return number(tick, std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9))));
    }
};

/// Where the values of two axes lie in a picture.
struct Frame {
    Size size;
    Axis x, y;
    double left = 0, right = 0, top = 12, bottom = 0;

    auto at_x(double value) const -> double { return left + (value - x.low) / x.span() * (right - left); }
    auto at_y(double value) const -> double {
        return bottom - (std::clamp(value, y.low, y.high) - y.low) / y.span() * (bottom - top);
    }
};

auto make_frame(const Size& size, const Axis& x, const Axis& y) -> Frame {
    auto widest = std::size_t{1};
    for (const auto tick : y.ticks()) {
        auto text = y.text(tick);
        std::erase_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; });  // count characters
        widest = std::max(widest, text.size());
    }
    auto frame = Frame{.size = size, .x = x, .y = y};
    frame.left = 12 + letter * static_cast<double>(widest);
    frame.right = size.width - 14;
    frame.bottom = size.height - 38;
    return frame;
}

auto open_svg(const Frame& f, const std::string& title, bool with_frame) -> std::string {
    auto svg = fmt::format(R"(<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}")", f.size.name, f.size.width,
                           f.size.height, escape(title));
    if (with_frame) {
        svg += fmt::format(R"( data-frame="{:.2f} {:.2f} {:.2f} {:.2f} {:.17g} {:.17g} {:.17g} {:.17g}")", f.left, f.right, f.top,
                           f.bottom, f.x.low, f.x.high, f.y.low, f.y.high);
    }
    return svg + ">";
}

/// Grid, ticks and names. An axis of y without a name has no ticks.
auto axes(const Frame& f, const std::string& x_label) -> std::string {
    auto lines = std::string{};
    auto texts = std::string{};
    for (const auto tick : f.y.ticks()) {
        const auto y = f.at_y(tick);
        lines += fmt::format("M{:.1f} {:.1f}H{:.1f}", f.left, y, f.right);
        texts += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>)", f.left - 7, y + 4, f.y.text(tick));
    }
    auto end = -infinity;
    for (const auto tick : f.x.ticks()) {
        const auto x = f.at_x(tick);
        const auto text = f.x.text(tick);
        const auto half = letter * static_cast<double>(text.size()) / 2;
        if (x - half < end + 8 || x + half > f.size.width) { continue; }
        end = x + half;
        texts += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>)", x, f.bottom + 17, text);
    }
    return fmt::format(R"(<path class="grid" d="{}"/><path class="axis" d="M{:.1f} {:.1f}H{:.1f}"/><g class="ticks">{}</g>)"
                       R"(<text class="name" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>)",
                       lines, f.left, f.bottom, f.right, texts, (f.left + f.right) / 2, f.size.height - 5, escape(x_label));
}

auto has_bar(const Series& s, std::size_t i) -> bool {
    return !s.low.empty() && !s.high.empty() && !std::isnan(s.low[i]) && !std::isnan(s.high[i]);
}

auto lines(const Frame& f, const Chart& chart, const Series& s) -> std::string {
    auto points = std::vector<std::size_t>{};
    for (std::size_t i = 0; i != s.y.size(); ++i) {
        if (drawable(chart.x[i]) && drawable(s.y[i])) { points.push_back(i); }
    }
    const auto marked = points.size() <= most_marked_points;
    auto line = std::string{};
    auto marks = std::string{};
    auto bars = std::string{};
    auto upper = std::string{};
    auto lower = std::string{};
    for (const auto i : points) {
        const auto x = f.at_x(chart.x[i]);
        const auto y = f.at_y(s.y[i]);
        line += fmt::format("{}{:.1f} {:.1f}", line.empty() ? 'M' : 'L', x, y);
        // A line of no length with round ends is a dot.
        if (marked) { marks += fmt::format("M{:.1f} {:.1f}h0", x, y); }
        if (!has_bar(s, i)) { continue; }
        const auto top = f.at_y(s.high[i]);
        const auto bottom = f.at_y(s.low[i]);
        if (marked) {
            bars += fmt::format("M{:.1f} {:.1f}h6m-3 0V{:.1f}m-3 0h6", x - 3, top, bottom);
        } else {
            upper += fmt::format("{}{:.1f} {:.1f}", upper.empty() ? 'M' : 'L', x, top);
            lower = fmt::format("L{:.1f} {:.1f}", x, bottom) + lower;
        }
    }
    auto svg = std::string{};
    if (!upper.empty()) { svg += fmt::format(R"(<path class="band" d="{}{}Z"/>)", upper, lower); }
    if (!bars.empty()) { svg += fmt::format(R"(<path class="bar" d="{}"/>)", bars); }
    svg += fmt::format(R"(<path class="line" d="{}"/>)", line);
    if (!marks.empty()) { svg += fmt::format(R"(<path class="marks" d="{}"/>)", marks); }
    return svg;
}

auto is_whole(const std::vector<double>& values) -> bool {
    return std::ranges::all_of(values, [](double v) { return !drawable(v) || v == std::trunc(v); });
}

/// Of the values and, as far as these do not dwarf the values, of the error bars.
auto y_axis(const Chart& chart) -> Axis {
    auto values = Axis{};
    auto bars = Axis{};
    for (const auto& s : chart.series) {
        for (std::size_t i = 0; i != s.y.size(); ++i) {
            values.include(s.y[i]);
            if (drawable(s.y[i]) && has_bar(s, i)) { bars.include(s.low[i]), bars.include(s.high[i]); }
        }
    }
    if (values.low > values.high) { return values; }
    const auto room = values.span() > 0.0 ? values.span() : infinity;
    auto axis = values;
    if (bars.low <= bars.high) {
        axis.include(std::max(bars.low, values.low - room));
        axis.include(std::min(bars.high, values.high + room));
    }
    return axis;
}

}  // namespace

auto colour_class(std::size_t colour) -> std::string {
    constexpr auto colours = std::size_t{7};
    return fmt::format("s{}{}", colour % colours, colour < colours ? "" : fmt::format(" d{}", colour / colours % 4));
}

auto swatch(std::size_t colour) -> std::string {
    return fmt::format(R"(<svg class="swatch {}" viewBox="0 0 24 10" aria-hidden="true"><path class="line" d="M2 5H22"/></svg>)",
                       colour_class(colour));
}

auto draw(const Chart& chart) -> std::string {
    auto result = std::string{};
    for (const auto& size : sizes) {
        auto x = Axis{};
        for (const auto value : chart.x) { x.include(value); }
        const auto narrow = size.width < 400;
        x.finish(0.02, narrow ? 5 : 8, is_whole(chart.x));
        auto y = y_axis(chart);
        y.finish(0.06, 5, false);
        const auto frame = make_frame(size, x, y);
        result += open_svg(frame, chart.title, true) + axes(frame, chart.x_label);
        for (std::size_t k = 0; k != chart.series.size(); ++k) {
            const auto& s = chart.series[k];
            result +=
                fmt::format(R"(<g class="series {}" data-series="{}">{}</g>)", colour_class(s.colour), k, lines(frame, chart, s));
        }
        result += "</svg>";
    }
    return result;
}

auto draw(const Histogram& h) -> std::string {
    auto result = std::string{};
    for (const auto& size : sizes) {
        auto x = Axis{};
        for (const auto edge : h.edges) { x.include(edge); }
        x.finish(0.02, size.width < 400 ? 5 : 8, false);
        auto y = Axis{};
        y.include(0.0);
        for (const auto count : h.counts) { y.include(count); }
        y.finish(0.0, 5, true);
        y.high += 0.06 * y.span();
        const auto frame = make_frame(size, x, y);
        result += open_svg(frame, h.title, false) + axes(frame, h.x_label);
        result += fmt::format(R"(<g class="columns {}">)", colour_class(h.colour));
        for (std::size_t i = 0; i != h.counts.size(); ++i) {
            if (h.counts[i] == 0.0) { continue; }
            const auto from = frame.at_x(h.edges[i]);
            const auto to = frame.at_x(h.edges[i + 1]);
            const auto top = frame.at_y(h.counts[i]);
            result +=
                fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{} to {}: {}</title></rect>)",
                            from, top, std::max(to - from - 0.6, 0.6), frame.bottom - top, short_number(h.edges[i], 4),
                            short_number(h.edges[i + 1], 4), short_number(h.counts[i], 8));
        }
        result += "</g></svg>";
    }
    return result;
}

auto draw(const std::vector<Interval>& intervals, const std::string& title, const std::string& unit) -> std::string {
    constexpr auto row = 56.0;
    auto result = std::string{};
    for (const auto& size : sizes) {
        auto values = Axis{};
        auto x = Axis{};
        for (const auto& i : intervals) { values.include(i.value), x.include(i.value), x.include(i.low), x.include(i.high); }
        // An error bar that dwarfs all differences goes to the edge.
        const auto room = std::max(3.0 * values.span(), 0.2 * std::max(std::abs(values.low), std::abs(values.high)));
        x.low = std::max(x.low, values.low - room);
        x.high = std::min(x.high, values.high + room);
        x.finish(0.08, size.width < 400 ? 4 : 7, false);
        auto frame = Frame{.size = size, .x = x, .y = {.low = 0.0, .high = 1.0, .step = 2.0}};
        frame.size.height = row * static_cast<double>(intervals.size()) + 46;
        frame.left = 8;
        frame.right = size.width - 8;
        frame.top = 0;
        frame.bottom = frame.size.height - 38;
        result += open_svg(frame, title, false);
        auto ticks = std::string{};
        for (const auto tick : x.ticks()) { ticks += fmt::format("M{:.1f} 0V{:.1f}", frame.at_x(tick), frame.bottom); }
        result += fmt::format(R"(<path class="grid" d="{}"/>)", ticks);
        frame.y = {.low = 1.0, .high = 0.0, .step = 1.0};  // no ticks there
        result += axes(frame, unit);
        for (std::size_t k = 0; k != intervals.size(); ++k) {
            const auto& i = intervals[k];
            const auto y = row * static_cast<double>(k);
            const auto from = frame.at_x(std::clamp(std::isnan(i.low) ? i.value : i.low, x.low, x.high));
            const auto to = frame.at_x(std::clamp(std::isnan(i.high) ? i.value : i.high, x.low, x.high));
            result += fmt::format(R"(<text class="label" x="8" y="{:.1f}">{}</text>)", y + 20, escape(i.label));
            result += fmt::format(R"(<text class="value" x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>)", size.width - 8,
                                  y + 20, number(i.value));
            result += fmt::format(R"(<g class="series {}"><path class="bar" d="M{:.1f} {:.1f}v14m0 -7H{:.1f}m0 -7v14"/>)",
                                  colour_class(i.colour), from, y + 29, to);
            if (drawable(i.value)) {
                result += fmt::format(R"(<path class="marks big" d="M{:.1f} {:.1f}h0"/>)", frame.at_x(i.value), y + 36);
            }
            result += "</g>";
        }
        result += "</svg>";
    }
    return result;
}
