#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

/// One line of a chart, over the x values of the chart; NaN where there is no value. low and high are the ends of error bars, empty
/// for none; infinite ends reach the edge of the plot.
struct Series {
    std::string label;
    std::size_t colour = 0;  // 0 to 6, beyond with dashes
    std::vector<double> y = {};
    std::vector<double> low = {};
    std::vector<double> high = {};
};

/// Lines in one frame.
struct Chart {
    std::string title;
    std::string x_label;
    std::string y_label;  // with the unit
    std::vector<double> x;
    std::vector<Series> series;
};

/// Bars from edges[i] to edges[i + 1], of height counts[i].
struct Histogram {
    std::string title;
    std::string x_label;
    std::string y_label;
    std::vector<double> edges;
    std::vector<double> counts;
    std::size_t colour = 0;
};

/// Values with error bars, one below the other.
struct Interval {
    std::string label;
    double value = 0.0;
    double low = 0.0;
    double high = 0.0;
    std::size_t colour = 0;
};

/// Each drawing twice, as <svg class="wide"> and <svg class="narrow">; the style sheet shows the one that fits the screen. The
/// frame attribute of a line chart, "left right top bottom x_low x_high y_low y_high", is what the script needs to find its points.
auto draw(const Chart& chart) -> std::string;
auto draw(const Histogram& histogram) -> std::string;
auto draw(const std::vector<Interval>& intervals, const std::string& title, const std::string& unit) -> std::string;

/// The machine itself: layers of units, those of the data at the bottom, and the connections between layers.
auto draw_machine(const std::vector<std::size_t>& layers, const std::vector<std::pair<std::size_t, std::size_t>>& edges)
    -> std::string;

/// The class of the style sheet for a colour: the palette of Okabe and Ito, in dashes from the eighth on.
auto colour_class(std::size_t colour) -> std::string;

/// A short line or mark in that colour, for legends.
auto swatch(std::size_t colour) -> std::string;
