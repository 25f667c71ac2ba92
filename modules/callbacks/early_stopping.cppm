export module nbm:callbacks.early_stopping;

import :callbacks.contexts;
import :callbacks.improvement;
import :callbacks.machine_copy;
import :callbacks.options;
import :callbacks.session;
import :io;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// What a monitored value that is no finite number does: it stops the training, counts as one without improvement, or is passed
/// over.
enum class OnNonFinite : std::uint8_t { stop, count, ignore };

struct EarlyStoppingOptions {
    std::string monitor = "";
    MonitorMode mode = MonitorMode::automatic;
    std::size_t patience = 10;  // observations in a row without improvement that stop the training; 0 is as 1
    double min_delta = 0.0;
    ThresholdMode threshold_mode = ThresholdMode::absolute;
    bool cumulative = true;
    double significance = 0.0;
    std::size_t start_epoch = 1;          // counted from 1: values of earlier epochs are not looked at
    std::optional<double> baseline = {};  // values that do not improve on this, too, are no improvements
    bool restore_best = false;            // in the end the machine is that of the best epoch
    OnNonFinite on_nonfinite = OnNonFinite::stop;
    std::optional<double> stopping_threshold = {};    // a value that reaches this stops the training: it is good enough
    std::optional<double> divergence_threshold = {};  // a value worse than this stops the training
};

/// Stops the training when a metric no longer improves. A value improves when it is better by more than min_delta than the one that
/// is to be improved on; with `cumulative` that is the last one that improved, so that small steps add up, and without it the best
/// of all, so that they do not. With significance k, its error bar at k standard errors must not reach back either (an error bar
/// that is infinite on that side is no improvement). The first value is an improvement unless it fails the baseline, and never
/// stops the training for want of patience. Epochs in which the metric is absent do not count. NaN and infinities never become
/// best. With `restore_best`, the machine of the epoch with the best value, improvement or not, is kept in memory and in
/// checkpoints, and is put back in on_finalise, however the training ended but by an exception. A training that is resumed with
/// another metric or direction begins afresh with both.
class EarlyStopping {
public:
    static constexpr auto stage = Stage::control;
    static constexpr std::string_view kind = "early_stopping";
    static constexpr std::string_view doc = "stops when a metric no longer improves, and brings back the best machine";
    using Options = EarlyStoppingOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    /// Throws InputError for options out of range.
    explicit EarlyStopping(EarlyStoppingOptions options);

    /// The best value, absent before the first; its epoch, counted from 0; observations since the last improvement.
    inline auto best() const -> std::optional<double> { return watch_.best(); }
    inline auto best_epoch() const -> std::optional<std::size_t> { return watch_.best_epoch(); }
    inline auto waited() const -> std::size_t { return waited_; }

    /// Throws InputError when the metric is not declared, has no direction while mode is automatic, or lacks the error bar that
    /// significance needs.
    template <Real T>
    auto setup(const ModelContext<SetupInfo, T>& context) -> void;
    template <Real T>
    auto on_epoch_end(const ModelContext<EpochInfo, T>& context) -> Flow;
    template <Real T>
    auto on_finalise(const ModelContext<TrainInfo, T>& context) -> void;
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    struct Verdict {
        bool best = false;
        Flow flow = Flow::proceed;
    };
    auto judge(const EpochInfo& info) -> Verdict;
    auto lose_patience(const EpochInfo& info, double value) const -> Flow;

    EarlyStoppingOptions options_;
    Improvement watch_;
    MachineCopy machine_;
    std::size_t present_ = 0;       // epochs with a value, of whatever kind
    std::size_t observations_ = 0;  // values that counted
    std::size_t waited_ = 0;
};

}  // namespace nbm
