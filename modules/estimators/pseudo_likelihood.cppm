module;

#include <cstdint>

export module nbm:estimators.pseudo_likelihood;

import :model;
import :random;
import :tensor;

export namespace nbm {

/// RBM: the mean over the rows of v: [rows, visible] of the log pseudo-likelihood sum_i log p(v_i | all other visible units), in
/// nats (Besag 1975). log Z cancels; what remains are differences of free energies. Costs rows x visible x hidden softplus. Where
/// v_i is strictly between 0 and 1, log p(v_i | ...) stands for v_i log p(1 | ...) + (1 - v_i) log p(0 | ...), and grey neighbours
/// enter with their values as they are. Throws InputError for a deeper machine or no rows, ShapeError.
template <Real T>
auto pseudo_likelihood(const DBM<T>& dbm, const Matrix<T>& v) -> double;

/// An unbiased estimate of the same: in each row one random unit, times the number of visible units. Costs one pass of all rows to
/// the hidden units. Uses one random number a row, at `step` of the stream.
template <Real T>
auto pseudo_likelihood(const DBM<T>& dbm, const Matrix<T>& v, const Stream& stream, std::uint64_t step = 0) -> double;

}  // namespace nbm
