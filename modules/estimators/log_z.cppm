module;

#include <cstddef>
#include <span>

export module nbm:estimators.log_z;

import :model;
import :tensor;

export namespace nbm {

/// A quantity in nats with the ends of its error bar; low is -inf where the error bar of Z reaches below 0.
struct Estimate {
    double value = 0.0;
    double low = 0.0;
    double high = 0.0;
    double standard_error = 0.0;  // of the value, in nats; 0 for an exact one
};

/// An estimate of log Z by importance weights, with what tells whether to trust it.
struct LogZ : Estimate {
    double effective_sample_size = 0.0;  // (sum w)^2 / sum w^2, at most the number of runs
    double log_weight_variance = 0.0;    // of log w, in nats^2; beyond about 1 the error bar is too narrow
    std::size_t runs = 0;
};

/// log of the mean weight plus `log_z_base`; the error bar is log(mean(w) +- 3 std(w) / sqrt(M)) (Salakhutdinov and Murray 2008,
/// section 4.1.1), that is, the one of Z. Throws InputError without weights.
auto estimate_from_weights(std::span<const double> log_weights, double log_z_base) -> LogZ;

/// The same for reverse AIS, where Z = Z_base / E[w]: `log_z_base` minus log of the mean weight, and its error bar, whose upper end
/// is +inf where that of the mean reaches below 0.
auto estimate_from_reverse_weights(std::span<const double> log_weights, double log_z_base) -> LogZ;

/// RBM: mean log p(v) over the rows of v: [batch, visible], = -mean F(v) - log Z, with log Z's error bar. For grey rows it is a
/// lower bound of the mean log-probability of binary rows drawn from them, since -F is convex. Throws as DBM::free_energy does.
template <Real T>
auto mean_log_probability(const DBM<T>& dbm, const Matrix<T>& v, const Estimate& log_z) -> Estimate;

}  // namespace nbm
