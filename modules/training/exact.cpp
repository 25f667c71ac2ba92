module nbm:training.exact_impl;

import :estimators;
import :io;
import :model;
import :standard;
import :tensor;
import :training.exact;
import :training.gradient;
import :training.profile;
import :training.state;
import nbm.fmt;

namespace nbm {

namespace {

auto require_small(const Topology& topology) -> void {
    // Given v, fewer: the smaller parity of the hidden layers has no more units.
    const auto units = std::min(topology.units(Parity::even), topology.units(Parity::odd));
    if (units > max_exact_training_units) {
        throw InputError(
            fmt::format("the exact gradient of {} enumerates {} units, at most {} are possible; train it with CD or PCD",
                        topology.describe(), units, max_exact_training_units));
    }
}

/// gradient = data - scale model
template <class From, class To>
auto set_difference(const From& data, const From& model, double scale, To& gradient) -> void {
    using T = typename To::value_type;
    std::transform(data.begin(), data.end(), model.begin(), gradient.begin(),
                   [scale](double d, double m) { return static_cast<T>(d - scale * m); });
}

}  // namespace

template <Real T>
Exact<T>::Exact(ExactOptions options) : rules_(options.gradient) {}

template <Real T>
auto Exact<T>::begin(const DBM<T>& dbm, const Matrix<T>& data, std::size_t, std::uint64_t, bool resumed) -> void {
    require_small(dbm.topology());
    rules_.begin(dbm, data, resumed);
    activities_ = zero_parameters(dbm).biases;
}

template <Real T>
auto Exact<T>::gradient(const DBM<T>& dbm, MatrixView<const T> batch, Gradient<T>& gradient, std::span<const T> weights) -> double {
    require_small(dbm.topology());
    const auto rows = batch.rows();
    if (batch.cols() != dbm.visible_size() || rows == 0) {
        throw ShapeError(
            fmt::format("found a batch of shape [{}, {}], expected [at least 1, {}]", rows, batch.cols(), dbm.visible_size()));
    }
    if (!weights.empty() && weights.size() != rows) {
        throw ShapeError(fmt::format("found {} weights for {} rows", weights.size(), rows));
    }
    auto watch = Stopwatch(profile_.get(), &Profile::positive);
    const auto data = data_moments(dbm, batch, weights);
    watch.next(&Profile::negative);
    const auto model = model_moments(dbm, {});
    watch.next(&Profile::gradient);
    const auto total = weights.empty() ? 1.0 : std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(rows);
    for (std::size_t l = 0; l != gradient.biases.size(); ++l) {
        set_difference(data.moments.biases[l], model.moments.biases[l], total, gradient.biases[l]);
    }
    for (std::size_t s = 0; s != gradient.weights.size(); ++s) {
        set_difference(data.moments.weights[s], model.moments.weights[s], total, gradient.weights[s]);
    }
    if (!activities_.empty()) {
        for (std::size_t l = 0; total > 0.0 && l != activities_.size(); ++l) {
            std::ranges::transform(data.moments.biases[l], activities_[l].begin(),
                                   [&](double x) { return static_cast<T>(x / total); });
        }
        rules_.apply(dbm, total > 0.0 ? std::span<const Vector<T>>(activities_) : std::span<const Vector<T>>{}, gradient);
    }
    return weighted_sum<T>(data.free_energies, rows, weights) / static_cast<double>(rows) + total * model.log_z;
}

template <Real T>
auto Exact<T>::evaluate(const DBM<T>& dbm, const Matrix<T>& data) -> double {
    require_small(dbm.topology());
    const auto log_p = exact_log_probability(dbm, data);
    return -std::accumulate(log_p.begin(), log_p.end(), 0.0) / static_cast<double>(data.shape(0));
}

template <Real T>
auto Exact<T>::save_state(State& state) const -> void {
    state.put("kind", std::string("exact"));
    rules_.save_state(state.child("gradient"));
}

template <Real T>
auto Exact<T>::load_state(const State& state) -> void {
    require_kind(state, "exact", "trainer");
    load_rules(state, rules_);
}

template class Exact<float>;
template class Exact<double>;

}  // namespace nbm
