export module nbm:callbacks.reduce_on_plateau;

import :callbacks.any_run;
import :callbacks.contexts;
import :callbacks.improvement;
import :callbacks.options;
import :io;
import :standard;

export namespace nbm {

struct ReduceOnPlateauOptions {
    std::string monitor = "";
    MonitorMode mode = MonitorMode::automatic;
    double factor = 0.1;        // the new learning rate is so much of the present one
    std::size_t patience = 10;  // observations in a row without improvement that reduce it; 0 is as 1
    std::size_t cooldown = 0;   // observations after a reduction that do not count
    double min_learning_rate = 0.0;
    double min_delta = 1e-4;
    ThresholdMode threshold_mode = ThresholdMode::absolute;
    double significance = 0.0;
};

/// Multiplies the learning rate by `factor` when a metric no longer improves on the last value that did. Epochs in which it is
/// absent do not count; NaN and infinities are no improvements. The new rate holds from the next epoch on; a scheduler beside it
/// would overwrite it. Options are as in EarlyStopping.
class ReduceOnPlateau {
public:
    static constexpr auto stage = Stage::control;
    static constexpr std::string_view kind = "reduce_on_plateau";
    static constexpr std::string_view doc = "lowers the learning rate when a metric no longer improves";
    using Options = ReduceOnPlateauOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    /// Throws InputError for options out of range.
    explicit ReduceOnPlateau(ReduceOnPlateauOptions options);

    /// The best value and its epoch, counted from 0; observations since the last improvement or reduction; reductions so far.
    inline auto best() const -> std::optional<double> { return watch_.best(); }
    inline auto best_epoch() const -> std::optional<std::size_t> { return watch_.best_epoch(); }
    inline auto waited() const -> std::size_t { return waited_; }
    inline auto reductions() const -> std::size_t { return reductions_; }

    /// Throws InputError as EarlyStopping does, or when the optimiser has no learning rate.
    template <class X>
        requires requires(X& x) { x.optimiser; }
    auto setup(const X& context) -> void {
        static_assert(HasHyper<Hyper::learning_rate, std::remove_cvref_t<decltype(context.optimiser)>>,
                      "ReduceOnPlateau: this optimiser has no learning rate that can be set");
        prepare(context, AnyOptimiser(context.optimiser));
    }
    template <class X>
        requires requires(X& x) { x.optimiser; }
    auto on_epoch_end(const X& context) -> void {
        observe(context, AnyOptimiser(context.optimiser));
    }
    auto on_finalise(const TrainInfo& info) -> void;
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    auto prepare(const SetupInfo& info, const AnyOptimiser& optimiser) -> void;
    auto observe(const EpochInfo& info, AnyOptimiser optimiser) -> void;

    ReduceOnPlateauOptions options_;
    Improvement watch_;
    std::size_t observations_ = 0;
    std::size_t waited_ = 0;
    std::size_t cooling_ = 0;  // observations that will not count
    std::size_t reductions_ = 0;
};

}  // namespace nbm
