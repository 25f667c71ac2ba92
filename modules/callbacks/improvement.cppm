export module nbm:callbacks.improvement;

import :callbacks.logs;
import :callbacks.options;
import :io;
import :standard;

export namespace nbm {

/// Which values of a monitored metric are better: as it was declared, or as the user says.
enum class MonitorMode : std::uint8_t { automatic, lower, higher };

/// What min_delta is: a difference, or a fraction of the value that is to be improved on.
enum class ThresholdMode : std::uint8_t { absolute, relative };

}  // namespace nbm

namespace nbm {

/// When a monitored value counts as an improvement.
struct MonitorOptions {
    std::string monitor;
    MonitorMode mode = MonitorMode::automatic;
    double min_delta = 0.0;
    ThresholdMode threshold_mode = ThresholdMode::absolute;
    bool cumulative = true;
    double significance = 0.0;
};

/// Shows those of these options that all monitors have.
template <class O>
auto describe_monitor(OptionVisitor& visitor, O& options) -> void {
    visitor.option("monitor", options.monitor, "metric to watch", required());
    visitor.choice("mode", options.mode, "which values are better; auto: as the metric declares", {"auto", "lower", "higher"});
    visitor.option("min_delta", options.min_delta, "least change that counts as an improvement", at_least(0));
    visitor.choice("threshold_mode", options.threshold_mode, "min_delta is a difference or a fraction of the value to improve on",
                   {"abs", "rel"});
    visitor.option("significance", options.significance,
                   "an improvement must exceed so many standard errors; 0: error bars are not looked at", at_least(0));
}

/// Follows a monitored metric: its best value, and whether a new one is an improvement.
class Improvement {
public:
    /// Throws InputError, beginning with the owner's name, for options out of range.
    Improvement(std::string owner, MonitorOptions options);

    /// Forgets everything and finds the metric. Throws InputError when there is none, or it lacks a direction or the error bar that
    /// significance needs.
    auto setup(const Logs& logs) -> void;

    inline auto value(const Logs& logs) const -> std::optional<double> { return logs.get(metric_); }
    /// Whether a value is strictly better than another one.
    inline auto is_better(double value, double other) const -> bool { return sign_ * value > sign_ * other; }
    /// Whether it is so by min_delta and significance.
    auto improves(const Logs& logs, double value, double reference) const -> bool;

    struct Seen {
        bool best = false;      // of all values so far
        bool improved = false;  // enough to begin waiting anew
    };
    /// Takes in a finite value. Where there is a baseline, a value that does not improve on it, too, is no improvement.
    auto observe(const Logs& logs, double value, std::size_t epoch, std::optional<double> baseline = {}) -> Seen;

    inline auto monitor() const -> const std::string& { return options_.monitor; }
    inline auto best() const -> std::optional<double> { return best_; }
    inline auto best_epoch() const -> std::optional<std::size_t> { return best_epoch_; }

    auto save_state(State& state) const -> void;
    /// Returns whether the state was of the same metric in the same direction; if not, everything is forgotten.
    auto load_state(const State& state) -> bool;

private:
    std::string owner_;
    MonitorOptions options_;
    MetricId metric_;
    MetricId bound_;     // the end of the error bar that is nearer to worse values
    double sign_ = 1.0;  // -1: smaller values are better
    std::optional<double> best_;
    std::optional<std::size_t> best_epoch_;
    std::optional<double> reference_;  // what is to be improved on
};

}  // namespace nbm
