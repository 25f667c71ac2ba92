export module nbm:io.histogram;

import :standard;

export namespace nbm {

/// Bars side by side: bar i stands on the x axis from edges[i] to edges[i + 1] and is heights[i] high. There is one edge more than
/// heights.
struct Bars {
    std::string label;
    std::vector<double> edges;    // increasing
    std::vector<double> heights;  // not negative
};

/// `bins` + 1 evenly spaced edges from the smallest to the largest finite value; from half below to half above where all values are
/// one, from 0 to 1 where none is finite. Throws InputError for 0 bins.
auto even_edges(std::span<const double> values, std::size_t bins) -> std::vector<double>;

/// How many values are in each bin: those of at least edges[i] and below edges[i + 1], in the last bin also those at its end. What
/// lies outside, or is NaN, is not counted. Throws InputError unless there are two edges at least and they increase.
auto histogram(std::span<const double> values, std::span<const double> edges) -> std::vector<std::size_t>;

}  // namespace nbm

namespace nbm {

/// Throws ShapeError or InputError for bars that cannot be drawn.
auto check_bars(const Bars& bars) -> void;

}  // namespace nbm
