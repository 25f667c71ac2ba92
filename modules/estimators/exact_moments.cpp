module;

#include "../kernels/kernels.hpp"

module nbm:estimators.exact_moments_impl;

import :estimators.clamped_enumeration;
import :estimators.control;
import :estimators.enumeration;
import :estimators.exact_log_z;
import :estimators.exact_moments;
import :model;
import :standard;
import :tensor;

namespace nbm {

namespace {

/// What the hidden layers contribute to the positive phase.
struct HiddenMoments {
    MomentSums sums;     // over the rows, weighted
    Matrix<double> odd;  // [rows, odd units], the expectations of each row
};

auto total_of(const Enumeration& states, std::vector<MomentSums>& partial) -> MomentSums {
    auto total = MomentSums(states.units(), states.columns());
    for (auto& sums : partial) {
        states.finish(sums);
        total.add(sums);
    }
    return total;
}

/// p <- exp(p - log_sum)
auto to_probabilities(std::span<double> p, double log_sum) -> void {
    for (auto& x : p) { x -= log_sum; }
    kernels::active().enumeration.exponentials(p.data(), p.size());
}

/// [states of a block, units of a block + 1]: the states of the units, and a column of ones.
auto block_states_and_one(const Enumeration& states) -> Matrix<double> {
    auto result = Matrix<double>::from_shape({states.block_states(), states.block_bits() + 1});
    for (std::size_t s = 0; s != states.block_states(); ++s) {
        for (std::size_t unit = 0; unit != states.block_bits(); ++unit) { result(s, unit) = double(s >> unit & 1U); }
        result(s, states.block_bits()) = 1.0;
    }
    return result;
}

/// Odd units are enumerated: the weighted mean of the rows' distributions gives all expectations but those that involve v.
auto shared_moments(const TwoSides& hidden, const Matrix<double>& bias, std::span<const double> log_sums,
                    std::span<const double> weights) -> HiddenMoments {
    constexpr std::size_t rows_at_once = 64;
    const auto states = Enumeration(hidden.weights, magnitudes(hidden.summed_bias));
    const auto none = std::vector<double>(states.units(), 0.0);
    const auto rows = bias.shape(0);
    const auto bits = states.block_bits();
    const auto units = block_states_and_one(states);
    const auto tasks = states.tasks();
    auto partial = std::vector(tasks.count(), MomentSums(states.units(), states.columns()));
    auto odd = std::vector(tasks.count(), zero_matrix<double>(rows, states.units()));
    parallel_for(tasks.count(), [&](std::size_t task) {
        auto workspace = states.workspace();
        auto p = Matrix<double>::from_shape({rows_at_once, states.block_states()});
        auto means = Matrix<double>::from_shape({rows_at_once, bits + 1});
        auto mixture = std::vector<double>(states.block_states());
        const auto blocks = tasks[task];
        for (auto block = blocks.first; block != blocks.first + blocks.count; ++block) {
            states.set_log_weights({none, hidden.summed_bias}, block, workspace);
            std::ranges::fill(mixture, 0.0);
            for (std::size_t first = 0; first < rows; first += rows_at_once) {
                const auto now = std::min(rows_at_once, rows - first);
                for (std::size_t r = 0; r != now; ++r) {
                    const auto row = MatrixView<double>(p).row(r);
                    const auto b = MatrixView<const double>(bias).row(first + r);
                    sum_biases(b, bits, states.high_bias(b, block), row);
                    for (std::size_t s = 0; s != row.size(); ++s) { row[s] += workspace.log_weights[s]; }
                    to_probabilities(row, log_sums[first + r]);
                    for (std::size_t s = 0; s != row.size(); ++s) { mixture[s] += weights[first + r] * row[s]; }
                }
                multiply<double>(slice(std::as_const(p), {0, now}), units, slice(means, {0, now}));
                for (std::size_t r = 0; r != now; ++r) {
                    const auto out = MatrixView<double>(odd[task]).row(first + r);
                    for (std::size_t unit = 0; unit != bits; ++unit) { out[unit] += means(r, unit); }
                    for (auto unit = bits; unit != states.units(); ++unit) {
                        if ((block >> (unit - bits) & 1U) != 0) { out[unit] += means(r, bits); }
                    }
                }
            }
            states.add_moments(hidden.summed_bias, block, mixture, workspace, partial[task]);
        }
    });
    for (std::size_t task = 1; task != tasks.count(); ++task) {
        std::transform(odd[0].begin(), odd[0].end(), odd[task].begin(), odd[0].begin(), [](double x, double y) { return x + y; });
    }
    return {total_of(states, partial), std::move(odd[0])};
}

/// Even units are enumerated: each row is an enumeration of its own.
auto separate_moments(const TwoSides& hidden, const Matrix<double>& bias, std::span<const double> log_sums,
                      std::span<const double> weights) -> HiddenMoments {
    const auto states = Enumeration(hidden.weights, largest_magnitudes(bias));
    const auto rows = bias.shape(0);
    const auto groups = RowBlocks(rows, (rows + 63) / 64);
    auto partial = std::vector(groups.count(), MomentSums(states.units(), states.columns()));
    auto odd = zero_matrix<double>(rows, states.columns());
    parallel_for(groups.count(), [&](std::size_t group) {
        auto workspace = states.workspace();
        for (auto r = groups[group].first; r != groups[group].first + groups[group].count; ++r) {
            const auto biases = Biases{hidden.enumerated_bias, MatrixView<const double>(bias).row(r)};
            auto own = MomentSums(states.units(), states.columns());
            for (std::size_t block = 0; block != states.blocks(); ++block) {
                states.set_log_weights(biases, block, workspace);
                to_probabilities(workspace.log_weights, log_sums[r]);
                states.add_moments(biases.summed, block, workspace.log_weights, workspace, own);
            }
            states.finish(own);
            partial[group].add(own, weights[r]);
            std::ranges::copy(own.summed, MatrixView<double>(odd).row(r).begin());
        }
    });
    return {total_of(states, partial), std::move(odd)};
}

}  // namespace

template <Real T>
auto model_moments(const DBM<T>& dbm, const Control& control) -> ModelMoments {
    const auto& topology = dbm.topology();
    require_enumerable("the expectations", topology, max_enumerated_units);
    const auto log_z = exact_log_z(dbm, part_of(control, 0.0, 0.2));
    const auto rest = part_of(control, 0.2, 1.0);
    const auto sides = two_sides(dbm, smaller_parity(topology));
    const auto states = Enumeration(sides.weights, magnitudes(sides.summed_bias));
    const auto tasks = states.tasks();
    auto partial = std::vector(tasks.count(), MomentSums(states.units(), states.columns()));
    auto progress = Progress(rest, states.blocks());
    parallel_for(tasks.count(), [&](std::size_t task) {
        auto workspace = states.workspace();
        const auto blocks = tasks[task];
        for (auto block = blocks.first; block != blocks.first + blocks.count && !progress.stopped(); ++block) {
            states.set_log_weights({sides.enumerated_bias, sides.summed_bias}, block, workspace);
            to_probabilities(workspace.log_weights, log_z);
            states.add_moments(sides.summed_bias, block, workspace.log_weights, workspace, partial[task]);
            progress.advance();
        }
    });
    progress.finish("the enumeration of expectations");
    auto result = ModelMoments{zero_moments(topology), log_z};
    add_to_parameters(sides, total_of(states, partial), topology.edges(), result.moments);
    return result;
}

template <Real T>
auto exact_moments(const DBM<T>& dbm, const Control& control) -> Parameters<double> {
    return model_moments(dbm, control).moments;
}

namespace {

/// Adds what some rows, weighted by `shares`, contribute.
template <Real T>
auto add_rows(const DBM<T>& dbm, MatrixView<const T> v, std::span<const double> shares, DataMoments& result) -> void {
    const auto& topology = dbm.topology();
    const auto rows = v.rows();
    const auto clamped = clamped_rows(dbm, v);
    const auto unwatched = Control{};
    auto progress = Progress(unwatched, clamped_parts(topology, rows));
    const auto log_sums = clamped_log_sums(dbm, clamped, progress);
    for (std::size_t r = 0; r != rows; ++r) { result.free_energies.push_back(-clamped.visible[r] - log_sums[r]); }
    auto odd = clamped.odd_bias;
    if (topology.is_rbm()) {
        for (std::size_t r = 0; r != rows; ++r) {
            for (std::size_t k = 0; k != odd.shape(1); ++k) {
                odd(r, k) = sigmoid(odd(r, k));
                result.moments.biases[1][k] += shares[r] * odd(r, k);
            }
        }
    } else {
        const auto parity = enumerated_parity(topology);
        const auto hidden = two_sides(dbm, parity, 1);
        auto moments = parity == Parity::odd ? shared_moments(hidden, clamped.odd_bias, log_sums, shares)
                                             : separate_moments(hidden, clamped.odd_bias, log_sums, shares);
        add_to_parameters(hidden, moments.sums, topology.edges(), result.moments);
        odd = std::move(moments.odd);
    }
    auto weighted = Matrix<double>::from_shape({rows, v.cols()});
    for (std::size_t r = 0; r != rows; ++r) {
        for (std::size_t i = 0; i != v.cols(); ++i) {
            weighted(r, i) = shares[r] * double(v(r, i));
            result.moments.biases[0][i] += weighted(r, i);
        }
    }
    auto offset = std::size_t{0};
    for (std::size_t l = 1; l < dbm.layer_count(); l += 2) {
        const auto edge = std::ranges::find(topology.edges(), Edge{0, l});
        if (edge != topology.edges().end()) {
            multiply<double>(weighted, MatrixView<const double>(odd).columns(offset, dbm.size(l)),
                             result.moments.weights[static_cast<std::size_t>(edge - topology.edges().begin())], Transpose::yes,
                             Transpose::no, 1.0, 1.0);
        }
        offset += dbm.size(l);
    }
}

}  // namespace

template <Real T>
auto data_moments(const DBM<T>& dbm, MatrixView<const T> v, std::span<const T> weights) -> DataMoments {
    constexpr std::size_t rows_at_once = 512;  // that share an enumeration
    const auto rows = v.rows();
    auto shares = std::vector<double>(rows, 1.0 / static_cast<double>(rows));
    if (!weights.empty()) {
        std::ranges::transform(weights, shares.begin(), [&](T w) { return double(w) / static_cast<double>(rows); });
    }
    auto result = DataMoments{zero_moments(dbm.topology()), {}};
    for (std::size_t first = 0; first < rows; first += rows_at_once) {
        const auto now = std::min(rows_at_once, rows - first);
        add_rows(dbm, v.slice({first, now}), std::span(shares).subspan(first, now), result);
    }
    return result;
}

template auto model_moments(const DBM<float>&, const Control&) -> ModelMoments;
template auto model_moments(const DBM<double>&, const Control&) -> ModelMoments;
template auto exact_moments(const DBM<float>&, const Control&) -> Parameters<double>;
template auto exact_moments(const DBM<double>&, const Control&) -> Parameters<double>;
template auto data_moments(const DBM<float>&, MatrixView<const float>, std::span<const float>) -> DataMoments;
template auto data_moments(const DBM<double>&, MatrixView<const double>, std::span<const double>) -> DataMoments;

}  // namespace nbm
