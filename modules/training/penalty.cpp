module;

#include <cstddef>
#include <span>

module nbm:training.penalty_impl;

import :model;
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

template auto add_penalty(const DBM<float>&, const Penalty&, Gradient<float>&) -> void;
template auto add_penalty(const DBM<double>&, const Penalty&, Gradient<double>&) -> void;

}  // namespace nbm
