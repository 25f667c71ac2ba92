export module nbm:callbacks.tempering_monitor;

import :callbacks.any_run;
import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :sampling;
import :standard;
import :tensor;

export namespace nbm {

struct TemperingMonitorOptions {
    std::string name = "";  // appended to the metrics' names as "_name", for several of these side by side
};

/// Tells how well the replicas of a trainer such as PT exchange their states, after each epoch:
/// - swap_rate_min, swap_rate_mean: the lowest and the mean acceptance probability over the pairs of neighbouring temperatures,
/// each
///   the running mean over its last 100 or so swaps;
/// - swap_rates: the list of all of them, from the coldest pair to the hottest;
/// - swap_betas: the list of all inverse temperatures;
/// - round_trips: how many replicas have come from the machine's own temperature to the highest one and back since the training
///   began.
class TemperingMonitor {
public:
    static constexpr std::string_view kind = "tempering_monitor";
    static constexpr std::string_view doc = "exchanges between the replicas of a trainer with parallel tempering";
    using Options = TemperingMonitorOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit TemperingMonitor(TemperingMonitorOptions options = {});

    auto id() const -> std::string;

    /// In a dynamic list, throws InputError when the trainer has no replicas; a static list does not compile then.
    template <class X>
        requires requires(X& x) { x.trainer; }
    auto setup(X& context) -> void {
        using T = typename X::run_type::value_type;
        using TrainerType = std::remove_cvref_t<decltype(context.trainer)>;
        static_assert(std::same_as<TrainerType, AnyTrainer<T>> || Tempered<TrainerType>,
                      "TemperingMonitor: this trainer has no replicas; a trainer such as PT does");
        prepare(context, ladder_of<T>(context.trainer) != nullptr);
    }

    template <class X>
        requires requires(X& x) { x.trainer; }
    auto on_epoch_end(X& context) -> void {
        using T = typename X::run_type::value_type;
        report(context, *ladder_of<T>(context.trainer));
    }

private:
    auto prepare(SetupInfo& info, bool has_ladder) -> void;
    auto report(EpochInfo& info, const Ladder& ladder) const -> void;

    TemperingMonitorOptions options_;
    MetricId rate_min_;
    MetricId rate_mean_;
    MetricId rates_;
    MetricId betas_;
    MetricId round_trips_;
};

}  // namespace nbm
