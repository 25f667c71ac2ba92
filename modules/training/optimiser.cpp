module nbm:training.optimiser_impl;

import :io;
import :model;
import :standard;
import :tensor;
import :training.optimiser;
import :training.state;
import :training.update;

namespace nbm {

template <Real T>
SGD<T>::SGD(SGDOptions options) : configured_(options), options_(options) {
    validate();
}

template <Real T>
auto SGD<T>::validate() const -> void {
    constexpr auto require = RequireOption{"SGD: "};
    const auto& o = options_;
    require(std::isfinite(o.learning_rate) && o.learning_rate >= 0.0, "learning_rate", o.learning_rate, "finite and at least 0");
    require(o.momentum >= 0.0 && o.momentum < 1.0, "momentum", o.momentum, "at least 0 and below 1");
    require(std::isfinite(o.decay) && o.decay >= 0.0, "decay", o.decay, "finite and at least 0");
    if (o.momentum_ramp) {
        require(std::isfinite(o.momentum_ramp->decay) && o.momentum_ramp->decay >= 0.0, "momentum_ramp.decay",
                o.momentum_ramp->decay, "finite and at least 0");
    }
}

template <Real T>
auto SGD<T>::set_learning_rate(double rate) -> void {
    options_.learning_rate = rate;
    validate();
}

template <Real T>
auto SGD<T>::set_momentum(double momentum) -> void {
    options_.momentum = momentum;
    validate();
}

template <Real T>
auto SGD<T>::effective_learning_rate() const -> double {
    return options_.learning_rate / (1.0 + options_.decay * static_cast<double>(iterations_));
}

template <Real T>
auto SGD<T>::effective_momentum() const -> double {
    if (!options_.momentum_ramp) { return options_.momentum; }
    const auto& ramp = *options_.momentum_ramp;
    const auto factor = [&](double steps) { return 1.0 - 0.5 * std::pow(0.96, ramp.decay * steps); };
    const auto rising = factor(static_cast<double>(iterations_));
    if (ramp.final_step == 0) { return options_.momentum * rising; }
    if (iterations_ >= ramp.final_step) { return 0.5 * options_.momentum; }
    return options_.momentum * rising * factor(static_cast<double>(ramp.final_step - iterations_));
}

namespace {

template <Real T>
auto update_span(std::span<T> parameter, std::span<T> velocity, std::span<const T> gradient, T rate, T momentum, bool nesterov)
    -> void {
    for (std::size_t i = 0; i != parameter.size(); ++i) {
        const auto push = rate * gradient[i];
        const auto v = momentum * velocity[i] + push;
        velocity[i] = v;
        parameter[i] += nesterov ? momentum * v + push : v;
    }
}

}  // namespace

template <Real T>
auto SGD<T>::update(DBM<T>& dbm, const Gradient<T>& gradient) -> void {
    if (velocity_.biases.empty()) { velocity_ = zero_parameters(dbm); }
    require_shapes("SGD", dbm, {&gradient, &velocity_});
    const auto rate = static_cast<T>(effective_learning_rate());
    const auto momentum = static_cast<T>(effective_momentum());
    for_each_parameter(
        dbm, gradient,
        [&](std::span<T> parameter, std::span<const T> g, std::span<T> velocity) {
            update_span<T>(parameter, velocity, g, rate, momentum, options_.nesterov);
        },
        velocity_);
    ++iterations_;
}

template <Real T>
auto SGD<T>::save_state(State& state) const -> void {
    state.put("kind", std::string("sgd"));
    state.put("iterations", iterations_);
    state.put("learning_rate", options_.learning_rate);
    state.put("momentum", options_.momentum);
    state.put("configured_learning_rate", configured_.learning_rate);
    state.put("configured_momentum", configured_.momentum);
    save_parameters(velocity_, state.child("velocity"));
}

template <Real T>
auto SGD<T>::load_state(const State& state) -> void {
    require_kind(state, "sgd", "optimiser");
    auto velocity = load_parameters<T>(state.child("velocity"));
    iterations_ = state.get<std::size_t>("iterations");
    options_.learning_rate = state.get<double>("learning_rate");
    options_.momentum = state.get<double>("momentum");
    velocity_ = std::move(velocity);
}

template class SGD<float>;
template class SGD<double>;

}  // namespace nbm
