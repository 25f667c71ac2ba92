export module nbm:io.plots;

import :io.histogram;
import :standard;

export namespace nbm {

/// Points (x[i], y[i]), joined in this order; points that are not finite are skipped. low[i] and high[i] are the ends of the error
/// bar of point i, both empty for none: an infinite end is drawn to the edge of the plot, whose size the finite values alone
/// decide, and a bar with an end that is NaN is left out.
struct Curve {
    std::string label;
    std::vector<double> x;
    std::vector<double> y;
    std::vector<double> low;
    std::vector<double> high;
};

/// Bars, half transparent, and curves before them in one frame. Texts are drawn as they are; the legend lists those that have a
/// label.
struct Plot {
    std::string title;
    std::string x_label;
    std::string y_label;
    std::vector<Curve> curves;
    std::vector<Bars> bars = {};
    bool from_zero = false;  // the y axis begins at 0 where no value is below; with bars it does in any case
};

/// Whether the program gnuplot, which draws the plots, can be started.
auto has_gnuplot() -> bool;

/// Writes base + ".png" (900 x 600 pixels) and base + ".pdf", each atomically. A plot without any finite point says so in its
/// frame. Throws ShapeError when the vectors of a curve or of bars do not fit each other, InputError when edges of bars do not
/// increase or a height is negative or not finite, FileError when a file cannot be drawn or written, and Error naming the package
/// gnuplot-nox when the program is not there.
auto write_plot(const Plot& plot, const std::filesystem::path& base) -> void;

/// The same with plots below one another, each 900 x 420 pixels; one alone is as above. Throws InputError for none.
auto write_plots(std::span<const Plot> plots, const std::filesystem::path& base) -> void;

}  // namespace nbm
