module nbm:estimators.autocorrelation_impl;

import :estimators.autocorrelation;
import :standard;
import :tensor;

namespace nbm {

namespace {

auto deviations(Matrix<double> x) -> Matrix<double> {
    const auto times = x.shape(0);
    const auto chains = x.shape(1);
    if (chains == 1) {
        auto mean = 0.0;
        for (const auto value : x) { mean += value / static_cast<double>(times); }
        for (auto& value : x) { value -= mean; }
        return x;
    }
    for (std::size_t t = 0; t != times; ++t) {
        auto mean = 0.0;
        for (std::size_t c = 0; c != chains; ++c) { mean += x(t, c) / static_cast<double>(chains); }
        for (std::size_t c = 0; c != chains; ++c) { x(t, c) -= mean; }
    }
    return x;
}

auto covariance(const Matrix<double>& d, std::size_t lag) -> double {
    const auto products = (d.shape(0) - lag) * d.shape(1);
    const auto* later = d.data() + lag * d.shape(1);
    auto sum = 0.0;
    for (std::size_t i = 0; i != products; ++i) { sum += d.data()[i] * later[i]; }
    return sum / static_cast<double>(products);
}

/// Whether deviations with this mean square are no more than the rounding of values and means.
auto is_rounding(double variance, const Matrix<double>& series) -> bool {
    auto largest = 0.0;
    for (const auto value : series) { largest = std::max(largest, std::abs(value)); }
    const auto averaged = static_cast<double>(series.shape(1) == 1 ? series.shape(0) : series.shape(1));
    return std::sqrt(variance) <= (16.0 + averaged) * std::numeric_limits<double>::epsilon() * largest;
}

}  // namespace

auto autocorrelation_time(const Matrix<double>& series) -> std::optional<double> {
    constexpr auto times_in_window = 5.0;
    constexpr auto least_window = 10.0;  // where values alternate, the first sums are far below tau
    if (series.shape(0) < 4 || series.shape(1) == 0) { return std::nullopt; }
    const auto d = deviations(series);
    const auto variance = covariance(d, 0);
    if (is_rounding(variance, series)) { return std::nullopt; }
    auto tau = 1.0;
    for (std::size_t lag = 1; lag <= series.shape(0) / 2; ++lag) {
        tau += 2.0 * covariance(d, lag) / variance;
        if (static_cast<double>(lag) >= std::max(least_window, times_in_window * tau)) { break; }
    }
    // NaN, where there is one among the values, remains.
    if (tau <= 0.0) { return std::nullopt; }
    return tau;
}

}  // namespace nbm
