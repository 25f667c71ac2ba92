module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <fmt/format.h>

module nbm:estimators.exact_log_z_impl;

import :estimators.exact_log_z;
import :model;
import :tensor;

namespace nbm {

namespace {

/// The machine, or its hidden layers, seen as one RBM: enumerated units (all layers of a parity side by side), summed units,
/// weights between them.
struct TwoSides {
    std::vector<double> enumerated_bias;
    std::vector<double> summed_bias;
    Matrix<double> weights;  // [enumerated, summed]
};

template <Real T>
auto two_sides(const DBM<T>& dbm, Parity enumerated, std::size_t first_layer = 0) -> TwoSides {
    auto offset = std::vector<std::size_t>(dbm.layer_count());
    auto sides = TwoSides{};
    for (auto l = first_layer; l != dbm.layer_count(); ++l) {
        auto& bias = parity_of(l) == enumerated ? sides.enumerated_bias : sides.summed_bias;
        offset[l] = bias.size();
        for (const auto b : dbm.bias(l)) { bias.push_back(double(b)); }
    }
    sides.weights = zero_matrix<double>(sides.enumerated_bias.size(), sides.summed_bias.size());
    for (const auto& [edge, w] : dbm.synapses()) {
        if (edge.lower < first_layer) { continue; }
        for (std::size_t i = 0; i != w.shape(0); ++i) {
            for (std::size_t j = 0; j != w.shape(1); ++j) {
                const auto lower = offset[edge.lower] + i;
                const auto upper = offset[edge.upper] + j;
                if (parity_of(edge.lower) == enumerated) {
                    sides.weights(lower, upper) = double(w(i, j));
                } else {
                    sides.weights(upper, lower) = double(w(i, j));
                }
            }
        }
    }
    return sides;
}

/// log sum over the states of the low `bits` enumerated units, the others fixed to the bits of `high`, visited in Gray-code order
/// so that consecutive states differ in one unit.
auto log_sum_of_block(const TwoSides& sides, std::size_t bits, std::uint64_t high, std::vector<double>& field) -> double {
    const auto units = sides.enumerated_bias.size();
    auto energy = 0.0;  // enumerated bias terms
    std::copy(sides.summed_bias.begin(), sides.summed_bias.end(), field.begin());
    const auto add_unit = [&](std::size_t unit, double sign) {
        energy += sign * sides.enumerated_bias[unit];
        const auto* w = sides.weights.data() + unit * field.size();
        for (std::size_t j = 0; j != field.size(); ++j) { field[j] += sign * w[j]; }
    };
    for (std::size_t unit = bits; unit != units; ++unit) {
        if ((high >> (unit - bits) & 1U) != 0) { add_unit(unit, 1.0); }
    }
    auto terms = std::vector<double>(std::size_t{1} << bits);
    for (std::size_t n = 0; n != terms.size(); ++n) {
        if (n != 0) {
            const auto unit = static_cast<std::size_t>(__builtin_ctzll(n));
            add_unit(unit, (n ^ (n >> 1U)) >> unit & 1U ? 1.0 : -1.0);
        }
        auto softplus_sum = 0.0;
        add_softplus<double>({field.data(), 1, field.size(), field.size()}, 1.0, {&softplus_sum, 1});
        terms[n] = energy + softplus_sum;
    }
    return log_sum_exp(terms);
}

/// Blocks are short so that rounding in the running field cannot build up: it starts afresh in each.
auto block_bits(const TwoSides& sides) -> std::size_t { return std::min<std::size_t>(sides.enumerated_bias.size(), 10); }
auto block_count(const TwoSides& sides) -> std::size_t {
    return std::size_t{1} << (sides.enumerated_bias.size() - block_bits(sides));
}

/// log sum over the states of the blocks [begin, end).
auto log_sum_of_blocks(const TwoSides& sides, std::size_t begin, std::size_t end) -> double {
    auto field = std::vector<double>(sides.summed_bias.size());
    auto sum = -std::numeric_limits<double>::infinity();
    for (auto block = begin; block != end; ++block) {
        sum = log_add_exp(sum, log_sum_of_block(sides, block_bits(sides), block, field));
    }
    return sum;
}

auto smaller_hidden_parity(const Topology& topology) -> Parity {
    return topology.units(Parity::even) - topology.size(0) < topology.units(Parity::odd) ? Parity::even : Parity::odd;
}

}  // namespace

template <Real T>
auto exact_log_z(const DBM<T>& dbm) -> double {
    const auto& topology = dbm.topology();
    const auto parity = topology.units(Parity::even) < topology.units(Parity::odd) ? Parity::even : Parity::odd;
    const auto units = topology.units(parity);
    if (units > max_enumerated_units) {
        throw InputError(
            fmt::format("log Z of {} cannot be enumerated: its smaller side has {} units, at most {} are possible; "
                        "estimate it by AIS",
                        topology.describe(), units, max_enumerated_units));
    }
    const auto sides = two_sides(dbm, parity);
    const auto blocks = block_count(sides);
    constexpr std::size_t blocks_in_a_task = 64;
    auto partial = std::vector<double>((blocks + blocks_in_a_task - 1) / blocks_in_a_task);
    parallel_for(partial.size(), [&](std::size_t task) {
        partial[task] = log_sum_of_blocks(sides, task * blocks_in_a_task, std::min(blocks, (task + 1) * blocks_in_a_task));
    });
    return log_sum_exp(partial);
}

auto enumerated_hidden(const Topology& topology) -> std::size_t {
    const auto parity = smaller_hidden_parity(topology);
    return parity == Parity::even ? topology.units(parity) - topology.size(0) : topology.units(parity);
}

template <Real T>
auto exact_free_energy(const DBM<T>& dbm, const Matrix<T>& v) -> Vector<double> {
    const auto& topology = dbm.topology();
    if (topology.is_rbm()) { return dbm.free_energy(v); }
    if (v.shape(1) != dbm.visible_size()) {
        throw ShapeError(fmt::format("found {} visible values a row, expected {}", v.shape(1), dbm.visible_size()));
    }
    if (enumerated_hidden(topology) > max_enumerated_hidden) {
        throw InputError(
            fmt::format("F(v) of {} cannot be enumerated: the smaller side of its hidden layers has {} units, at most {} are "
                        "possible",
                        topology.describe(), enumerated_hidden(topology), max_enumerated_hidden));
    }
    const auto parity = smaller_hidden_parity(topology);
    const auto hidden = two_sides(dbm, parity, 1);
    auto result = zero_vector<double>(v.shape(0));
    parallel_for(v.shape(0), [&](std::size_t r) {
        // Given v, the hidden layers are a machine of their own whose odd biases hold the input from v.
        auto sides = hidden;
        auto& odd_bias = parity == Parity::odd ? sides.enumerated_bias : sides.summed_bias;
        auto visible = 0.0;
        for (std::size_t i = 0; i != dbm.visible_size(); ++i) { visible += double(v(r, i)) * double(dbm.bias(0)[i]); }
        auto offset = std::size_t{0};
        for (std::size_t l = 1; l < dbm.layer_count(); l += 2) {
            for (const auto& [edge, w] : dbm.synapses()) {
                if (edge.lower != 0 || edge.upper != l) { continue; }
                for (std::size_t i = 0; i != w.shape(0); ++i) {
                    for (std::size_t k = 0; k != w.shape(1); ++k) { odd_bias[offset + k] += double(v(r, i)) * double(w(i, k)); }
                }
            }
            offset += dbm.size(l);
        }
        result[r] = -visible - log_sum_of_blocks(sides, 0, block_count(sides));
    });
    return result;
}

template auto exact_log_z(const DBM<float>&) -> double;
template auto exact_log_z(const DBM<double>&) -> double;
template auto exact_free_energy(const DBM<float>&, const Matrix<float>&) -> Vector<double>;
template auto exact_free_energy(const DBM<double>&, const Matrix<double>&) -> Vector<double>;

}  // namespace nbm
