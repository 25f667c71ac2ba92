export module nbm:callbacks.ais_callback;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :estimators;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// How the inverse temperatures of AIS are spaced: see linear() and three_piece().
enum class BetaSchedule : std::uint8_t { linear, three_piece };

struct AISCallbackOptions {
    std::size_t runs = 100;
    std::size_t betas = 1000;
    BetaSchedule schedule = BetaSchedule::linear;
    std::string name = "";  // appended to the metrics' names as "_name", for several of these side by side
    std::uint64_t seed = 1;
    bool exact = false;  // also logs logz_exact, by enumeration
};

/// Estimates log Z by AIS after each epoch and logs, in nats:
/// - logz, logz_low, logz_high, and what tells whether to trust them (see LogZ::trustworthy()): logz_ess (effective sample size),
///   logz_share (of the largest weight), logz_weight_variance (of the log weights)
/// - free_energy (mean F(v) of the training rows), prob, prob_low, prob_high (mean log p(v)); the same of the validation rows with
/// the
///   prefix val_. For machines with more than two layers these are the variational free energy, an upper bound of F(v), and the
///   lower bound of log p(v) that variational_bound() gives.
/// - logz_exact where asked for, by enumeration.
/// Does not touch the training's random numbers. When a stop is requested, the estimate under way is given up and absent. For some
/// epochs only: Every.
class AISCallback {
public:
    static constexpr std::string_view kind = "ais";
    static constexpr std::string_view doc = "log Z and log-probabilities by annealed importance sampling, with error bars";
    using Options = AISCallbackOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit AISCallback(AISCallbackOptions options = {});
    /// With inverse temperatures of one's own.
    AISCallback(AISCallbackOptions options, Betas betas);

    inline auto id() const -> std::string { return options_.name.empty() ? std::string(kind) : "ais_" + options_.name; }

    /// Throws InputError before anything is trained when `exact` is asked of too large a machine.
    template <Real T>
    auto setup(ModelContext<SetupInfo, T>& context) -> void {
        prepare(context, context.model.topology());
    }

    template <Real T>
    auto on_epoch_end(ModelContext<EpochInfo, T>& context) -> void;

private:
    /// A metric with its error bar.
    struct Bounded {
        MetricId value;
        MetricId low;
        MetricId high;
        auto set(Logs& logs, const Estimate& estimate) const -> void;
    };
    /// What tells whether to trust log Z.
    struct Trust {
        MetricId effective_sample_size;
        MetricId share;
        MetricId variance;
    };
    /// The metrics of one split.
    struct Split {
        MetricId free_energy;
        Bounded prob;
    };

    auto prepare(SetupInfo& info, const Topology& topology) -> void;
    auto named(const std::string& name) const -> std::string;
    auto declare_bounded(Logs& logs, const std::string& name) const -> Bounded;
    auto declare_split(Logs& logs, const std::string& prefix) const -> Split;

    AISCallbackOptions options_;
    Betas betas_;
    Bounded logz_;
    Trust trust_;
    MetricId exact_;
    Split train_;
    Split validation_;
};

}  // namespace nbm
