module nbm:training.adam_impl;

import :io;
import :model;
import :standard;
import :tensor;
import :training.adam;
import :training.state;
import :training.update;

namespace nbm {

namespace {

template <class OptionsType>
struct Names;
template <>
struct Names<AdamOptions> {
    static constexpr std::string_view title = "Adam";
    static constexpr std::string_view kind = "adam";
};
template <>
struct Names<NadamOptions> {
    static constexpr std::string_view title = "Nadam";
    static constexpr std::string_view kind = "nadam";
};

/// The momentum of update t, counted from 1.
auto momentum(const AdamOptions& options, double) -> double { return options.beta1; }
auto momentum(const NadamOptions& options, double t) -> double {
    return options.beta1 * (1.0 - 0.5 * std::pow(0.96, options.schedule_decay * t));
}

/// One update of any parameter.
template <Real T>
struct Step {
    T rate;
    T mean_gain;  // 1 - momentum, precise even where the momentum is almost 1
    T square_gain;
    T from_mean;
    T from_gradient;
    T seen;  // how much of the mean square comes from gradients, and not from the zeros it began with
    T epsilon;

    auto apply(std::span<T> parameter, std::span<const T> gradient, std::span<T> mean, std::span<T> square) const -> void {
        for (std::size_t i = 0; i != parameter.size(); ++i) {
            const auto g = gradient[i];
            const auto m = mean[i] + mean_gain * (g - mean[i]);
            const auto v = square[i] + square_gain * (g * g - square[i]);
            mean[i] = m;
            square[i] = v;
            parameter[i] += rate * (from_mean * m + from_gradient * g) / (std::sqrt(v / seen) + epsilon);
        }
    }
};

}  // namespace

template <Real T, class OptionsType>
AdaptiveMoments<T, OptionsType>::AdaptiveMoments(OptionsType options) : configured_(options), options_(options) {
    validate();
}

template <Real T, class OptionsType>
auto AdaptiveMoments<T, OptionsType>::validate() const -> void {
    const auto prefix = std::string(Names<OptionsType>::title) + ": ";
    const auto require = RequireOption{prefix};
    const auto& o = options_;
    require(std::isfinite(o.learning_rate) && o.learning_rate >= 0.0, "learning_rate", o.learning_rate, "finite and at least 0");
    require(o.beta1 >= 0.0 && o.beta1 < 1.0, "beta1", o.beta1, "at least 0 and below 1");
    require(o.beta2 >= 0.0 && o.beta2 < 1.0, "beta2", o.beta2, "at least 0 and below 1");
    require(std::isfinite(o.epsilon) && static_cast<T>(o.epsilon) > T{0}, "epsilon", o.epsilon, "finite and above 0");
    require(std::isfinite(o.decay) && o.decay >= 0.0, "decay", o.decay, "finite and at least 0");
    if constexpr (nesterov) {
        require(std::isfinite(o.schedule_decay) && o.schedule_decay >= 0.0, "schedule_decay", o.schedule_decay,
                "finite and at least 0");
    }
}

template <Real T, class OptionsType>
auto AdaptiveMoments<T, OptionsType>::set_learning_rate(double rate) -> void {
    options_.learning_rate = rate;
    validate();
}

template <Real T, class OptionsType>
auto AdaptiveMoments<T, OptionsType>::effective_learning_rate() const -> double {
    return options_.learning_rate / (1.0 + options_.decay * static_cast<double>(iterations_));
}

template <Real T, class OptionsType>
auto AdaptiveMoments<T, OptionsType>::update(DBM<T>& dbm, const Gradient<T>& gradient) -> void {
    if (mean_.biases.empty()) {
        mean_ = zero_parameters(dbm);
        square_ = mean_;
    }
    require_shapes(Names<OptionsType>::title, dbm, {&gradient, &mean_, &square_});
    const auto t = static_cast<double>(iterations_ + 1);
    const auto mu = momentum(options_, t);
    const auto next = momentum(options_, t + 1.0);
    momenta_ *= mu;
    // 1 - momenta_ is how much of the mean comes from gradients.
    const auto step = Step<T>{.rate = static_cast<T>(effective_learning_rate()),
                              .mean_gain = static_cast<T>(1.0 - mu),
                              .square_gain = static_cast<T>(1.0 - options_.beta2),
                              .from_mean = static_cast<T>(nesterov ? next / (1.0 - momenta_ * next) : 1.0 / (1.0 - momenta_)),
                              .from_gradient = static_cast<T>(nesterov ? (1.0 - mu) / (1.0 - momenta_) : 0.0),
                              .seen = static_cast<T>(1.0 - std::pow(options_.beta2, t)),
                              .epsilon = static_cast<T>(options_.epsilon)};
    for_each_parameter(dbm, gradient, [&](auto... spans) { step.apply(spans...); }, mean_, square_);
    ++iterations_;
}

template <Real T, class OptionsType>
auto AdaptiveMoments<T, OptionsType>::save_state(State& state) const -> void {
    state.put("kind", std::string(Names<OptionsType>::kind));
    state.put("iterations", iterations_);
    state.put("momenta", momenta_);
    state.put("learning_rate", options_.learning_rate);
    state.put("configured_learning_rate", configured_.learning_rate);
    save_parameters(mean_, state.child("mean"));
    save_parameters(square_, state.child("square"));
}

template <Real T, class OptionsType>
auto AdaptiveMoments<T, OptionsType>::load_state(const State& state) -> void {
    require_kind(state, std::string(Names<OptionsType>::kind), "optimiser");
    auto mean = load_parameters<T>(state.child("mean"));
    square_ = load_parameters<T>(state.child("square"));
    mean_ = std::move(mean);
    iterations_ = state.get<std::size_t>("iterations");
    momenta_ = state.get<double>("momenta");
    options_.learning_rate = state.get<double>("learning_rate");
}

template class AdaptiveMoments<float, AdamOptions>;
template class AdaptiveMoments<double, AdamOptions>;
template class AdaptiveMoments<float, NadamOptions>;
template class AdaptiveMoments<double, NadamOptions>;

}  // namespace nbm
