export module nbm:estimators.log_z;

import :standard;

export namespace nbm {

/// A quantity in nats with the ends of its error bar; low is -inf where the error bar of Z reaches below 0.
struct Estimate {
    double value = 0.0;
    double low = 0.0;
    double high = 0.0;
    double standard_error = 0.0;  // of the value, in nats; 0 for an exact one
};

/// A value without error, such as exact_log_z() gives.
inline auto exactly(double value) -> Estimate { return {.value = value, .low = value, .high = value}; }

struct Interval {
    double low = 0.0;
    double high = 0.0;
};

/// Whether to rely on something, and why not or, when so, why.
struct Verdict {
    bool yes = false;
    std::string reason;  // a sentence for a person, with what to do

    inline explicit operator bool() const { return yes; }
};

/// What an estimate by importance weights needs to be trusted. The defaults come from tests/bench/coverage.cpp, which draws 4,000
/// times 20 to 1,000 log-normal weights (such as AIS with many betas gives) or gamma weights of many spreads. 3-sigma bars miss log
/// Z in 0.2 to 1.1 % of all cases up to a log-weight variance of 0.5 and 100 runs or more (of normal weights, in 0.3 %), but at 100
/// runs in 2 % for the variance 1, 5 % for 2, 10 % for 3, 28 % for 6; 95 % bootstrap intervals in 5 to 6 %, 8 %, 13 %, 18 %, 37 %.
/// Whatever the spread, estimates that pass these limits and miss are at most 2.7 % (bootstrap: 7.5 %) of all. With the spread at
/// the limit, few estimates pass, those without the large weights: of 100 runs at the variance 1.25, a third, and 8 % of these
/// miss.
struct TrustLimits {
    std::size_t runs = 50;
    double effective_sample_size = 40.0;  // at least
    double weight_share = 0.1;            // at most so much of all weight in one run
    double log_weight_variance = 1.5;     // at most, in nats^2
};

/// An estimate of log Z by importance weights w, one for each of M runs, with what tells whether to trust it. From w = 0 (log
/// weight -inf) it is as good as from any other; NaN, infinite weights, or no weight above 0 make the error bars infinite.
struct LogZ : Estimate {
    Interval bootstrap;                  // percentile bootstrap of log Z
    double bootstrap_level = 0.95;       // its confidence
    double effective_sample_size = 0.0;  // (sum w)^2 / sum w^2, at most the number of runs
    double largest_weight_share = 1.0;   // max w / sum w
    double log_weight_variance = 0.0;    // of log w over all w > 0, in nats^2; beyond about 1 the error bars are too narrow
    std::size_t runs = 0;

    /// No, with the reason and what to do about it, when the error bars are likely to be too narrow. Yes is no proof: modes of the
    /// machine that no run has reached leave no trace in the weights.
    auto trustworthy(const TrustLimits& limits = {}) const -> Verdict;
};

struct BootstrapOptions {
    double level = 0.95;             // confidence of the interval
    std::size_t replicates = 2'000;  // data sets drawn from the weights
    std::uint64_t seed = 1;
};

/// log of the mean weight plus `log_z_base`. value: log of an unbiased estimate of Z, on average too low. low, high: log(mean(w) +-
/// 3 std(w) / sqrt(M)) (Salakhutdinov and Murray 2008, section 4.1.1), that is, the error bar of Z. standard_error: that of log Z
/// by the delta method, std(w) / (mean(w) sqrt(M)). bootstrap: quantiles of the log mean of weights drawn from the given ones with
/// replacement (Efron 1979); the same for the same seed. Throws InputError without weights, or when the level is not between 0 and
/// 1 or has less than one replicate on either side.
auto estimate_from_weights(std::span<const double> log_weights, double log_z_base, const BootstrapOptions& options = {}) -> LogZ;

/// The same from annealing runs in reverse, from the machine to the base, whose weights have the mean Z_A / Z: `log_z_base` minus
/// the log of the mean weight, with the error bars turned round; high is +inf when it must. Where the runs start from exact samples
/// of the machine, value is on average too high: with a forward estimate, it encloses log Z.
auto estimate_from_reverse_weights(std::span<const double> log_weights, double log_z_base, const BootstrapOptions& options = {})
    -> LogZ;

}  // namespace nbm

namespace nbm {

/// The 3-sigma interval of `value`, which has a standard error of its own and from which log Z was subtracted.
auto interval_minus_log_z(double value, double standard_error, const Estimate& log_z) -> Interval;

}  // namespace nbm
