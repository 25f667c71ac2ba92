module nbm:model.dbm_impl;

import :model.dbm;
import :model.topology;
import :standard;
import :tensor;
import :xtensor;
import nbm.fmt;

namespace nbm {

template <Real T>
DBM<T>::DBM(Topology topology) : topology_(std::move(topology)) {
    for (const auto size : topology_.sizes()) { layers_.push_back({zero_vector<T>(size)}); }
    for (const auto edge : topology_.edges()) {
        synapses_.push_back({edge, zero_matrix<T>(topology_.size(edge.lower), topology_.size(edge.upper))});
    }
}

template <Real T>
auto DBM<T>::weights(std::size_t lower, std::size_t upper) const -> const Matrix<T>& {
    const auto found = std::ranges::find(synapses_, Edge{lower, upper}, &Synapse<T>::edge);
    if (found == synapses_.end()) {
        throw InputError(fmt::format("layers {} and {} are not connected in {}", lower, upper, topology_.describe()));
    }
    return found->weights;
}

template <Real T>
auto DBM<T>::weights(std::size_t lower, std::size_t upper) -> Matrix<T>& {
    return const_cast<Matrix<T>&>(std::as_const(*this).weights(lower, upper));
}

template <Real T>
auto DBM<T>::make_states(std::size_t count) const -> States<T> {
    auto states = States<T>{};
    for (const auto size : topology_.sizes()) { states.push_back(zero_matrix<T>(count, size)); }
    return states;
}

template <Real T>
auto DBM<T>::check(const States<T>& states) const -> void {
    if (states.size() != layer_count()) {
        throw ShapeError(fmt::format("found states of {} layers; {} has {}", states.size(), topology_.describe(), layer_count()));
    }
    for (std::size_t l = 0; l != layer_count(); ++l) {
        if (states[l].shape(1) != size(l) || states[l].shape(0) != states[0].shape(0)) {
            throw ShapeError(fmt::format("layer {}: found states of shape [{}, {}], expected [{}, {}]", l, states[l].shape(0),
                                         states[l].shape(1), states[0].shape(0), size(l)));
        }
    }
}

template <Real T>
auto DBM<T>::check(const Matrix<T>& v) const -> void {
    if (v.shape(1) != visible_size()) {
        throw ShapeError(fmt::format("found {} visible values a row, expected {}", v.shape(1), visible_size()));
    }
}

template <Real T>
auto DBM<T>::field_rows(std::size_t layer, const States<T>& states, Rows rows, MatrixView<T> out, Direction direction) const
    -> void {
    set_rows(out, as_span(layers_[layer].bias));
    for (const auto& [edge, weights] : synapses_) {
        if (edge.upper == layer && direction != Direction::down) {
            multiply<T>(slice(states[edge.lower], rows), weights, out, Transpose::no, Transpose::no, T{1}, T{1});
        } else if (edge.lower == layer && direction != Direction::up) {
            multiply<T>(slice(states[edge.upper], rows), weights, out, Transpose::no, Transpose::yes, T{1}, T{1});
        }
    }
}

template <Real T>
auto DBM<T>::field(std::size_t layer, const States<T>& states, Matrix<T>& out, Direction direction) const -> void {
    check(states);
    const auto chains = states[0].shape(0);
    out.resize({chains, size(layer)});
    parallel_rows(chains, [&](Rows rows) { field_rows(layer, states, rows, slice(out, rows), direction); });
}

template <Real T>
auto DBM<T>::conditional(std::size_t layer, const States<T>& states, Matrix<T>& out, double beta) const -> void {
    check(states);
    const auto chains = states[0].shape(0);
    out.resize({chains, size(layer)});
    parallel_rows(chains, [&](Rows rows) {
        const auto part = slice(out, rows);
        field_rows(layer, states, rows, part);
        activate(part, beta);
    });
}

template <Real T>
auto DBM<T>::propup(const Matrix<T>& v) const -> States<T> {
    check(v);
    auto states = make_states(v.shape(0));
    states[0] = v;
    parallel_rows(v.shape(0), [&](Rows rows) {
        for (std::size_t l = 1; l != layer_count(); ++l) { propup_rows(l, states, rows); }
    });
    return states;
}

template <Real T>
auto DBM<T>::propup_scale(std::size_t layer) const -> double {
    const auto below = std::ranges::count(topology_.edges(), layer, &Edge::upper);
    const auto above = std::ranges::count(topology_.edges(), layer, &Edge::lower);
    return below == 0 ? 1.0 : static_cast<double>(below + above) / static_cast<double>(below);
}

template <Real T>
auto DBM<T>::propup_rows(std::size_t layer, States<T>& states, Rows rows) const -> void {
    const auto scale = static_cast<T>(propup_scale(layer));
    const auto out = slice(states[layer], rows);
    set_rows(out, as_span(layers_[layer].bias));
    for (const auto& [edge, weights] : synapses_) {
        if (edge.upper == layer) {
            multiply<T>(slice(states[edge.lower], rows), weights, out, Transpose::no, Transpose::no, scale, T{1});
        }
    }
    activate(out, 1.0);
}

namespace {

/// sums[r] += factor * sum_k a[k] x[r, k]
template <Real T>
auto add_dot(MatrixView<const T> x, std::span<const T> a, double factor, std::span<double> sums) -> void {
    for (std::size_t r = 0; r != x.rows(); ++r) { sums[r] += factor * dot<T>(x.row(r), a); }
}

auto part_of(Vector<double>& sums, Rows rows) -> std::span<double> { return as_span(sums).subspan(rows.first, rows.count); }

}  // namespace

template <Real T>
auto DBM<T>::energy(const States<T>& states) const -> Vector<double> {
    check(states);
    auto result = zero_vector<double>(states[0].shape(0));
    parallel_rows(result.size(), [&](Rows rows) {
        const auto sums = part_of(result, rows);
        for (std::size_t l = 0; l != layer_count(); ++l) { add_dot(slice(states[l], rows), as_span(layers_[l].bias), -1.0, sums); }
        for (const auto& [edge, weights] : synapses_) {
            auto input = zero_matrix<T>(rows.count, size(edge.upper));
            multiply<T>(slice(states[edge.lower], rows), weights, input);
            for (std::size_t r = 0; r != rows.count; ++r) {
                for (std::size_t k = 0; k != size(edge.upper); ++k) {
                    sums[r] -= double(input(r, k)) * double(states[edge.upper](rows.first + r, k));
                }
            }
        }
    });
    return result;
}

template <Real T>
auto DBM<T>::free_energy(const States<T>& states, Parity summed, double beta) const -> Vector<double> {
    check(states);
    auto result = zero_vector<double>(states[0].shape(0));
    parallel_rows(result.size(), [&](Rows rows) {
        const auto sums = part_of(result, rows);
        for (std::size_t l = 0; l != layer_count(); ++l) {
            if (parity_of(l) == summed) {
                auto z = Matrix<T>::from_shape({rows.count, size(l)});
                field_rows(l, states, rows, z);
                add_softplus<T>(z, beta, sums);
            } else {
                add_dot(slice(states[l], rows), as_span(layers_[l].bias), beta, sums);
            }
        }
        for (auto& value : sums) { value = -value; }
    });
    return result;
}

template <Real T>
auto DBM<T>::free_energy(const Matrix<T>& v) const -> Vector<double> {
    if (!topology_.is_rbm()) {
        throw InputError(
            fmt::format("the free energy of visible units alone is exact for two layers only, not for {}", topology_.describe()));
    }
    check(v);
    auto result = zero_vector<double>(v.shape(0));
    const auto& w = synapses_[0].weights;
    parallel_rows(v.shape(0), [&](Rows rows) {
        const auto sums = part_of(result, rows);
        auto z = Matrix<T>::from_shape({rows.count, size(1)});
        set_rows<T>(z, as_span(layers_[1].bias));
        multiply<T>(slice(v, rows), w, z, Transpose::no, Transpose::no, T{1}, T{1});
        add_softplus<T>(z, 1.0, sums);
        add_dot(slice(v, rows), as_span(layers_[0].bias), 1.0, sums);
        for (auto& value : sums) { value = -value; }
    });
    return result;
}

auto part_name(std::size_t layer) -> std::string { return fmt::format("h{}", layer); }
auto part_name(Edge edge) -> std::string { return fmt::format("h{}-{}", edge.lower, edge.upper); }

template class DBM<float>;
template class DBM<double>;

}  // namespace nbm
