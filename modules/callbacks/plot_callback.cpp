module nbm:callbacks.plot_callback_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.plot_callback;
import :callbacks.recorded;
import :io;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

constexpr auto nan = std::numeric_limits<double>::quiet_NaN();

/// A line of a plot: the columns of its points and of the ends of their error bars, empty for none.
struct Line {
    std::string label;
    std::string column;
    std::string low = "";
    std::string high = "";
};

class Plotter {
public:
    Plotter(const Table& table, const Logs& logs, const std::filesystem::path& folder)
        : table_(table), logs_(logs), folder_(folder) {}

    /// A plot of those lines whose columns are there.
    auto draw(const std::string& file, const std::string& title, std::initializer_list<Line> lines) -> void {
        auto plot = Plot{.title = title, .x_label = "epoch", .y_label = "", .curves = {}};
        for (const auto& line : lines) {
            if (!table_.has(line.column)) { continue; }
            if (plot.y_label.empty()) { plot.y_label = unit_of(line.column); }
            const auto bars = table_.has(line.low) && table_.has(line.high);
            plot.curves.push_back({.label = line.label,
                                   .x = values(table_.column("epoch")),
                                   .y = values(table_.column(line.column)),
                                   .low = bars ? values(table_.column(line.low)) : std::vector<double>{},
                                   .high = bars ? values(table_.column(line.high)) : std::vector<double>{}});
        }
        write(plot, file);
    }

    auto draw_difference(const std::string& file, const std::string& title, const std::string& a, const std::string& b) -> void {
        auto curve =
            Curve{.label = fmt::format("{} - {}", a, b), .x = values(table_.column("epoch")), .y = {}, .low = {}, .high = {}};
        for (std::size_t i = 0; i != table_.rows(); ++i) {
            curve.y.push_back(table_.column(a)[i].value_or(nan) - table_.column(b)[i].value_or(nan));
        }
        write({.title = title, .x_label = "epoch", .y_label = unit_of(b), .curves = {std::move(curve)}}, file);
    }

    /// What callbacks with names append to the names of their metrics, "" for one without: all s such that base + s and each of
    /// others + s are columns. The ends of error bars, base_low and base_high, are no such names.
    auto suffixes(std::string_view base, std::initializer_list<std::string> others) const -> std::vector<std::string> {
        auto result = std::vector<std::string>{};
        for (const auto& name : table_.names) {
            if (!name.starts_with(base)) { continue; }
            const auto suffix = name.substr(base.size());
            if ((!suffix.empty() && suffix[0] != '_') || is_end(base, suffix)) { continue; }
            if (std::ranges::all_of(others, [&](const auto& other) { return table_.has(other + suffix); })) {
                result.push_back(suffix);
            }
        }
        return result;
    }

private:
    auto is_end(std::string_view base, std::string_view suffix) const -> bool {
        return std::ranges::any_of(std::initializer_list<std::string_view>{"_low", "_high"}, [&](std::string_view end) {
            return suffix.starts_with(end) && table_.has(fmt::format("{}{}", base, suffix.substr(end.size())));
        });
    }

    static auto values(const std::vector<std::optional<double>>& column) -> std::vector<double> {
        auto result = std::vector<double>{};
        for (const auto& value : column) { result.push_back(value.value_or(nan)); }
        return result;
    }

    auto unit_of(std::string_view column) const -> std::string {
        const auto metric = std::ranges::find(logs_.metrics(), column, &Metric::name);
        return metric == logs_.metrics().end() ? std::string{} : metric->unit;
    }

    auto write(Plot plot, const std::string& file) -> void {
        std::erase_if(plot.curves,
                      [](const Curve& curve) { return std::ranges::none_of(curve.y, [](double y) { return std::isfinite(y); }); });
        if (plot.curves.empty()) { return; }
        if (plot.y_label == "nat") { plot.y_label = "nats"; }
        // A name may hold what is no part of a file's name.
        auto name = file;
        std::ranges::replace(name, '/', '_');
        while (!written_.insert(name).second) { name += '_'; }
        write_plot(plot, folder_ / name);
    }

    const Table& table_;
    const Logs& logs_;
    const std::filesystem::path& folder_;
    std::set<std::string> written_;
};

auto draw_splits(Plotter& plotter, const std::string& metric, const std::string& title) -> void {
    for (const auto& s : plotter.suffixes(metric, {})) {
        plotter.draw(metric + s, title, {{"training", metric + s}, {"validation", "val_" + metric + s}});
    }
}

auto draw_estimates(Plotter& plotter) -> void {
    for (const auto& s : plotter.suffixes("free_energy", {"val_free_energy"})) {
        plotter.draw_difference("free_energy" + s, "Free energy, validation minus training rows", "val_free_energy" + s,
                                "free_energy" + s);
    }
    for (const auto& s : plotter.suffixes("free_energy_gap", {})) {
        plotter.draw("free_energy_gap" + s, "Free energy gap", {{"free_energy_gap" + s, "free_energy_gap" + s}});
    }
    for (const auto& s : plotter.suffixes("exact_logz", {})) {
        plotter.draw("exact_logz" + s, "Log Z", {{"exact_logz" + s, "exact_logz" + s}});
    }
    for (const auto& s : plotter.suffixes("logz", {"logz_low", "logz_high"})) {
        const auto exact = Line{"exact", "logz_exact" + s};
        plotter.draw("logz" + s, "Log Z, estimate", {{"logz" + s, "logz" + s}, exact});
        plotter.draw("logz_errorbars" + s, "Log Z, bars of 3 standard errors",
                     {{"logz" + s, "logz" + s, "logz_low" + s, "logz_high" + s}, exact});
    }
    for (const auto& s : plotter.suffixes("prob", {"prob_low", "prob_high"})) {
        plotter.draw("prob" + s, "Mean log-probability, estimate", {{"training", "prob" + s}, {"validation", "val_prob" + s}});
        plotter.draw("prob_errorbars" + s, "Mean log-probability, bars of 3 standard errors",
                     {{"training", "prob" + s, "prob_low" + s, "prob_high" + s},
                      {"validation", "val_prob" + s, "val_prob_low" + s, "val_prob_high" + s}});
    }
}

}  // namespace

PlotCallback::PlotCallback(PlotCallbackOptions options) : options_(std::move(options)) {
    if (options_.csv_filepath.empty()) {
        throw InputError("PlotCallback: csv_filepath is empty; the path of a CSV file is needed");
    }
}

auto PlotCallback::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("save_folder", options.save_folder, "where the plots go");
    visitor.option("csv_filepath", options.csv_filepath, "the file of a csv_logger beside this one");
    visitor.option("separator", options.separator, "between the fields of that file");
    visitor.option("each_epoch", options.each_epoch, "plot after each epoch, too, not only when the training ends");
}

auto PlotCallback::setup(const SetupInfo&) -> void {
    if (!has_gnuplot()) {
        throw InputError("PlotCallback: the program gnuplot, which draws the plots, is not there; install the package gnuplot-nox");
    }
}

auto PlotCallback::on_train_begin(const TrainInfo&) -> void {
    read_recorded("PlotCallback", options_.csv_filepath, options_.separator);
}

auto PlotCallback::on_epoch_end(const EpochInfo& info) -> void {
    if (options_.each_epoch && !info.last) { draw(info); }
}

auto PlotCallback::on_train_end(const TrainInfo& info) -> void { draw(info); }

auto PlotCallback::draw(const Info& info) const -> void {
    const auto table = read_recorded("PlotCallback", options_.csv_filepath, options_.separator);
    auto plotter = Plotter(table, info.logs(), options_.save_folder);
    plotter.draw("cost", "Cost", {{"training", "cost"}, {"validation", "val_cost"}});
    draw_splits(plotter, "pslike", "Pseudo-likelihood");
    draw_splits(plotter, "recon", "Reconstruction error");
    draw_splits(plotter, "exact_prob", "Mean log-probability");
    plotter.draw("learning_rate", "Learning rate", {{"learning_rate", "learning_rate"}});
    plotter.draw("momentum", "Momentum", {{"momentum", "momentum"}});
    draw_estimates(plotter);
}

}  // namespace nbm
