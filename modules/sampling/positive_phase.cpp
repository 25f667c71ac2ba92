module;

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

module nbm:sampling.positive_phase_impl;

import :model;
import :sampling.mean_field;
import :sampling.mean_field_rows;
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
    const auto& options = mean_field_.options();
    const auto free = free_layers(options, dbm.layer_count());
    parallel_rows(count, [&](Rows rows) {
        for (auto r = rows.first; r != rows.first + rows.count; ++r) {
            std::ranges::copy(batch.row(r), slice(means_[0], {r, 1}).row(0).begin());
        }
        infer_rows(dbm, means_, scratch_, options, free, rows, std::span(free_energies_).subspan(rows.first, rows.count));
    });
    return std::accumulate(free_energies_.begin(), free_energies_.begin() + static_cast<std::ptrdiff_t>(count), 0.0);
}

template class PositivePhase<float>;
template class PositivePhase<double>;

}  // namespace nbm
