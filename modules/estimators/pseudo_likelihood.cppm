export module nbm:estimators.pseudo_likelihood;

import :estimators.control;
import :model;
import :random;
import :standard;
import :tensor;

export namespace nbm {

/// RBM: the log pseudo-likelihood sum_i log p(v_i | all other visible units) of each row of v: [rows, visible], in nats (Besag
/// 1975). log Z cancels; what remains are differences of free energies. Costs rows x visible x hidden softplus. Where v_i is
/// strictly between 0 and 1, log p(v_i | ...) stands for v_i log p(1 | ...) + (1 - v_i) log p(0 | ...), and grey neighbours enter
/// with their values as they are. [rows]. Throws InputError for a deeper machine, ShapeError, and Cancelled.
template <Real T>
auto pseudo_likelihoods(const DBM<T>& dbm, const Matrix<T>& v, const Control& control = {}) -> Vector<double>;

/// An unbiased estimate of the same: in each row one random unit, times the number of visible units. Costs one pass of all rows to
/// the hidden units. Uses one random number a row, at `step` of the stream.
template <Real T>
auto pseudo_likelihoods(const DBM<T>& dbm, const Matrix<T>& v, const Stream& stream, std::uint64_t step = 0) -> Vector<double>;

/// The mean over the rows. Throws InputError without rows, too.
template <Real T>
auto pseudo_likelihood(const DBM<T>& dbm, const Matrix<T>& v, const Control& control = {}) -> double;
template <Real T>
auto pseudo_likelihood(const DBM<T>& dbm, const Matrix<T>& v, const Stream& stream, std::uint64_t step = 0) -> double;

}  // namespace nbm
