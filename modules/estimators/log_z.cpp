module;

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

module nbm:estimators.log_z_impl;

import :estimators.log_z;
import :model;
import :tensor;

namespace nbm {

auto estimate_from_weights(std::span<const double> log_weights, double log_z_base) -> LogZ {
    if (log_weights.empty()) { throw InputError("an estimate needs at least 1 importance weight"); }
    const auto count = static_cast<double>(log_weights.size());
    const auto log_mean = log_sum_exp(log_weights) - std::log(count);
    auto ratio_variance = 0.0;  // of w / mean(w)
    auto log_mean_of = 0.0;
    for (const auto x : log_weights) {
        const auto ratio = std::exp(x - log_mean);
        ratio_variance += (ratio - 1.0) * (ratio - 1.0);
        log_mean_of += x / count;
    }
    auto log_variance = 0.0;
    for (const auto x : log_weights) { log_variance += (x - log_mean_of) * (x - log_mean_of); }

    auto result = LogZ{};
    result.runs = log_weights.size();
    result.value = log_z_base + log_mean;
    // sum w^2 / mean(w)^2 = M (1 + population variance of the ratio)
    result.effective_sample_size = count / (1.0 + ratio_variance / count);
    if (result.runs == 1) {
        result.low = -std::numeric_limits<double>::infinity();
        result.high = std::numeric_limits<double>::infinity();
        return result;
    }
    result.log_weight_variance = log_variance / (count - 1.0);
    const auto bar = 3.0 * std::sqrt(ratio_variance / (count - 1.0) / count);
    result.standard_error = bar / 3.0;
    result.low = bar < 1.0 ? result.value + std::log1p(-bar) : -std::numeric_limits<double>::infinity();
    result.high = result.value + std::log1p(bar);
    return result;
}

auto estimate_from_reverse_weights(std::span<const double> log_weights, double log_z_base) -> LogZ {
    auto result = estimate_from_weights(log_weights, -log_z_base);
    result.value = -result.value;
    const auto low = result.low;
    result.low = -result.high;
    result.high = -low;
    return result;
}

template <Real T>
auto mean_log_probability(const DBM<T>& dbm, const Matrix<T>& v, const Estimate& log_z) -> Estimate {
    if (v.shape(0) == 0) { throw InputError("the mean log-probability of 0 rows is not defined"); }
    const auto free_energies = dbm.free_energy(v);
    auto mean = 0.0;
    for (const auto f : free_energies) { mean += f; }
    mean /= static_cast<double>(v.shape(0));
    return {.value = -mean - log_z.value, .low = -mean - log_z.high, .high = -mean - log_z.low};
}

template auto mean_log_probability(const DBM<float>&, const Matrix<float>&, const Estimate&) -> Estimate;
template auto mean_log_probability(const DBM<double>&, const Matrix<double>&, const Estimate&) -> Estimate;

}  // namespace nbm
