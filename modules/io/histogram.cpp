module nbm:io.histogram_impl;

import :io.histogram;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

auto increase(std::span<const double> edges) -> bool {
    return std::ranges::adjacent_find(edges, [](double a, double b) { return !(a < b); }) == edges.end();
}

}  // namespace

auto check_bars(const Bars& bars) -> void {
    if (bars.edges.size() != bars.heights.size() + 1) {
        throw ShapeError(fmt::format("the bars '{}' have {} edges and {} heights; one edge more is expected", bars.label,
                                     bars.edges.size(), bars.heights.size()));
    }
    if (!std::ranges::all_of(bars.edges, [](double edge) { return std::isfinite(edge); }) || !increase(bars.edges)) {
        throw InputError(fmt::format("the edges of the bars '{}' do not increase", bars.label));
    }
    if (!std::ranges::all_of(bars.heights, [](double height) { return height >= 0.0 && std::isfinite(height); })) {
        throw InputError(fmt::format("a height of the bars '{}' is negative or not finite", bars.label));
    }
}

auto even_edges(std::span<const double> values, std::size_t bins) -> std::vector<double> {
    if (bins == 0) { throw InputError("a histogram needs at least 1 bin"); }
    auto low = std::numeric_limits<double>::infinity();
    auto high = -low;
    for (const auto value : values) {
        if (!std::isfinite(value)) { continue; }
        low = std::min(low, value);
        high = std::max(high, value);
    }
    if (low > high) { low = 0.0, high = 1.0; }
    const auto count = static_cast<double>(bins);
    if (high - low <= 1e-12 * count * std::max(std::abs(low), std::abs(high))) {  // edges of so narrow bins might be equal
        const auto half = std::max(0.5, 1e-6 * count * std::abs(low));
        low -= half;
        high += half;
    }
    auto edges = std::vector<double>{low};
    for (std::size_t i = 1; i < bins; ++i) { edges.push_back(low + (high - low) * (static_cast<double>(i) / count)); }
    edges.push_back(high);
    return edges;
}

auto histogram(std::span<const double> values, std::span<const double> edges) -> std::vector<std::size_t> {
    if (edges.size() < 2 || !increase(edges)) { throw InputError("a histogram needs at least 2 edges, which increase"); }
    auto counts = std::vector<std::size_t>(edges.size() - 1);
    for (const auto value : values) {
        if (!(value >= edges.front() && value <= edges.back())) { continue; }
        const auto above = static_cast<std::size_t>(std::ranges::upper_bound(edges, value) - edges.begin());
        ++counts[std::min(above, counts.size()) - 1];
    }
    return counts;
}

}  // namespace nbm
