module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

module nbm:sampling.mean_field_impl;

import :model;
import :sampling.chains;
import :sampling.mean_field;
import :tensor;

namespace nbm {

namespace {

/// One sweep over some rows; the largest change of a mean.
template <Real T>
auto update_rows(const DBM<T>& dbm, States<T>& means, States<T>& scratch, const std::vector<bool>& free, double beta, Rows rows)
    -> double {
    auto change = 0.0;
    for (const auto parity : {Parity::odd, Parity::even}) {
        for (std::size_t l = parity == Parity::even ? 0 : 1; l < dbm.layer_count(); l += 2) {
            if (!free[l]) { continue; }
            const auto updated = slice(scratch[l], rows);
            const auto current = slice(means[l], rows);
            dbm.field_rows(l, means, rows, updated);
            activate(updated, beta);
            for (std::size_t r = 0; r != rows.count; ++r) {
                const auto from = updated.row(r);
                const auto to = current.row(r);
                for (std::size_t k = 0; k != from.size(); ++k) {
                    const auto moved = double(std::abs(from[k] - to[k]));
                    change = moved <= change ? change : moved;  // NaN stays
                    to[k] = from[k];
                }
            }
        }
    }
    return change;
}

}  // namespace

template <Real T>
auto MeanField::run(const DBM<T>& dbm, States<T>& means, std::size_t count, States<T>& scratch) const -> MeanFieldResult {
    const auto free = free_layers({.beta = options_.beta, .clamped = options_.clamped}, dbm.layer_count());
    auto free_of = [&](Parity parity) {
        for (std::size_t l = parity == Parity::even ? 0 : 1; l < free.size(); l += 2) {
            if (free[l]) { return true; }
        }
        return false;
    };
    const auto exact_at_once = !free_of(Parity::even) || !free_of(Parity::odd);
    const auto blocks = RowBlocks(count);
    auto changes = std::vector<double>(blocks.count());
    auto result = MeanFieldResult{};
    while (result.steps < options_.steps && !result.converged) {
        parallel_for(blocks.count(), [&](std::size_t block) {
            changes[block] = update_rows(dbm, means, scratch, free, options_.beta, blocks[block]);
        });
        ++result.steps;
        result.change = 0.0;
        for (const auto change : changes) { result.change = change <= result.change ? result.change : change; }
        result.converged = exact_at_once || result.change <= options_.tolerance;
    }
    return result;
}

template <Real T>
auto MeanField::run(const DBM<T>& dbm, States<T>& means) const -> MeanFieldResult {
    dbm.check(means);
    auto scratch = dbm.make_states(means[0].shape(0));
    return run(dbm, means, means[0].shape(0), scratch);
}

template auto MeanField::run(const DBM<float>&, States<float>&) const -> MeanFieldResult;
template auto MeanField::run(const DBM<double>&, States<double>&) const -> MeanFieldResult;
template auto MeanField::run(const DBM<float>&, States<float>&, std::size_t, States<float>&) const -> MeanFieldResult;
template auto MeanField::run(const DBM<double>&, States<double>&, std::size_t, States<double>&) const -> MeanFieldResult;

}  // namespace nbm
