module nbm:training.penalty_impl;

import :model;
import :standard;
import :tensor;
import :training.penalty;

namespace nbm {

namespace {

template <Real T>
auto subtract_derivative(std::span<const T> x, T l1, T l2, std::span<T> gradient) -> void {
    for (std::size_t i = 0; i != x.size(); ++i) {
        const auto sign = static_cast<T>((x[i] > T{0}) - (x[i] < T{0}));
        gradient[i] -= l1 * sign + T{2} * l2 * x[i];
    }
}

}  // namespace

template <Real T>
auto add_penalty(const DBM<T>& dbm, const Penalty& penalty, Gradient<T>& gradient) -> void {
    if (penalty.bias_l1 != 0.0 || penalty.bias_l2 != 0.0) {
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
            subtract_derivative<T>(as_span(dbm.bias(l)), static_cast<T>(penalty.bias_l1), static_cast<T>(penalty.bias_l2),
                                   as_span(gradient.biases[l]));
        }
    }
    if (penalty.l1 == 0.0 && penalty.l2 == 0.0) { return; }
    for (std::size_t s = 0; s != gradient.weights.size(); ++s) {
        const auto& weights = dbm.synapses()[s].weights;
        parallel_rows(weights.shape(0), [&](Rows rows) {
            for (auto r = rows.first; r != rows.first + rows.count; ++r) {
                subtract_derivative<T>(MatrixView<const T>(weights).row(r), static_cast<T>(penalty.l1), static_cast<T>(penalty.l2),
                                       MatrixView<T>(gradient.weights[s]).row(r));
            }
        });
    }
}

template <Real T>
auto limit_norms(DBM<T>& dbm, double max_norm) -> void {
    constexpr std::size_t width = 64;
    for (std::size_t l = 1; l != dbm.layer_count(); ++l) {
        const auto blocks = RowBlocks(dbm.size(l), width);
        parallel_for(blocks.count(), [&](std::size_t block) {
            const auto [first, count] = blocks[block];
            const auto each_row = [&](const auto& f) {
                for (auto& synapse : dbm.synapses()) {
                    const auto weights = MatrixView<T>(synapse.weights);
                    for (std::size_t i = 0; synapse.edge.upper == l && i != weights.rows(); ++i) {
                        f(weights.row(i).subspan(first, count));
                    }
                }
            };
            auto squares = std::array<double, width>{};
            each_row([&](std::span<T> row) {
                for (std::size_t j = 0; j != row.size(); ++j) { squares[j] += double(row[j]) * double(row[j]); }
            });
            auto factors = std::array<T, width>{};
            std::ranges::transform(squares, factors.begin(), [&](double square) {
                return square > max_norm * max_norm ? static_cast<T>(max_norm / std::sqrt(square)) : T{1};
            });
            each_row([&](std::span<T> row) {
                for (std::size_t j = 0; j != row.size(); ++j) { row[j] *= factors[j]; }
            });
        });
    }
}

template auto limit_norms(DBM<float>&, double) -> void;
template auto limit_norms(DBM<double>&, double) -> void;
template auto add_penalty(const DBM<float>&, const Penalty&, Gradient<float>&) -> void;
template auto add_penalty(const DBM<double>&, const Penalty&, Gradient<double>&) -> void;

}  // namespace nbm
