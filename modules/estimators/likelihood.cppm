export module nbm:estimators.likelihood;

import :estimators.control;
import :estimators.log_z;
import :model;
import :sampling;
import :standard;
import :tensor;

export namespace nbm {

/// The mean log p(v) of some rows, in nats. low, high: what log Z's error bar does to it, for this very data set; the rows are
/// taken as they are. standard_error: as an estimate for the distribution that the rows were drawn from, so with data_error and log
/// Z's standard error added in quadrature.
struct LogProbability : Estimate {
    double data_error = 0.0;       // standard error of the mean over the rows; infinite for a single one
    double population_low = 0.0;   // 3-sigma interval for that distribution: 3 data_error
    double population_high = 0.0;  // and log Z's error bar, added in quadrature on each side
    std::size_t rows = 0;
};

/// RBM: mean log p(v) over the rows of v: [batch, visible], = -mean F(v) - log Z; exact given log Z. For grey rows it is a lower
/// bound of the mean log-probability of binary rows drawn from them, since -F is convex. Throws ShapeError, and InputError for
/// deeper machines (see variational_bound()) or no rows.
template <Real T>
auto mean_log_probability(const DBM<T>& dbm, const Matrix<T>& v, const Estimate& log_z) -> LogProbability;

/// The same of rows whose free energies are known, those of exact_free_energy() for one: [rows]. Throws InputError without rows.
auto mean_log_probability(const Vector<double>& free_energies, const Estimate& log_z) -> LogProbability;

/// RBM: log p(v) of each row, given log Z's value. [batch]. Throws as mean_log_probability().
template <Real T>
auto log_probabilities(const DBM<T>& dbm, const Matrix<T>& v, const Estimate& log_z) -> Vector<double>;

/// Mean field until it stays: near the fixed point the bound's error is of second order in the tolerance.
inline auto to_convergence() -> MeanFieldOptions { return {.steps = 10'000, .tolerance = 1e-6}; }

/// A lower bound of the mean log p(v) of some rows, and how mean field ended. Rows without convergence have a lower bound, too.
struct VariationalBound : LogProbability {
    std::size_t mean_field_steps = 0;  // the most of any row; 0 for two layers
    double change = 0.0;               // largest change of a mean in the last sweep of any block
    bool converged = true;             // in all blocks
};

/// The variational lower bound of mean log p(v) over the rows of v: [batch, visible], for any number of layers (Salakhutdinov and
/// Hinton 2009): mean of b_0.v + sum over even hidden l of (b_l.mu_l + H(mu_l)) + sum over odd l of sum softplus(z_l(v, mu)), minus
/// log Z, with mu the means of mean field, run to convergence for each row. Exact for two layers. Never above the mean
/// log p(v) given the true log Z; the gap is the mean KL divergence of mean field from the posterior. Grey rows: as
/// mean_log_probability(). The same for any number of threads. Throws ShapeError, InputError without rows or when `mean_field`
/// clamps other layers than 0 or has another beta than 1, and Cancelled.
template <Real T>
auto variational_bound(const DBM<T>& dbm, const Matrix<T>& v, const Estimate& log_z,
                       const MeanFieldOptions& mean_field = to_convergence(), const Control& control = {}) -> VariationalBound;

/// The bound of each row, given log Z's value. [batch]. Throws as variational_bound().
template <Real T>
auto variational_bounds(const DBM<T>& dbm, const Matrix<T>& v, const Estimate& log_z,
                        const MeanFieldOptions& mean_field = to_convergence(), const Control& control = {}) -> Vector<double>;

}  // namespace nbm
