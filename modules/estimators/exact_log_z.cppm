module;

#include <cstddef>

export module nbm:estimators.exact_log_z;

import :model;
import :tensor;

export namespace nbm {

/// Most units that exact_log_z enumerates: 2^30 states.
inline constexpr std::size_t max_enumerated_units = 30;

/// log Z, exactly: enumerates all states of the parity with fewer units and sums the other one out analytically, in double, with
/// memory independent of the number of states. Throws InputError when both parities have more than max_enumerated_units units.
template <Real T>
auto exact_log_z(const DBM<T>& dbm) -> double;

/// Most hidden units that exact_free_energy enumerates for each row: 2^20 states.
inline constexpr std::size_t max_enumerated_hidden = 20;

/// How many hidden units exact_free_energy enumerates for each row: those of the smaller parity among the hidden layers; none for
/// two layers.
auto enumerated_hidden(const Topology& topology) -> std::size_t;

/// F(v) = -log sum over all hidden states of exp(-E) of each row of v: [rows, visible], in nats, so that log p(v) = -F(v) - log Z.
/// Closed form for two layers, else by enumeration. [rows]. Throws ShapeError, and InputError when more than max_enumerated_hidden
/// units would have to be enumerated.
template <Real T>
auto exact_free_energy(const DBM<T>& dbm, const Matrix<T>& v) -> Vector<double>;

}  // namespace nbm
