module;

#include "../kernels/kernels.hpp"

module nbm:training.gradient_impl;

import :io;
import :model;
import :sampling.fields;
import :standard;
import :tensor;
import :tensor.binary;
import :training.gradient;
import :training.update;
import nbm.fmt;

namespace nbm {

namespace {

template <Real T>
auto fits(const DBM<T>& dbm, std::span<const Vector<T>> values) -> bool {
    auto good = values.size() == dbm.layer_count();
    for (std::size_t l = 0; good && l != values.size(); ++l) { good = values[l].size() == dbm.size(l); }
    return good;
}

/// average <- keep average + (1 - keep) value
template <Real T>
auto average_in(std::span<T> average, std::span<const T> value, T keep) -> void {
    for (std::size_t k = 0; k != average.size(); ++k) { average[k] = keep * average[k] + (T{1} - keep) * value[k]; }
}

/// row += scale x
template <Real T>
auto add_scaled(std::span<T> row, T scale, std::span<const T> x) -> void {
    for (std::size_t k = 0; k != row.size(); ++k) { row[k] += scale * x[k]; }
}

}  // namespace

template <Real T>
GradientRules<T>::GradientRules(GradientOptions options) : options_(options) {
    const auto& [centring, sparsity] = options_;
    constexpr auto require = RequireOption{""};
    require(centring.rate >= 0.0 && centring.rate <= 1.0, "centring.rate", centring.rate, "in [0, 1]");
    require(sparsity.target > 0.0 && sparsity.target < 1.0, "sparsity.target", sparsity.target, "above 0 and below 1");
    require(std::isfinite(sparsity.strength) && sparsity.strength >= 0.0, "sparsity.strength", sparsity.strength,
            "finite and at least 0");
    require(sparsity.memory >= 0.0 && sparsity.memory < 1.0, "sparsity.memory", sparsity.memory, "at least 0 and below 1");
}

template <Real T>
auto GradientRules<T>::begin(const DBM<T>& dbm, const Matrix<T>& data, bool resumed) -> void {
    const auto keeps = [&](const std::vector<Vector<T>>& values, bool used) { return !used || fits<T>(dbm, values); };
    const auto sparse = options_.sparsity.strength > 0.0;
    if (resumed && keeps(offsets_, options_.centring.on) && keeps(running_, sparse)) { return; }
    started_ = false;
    const auto zeros = zero_parameters(dbm).biases;
    offsets_ = options_.centring.on ? zeros : std::vector<Vector<T>>{};
    running_ = sparse ? zeros : std::vector<Vector<T>>{};
    scratch_ = zeros;
    if (!options_.centring.on) { return; }
    auto sums = std::vector<double>(data.shape(1), 0.0);
    for (std::size_t r = 0; r != data.shape(0); ++r) {
        const auto row = MatrixView<const T>(data).row(r);
        std::ranges::transform(sums, row, sums.begin(), [](double sum, T x) { return sum + double(x); });
    }
    std::ranges::transform(sums, offsets_[0].begin(), [&](double s) { return static_cast<T>(s / double(data.shape(0))); });
}

template <Real T>
auto GradientRules<T>::apply(const DBM<T>& dbm, std::span<const Vector<T>> activities, Gradient<T>& gradient) -> void {
    if (activities.empty() || (offsets_.empty() && running_.empty())) { return; }
    if (!fits<T>(dbm, scratch_) || !fits<T>(dbm, activities)) {
        throw ShapeError("the rules of the gradient were begun for a machine of another shape than " + dbm.topology().describe());
    }
    follow(activities);
    if (!running_.empty()) { add_sparsity(dbm, activities, gradient); }
    if (!offsets_.empty()) { centre(dbm, gradient); }
}

template <Real T>
auto GradientRules<T>::follow(std::span<const Vector<T>> activities) -> void {
    const auto move = [&](std::vector<Vector<T>>& averages, double keep, bool first_layer_has_begun) {
        for (std::size_t l = 0; l != averages.size(); ++l) {
            const auto begun = started_ || (l == 0 && first_layer_has_begun);
            average_in<T>(as_span(averages[l]), as_span(activities[l]), begun ? static_cast<T>(keep) : T{0});
        }
    };
    move(offsets_, 1.0 - options_.centring.rate, true);
    move(running_, options_.sparsity.memory, false);
    started_ = true;
}

template <Real T>
auto GradientRules<T>::add_sparsity(const DBM<T>& dbm, std::span<const Vector<T>> activities, Gradient<T>& gradient) -> void {
    const auto strength = static_cast<T>(options_.sparsity.strength);
    const auto target = static_cast<T>(options_.sparsity.target);
    for (std::size_t l = 1; l != dbm.layer_count(); ++l) {
        for (std::size_t k = 0; k != scratch_[l].size(); ++k) { scratch_[l][k] = strength * (target - running_[l][k]); }
        add_scaled<T>(as_span(gradient.biases[l]), T{1}, as_span(std::as_const(scratch_[l])));
    }
    for (std::size_t s = 0; s != gradient.weights.size(); ++s) {
        const auto edge = dbm.synapses()[s].edge;
        parallel_rows(gradient.weights[s].shape(0), [&](Rows rows) {
            for (auto i = rows.first; i != rows.first + rows.count; ++i) {
                add_scaled<T>(MatrixView<T>(gradient.weights[s]).row(i), activities[edge.lower][i],
                              as_span(std::as_const(scratch_[edge.upper])));
            }
        });
    }
}

/// With the energy of the centred machine, - sum_l a_l.(x^l - c_l) - sum_(i<j) (x^i - c_i) W_ij (x^j - c_j), whose biases a_l are
/// b_l + sum_j W_lj c_j: the derivative by W_ij at constant a is g_ij - c_i g_j^T - g_i c_j^T, the one by a_l is g_l; and a step
/// along these changes b_l by g_l - sum_j g'_lj c_j.
template <Real T>
auto GradientRules<T>::centre(const DBM<T>& dbm, Gradient<T>& gradient) -> void {
    for (std::size_t l = 0; l != scratch_.size(); ++l) { std::ranges::copy(gradient.biases[l], scratch_[l].begin()); }
    for (std::size_t s = 0; s != gradient.weights.size(); ++s) {
        const auto [lower, upper] = dbm.synapses()[s].edge;
        const auto weights = MatrixView<T>(gradient.weights[s]);
        const auto below = as_span(std::as_const(offsets_[lower]));
        const auto above = as_span(std::as_const(offsets_[upper]));
        const auto bias_below = as_span(std::as_const(scratch_[lower]));
        const auto bias_above = as_span(std::as_const(scratch_[upper]));
        parallel_rows(weights.rows(), [&](Rows rows) {
            for (auto i = rows.first; i != rows.first + rows.count; ++i) {
                const auto row = weights.row(i);
                add_scaled<T>(row, -below[i], bias_above);
                add_scaled<T>(row, -bias_below[i], above);
            }
            multiply<T>(weights.slice(rows), MatrixView<const T>(above.data(), above.size(), 1, 1),
                        MatrixView<T>(gradient.biases[lower].data() + rows.first, rows.count, 1, 1), Transpose::no, Transpose::no,
                        T{-1}, T{1});
        });
        const auto blocks = RowBlocks(weights.cols(), 128);
        parallel_for(blocks.count(), [&](std::size_t block) {
            const auto [first, count] = blocks[block];
            const auto sums = as_span(gradient.biases[upper]).subspan(first, count);
            for (std::size_t i = 0; i != weights.rows(); ++i) {
                add_scaled<T>(sums, -below[i], weights.row(i).subspan(first, count));
            }
        });
    }
}

template <Real T>
auto GradientRules<T>::save_state(State& state) const -> void {
    state.put("started", started_);
    state.put("centring", !offsets_.empty());
    state.put("sparsity", !running_.empty());
    for (std::size_t l = 0; l != offsets_.size(); ++l) { state.put(fmt::format("offset {}", l), offsets_[l]); }
    for (std::size_t l = 0; l != running_.size(); ++l) { state.put(fmt::format("activity {}", l), running_[l]); }
}

template <Real T>
auto GradientRules<T>::load_state(const State& state) -> void {
    const auto load = [&](const char* rule, const char* name, const std::vector<Vector<T>>& present) {
        if (const auto used = state.get<bool>(rule); used == present.empty()) {
            throw InputError(fmt::format("the checkpoint was written {} {}; this training is {} it", used ? "with" : "without",
                                         rule, used ? "without" : "with"));
        }
        auto loaded = std::vector<Vector<T>>{};
        for (std::size_t l = 0; l != present.size(); ++l) {
            loaded.push_back(state.get<Vector<T>>(fmt::format("{} {}", name, l)));
            if (loaded[l].size() != present[l].size()) {
                throw InputError(fmt::format("the checkpoint has the {}s of {} units in layer {}; the machine has {}", name,
                                             loaded[l].size(), l, present[l].size()));
            }
        }
        return loaded;
    };
    auto offsets = load("centring", "offset", offsets_);
    running_ = load("sparsity", "activity", running_);
    offsets_ = std::move(offsets);
    started_ = state.get<bool>("started");
}

template <Real T>
auto Phase<T>::summarise(std::size_t rows, std::span<const T> weights) -> void {
    rows_ = rows;
    weighted_ = !weights.empty();
    total_ = weighted_ ? std::accumulate(weights.begin(), weights.end(), 0.0) : static_cast<double>(rows);
    means_.resize(layers_.size());
    scaled_.resize(layers_.size());
    for (std::size_t l = 0; l < layers_.size(); l += 2) { set_bits(l); }
    for (std::size_t l = 0; l != layers_.size(); ++l) {
        const auto states = slice(*layers_[l], this->rows());
        if (means_[l].size() != states.cols()) { means_[l] = zero_vector<T>(states.cols()); }
        const auto share = total_ > 0.0 ? static_cast<T>(1.0 / total_) : T{0};
        const auto blocks = column_blocks(states.cols());
        parallel_for(blocks.count(), [&](std::size_t block) {
            const auto [first, count] = blocks[block];
            const auto means = as_span(means_[l]).subspan(first, count);
            std::ranges::fill(means, T{0});
            for (std::size_t r = 0; r != rows; ++r) {
                add_scaled<T>(means, weighted_ ? share * weights[r] : share, states.row(r).subspan(first, count));
            }
        });
        if (!weighted_ || parity_of(l) == Parity::even) { continue; }
        auto& scaled = scaled_[l];
        if (scaled.shape(0) < rows || scaled.shape(1) != states.cols()) { scaled = zero_matrix<T>(rows, states.cols()); }
        for (std::size_t r = 0; r != rows; ++r) {
            std::ranges::transform(states.row(r), MatrixView<T>(scaled).row(r).begin(), [&](T x) { return weights[r] * x; });
        }
    }
}

template <Real T>
auto Phase<T>::set_bits(std::size_t l) -> void {
    bits_.resize(layers_.size());
    binary_.resize(layers_.size());
    if constexpr (std::same_as<T, float>) {
        binary_[l] = takes_binary_path<T>() && bits_[l].get().set_columns(slice(*layers_[l], rows()));
    }
}

namespace {

/// A phase and what its products are multiplied with.
template <Real T>
struct Term {
    const Phase<T>* phase;
    T scale;
};

/// out = keep out + the sum over terms and rows of scale x^lower x^upper, by BLAS.
template <Real T>
auto add_products(std::span<const Term<T>> terms, Edge edge, T keep, Matrix<T>& out) -> void {
    const auto blocks = column_blocks(out.shape(0));
    parallel_for(blocks.count(), [&](std::size_t block) {
        const auto part = blocks[block];
        auto kept = keep;
        for (const auto& [phase, scale] : terms) {
            multiply<T>(phase->factor(edge.lower).columns(part.first, part.count), phase->factor(edge.upper), slice(out, part),
                        Transpose::yes, Transpose::no, scale, std::exchange(kept, T{1}));
        }
    });
}

/// out = that sum for terms whose even layer holds states, by table look-up: its units are the chains, the odd layer's units
/// receive.
auto write_binary_products(std::span<const Term<float>> terms, Edge edge, Matrix<float>& out) -> void {
    const auto even_below = parity_of(edge.lower) == Parity::even;
    const auto even = even_below ? edge.lower : edge.upper;
    const auto odd = even_below ? edge.upper : edge.lower;
    auto senders = std::array<kernels::Senders, 2>{};
    for (std::size_t t = 0; t != terms.size(); ++t) {
        const auto rows = terms[t].phase->factor(odd);
        senders[t] = {.weights = rows.data(),
                      .sender_stride = rows.stride(),
                      .receiver_stride = 1,
                      .count = rows.rows(),
                      .states = terms[t].phase->bits(even)->data(),
                      .scale = terms[t].scale};
    }
    const auto units = out.shape(even_below ? 0 : 1);
    const auto& binary = kernels::active().binary;
    const auto product = BinaryProduct{std::span(senders).first(terms.size()), nullptr, out.shape(even_below ? 1 : 0),
                                       terms[0].phase->bits(even)->bundles()};
    // A thread writes whole rows, as far as possible: those of two threads in one cache line would wait for each other.
    if (even_below) {
        multiply_binary_by_bundles(product, [&](kernels::Bundles part, kernels::Receivers receivers, const float* z) {
            binary.store_rows(z, receivers, part, units, out.data(), out.shape(1));
        });
    } else {
        multiply_binary(product, [&](std::size_t, kernels::Receivers receivers, const float* z) {
            binary.store_columns(z, receivers, product.bundles, units, out.data(), out.shape(1));
        });
    }
}

/// out = the sum over all terms: look-ups for those with states, BLAS for those with means on both sides.
template <Real T>
auto write_products(std::span<const Term<T>> terms, Edge edge, Matrix<T>& out) -> void {
    auto sorted = std::array<Term<T>, 2>{};
    const auto even = parity_of(edge.lower) == Parity::even ? edge.lower : edge.upper;
    const auto has_means = [&](const Term<T>& term) { return term.phase->bits(even) == nullptr; };
    const auto states_end = std::ranges::remove_copy_if(terms, sorted.begin(), has_means).out;
    const auto end = std::ranges::copy_if(terms, states_end, has_means).out;
    const auto any_states = states_end != sorted.begin();
    if constexpr (std::same_as<T, float>) {
        if (any_states) { write_binary_products({sorted.begin(), states_end}, edge, out); }
    }
    if (end != states_end) { add_products<T>({states_end, end}, edge, any_states ? T{1} : T{0}, out); }
}

template <Real T>
auto write_difference(const DBM<T>& dbm, const Phase<T>& data, const Phase<T>* model, Gradient<T>& gradient) -> void {
    const auto weight = static_cast<T>(data.weight());
    const auto model_scale = model != nullptr && model->total() > 0.0 ? -weight / static_cast<T>(model->total()) : T{0};
    const auto terms = std::array<Term<T>, 2>{{{&data, T{1} / static_cast<T>(data.rows().count)}, {model, model_scale}}};
    const auto used = std::span(terms).first(model == nullptr ? 1 : 2);
    for (std::size_t s = 0; s != gradient.weights.size(); ++s) {
        write_products<T>(used, dbm.synapses()[s].edge, gradient.weights[s]);
    }
    for (auto& bias : gradient.biases) { bias.fill(T{0}); }
    const auto add_means = [&](const Phase<T>& phase, T scale) {
        for (std::size_t l = 0; l != phase.means().size(); ++l) {
            add_scaled<T>(as_span(gradient.biases[l]), scale, as_span(phase.means()[l]));
        }
    };
    add_means(data, weight);
    if (model != nullptr) { add_means(*model, -weight); }
}

}  // namespace

template <Real T>
auto difference(const DBM<T>& dbm, const Phase<T>& data, const Phase<T>& model, Gradient<T>& gradient) -> void {
    write_difference(dbm, data, &model, gradient);
}

template <Real T>
auto data_statistics(const DBM<T>& dbm, const Phase<T>& data, Gradient<T>& gradient) -> void {
    write_difference<T>(dbm, data, nullptr, gradient);
}

template <Real T>
auto load_rules(const State& trainer, GradientRules<T>& rules) -> void {
    if (trainer.has_child("gradient")) {
        rules.load_state(trainer.child("gradient"));
    } else if (rules.options().centring.on || rules.options().sparsity.strength > 0.0) {
        throw InputError("the checkpoint was written without centring and sparsity; this training is not");
    }
}

template <Real T>
auto weighted_sum(std::span<const double> values, std::size_t rows, std::span<const T> weights) -> double {
    if (weights.empty()) { return std::accumulate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rows), 0.0); }
    return std::inner_product(weights.begin(), weights.end(), values.begin(), 0.0);
}

template class GradientRules<float>;
template class GradientRules<double>;
template class Phase<float>;
template class Phase<double>;
template auto difference(const DBM<float>&, const Phase<float>&, const Phase<float>&, Gradient<float>&) -> void;
template auto difference(const DBM<double>&, const Phase<double>&, const Phase<double>&, Gradient<double>&) -> void;
template auto data_statistics(const DBM<float>&, const Phase<float>&, Gradient<float>&) -> void;
template auto data_statistics(const DBM<double>&, const Phase<double>&, Gradient<double>&) -> void;
template auto load_rules(const State&, GradientRules<float>&) -> void;
template auto load_rules(const State&, GradientRules<double>&) -> void;
template auto weighted_sum(std::span<const double>, std::size_t, std::span<const float>) -> double;
template auto weighted_sum(std::span<const double>, std::size_t, std::span<const double>) -> double;

}  // namespace nbm
