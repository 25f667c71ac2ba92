export module nbm:callbacks.optimiser_callbacks;

import :callbacks.any_run;
import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.schedules;
import :io;
import :standard;

export namespace nbm {

/// A schedule: from the epoch, counted from 0, or from the epoch and the present value, to the new value. Where both fit, it is
/// called with both.
template <class F>
concept ScheduleFunction = std::is_invocable_r_v<double, F&, std::size_t> || std::is_invocable_r_v<double, F&, std::size_t, double>;

}  // namespace nbm

namespace nbm {

/// Throws InputError when the optimiser has no such parameter.
auto require_hyper(const AnyOptimiser& optimiser, Hyper h) -> void;
auto get_hyper(const AnyOptimiser& optimiser, Hyper h) -> double;
/// Throws InputError, naming the epoch, when the value is no learning rate or momentum.
auto check_scheduled(Hyper h, double value, std::size_t epoch) -> void;
auto set_hyper(AnyOptimiser optimiser, Hyper h, double value) -> void;

/// What the two schedulers share.
template <Hyper h, class F>
class RateScheduler {
    static constexpr auto is_configurable = std::same_as<F, Schedule>;

public:
    static constexpr auto stage = Stage::schedule;
    using Options = std::conditional_t<is_configurable, ScheduleOptions, void>;
    static auto options(OptionVisitor& visitor, ScheduleOptions& options) -> void
        requires is_configurable
    {
        Schedule::options(visitor, options);
    }

    constexpr explicit RateScheduler(F schedule) : schedule_(std::move(schedule)) {}
    explicit RateScheduler(ScheduleOptions options)
        requires is_configurable
        : schedule_(std::move(options)) {}

    template <class X>
        requires requires(X& x) { x.optimiser; }
    auto setup(X& context) -> void {
        using O = std::remove_cvref_t<decltype(context.optimiser)>;
        if constexpr (h == Hyper::learning_rate) {
            static_assert(HasHyper<h, O>, "LearningRateScheduler: this optimiser has no learning rate that can be set");
        } else {
            static_assert(HasHyper<h, O>, "MomentumRateScheduler: this optimiser has no momentum that can be set");
        }
        const auto optimiser = AnyOptimiser(context.optimiser);
        require_hyper(optimiser, h);
        base_ = get_hyper(optimiser, h);
        if constexpr (is_configurable) {
            // A wrong value is better found now than after days.
            for (auto e = context.first_epoch; e < context.epochs && e < context.first_epoch + 10000; ++e) {
                check_scheduled(h, schedule_(e, base_), e);
            }
        }
    }

    template <class X>
        requires requires(X& x) { x.optimiser; }
    auto on_epoch_begin(X& context) -> void {
        const auto optimiser = AnyOptimiser(context.optimiser);
        const auto value = evaluate(context.epoch, optimiser);
        check_scheduled(h, value, context.epoch);
        set_hyper(optimiser, h, value);
    }

    auto save_state(State& state) const -> void {
        state.put("base", base_);
        if constexpr (Stateful<F>) { schedule_.save_state(state.child("schedule")); }
    }
    auto load_state(const State& state) -> void {
        base_ = state.get<double>("base");
        if constexpr (Stateful<F>) { schedule_.load_state(state.child("schedule")); }
    }

private:
    auto evaluate(std::size_t epoch, const AnyOptimiser& optimiser) -> double {
        if constexpr (is_configurable) {
            return schedule_(epoch, base_);
        } else if constexpr (std::is_invocable_r_v<double, F&, std::size_t, double>) {
            return schedule_(epoch, get_hyper(optimiser, h));
        } else {
            return schedule_(epoch);
        }
    }

    F schedule_;
    double base_ = 0.0;  // the optimiser's own value when training began
};

}  // namespace nbm

export namespace nbm {

/// Sets the optimiser's learning rate at the beginning of each epoch, before its own decay. The schedule is any callable
/// (epoch) -> double or (epoch, present rate) -> double, the epoch counted from 0, or a Schedule. An optimiser without a learning
/// rate is refused when compiling, or, in a DynamicCallbackList, in the set-up. Throws InputError, naming the epoch, for a rate
/// that is not finite or negative. The optimiser keeps the last rate after the training. A schedule with a state of its own that a
/// resumed training needs has save_state and load_state.
template <ScheduleFunction F>
class LearningRateScheduler : public RateScheduler<Hyper::learning_rate, F> {
public:
    using RateScheduler<Hyper::learning_rate, F>::RateScheduler;
    static constexpr std::string_view kind = "learning_rate_scheduler";
    static constexpr std::string_view doc =
        "learning rate of each epoch: constant, in steps, exponential, cosine, linear or from a table";
};
template <class F>
LearningRateScheduler(F) -> LearningRateScheduler<F>;
LearningRateScheduler(ScheduleOptions) -> LearningRateScheduler<Schedule>;

/// The same for the optimiser's momentum (the goal, where it has a ramp), at least 0 and below 1.
template <ScheduleFunction F>
class MomentumRateScheduler : public RateScheduler<Hyper::momentum, F> {
public:
    using RateScheduler<Hyper::momentum, F>::RateScheduler;
    static constexpr std::string_view kind = "momentum_rate_scheduler";
    static constexpr std::string_view doc =
        "momentum of each epoch: constant, in steps, exponential, cosine, linear or from a table";
};
template <class F>
MomentumRateScheduler(F) -> MomentumRateScheduler<F>;
MomentumRateScheduler(ScheduleOptions) -> MomentumRateScheduler<Schedule>;

/// Logs `learning_rate` and `momentum`, where the optimiser has them: the effective values, after decay and ramp, of the last
/// update of the epoch.
class OptimizerSpy {
public:
    static constexpr std::string_view kind = "optimizer_spy";
    static constexpr std::string_view doc = "the learning rate and the momentum of each epoch's last update";

    template <class X>
        requires requires(X& x) { x.optimiser; }
    auto setup(X& context) -> void {
        using O = std::remove_cvref_t<decltype(context.optimiser)>;
        static_assert(HasHyper<Hyper::learning_rate, O> || HasHyper<Hyper::momentum, O>,
                      "OptimizerSpy: this optimiser has neither a learning rate nor a momentum");
        prepare(context, AnyOptimiser(context.optimiser));
    }
    inline auto on_epoch_begin(const EpochInfo&) -> void {
        learning_rate_.value.reset();
        momentum_.value.reset();
    }
    template <class X>
        requires requires(X& x) { x.optimiser; }
    auto on_batch_begin(X& context) -> void {
        watch(AnyOptimiser(context.optimiser));
    }
    auto on_epoch_end(EpochInfo& info) -> void;
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    /// One that the optimiser has, and its value in the last update of the epoch so far.
    struct Watched {
        bool exists = false;
        MetricId metric = {};
        std::optional<double> value = {};
    };

    auto prepare(SetupInfo& info, const AnyOptimiser& optimiser) -> void;
    auto watch(const AnyOptimiser& optimiser) -> void;

    Watched learning_rate_;
    Watched momentum_;
};

}  // namespace nbm
