module;

#include "../kernels/kernels.hpp"

module nbm:sampling.positive_phase_impl;

import :model;
import :sampling.binary_chains;
import :sampling.even_terms;
import :sampling.fields;
import :sampling.mean_field;
import :sampling.mean_field_rows;
import :sampling.positive_phase;
import :standard;
import :tensor;
import :tensor.binary;

namespace nbm {

template <Real T>
auto PositivePhase<T>::reserve(const DBM<T>& dbm, std::size_t rows) -> void {
    means_ = dbm.make_states(rows);
    free_ = free_layers(mean_field_.options(), dbm.layer_count());
    if (!dbm.topology().is_rbm()) { room_ = make_room(dbm, rows); }
    free_energies_.assign(rows, 0.0);
}

template <Real T>
auto PositivePhase<T>::run(const DBM<T>& dbm, MatrixView<const T> batch) -> double {
    const auto count = batch.rows();
    mean_field_sweeps_ = 0;
    for_each_row({0, count}, dbm.visible_size(),
                 [&](std::size_t r) { std::ranges::copy(batch.row(r), MatrixView<T>(means_[0]).row(r).begin()); });
    const auto binary = takes_binary_path<T>() && run_binary(dbm, batch);
    if (binary && dbm.topology().is_rbm()) {
        for_each_row({0, count}, dbm.visible_size(),
                     [&](std::size_t r) { free_energies_[r] = even_terms(dbm, means_, r, true) - free_energies_[r]; });
    } else {
        for_row_blocks(count, rows_by_columns, [&](Rows rows) {
            const auto result = infer_rows(dbm, means_, room_, mean_field_.options(), free_, rows,
                                           std::span(free_energies_).subspan(rows.first, rows.count), binary);
            mean_field_sweeps_ += result.row_steps;
        });
    }
    return std::accumulate(free_energies_.begin(), free_energies_.begin() + static_cast<std::ptrdiff_t>(count), 0.0);
}

/// Of an RBM, all but the visible units' part of the free energies; of a deeper machine, the fields from the visible layer. False
/// when the batch is not all 0 or 1.
template <Real T>
auto PositivePhase<T>::run_binary(const DBM<T>& dbm, MatrixView<const T> batch) -> bool {
    if constexpr (std::same_as<T, float>) {
        auto& bits = bits_.get();
        bits.resize(dbm.layer_count(), batch.rows());
        const auto& clamped = mean_field_.options().clamped;
        const auto only_data_is_clamped = clamped.size() == 1 && clamped[0] == 0;
        if (!only_data_is_clamped || !bits.layer(0).set_rows(batch)) { return false; }
        const auto rows = Rows{0, batch.rows()};
        if (!dbm.topology().is_rbm()) {
            for (std::size_t l = 1; l != dbm.layer_count(); ++l) { bits.field(dbm, l, 0, slice(room_.constant[l], rows)); }
            return true;
        }
        const auto sums = std::span(free_energies_).first(batch.rows());
        std::ranges::fill(sums, 0.0);
        bits.activate(dbm, 1, std::nullopt, slice(means_[1], rows), sums);
        return true;
    } else {
        return false;
    }
}

template class PositivePhase<float>;
template class PositivePhase<double>;

}  // namespace nbm
