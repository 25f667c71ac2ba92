module;

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

module nbm:sampling.positive_phase_impl;

import :model;
import :sampling.even_terms;
import :sampling.mean_field;
import :sampling.positive_phase;
import :tensor;

namespace nbm {

template <Real T>
auto PositivePhase<T>::reserve(const DBM<T>& dbm, std::size_t rows) -> void {
    means_ = dbm.make_states(rows);
    if (!dbm.topology().is_rbm()) { scratch_ = dbm.make_states(rows); }
    free_energies_.assign(rows, 0.0);
}

template <Real T>
auto PositivePhase<T>::run(const DBM<T>& dbm, MatrixView<const T> batch) -> double {
    const auto count = batch.rows();
    parallel_rows(count, [&](Rows rows) {
        for (auto r = rows.first; r != rows.first + rows.count; ++r) {
            std::ranges::copy(batch.row(r), slice(means_[0], {r, 1}).row(0).begin());
        }
        if (!dbm.topology().is_rbm()) { dbm.propup_rows(means_, rows); }
    });
    if (!dbm.topology().is_rbm()) { mean_field_.run(dbm, means_, count, scratch_); }
    parallel_rows(count, [&](Rows rows) {
        const auto sums = std::span(free_energies_).subspan(rows.first, rows.count);
        std::ranges::fill(sums, 0.0);
        for (std::size_t l = 1; l < dbm.layer_count(); l += 2) {
            const auto part = slice(means_[l], rows);
            dbm.field_rows(l, means_, rows, part);
            activate_and_sum(part, sums);
        }
        for (std::size_t r = 0; r != rows.count; ++r) { sums[r] = even_terms(dbm, means_, rows.first + r, true) - sums[r]; }
    });
    return std::accumulate(free_energies_.begin(), free_energies_.begin() + static_cast<std::ptrdiff_t>(count), 0.0);
}

template class PositivePhase<float>;
template class PositivePhase<double>;

}  // namespace nbm
