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

/// The machine seen as one RBM: enumerated units (all layers of a parity side by side), summed units, weights between them.
struct TwoSides {
    std::vector<double> enumerated_bias;
    std::vector<double> summed_bias;
    Matrix<double> weights;  // [enumerated, summed]
};

template <Real T>
auto two_sides(const DBM<T>& dbm, Parity enumerated) -> TwoSides {
    auto offset = std::vector<std::size_t>(dbm.layer_count());
    auto sides = TwoSides{};
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        auto& bias = parity_of(l) == enumerated ? sides.enumerated_bias : sides.summed_bias;
        offset[l] = bias.size();
        for (const auto b : dbm.bias(l)) { bias.push_back(double(b)); }
    }
    sides.weights = zero_matrix<double>(sides.enumerated_bias.size(), sides.summed_bias.size());
    for (const auto& [edge, w] : dbm.synapses()) {
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
    // Blocks are short so that rounding in the running field cannot build up: it starts afresh in each.
    const auto bits = std::min<std::size_t>(units, 10);
    const auto blocks = std::size_t{1} << (units - bits);
    constexpr std::size_t blocks_in_a_task = 64;
    const auto tasks = (blocks + blocks_in_a_task - 1) / blocks_in_a_task;
    auto partial = std::vector<double>(tasks);
    parallel_for(tasks, [&](std::size_t task) {
        auto field = std::vector<double>(sides.summed_bias.size());
        auto sum = -std::numeric_limits<double>::infinity();
        const auto end = std::min(blocks, (task + 1) * blocks_in_a_task);
        for (auto block = task * blocks_in_a_task; block != end; ++block) {
            sum = log_add_exp(sum, log_sum_of_block(sides, bits, block, field));
        }
        partial[task] = sum;
    });
    return log_sum_exp(partial);
}

template auto exact_log_z(const DBM<float>&) -> double;
template auto exact_log_z(const DBM<double>&) -> double;

}  // namespace nbm
