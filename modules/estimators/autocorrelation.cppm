export module nbm:estimators.autocorrelation;

import :standard;
import :tensor;

export namespace nbm {

/// The integrated autocorrelation time tau = 1 + 2 sum_t rho(t) of equally spaced values of several chains, series: [times,
/// chains], in units of their spacing: the variance of a mean over time is tau times what independent values would give. rho(t) is
/// the mean over chains and time of the products of deviations t apart, over that at 0; deviations are from the chains' mean at the
/// same time, so that a drift that all chains share does not count and short series have no bias (from the mean over time for a
/// single chain). The sum ends at the smallest window M >= max(10, 5 tau(M)) (Sokal 1997), at the latest at half of the series: a
/// time that is not well below a tenth of the series is a lower bound. Absent for fewer than 4 times,
/// when nothing varies by more than rounding errors of the values, or when the estimate is not above 0.
auto autocorrelation_time(const Matrix<double>& series) -> std::optional<double>;

}  // namespace nbm
