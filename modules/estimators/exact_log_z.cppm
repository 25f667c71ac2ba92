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

}  // namespace nbm
