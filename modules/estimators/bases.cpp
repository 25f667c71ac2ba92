module nbm:estimators.bases_impl;

import :estimators.bases;
import :model;
import :sampling;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

template <Real T>
auto base_rate_bias(const Matrix<T>& v) -> Vector<T> {
    if (v.shape(0) == 0) { throw InputError("the base rates need at least 1 row of data"); }
    const auto wrong = std::ranges::find_if(v, [](T x) { return !(x >= T{0} && x <= T{1}); });
    if (wrong != v.end()) { throw InputError(fmt::format("the data for base rates hold {}; expected values from 0 to 1", *wrong)); }
    const auto means = clipped_column_means<T>(v);
    auto bias = zero_vector<T>(v.shape(1));
    for (std::size_t k = 0; k != means.size(); ++k) { bias[k] = static_cast<T>(logit((means[k] + 0.05) / 1.05)); }
    return bias;
}

template <Real T>
auto data_base(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& data) -> DBM<T> {
    if (data.shape(1) != dbm.visible_size()) {
        throw ShapeError(fmt::format("found base rates of {} visible units, expected {}", data.shape(1), dbm.visible_size()));
    }
    auto base = DBM<T>(dbm.topology());
    base.bias(0) = base_rate_bias(data);
    return base;
}

template <Real T>
auto own_biases_base(const DBM<T>& dbm) -> DBM<T> {
    auto base = DBM<T>(dbm.topology());
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) { base.bias(l) = dbm.bias(l); }
    return base;
}

namespace {

/// The variational free energy <E> - H of independent units with these means, in nats.
template <Real T>
auto variational_free_energy(const DBM<T>& dbm, const States<T>& means) -> double {
    auto result = dbm.energy(means)[0];  // E is linear in every unit
    for (const auto& layer : means) {
        for (const auto m : layer) {
            const auto q = double(m);
            if (q > 0.0 && q < 1.0) { result += q * std::log(q) + (1.0 - q) * std::log1p(-q); }
        }
    }
    return result;
}

}  // namespace

template <Real T>
auto mean_field_base(const DBM<T>& dbm) -> DBM<T> {
    constexpr auto starts = std::array{0.5, 0.1, 0.9};
    constexpr auto margin = 1e-3;  // so that no unit is certain and all states can be reached
    auto base = DBM<T>(dbm.topology());
    auto lowest = std::numeric_limits<double>::infinity();
    for (const auto start : starts) {
        auto means = dbm.make_states(1);
        for (auto& layer : means) { layer.fill(static_cast<T>(start)); }
        MeanField({.steps = 500, .tolerance = 1e-5, .clamped = {}}).run(dbm, means);
        const auto free_energy = variational_free_energy(dbm, means);
        if (!(free_energy < lowest)) { continue; }
        lowest = free_energy;
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
            for (std::size_t k = 0; k != dbm.size(l); ++k) {
                base.bias(l)[k] = static_cast<T>(logit(std::clamp(double(means[l](0, k)), margin, 1.0 - margin)));
            }
        }
    }
    return base;
}

template <Real T>
auto make_base(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>* data, Base base) -> DBM<T> {
    if (data == nullptr && base == Base::data) {
        throw InputError("annealing from base rates needs data: give them, or choose another base");
    }
    switch (base) {
        case Base::data: return data_base<T>(dbm, *data);
        case Base::uniform: return DBM<T>(dbm.topology());
        case Base::own_biases: return own_biases_base(dbm);
        case Base::mean_field: return mean_field_base(dbm);
    }
    throw InputError("there is no such base");
}

namespace {

/// Copies the parameters of `from` into `to`, its hidden layers from unit `offset[l]` on.
template <Real T>
auto place(const DBM<T>& from, const std::vector<std::size_t>& offset, DBM<T>& to) -> void {
    for (std::size_t l = 0; l != from.layer_count(); ++l) {
        for (std::size_t k = 0; k != from.size(l); ++k) { to.bias(l)[offset[l] + k] = from.bias(l)[k]; }
    }
    for (const auto& [edge, w] : from.synapses()) {
        auto& out = to.weights(edge.lower, edge.upper);
        for (std::size_t i = 0; i != w.shape(0); ++i) {
            for (std::size_t j = 0; j != w.shape(1); ++j) { out(offset[edge.lower] + i, offset[edge.upper] + j) = w(i, j); }
        }
    }
}

}  // namespace

template <Real T>
auto join(const DBM<T>& first, const DBM<T>& second) -> JoinedMachines<T> {
    if (first.visible_size() != second.visible_size()) {
        throw ShapeError(
            fmt::format("found a base machine with {} visible units, expected {}", first.visible_size(), second.visible_size()));
    }
    const auto layers = std::max(first.layer_count(), second.layer_count());
    auto sizes = std::vector<std::size_t>{first.visible_size()};
    auto first_offset = std::vector<std::size_t>(layers, 0);
    auto second_offset = std::vector<std::size_t>{0};
    for (std::size_t l = 1; l != layers; ++l) {
        second_offset.push_back(l < first.layer_count() ? first.size(l) : 0);
        sizes.push_back(second_offset.back() + (l < second.layer_count() ? second.size(l) : 0));
    }
    auto edges = std::set<Edge>(first.topology().edges().begin(), first.topology().edges().end());
    edges.insert(second.topology().edges().begin(), second.topology().edges().end());
    const auto topology = Topology(sizes, {edges.begin(), edges.end()});
    auto joined = JoinedMachines<T>{DBM<T>(topology), DBM<T>(topology)};
    place(first, first_offset, joined.start);
    place(second, second_offset, joined.end);
    return joined;
}

template auto base_rate_bias(const Matrix<float>&) -> Vector<float>;
template auto base_rate_bias(const Matrix<double>&) -> Vector<double>;
template auto data_base(const DBM<float>&, const Matrix<float>&) -> DBM<float>;
template auto data_base(const DBM<double>&, const Matrix<double>&) -> DBM<double>;
template auto own_biases_base(const DBM<float>&) -> DBM<float>;
template auto own_biases_base(const DBM<double>&) -> DBM<double>;
template auto mean_field_base(const DBM<float>&) -> DBM<float>;
template auto mean_field_base(const DBM<double>&) -> DBM<double>;
template auto make_base(const DBM<float>&, const Matrix<float>*, Base) -> DBM<float>;
template auto make_base(const DBM<double>&, const Matrix<double>*, Base) -> DBM<double>;
template auto join(const DBM<float>&, const DBM<float>&) -> JoinedMachines<float>;
template auto join(const DBM<double>&, const DBM<double>&) -> JoinedMachines<double>;

}  // namespace nbm
