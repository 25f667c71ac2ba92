module nbm:estimators.log_z_impl;

import :estimators.log_z;
import :random;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

constexpr auto infinity = std::numeric_limits<double>::infinity();

/// How many replicates lie below the lower end of the interval, this one included, and as many above the upper end.
auto tail(const BootstrapOptions& options) -> std::size_t {
    if (!(options.level > 0.0 && options.level < 1.0)) {
        throw InputError(fmt::format("the confidence of a bootstrap interval is {}; it must be between 0 and 1", options.level));
    }
    const auto count = static_cast<std::size_t>(static_cast<double>(options.replicates + 1) * (1.0 - options.level) / 2.0);
    if (count == 0) {
        throw InputError(fmt::format("{} bootstrap replicates are too few for a confidence of {}; at least {:.0f} are needed",
                                     options.replicates, options.level, std::ceil(2.0 / (1.0 - options.level)) - 1.0));
    }
    return count;
}

/// Percentile interval of log mean(ratios).
auto bootstrap_interval(std::span<const double> ratios, const BootstrapOptions& options) -> Interval {
    const auto outside = tail(options);
    const auto count = ratios.size();
    const auto stream = Stream(options.seed, Purpose::evaluation);
    auto means = std::vector<double>(options.replicates);
    constexpr std::size_t replicates_in_a_task = 100;
    const auto blocks = RowBlocks(options.replicates, replicates_in_a_task);
    parallel_for(blocks.count(), [&](std::size_t block) {
        const auto [first, size] = blocks[block];
        for (auto b = first; b != first + size; ++b) {
            auto sum = 0.0;
            for (std::size_t i = 0; i < count; i += 4) {
                const auto words = philox4x32(stream.counter(b, 0, static_cast<std::uint32_t>(i / 4)), stream.key());
                for (std::size_t k = 0; k != std::min<std::size_t>(4, count - i); ++k) {
                    sum += ratios[std::uint64_t{words[k]} * count >> 32U];
                }
            }
            means[b] = sum / static_cast<double>(count);
        }
    });
    std::ranges::sort(means);
    return {.low = std::log(means[outside - 1]), .high = std::log(means[means.size() - outside])};
}

/// Of the log weights of runs that count at all.
auto variance_of_positive(std::span<const double> log_weights) -> double {
    auto count = 0.0;
    auto mean = 0.0;
    auto squares = 0.0;  // Welford's recurrence
    for (const auto x : log_weights) {
        if (x == -infinity) { continue; }
        count += 1.0;
        const auto before = x - mean;
        mean += before / count;
        squares += before * (x - mean);
    }
    return count < 2.0 ? 0.0 : squares / (count - 1.0);
}

auto shifted(const Interval& interval, double by) -> Interval { return {interval.low + by, interval.high + by}; }

}  // namespace

auto estimate_from_weights(std::span<const double> log_weights, double log_z_base, const BootstrapOptions& options) -> LogZ {
    if (log_weights.empty()) { throw InputError("an estimate needs at least 1 importance weight"); }
    const auto count = static_cast<double>(log_weights.size());
    const auto log_mean = log_sum_exp(log_weights) - std::log(count);
    auto result = LogZ{};
    result.value = log_z_base + log_mean;
    result.low = -infinity;
    result.high = infinity;
    result.standard_error = infinity;
    result.bootstrap = {-infinity, infinity};
    result.bootstrap_level = options.level;
    result.runs = log_weights.size();
    static_cast<void>(tail(options));
    if (!std::isfinite(log_mean)) {
        result.log_weight_variance = infinity;
        return result;
    }

    auto ratios = std::vector<double>{};  // w / mean(w)
    auto variance = 0.0;                  // its sum of squared deviations
    for (const auto x : log_weights) {
        ratios.push_back(std::exp(x - log_mean));
        variance += (ratios.back() - 1.0) * (ratios.back() - 1.0);
    }
    // sum w^2 / mean(w)^2 = M (1 + population variance of the ratio)
    result.effective_sample_size = count / (1.0 + variance / count);
    result.largest_weight_share = std::ranges::max(ratios) / count;
    if (result.runs == 1) { return result; }
    result.log_weight_variance = variance_of_positive(log_weights);
    result.standard_error = std::sqrt(variance / (count - 1.0) / count);
    const auto bar = 3.0 * result.standard_error;
    if (bar < 1.0) { result.low = result.value + std::log1p(-bar); }
    result.high = result.value + std::log1p(bar);
    result.bootstrap = shifted(bootstrap_interval(ratios, options), result.value);
    return result;
}

auto estimate_from_reverse_weights(std::span<const double> log_weights, double log_z_base, const BootstrapOptions& options)
    -> LogZ {
    auto result = estimate_from_weights(log_weights, -log_z_base, options);
    result.value = -result.value;
    std::tie(result.low, result.high) = std::pair(-result.high, -result.low);
    result.bootstrap = {-result.bootstrap.high, -result.bootstrap.low};
    return result;
}

auto LogZ::trustworthy(const TrustLimits& limits) const -> Verdict {
    constexpr auto remedy = std::string_view{"use more inverse temperatures or a base nearer to the machine, then more runs"};
    const auto no = [](std::string reason) { return Verdict{.yes = false, .reason = std::move(reason)}; };
    if (std::isnan(value)) {
        return no(
            "the estimate is not a number, since a log weight is none: the machine's parameters are not finite or so large "
            "that energies overflow; find out when its training diverged");
    }
    if (!std::isfinite(value)) {
        return no(
            "the estimate is infinite: all weights are 0 or one of them is infinite; check that the machine's parameters are "
            "finite, then use more inverse temperatures");
    }
    if (runs < limits.runs) {
        return no(fmt::format("{} {} too few to judge by their spread; use at least {}", runs, runs == 1 ? "run is" : "runs are",
                              limits.runs));
    }
    if (!std::isfinite(low) || !std::isfinite(high)) {
        return no(fmt::format("the runs differ so much that the error bar of Z, or of 1/Z, reaches below 0; {}", remedy));
    }
    if (largest_weight_share > limits.weight_share) {
        return no(fmt::format("a single one of {} runs carries {:.0f} % of the weight (at most {:.0f} % are good); {}", runs,
                              100.0 * largest_weight_share, 100.0 * limits.weight_share, remedy));
    }
    if (effective_sample_size < limits.effective_sample_size) {
        return no(fmt::format("{} runs are worth only {:.1f} independent samples (at least {:.0f} are needed); {}", runs,
                              effective_sample_size, limits.effective_sample_size, remedy));
    }
    if (log_weight_variance > limits.log_weight_variance) {
        return no(
            fmt::format("the log weights have the variance {:.2f} (at most {:.2f} is good): the largest possible weights are "
                        "probably not among those drawn, and the error bar is too narrow; {}",
                        log_weight_variance, limits.log_weight_variance, remedy));
    }
    return {.yes = true,
            .reason = fmt::format("{} runs are worth {:.1f} independent samples, and none of them dominates", runs,
                                  effective_sample_size)};
}

auto interval_minus_log_z(double value, double standard_error, const Estimate& log_z) -> Interval {
    return {.low = value - std::hypot(3.0 * standard_error, log_z.high - log_z.value),
            .high = value + std::hypot(3.0 * standard_error, log_z.value - log_z.low)};
}

}  // namespace nbm
