export module nbm:tensor.kernels;

import :standard;
import :tensor.types;

// Element-wise passes over fields. The float versions use a polynomial exponential with a relative error below 3e-7; the
// double versions use the exponential of the C library.
export namespace nbm {

/// out[r, :] = bias for every row.
template <Real T>
auto set_rows(MatrixView<T> out, std::span<const T> bias) -> void;

/// z <- sigmoid(beta z) in place.
template <Real T>
auto activate(MatrixView<T> z, double beta) -> void;

/// z <- sigmoid(z) in place; sums[r] += sum_k softplus(z[r, k]). `sums` has one element per row.
template <Real T>
auto activate_and_sum(MatrixView<T> z, std::span<double> sums) -> void;

/// sums[r] += sum_k softplus(beta z[r, k]).
template <Real T>
auto add_softplus(MatrixView<const T> z, double beta, std::span<double> sums) -> void;

/// One step of annealing over fields z: with logit(b) = a + b (z - a) (a = 0 where `base` is empty),
/// sums[r] += sum_k softplus(logit(beta)) - softplus(logit(beta_before)), then z <- logit(beta) in place.
template <Real T>
auto anneal(MatrixView<T> z, std::span<const T> base, double beta_before, double beta, std::span<double> sums) -> void;

}  // namespace nbm

namespace nbm {

/// The sum of x_k y_k, in double.
template <Real T>
auto dot(std::span<const T> x, std::span<const T> y) -> double;

/// means <- sigmoid(beta (input + constant)); the largest change, NaN when one of them is.
template <Real T>
auto update_means(std::span<T> means, std::span<const T> input, std::span<const T> constant, double beta) -> double;

/// The mean of each column, kept away from 0 and 1, so that its logit is finite: in [0.001, 0.999]. Needs at least one row.
template <Real T>
auto clipped_column_means(MatrixView<const T> v) -> std::vector<double>;

}  // namespace nbm
