export module nbm:estimators.exact_log_z;

import :estimators.control;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// Most units that are enumerated: 2^30 states.
inline constexpr std::size_t max_enumerated_units = 30;

/// log Z, exactly: enumerates all states of the parity with fewer units and sums the other one out analytically, in double, with
/// memory independent of the number of states. The same bits for any number of threads. Throws InputError when both parities have
/// more than max_enumerated_units units, and Cancelled.
template <Real T>
auto exact_log_z(const DBM<T>& dbm, const Control& control = {}) -> double;

/// How many hidden units exact_free_energy enumerates: those of the smaller parity among the hidden layers; none for two layers.
auto enumerated_hidden(const Topology& topology) -> std::size_t;

/// F(v) = -log sum over all hidden states of exp(-E) of each row of v: [rows, visible], in nats, so that log p(v) = -F(v) - log Z.
/// Closed form for two layers, else by enumeration: once for many rows when odd units are enumerated (their biases alone depend on
/// v), anew for each row when even ones are. In double. [rows]. Throws ShapeError, InputError when more than max_enumerated_units
/// units would have to be enumerated, and Cancelled.
template <Real T>
auto exact_free_energy(const DBM<T>& dbm, const Matrix<T>& v, const Control& control = {}) -> Vector<double>;

/// log p(v) = -F(v) - log Z of each row of v: [rows, visible], in nats. [rows]. Throws as the two above.
template <Real T>
auto exact_log_probability(const DBM<T>& dbm, const Matrix<T>& v, const Control& control = {}) -> Vector<double>;

}  // namespace nbm
