module nbm:io.plots_impl;

import :io.files;
import :io.histogram;
import :io.plots;
import :io.programs;
import :io.utf8;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

/// Okabe and Ito's colours, which the colour-blind tell apart, without the yellow, which white paper swallows.
constexpr auto colours = std::array{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};
constexpr auto most_marked_points = std::size_t{60};  ///< beyond, marks run into each other
constexpr auto largest = 1e300;                       ///< beyond, differences overflow: as good as infinite

auto drawable(double value) -> bool { return std::abs(value) <= largest; }

struct Point {
    double x, y, low, high;
    auto has_bar() const -> bool { return !std::isnan(low) && !std::isnan(high); }
};

/// What is drawn of a curve.
auto points_of(const Curve& curve) -> std::vector<Point> {
    const auto size = curve.y.size();
    const auto bars = !curve.low.empty() || !curve.high.empty();
    if (curve.x.size() != size || (bars && (curve.low.size() != size || curve.high.size() != size))) {
        throw ShapeError(fmt::format("the curve '{}' has {} x and {} y values, {} low and {} high ends of error bars", curve.label,
                                     curve.x.size(), size, curve.low.size(), curve.high.size()));
    }
    constexpr auto none = std::numeric_limits<double>::quiet_NaN();
    auto points = std::vector<Point>{};
    for (std::size_t i = 0; i != size; ++i) {
        if (!drawable(curve.x[i]) || !drawable(curve.y[i])) { continue; }
        points.push_back({curve.x[i], curve.y[i], bars ? curve.low[i] : none, bars ? curve.high[i] : none});
    }
    return points;
}

/// One axis: what it spans, and the step and format of its ticks.
struct Axis {
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();
    double step = 1.0;
    std::string format;
    bool whole = true;  ///< all values are whole numbers

    auto include(double value) -> void {
        if (!drawable(value)) { return; }
        low = std::min(low, value);
        high = std::max(high, value);
        whole = whole && value == std::trunc(value);
    }

    auto clamp(double value) const -> double { return std::clamp(value, low, high); }

    /// Sets the margins, a share of the span, and the ticks; only_whole keeps ticks off fractions where all values are whole;
    /// on_zero leaves no margin below 0.
    auto finish(double margin, bool only_whole, bool on_zero = false) -> void {
        if (low > high) { low = 0.0, high = 1.0; }
        const auto magnitude = std::max(std::abs(low), std::abs(high));
        only_whole = only_whole && whole && magnitude < 1e15;
        if (high - low <= std::max(1e-10 * magnitude, 1e-300)) {  // gnuplot can draw no narrower range
            const auto half = only_whole || magnitude < 1e-200 ? 1.0 : 0.05 * magnitude;
            if (!on_zero || low != 0.0) { low -= half; }
            high += half;
        } else {
            const auto extra = margin * (high - low);
            if (!on_zero || low != 0.0) { low -= extra; }
            high += extra;
        }
        const auto least = (high - low) / 8.0;
        auto power = std::floor(std::log10(least));
        const auto share = least / std::pow(10.0, power);  // 1 to 10
        const auto digit = share <= 1.0 ? 1.0 : share <= 2.0 ? 2.0 : share <= 5.0 ? 5.0 : 10.0;
        step = digit * std::pow(10.0, power);
        if (digit == 10.0) { power += 1.0; }
        if (only_whole && step < 1.0) { step = 1.0, power = 0.0; }
        const auto before = std::max(0.0, std::floor(std::log10(magnitude))) + 1.0;
        const auto decimals = std::max(0.0, -power);
        format = decimals <= 6.0 && before + decimals <= 11.0
                     ? fmt::format("%.{}f", int(decimals))
                     : fmt::format("%.{}e", int(std::clamp(std::floor(std::log10(magnitude)) - power, 0.0, 15.0)));
    }
};

/// A string of gnuplot. All but letters is written in octal: nothing in it can end the string or start a command, and no digit
/// follows an octal number, which gnuplot would read on.
auto gnuplot_string(std::string_view bytes) -> std::string {
    auto result = std::string("\"");
    for (const auto c : bytes) {
        const auto plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ' ';
        result += plain ? std::string(1, c) : fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    }
    return result + '"';
}

/// Text that fits: control characters become spaces, bytes that are no UTF-8 question marks, what is too long ends in "...".
auto label(std::string_view text, std::size_t limit) -> std::string {
    auto result = std::string{};
    for (std::size_t count = 0; !text.empty(); ++count) {
        if (count == limit) { return gnuplot_string(result + "..."); }
        const auto size = character_size(text);
        const auto control = size == 1 && (static_cast<unsigned char>(text[0]) < 0x20U || text[0] == 0x7F);
        result += size == 0 ? "?" : control ? " " : text.substr(0, size);
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return gnuplot_string(result);
}

/// The data and the parts of the plot command of each curve.
struct Drawing {
    std::size_t panel = 0;
    std::string data = {};
    std::string parts = {};

    /// The name of a block of data.
    auto block(std::string_view kind, std::size_t index, const std::string& rows) -> std::string {
        const auto name = fmt::format("${}{}_{}", kind, panel, index);
        data += fmt::format("{} << EOD\n{}EOD\n", name, rows);
        return name;
    }
    auto part(const std::string& text) -> void { parts += (parts.empty() ? "plot " : ", ") + text; }

    /// One outline of all bars; single boxes would show seams where they touch.
    auto add(std::size_t index, const std::string& title, const Bars& bars) -> void {
        auto outline = std::string{};
        for (std::size_t i = 0; i != bars.heights.size(); ++i) {
            const auto before = i == 0 ? 0.0 : bars.heights[i - 1];
            outline += fmt::format("{0} {1}\n{0} {2}\n", bars.edges[i], before, bars.heights[i]);
        }
        if (!bars.heights.empty()) { outline += fmt::format("{0} {1}\n{0} 0\n", bars.edges.back(), bars.heights.back()); }
        const auto* const colour = colours[index % colours.size()];
        const auto name = block("bars", index, outline.empty() ? "NaN NaN\n" : outline);
        part(fmt::format("{} using 1:2 with filledcurves closed fs transparent solid 0.35 noborder lc rgb '{}' {}", name, colour,
                         title));
        part(fmt::format("{} using 1:2 with lines lw 1 lc rgb '{}' notitle", name, colour));
    }

    auto add(std::size_t index, const std::string& title, const std::vector<Point>& points, const Axis& y) -> void {
        const auto* const colour = colours[index % colours.size()];
        const auto dashes = index / colours.size() % 4 + 1;
        if (points.empty()) {
            part(fmt::format("NaN with lines lw 2 dt {} lc rgb '{}' {}", dashes, colour, title));
            return;
        }
        const auto marked = points.size() <= most_marked_points;
        const auto band = !marked && std::ranges::all_of(points, &Point::has_bar);
        auto line = std::string{};
        auto bars = std::string{};
        for (const auto& point : points) {
            line += fmt::format("{} {}\n", point.x, point.y);
            if (!point.has_bar()) { continue; }
            const auto low = y.clamp(point.low);
            const auto high = y.clamp(point.high);
            bars += band ? fmt::format("{} {} {}\n", point.x, low, high) : fmt::format("{} {} 0 {}\n", point.x, low, high - low);
        }
        if (!bars.empty()) {
            // Vectors with two flat heads: gnuplot's own error bars leave a gap around the point, in which short ones vanish.
            part(fmt::format(
                "{} with {} lc rgb '{}' notitle", block("errors", index, bars),
                band ? "filledcurves fs transparent solid 0.2 noborder" : "vectors heads size screen 0.004,90 fixed lw 1", colour));
        }
        const auto style = marked ? fmt::format("linespoints pt 7 ps {}", points.size() == 1 ? 1.0 : 0.5) : std::string("lines");
        part(fmt::format("{} using 1:2 with {} lw 2 dt {} lc rgb '{}' {}", block("line", index, line), style, dashes, colour,
                         title));
    }
};

/// How each curve appears in the legend, which may take half of the picture: what does not fit is counted in `more`.
struct Legend {
    std::vector<std::string> titles;
    std::size_t more = 0;

    /// rows: for which there is room.
    Legend(const std::vector<std::string>& labels, std::size_t rows) {
        constexpr auto longest_label = std::size_t{60};
        auto longest = std::size_t{1};
        for (const auto& text : labels) { longest = std::max(longest, std::min(text.size(), longest_label)); }
        auto room = rows * std::max<std::size_t>(1, 780 / (90 + 10 * longest));  // pixels: all, line mark, letter
        for (const auto& text : labels) {
            const auto listed = !text.empty() && room != 0;
            titles.push_back(listed ? "title " + label(text, longest_label) : "notitle");
            if (listed) {
                --room;
            } else if (!text.empty()) {
                ++more;
            }
        }
    }
};

/// What a frame holds: its data, and the commands that draw it.
struct Frame {
    std::string data;
    std::string draw;
};

auto labels_of(const Plot& plot) -> std::vector<std::string> {
    auto labels = std::vector<std::string>{};
    for (const auto& bars : plot.bars) { labels.push_back(bars.label); }
    for (const auto& curve : plot.curves) { labels.push_back(curve.label); }
    return labels;
}

/// All that is set anew for each frame.
auto settings(const Plot& plot, const Axis& x, const Axis& y, bool nothing) -> std::string {
    auto draw = fmt::format("set title {} font ',14'\n", label(plot.title, 80));
    draw += fmt::format("set xlabel {}\nset ylabel {}\n", label(plot.x_label, 80), label(plot.y_label, 55));
    for (const auto& [name, axis] : {std::pair{'x', x}, std::pair{'y', y}}) {
        draw += fmt::format("set {0}range [{1}:{2}]\nset {0}tics {3} nomirror out scale 0.5\nset format {0} '{4}'\n", name,
                            axis.low, axis.high, axis.step, axis.format);
    }
    const auto labels = labels_of(plot);
    const auto named = std::ranges::any_of(labels, [](const std::string& text) { return !text.empty(); });
    draw += named ? "set key outside bottom center horizontal Left reverse samplen 2.5 width 1 height 1\n" : "unset key\n";
    draw += nothing ? "set label 1 'no finite values' at graph 0.5,0.5 center\n" : "unset label 1\n";
    return draw;
}

auto make_frame(const Plot& plot, std::size_t panel, std::size_t legend_rows) -> Frame {
    auto x = Axis{};
    auto y = Axis{};
    auto curves = std::vector<std::vector<Point>>{};
    for (const auto& curve : plot.curves) {
        for (const auto& point : curves.emplace_back(points_of(curve))) {
            x.include(point.x);
            y.include(point.y);
            if (point.has_bar()) { y.include(point.low), y.include(point.high); }
        }
    }
    for (const auto& bars : plot.bars) {
        check_bars(bars);
        for (const auto edge : bars.edges) { x.include(edge); }
        for (const auto height : bars.heights) { y.include(height); }
    }
    const auto nothing = y.low > y.high;
    const auto from_zero = plot.from_zero || !plot.bars.empty();
    if (from_zero && !nothing && y.low > 0.0) { y.include(0.0); }
    x.finish(0.02, true);
    y.finish(0.05, false, from_zero);
    const auto labels = labels_of(plot);
    const auto legend = Legend(labels, legend_rows);
    auto drawing = Drawing{.panel = panel};
    for (std::size_t b = 0; b != plot.bars.size(); ++b) { drawing.add(b, legend.titles[b], plot.bars[b]); }
    for (auto c = plot.bars.size(); c != labels.size(); ++c) { drawing.add(c, legend.titles[c], curves[c - plot.bars.size()], y); }
    if (legend.more != 0) { drawing.part(fmt::format("NaN with lines lc rgb '#FFFFFF' title 'and {} more'", legend.more)); }
    if (labels.empty()) { drawing.part("NaN notitle"); }
    return {.data = drawing.data, .draw = settings(plot, x, y, nothing) + drawing.parts + '\n'};
}

/// All of a script but the terminals and the drawing, and that.
struct Script {
    std::string set_up;
    std::string draw;
};

auto make_script(std::span<const Plot> plots) -> Script {
    constexpr auto most_legend_rows = std::size_t{12};
    auto script = Script{.set_up =
                             "set encoding utf8\nset decimalsign '.'\nset minussign\nset rmargin 5\n"
                             "set border 3 lc rgb '#606060'\nset grid lt 1 lw 0.5 lc rgb '#D8D8D8'\n"
                             "set tics textcolor rgb '#303030'\n",
                         .draw = {}};
    for (std::size_t p = 0; p != plots.size(); ++p) {
        const auto frame = make_frame(plots[p], p, plots.size() == 1 ? most_legend_rows : most_legend_rows / 2);
        script.set_up += frame.data;
        script.draw += frame.draw;
    }
    if (plots.size() > 1) {
        script.draw = fmt::format("set multiplot layout {},1\n{}unset multiplot\n", plots.size(), script.draw);
    }
    return script;
}

/// The first complaint in what gnuplot wrote: it echoes the command, points at the place and then says `line 0: complaint`.
auto first_complaint(std::string_view errors) -> std::string {
    auto other = std::string{};
    while (!errors.empty()) {
        auto line = errors.substr(0, errors.find('\n'));
        errors.remove_prefix(std::min(errors.size(), line.size() + 1));
        const auto echo = line.find("gnuplot>") != std::string_view::npos;
        const auto begin = line.find_first_not_of(" \t^");
        if (echo || begin == std::string_view::npos) { continue; }
        line.remove_prefix(begin);
        const auto colon = line.find(": ");
        const auto numbered = line.starts_with("line ") || line.find("\" line ") != std::string_view::npos;
        if (numbered && colon != std::string_view::npos) {
            line.remove_prefix(std::min(line.find_first_not_of(' ', colon + 1), line.size()));
            if (!line.starts_with("warning")) { return std::string(line); }
        } else if (other.empty()) {
            other = line;
        }
    }
    return other;
}

/// gnuplot does not notice a full disk.
auto check_ending(const fs::path& path, const fs::path& temporary, std::string_view ending) -> void {
    auto file = std::ifstream(temporary, std::ios::binary | std::ios::ate);
    const auto size = file ? static_cast<std::streamoff>(file.tellg()) : std::streamoff{0};
    auto tail = std::string(static_cast<std::size_t>(std::min<std::streamoff>(size, 16)), '\0');
    file.seekg(-static_cast<std::streamoff>(tail.size()), std::ios::end);
    file.read(tail.data(), static_cast<std::streamsize>(tail.size()));
    if (tail.find(ending) == std::string::npos) {
        throw FileError(path.string(), "gnuplot did not write it to its end; the disk may be full");
    }
}

}  // namespace

auto has_gnuplot() -> bool {
    const auto result = run_program({"gnuplot", "--version"}, {});
    return result.started && result.problem.empty();
}

auto write_plot(const Plot& plot, const fs::path& base) -> void { write_plots({&plot, 1}, base); }

auto write_plots(std::span<const Plot> plots, const fs::path& base) -> void {
    if (plots.empty()) { throw InputError("a picture of 0 plots was asked for"); }
    const auto script = make_script(plots);
    const auto height = plots.size() == 1 ? std::size_t{600} : 420 * plots.size();  // pixels; 143 are an inch of the PDF
    const auto png = fs::path(base) += ".png";
    const auto pdf = fs::path(base) += ".pdf";
    const auto onto = [&](const fs::path& path, std::string_view terminal) {
        // An absolute path: one that begins with '|' would be a command, one with '~' a home folder.
        return fmt::format("set terminal {}\nset output {}\n{}unset output\n", terminal,
                           gnuplot_string(fs::absolute(path).string()), script.draw);
    };
    const auto draw = [&](const fs::path& temporary_png, const fs::path& temporary_pdf) {
        // -d: the user's own settings are for the user's own plots.
        const auto result =
            run_program({"gnuplot", "-d"},
                        script.set_up + onto(temporary_png, fmt::format("pngcairo noenhanced size 900,{} font 'Sans,12'", height)) +
                            onto(temporary_pdf, fmt::format("pdfcairo noenhanced size 6.3in,{:.2f}in font 'Sans,12' pointscale 0.6",
                                                            0.007 * static_cast<double>(height))));
        if (!result.started) {
            throw Error(
                fmt::format("the program gnuplot, which draws the plots, cannot be started ({}); install the package gnuplot-nox",
                            result.problem));
        }
        if (!result.problem.empty()) {
            const auto complaint = first_complaint(result.errors);
            throw FileError(png.string(), fmt::format("cannot be drawn: gnuplot {}{}{}", result.problem,
                                                      complaint.empty() ? "" : ": ", complaint));
        }
        check_ending(png, temporary_png, "IEND");
        check_ending(pdf, temporary_pdf, "%%EOF");
    };
    write_atomically(png, [&](const fs::path& temporary_png) {
        write_atomically(pdf, [&](const fs::path& temporary_pdf) { draw(temporary_png, temporary_pdf); });
    });
}

}  // namespace nbm
