module;

#include "../kernels/kernels.hpp"

module nbm:estimators.enumeration;

import :estimators.control;
import :model;
import :standard;
import :tensor;
import :tensor.binary;
import nbm.fmt;

// Sums over all states of the layers of one parity, the other one summed out: what exact_log_z and its relatives have in common.
namespace nbm {

/// The machine, or its hidden layers, seen as one RBM: enumerated units (all layers of a parity side by side), summed units,
/// weights between them.
struct TwoSides {
    Parity enumerated;
    std::size_t first_layer;          // 1: hidden layers only
    std::vector<std::size_t> offset;  // of each layer's units within its side
    std::vector<double> enumerated_bias;
    std::vector<double> summed_bias;
    Matrix<double> weights;  // [enumerated, summed]
};

template <Real T>
auto two_sides(const DBM<T>& dbm, Parity enumerated, std::size_t first_layer = 0) -> TwoSides {
    auto sides =
        TwoSides{enumerated, first_layer, std::vector<std::size_t>(dbm.layer_count()), {}, {}, Matrix<double>::from_shape({0, 0})};
    for (auto l = first_layer; l != dbm.layer_count(); ++l) {
        auto& bias = parity_of(l) == enumerated ? sides.enumerated_bias : sides.summed_bias;
        sides.offset[l] = bias.size();
        bias.insert(bias.end(), dbm.bias(l).begin(), dbm.bias(l).end());
    }
    sides.weights = zero_matrix<double>(sides.enumerated_bias.size(), sides.summed_bias.size());
    for (const auto& [edge, w] : dbm.synapses()) {
        if (edge.lower < first_layer) { continue; }
        const auto lower_enumerated = parity_of(edge.lower) == enumerated;
        for (std::size_t i = 0; i != w.shape(0); ++i) {
            for (std::size_t j = 0; j != w.shape(1); ++j) {
                const auto lower = sides.offset[edge.lower] + i;
                const auto upper = sides.offset[edge.upper] + j;
                sides.weights(lower_enumerated ? lower : upper, lower_enumerated ? upper : lower) = double(w(i, j));
            }
        }
    }
    return sides;
}

inline auto smaller_parity(const Topology& topology) -> Parity {
    return topology.units(Parity::even) < topology.units(Parity::odd) ? Parity::even : Parity::odd;
}
inline auto smaller_hidden_parity(const Topology& topology) -> Parity {
    return topology.units(Parity::even) - topology.size(0) < topology.units(Parity::odd) ? Parity::even : Parity::odd;
}

/// Throws InputError when the smaller parity has more units than can be enumerated.
inline auto require_enumerable(std::string_view what, const Topology& topology, std::size_t limit, std::string_view advice = "")
    -> void {
    if (const auto units = topology.units(smaller_parity(topology)); units > limit) {
        throw InputError(fmt::format("{} of {} cannot be enumerated: its smaller side has {} units, at most {} are possible{}",
                                     what, topology.describe(), units, limit, advice));
    }
}

/// A part of a computation reports its own fraction; `control` hears of the whole.
inline auto part_of(const Control& control, double begin, double end) -> Control {
    auto part = Control{.stop = control.stop};
    if (control.progress) {
        part.progress = [tell = std::cref(control.progress), begin, end](double done) {
            tell(done == 1.0 ? end : begin + done * (end - begin));
        };
    }
    return part;
}

/// Biases of an enumeration.
struct Biases {
    std::span<const double> enumerated;
    std::span<const double> summed;
};

/// sums[s] = first + the biases of the units that are on in state s, for all states of the first `bits` units.
inline auto sum_biases(std::span<const double> bias, std::size_t bits, double first, std::span<double> sums) -> void {
    sums[0] = first;
    for (std::size_t unit = 0; unit != bits; ++unit) {
        const auto half = std::size_t{1} << unit;
        for (std::size_t s = 0; s != half; ++s) { sums[half + s] = sums[s] + bias[unit]; }
    }
}

/// Sums over states p(state) x, by unit and pair of units; p sigmoid for the summed units.
struct MomentSums {
    MomentSums(std::size_t enumerated_units, std::size_t summed_units)
        : enumerated(enumerated_units, 0.0),
          summed(summed_units, 0.0),
          products(zero_matrix<double>(enumerated_units, summed_units)),
          low(summed_units * kernels::low_states, 0.0),
          all(summed_units) {}

    auto add(const MomentSums& other, double factor = 1.0) -> void {
        const auto plus = [factor](double x, double y) { return x + factor * y; };
        std::ranges::transform(enumerated, other.enumerated, enumerated.begin(), plus);
        std::ranges::transform(summed, other.summed, summed.begin(), plus);
        std::transform(products.begin(), products.end(), other.products.begin(), products.begin(), plus);
    }

    std::vector<double> enumerated;
    std::vector<double> summed;
    Matrix<double> products;  // [enumerated, summed]; the first rows are complete after Enumeration::finish only
    std::vector<double> low;  // [summed, states of the low units]
    std::vector<double> all;  // [summed], of one block
};

/// All states of the enumerated units, in blocks of at most 1024 that have the units from block_bits() on in common. Within a block
/// the inputs to the summed units, or their exponentials, are kept up in Gray-code order; each block starts afresh, so that
/// rounding cannot build up.
class Enumeration {
public:
    /// For biases of the summed units of magnitude up to `largest`. Keeps a reference to `weights`: [enumerated, summed].
    inline Enumeration(const Matrix<double>& weights, std::span<const double> largest)
        : weights_(weights),
          units_(weights.shape(0)),
          low_bits_(std::min(units_, kernels::low_bits)),
          middle_(std::min(units_ - low_bits_, kernels::middle_bits)),
          on_(middle_ * columns()),
          off_(middle_ * columns()) {
        low_.resize(columns() * kernels::low_states);
        set_runs(largest);
        for (const auto run : runs_) {
            for (auto j = run.begin; j != run.end; ++j) { set_column(j, run.wide); }
        }
    }
    Enumeration(const Enumeration&) = delete;
    auto operator=(const Enumeration&) -> Enumeration& = delete;

    auto units() const -> std::size_t { return units_; }
    auto columns() const -> std::size_t { return weights_.shape(1); }
    auto block_bits() const -> std::size_t { return low_bits_ + middle_; }
    auto block_states() const -> std::size_t { return std::size_t{1} << block_bits(); }
    auto blocks() const -> std::size_t { return std::size_t{1} << (units_ - block_bits()); }
    /// Blocks of blocks, the same for any number of threads.
    auto tasks() const -> RowBlocks { return RowBlocks(blocks(), (blocks() + 63) / 64); }

    /// The sum of the biases of the high units that are on in a block.
    auto high_bias(std::span<const double> bias, std::size_t block) const -> double {
        auto sum = 0.0;
        for (auto unit = block_bits(); unit != units_; ++unit) {
            if ((block >> (unit - block_bits()) & 1U) != 0) { sum += bias[unit]; }
        }
        return sum;
    }

    /// What a thread needs to work in.
    struct Workspace {
        std::vector<double> high;         // [summed]
        std::vector<double> gray;         // [middle states in Gray-code order, low states]
        std::vector<double> log_weights;  // [states of a block]
    };
    auto workspace() const -> Workspace {
        return {std::vector<double>(columns()), std::vector<double>(kernels::block_states), std::vector<double>(block_states())};
    }

    /// workspace.log_weights[s] = log of the sum over the summed units of exp(-E), for all states of a block in their order.
    auto set_log_weights(const Biases& biases, std::size_t block, Workspace& workspace) const -> void {
        start(biases.summed, block, workspace.high);
        kernels::active().enumeration.softplus_sums(kernel_columns(), workspace.high.data(), workspace.gray.data());
        auto& out = workspace.log_weights;
        sum_biases(biases.enumerated, block_bits(), high_bias(biases.enumerated, block), out);
        for_states([&](std::size_t gray, std::size_t state) { out[state] += workspace.gray[gray]; });
    }

    /// Adds the moments of a block whose states have the probabilities p, which may be workspace.log_weights.
    auto add_moments(std::span<const double> summed_bias, std::size_t block, std::span<const double> p, Workspace& workspace,
                     MomentSums& sums) const -> void {
        const auto total = add_enumerated(block, p, sums.enumerated);
        if (total == 0.0) { return; }
        start(summed_bias, block, workspace.high);
        std::ranges::fill(workspace.gray, 0.0);
        for_states([&](std::size_t gray, std::size_t state) { workspace.gray[gray] = p[state]; });
        std::ranges::fill(sums.all, 0.0);
        kernels::active().enumeration.add_moments(kernel_columns(), workspace.high.data(), workspace.gray.data(), sums.low.data(),
                                                  sums.products.data() + low_bits_ * columns(), sums.all.data());
        std::ranges::transform(sums.summed, sums.all, sums.summed.begin(), std::plus<>());
        for (auto unit = block_bits(); unit != units_; ++unit) {
            if ((block >> (unit - block_bits()) & 1U) == 0) { continue; }
            const auto row = MatrixView<double>(sums.products).row(unit);
            std::ranges::transform(row, sums.all, row.begin(), std::plus<>());
        }
    }

    /// Completes the sums of all blocks added so far.
    auto finish(MomentSums& sums) const -> void {
        for (std::size_t unit = 0; unit != low_bits_; ++unit) {
            for (std::size_t j = 0; j != columns(); ++j) {
                for (std::size_t s = 0; s != kernels::low_states; ++s) {
                    if ((s >> unit & 1U) != 0) { sums.products(unit, j) += sums.low[j * kernels::low_states + s]; }
                }
            }
        }
        std::ranges::fill(sums.low, 0.0);
    }

private:
    /// Narrow runs while exp(z) and the product of the factors stay well within the range of numbers; short enough for the cache.
    auto set_runs(std::span<const double> largest) -> void {
        constexpr std::size_t most_columns = 64;
        auto bits = 0.0;
        for (std::size_t j = 0; j != columns(); ++j) {
            auto bound = largest[j];
            for (std::size_t i = 0; i != units_; ++i) { bound += std::abs(weights_(i, j)); }
            const auto wide = !(bound <= 600.0);
            const auto more = wide ? 1.0 : 1.0 + bound * std::numbers::log2e;
            if (runs_.empty() || runs_.back().wide != wide || j - runs_.back().begin == most_columns || bits + more > 1000.0) {
                runs_.push_back({j, j, wide});
                bits = 0.0;
            }
            runs_.back().end = j + 1;
            bits += more;
        }
    }

    auto set_column(std::size_t j, bool wide) -> void {
        const auto entry = [wide](double z) { return wide ? z : std::exp(z); };
        for (std::size_t s = 0; s != kernels::low_states; ++s) {
            auto z = 0.0;
            for (std::size_t unit = 0; unit != low_bits_; ++unit) {
                if ((s >> unit & 1U) != 0) { z += weights_(unit, j); }
            }
            low_.data()[j * kernels::low_states + s] = entry(z);
        }
        for (std::size_t unit = 0; unit != middle_; ++unit) {
            on_[unit * columns() + j] = entry(weights_(low_bits_ + unit, j));
            off_[unit * columns() + j] = entry(-weights_(low_bits_ + unit, j));
        }
    }

    auto kernel_columns() const -> kernels::Columns {
        return {low_.data(), on_.data(), off_.data(), columns(), middle_, runs_.data(), runs_.size()};
    }

    /// The inputs, or their exponentials, with all units of the block off.
    auto start(std::span<const double> bias, std::size_t block, std::vector<double>& high) const -> void {
        std::ranges::copy(bias, high.begin());
        for (auto unit = block_bits(); unit != units_; ++unit) {
            if ((block >> (unit - block_bits()) & 1U) == 0) { continue; }
            const auto* w = weights_.data() + unit * columns();
            for (std::size_t j = 0; j != high.size(); ++j) { high[j] += w[j]; }
        }
        for (const auto run : runs_) {
            if (!run.wide) { kernels::active().enumeration.exponentials(high.data() + run.begin, run.end - run.begin); }
        }
    }

    /// Calls f(index in the kernels' order, state) for all states of a block.
    template <class F>
    auto for_states(const F& f) const -> void {
        for (std::size_t k = 0; k != std::size_t{1} << middle_; ++k) {
            const auto middle = (k ^ (k >> 1U)) << low_bits_;
            for (std::size_t s = 0; s != std::size_t{1} << low_bits_; ++s) { f(k * kernels::low_states + s, middle | s); }
        }
    }

    /// Adds p to each unit that is on; returns the sum of p.
    auto add_enumerated(std::size_t block, std::span<const double> p, std::span<double> sums) const -> double {
        auto total = 0.0;
        for (std::size_t s = 0; s != p.size(); ++s) {
            if (p[s] == 0.0) { continue; }
            total += p[s];
            for (auto on = s; on != 0; on &= on - 1) { sums[static_cast<std::size_t>(__builtin_ctzll(on))] += p[s]; }
        }
        for (auto on = block; on != 0; on &= on - 1) {
            sums[block_bits() + static_cast<std::size_t>(__builtin_ctzll(on))] += total;
        }
        return total;
    }

    const Matrix<double>& weights_;
    std::size_t units_;
    std::size_t low_bits_;
    std::size_t middle_;
    AlignedArray<double> low_;  // tables: see kernels/enumeration.hpp; whole cache lines
    std::vector<double> on_;
    std::vector<double> off_;
    std::vector<kernels::Run> runs_;
};

/// log sum over the states of some blocks of exp(-E); stops early when the control asks for it.
inline auto log_sum_of_blocks(const Enumeration& states, const Biases& biases, Rows blocks, Progress& progress) -> double {
    auto workspace = states.workspace();
    auto sum = -std::numeric_limits<double>::infinity();
    for (auto block = blocks.first; block != blocks.first + blocks.count && !progress.stopped(); ++block) {
        states.set_log_weights(biases, block, workspace);
        sum = log_add_exp(sum, log_sum_exp(workspace.log_weights));
        progress.advance();
    }
    return sum;
}

/// Adds what the sums hold, of the layers that the sides have, to the biases and weights of `out`.
inline auto add_to_parameters(const TwoSides& sides, const MomentSums& sums, std::span<const Edge> edges, Parameters<double>& out)
    -> void {
    const auto is_enumerated = [&](std::size_t l) { return parity_of(l) == sides.enumerated; };
    for (auto l = sides.first_layer; l != out.biases.size(); ++l) {
        const auto* from = (is_enumerated(l) ? sums.enumerated : sums.summed).data() + sides.offset[l];
        for (auto& x : out.biases[l]) { x += *from++; }
    }
    for (std::size_t e = 0; e != edges.size(); ++e) {
        const auto [lower, upper] = edges[e];
        if (lower < sides.first_layer) { continue; }
        auto& w = out.weights[e];
        for (std::size_t i = 0; i != w.shape(0); ++i) {
            for (std::size_t j = 0; j != w.shape(1); ++j) {
                const auto x = sides.offset[lower] + i;
                const auto y = sides.offset[upper] + j;
                w(i, j) += is_enumerated(lower) ? sums.products(x, y) : sums.products(y, x);
            }
        }
    }
}

/// All zero, in the shapes of the machine, whatever its number type.
inline auto zero_moments(const Topology& topology) -> Parameters<double> {
    auto result = Parameters<double>{};
    for (const auto size : topology.sizes()) { result.biases.push_back(zero_vector<double>(size)); }
    for (const auto [lower, upper] : topology.edges()) {
        result.weights.push_back(zero_matrix<double>(topology.size(lower), topology.size(upper)));
    }
    return result;
}

/// |x| of each element.
inline auto magnitudes(std::span<const double> x) -> std::vector<double> {
    auto result = std::vector<double>(x.size());
    std::ranges::transform(x, result.begin(), [](double value) { return std::abs(value); });
    return result;
}

}  // namespace nbm
