module;

#include "../kernels/kernels.hpp"

module nbm:estimators.clamped_enumeration;

import :estimators.control;
import :estimators.enumeration;
import :model;
import :standard;
import :tensor;

// Sums over all states of the hidden layers given rows of visible units. Given v, the hidden layers are a machine of their own
// whose odd biases hold the input from v.
namespace nbm {

/// The odd biases of some rows: [rows, odd units], and their visible bias terms b.v.
struct ClampedRows {
    Matrix<double> odd_bias;
    std::vector<double> visible;

    auto count() const -> std::size_t { return visible.size(); }
};

template <Real T>
auto clamped_rows(const DBM<T>& dbm, MatrixView<const T> v) -> ClampedRows {
    const auto odd = dbm.topology().units(Parity::odd);
    auto result = ClampedRows{Matrix<double>::from_shape({v.rows(), odd}), std::vector<double>(v.rows(), 0.0)};
    auto x = Matrix<double>::from_shape({v.rows(), v.cols()});
    for (std::size_t r = 0; r != v.rows(); ++r) {
        std::ranges::copy(v.row(r), MatrixView<double>(x).row(r).begin());
        for (std::size_t i = 0; i != v.cols(); ++i) { result.visible[r] += x(r, i) * double(dbm.bias(0)[i]); }
    }
    auto offset = std::size_t{0};
    for (std::size_t l = 1; l < dbm.layer_count(); l += 2) {
        const auto bias = std::vector<double>(dbm.bias(l).begin(), dbm.bias(l).end());
        const auto out = MatrixView<double>(result.odd_bias).columns(offset, dbm.size(l));
        set_rows<double>(out, bias);
        for (const auto& [edge, w] : dbm.synapses()) {
            if (edge.lower != 0 || edge.upper != l) { continue; }
            auto weights = Matrix<double>::from_shape({w.shape(0), w.shape(1)});
            std::ranges::copy(w, weights.begin());
            parallel_rows(v.rows(), [&](Rows rows) {
                multiply<double>(slice(std::as_const(x), rows), weights, out.slice(rows), Transpose::no, Transpose::no, 1.0, 1.0);
            });
        }
        offset += dbm.size(l);
    }
    return result;
}

/// The sums over hidden states of exp(-E) without visible bias terms, in logarithms, where the odd units are enumerated: what the
/// even ones contribute is the same for all rows.
inline auto shared_log_sums(const TwoSides& hidden, const Matrix<double>& bias, Progress& progress) -> std::vector<double> {
    constexpr std::size_t blocks_at_once = 16;
    const auto states = Enumeration(hidden.weights, magnitudes(hidden.summed_bias));
    const auto none = std::vector<double>(states.units(), 0.0);
    const auto rows = bias.shape(0);
    const auto count = states.block_states();
    const auto bias_of = [&](std::size_t r) { return MatrixView<const double>(bias).row(r); };
    // exp(biases), from the largest on: sums over states are products of this matrix and of exp(log weights).
    auto factors = Matrix<double>::from_shape({rows, count});
    auto largest = std::vector<double>(rows);
    parallel_rows(rows, [&](Rows part) {
        for (auto r = part.first; r != part.first + part.count; ++r) {
            const auto row = MatrixView<double>(factors).row(r);
            sum_biases(bias_of(r), states.block_bits(), 0.0, row);
            largest[r] = *std::ranges::max_element(row);
            for (auto& x : row) { x -= largest[r]; }
            kernels::active().enumeration.exponentials(row.data(), count);
        }
    });
    const auto tasks = states.tasks();
    auto partial = std::vector(tasks.count(), std::vector<double>(rows, -std::numeric_limits<double>::infinity()));
    parallel_for(tasks.count(), [&](std::size_t task) {
        auto workspace = states.workspace();
        auto log_weights = Matrix<double>::from_shape({blocks_at_once, count});
        auto weights = log_weights;
        auto sums = Matrix<double>::from_shape({rows, blocks_at_once});
        auto scratch = std::vector<double>(count);
        const auto blocks = tasks[task];
        for (std::size_t done = 0; done < blocks.count && !progress.stopped(); done += blocks_at_once) {
            const auto now = std::min(blocks_at_once, blocks.count - done);
            double top[blocks_at_once];
            for (std::size_t b = 0; b != now; ++b) {
                states.set_log_weights({none, hidden.summed_bias}, blocks.first + done + b, workspace);
                top[b] = *std::ranges::max_element(workspace.log_weights);
                std::ranges::copy(workspace.log_weights, MatrixView<double>(log_weights).row(b).begin());
                const auto row = MatrixView<double>(weights).row(b);
                std::ranges::transform(workspace.log_weights, row.begin(), [&](double x) { return x - top[b]; });
                kernels::active().enumeration.exponentials(row.data(), count);
            }
            multiply<double>(factors, slice(std::as_const(weights), {0, now}), MatrixView<double>(sums).columns(0, now),
                             Transpose::no, Transpose::yes);
            for (std::size_t r = 0; r != rows; ++r) {
                for (std::size_t b = 0; b != now; ++b) {
                    const auto high = states.high_bias(bias_of(r), blocks.first + done + b);
                    auto sum = std::log(sums(r, b)) + top[b] + largest[r] + high;
                    // What was too small for a number could count here: the same sum in logarithms.
                    if (!(sums(r, b) > 1e-290) || !std::isfinite(sum)) {
                        sum_biases(bias_of(r), states.block_bits(), high, scratch);
                        for (std::size_t s = 0; s != count; ++s) { scratch[s] += log_weights(b, s); }
                        sum = log_sum_exp(scratch);
                    }
                    partial[task][r] = log_add_exp(partial[task][r], sum);
                }
            }
            progress.advance(now);
        }
    });
    auto result = std::vector<double>(rows);
    auto terms = std::vector<double>(tasks.count());
    for (std::size_t r = 0; r != rows; ++r) {
        for (std::size_t task = 0; task != terms.size(); ++task) { terms[task] = partial[task][r]; }
        result[r] = log_sum_exp(terms);
    }
    return result;
}

/// The largest magnitude in each column.
inline auto largest_magnitudes(const Matrix<double>& x) -> std::vector<double> {
    auto result = std::vector<double>(x.shape(1), 0.0);
    for (std::size_t r = 0; r != x.shape(0); ++r) {
        // Keeps NaN.
        for (std::size_t j = 0; j != result.size(); ++j) {
            result[j] = std::abs(x(r, j)) <= result[j] ? result[j] : std::abs(x(r, j));
        }
    }
    return result;
}

/// The same where even units are enumerated: anew for each row.
inline auto separate_log_sums(const TwoSides& hidden, const Matrix<double>& bias, Progress& progress) -> std::vector<double> {
    const auto states = Enumeration(hidden.weights, largest_magnitudes(bias));
    const auto tasks = states.tasks();
    auto partial = std::vector<double>(bias.shape(0) * tasks.count());
    parallel_for(partial.size(), [&](std::size_t part) {
        const auto biases = Biases{hidden.enumerated_bias, MatrixView<const double>(bias).row(part / tasks.count())};
        partial[part] = log_sum_of_blocks(states, biases, tasks[part % tasks.count()], progress);
    });
    auto result = std::vector<double>(bias.shape(0));
    for (std::size_t r = 0; r != result.size(); ++r) {
        result[r] = log_sum_exp(std::span(partial).subspan(r * tasks.count(), tasks.count()));
    }
    return result;
}

inline auto enumerated_parity(const Topology& topology) -> Parity {
    return topology.is_rbm() ? Parity::odd : smaller_hidden_parity(topology);
}

/// The parts of a Progress that clamped_log_sums reports.
inline auto clamped_parts(const Topology& topology, std::size_t rows) -> std::size_t {
    if (topology.is_rbm()) { return 1; }
    const auto parity = enumerated_parity(topology);
    const auto units = topology.units(parity) - (parity == Parity::even ? topology.size(0) : 0);
    const auto blocks = std::size_t{1} << (units - std::min(units, kernels::low_bits + kernels::middle_bits));
    return parity == Parity::odd ? blocks : rows * blocks;
}

/// log sum over the hidden states of exp(-E) of each row, without visible bias terms. The progress has to allow for
/// clamped_parts().
template <Real T>
auto clamped_log_sums(const DBM<T>& dbm, const ClampedRows& rows, Progress& progress) -> std::vector<double> {
    if (dbm.topology().is_rbm()) {
        auto sums = std::vector<double>(rows.count(), 0.0);
        if (progress.stopped()) { return sums; }
        parallel_rows(rows.count(), [&](Rows part) {
            add_softplus<double>(slice(rows.odd_bias, part), 1.0, std::span(sums).subspan(part.first, part.count));
        });
        progress.advance();
        return sums;
    }
    const auto parity = enumerated_parity(dbm.topology());
    const auto hidden = two_sides(dbm, parity, 1);
    return parity == Parity::odd ? shared_log_sums(hidden, rows.odd_bias, progress)
                                 : separate_log_sums(hidden, rows.odd_bias, progress);
}

}  // namespace nbm
