module nbm:callbacks.parameter_callbacks_impl;

import :callbacks.contexts;
import :callbacks.machine_copy;
import :callbacks.options;
import :callbacks.parameter_callbacks;
import :io;
import :model;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

/// Calls f(entries) for all parts of a gradient.
template <Real T, class F>
auto each_part(Gradient<T>& gradient, F f) -> void {
    for (auto& bias : gradient.biases) { f(as_span(bias)); }
    for (auto& weights : gradient.weights) { f(std::span<T>(weights.data(), weights.size())); }
}

/// The largest absolute entry; infinite when one is not finite.
template <Real T>
auto largest_entry(Gradient<T>& gradient) -> double {
    auto largest = 0.0;
    auto finite = true;
    each_part(gradient, [&](std::span<T> entries) {
        for (const auto x : entries) {
            finite = finite && std::isfinite(x);
            largest = std::max(largest, std::abs(static_cast<double>(x)));
        }
    });
    return finite ? largest : std::numeric_limits<double>::infinity();
}

template <Real T>
auto average_span(std::span<T> average, std::span<const T> parameter, double decay) -> void {
    for (std::size_t i = 0; i != average.size(); ++i) {
        const auto p = static_cast<double>(parameter[i]);
        average[i] = static_cast<T>(p + decay * (static_cast<double>(average[i]) - p));
    }
}

}  // namespace

auto GradientClip::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("value", options.value, "limit of each entry's absolute value; 0: none", at_least(0));
    visitor.option("norm", options.norm, "limit of the whole gradient's L2 norm; 0: none", at_least(0));
}

GradientClip::GradientClip(GradientClipOptions options) : options_(options) {
    const auto check = [](std::string_view name, double limit) {
        if (std::isfinite(limit) && limit >= 0.0) { return; }
        throw InputError(fmt::format("GradientClip: {} is {}; it must be finite and at least 0", name, limit));
    };
    check("value", options_.value);
    check("norm", options_.norm);
    if (options_.value == 0.0 && options_.norm == 0.0) {
        throw InputError("GradientClip: value and norm are both 0; nothing would be limited");
    }
}

template <Real T>
auto GradientClip::on_gradient(const GradientInfo<T>& info) -> void {
    auto largest = largest_entry(info.gradient);
    if (largest == 0.0 || !std::isfinite(largest)) { return; }
    if (options_.value != 0.0 && largest > options_.value) {
        each_part(info.gradient, [&](std::span<T> entries) {
            for (auto& x : entries) { x = static_cast<T>(std::clamp(static_cast<double>(x), -options_.value, options_.value)); }
        });
        largest = options_.value;
    }
    if (options_.norm == 0.0) { return; }
    auto squares = 0.0;  // relative to the largest entry, so that they cannot overflow
    each_part(info.gradient, [&](std::span<T> entries) {
        for (const auto x : entries) { squares += std::pow(static_cast<double>(x) / largest, 2); }
    });
    const auto shrink = options_.norm / largest / std::sqrt(squares);
    if (shrink >= 1.0) { return; }
    each_part(info.gradient, [&](std::span<T> entries) {
        for (auto& x : entries) { x = static_cast<T>(static_cast<double>(x) * shrink); }
    });
}

auto WeightAverage::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("decay", options.decay, "weight of the past in each update of the average; below 1", within(0, 1));
    visitor.option("start_epoch", options.start_epoch, "epoch, counted from 1, from whose first update on is averaged",
                   at_least(1));
    visitor.option("validate", options.validate, "the validation cost is that of the average");
    visitor.option("final", options.final, "in the end the machine becomes the average");
}

WeightAverage::WeightAverage(WeightAverageOptions options) : options_(options) {
    if (!(options_.decay >= 0.0 && options_.decay < 1.0)) {
        throw InputError(fmt::format("WeightAverage: decay is {}; it must be at least 0 and below 1", options_.decay));
    }
}

template <Real T>
auto WeightAverage::setup(ModelContext<SetupInfo, T>& context) -> void {
    machine_.allocate(context.model);
    swapped_ = false;
}

template <Real T>
auto WeightAverage::on_batch_end(ModelContext<BatchInfo, T>& context) -> void {
    if (context.epoch + 1 < options_.start_epoch) { return; }
    auto* const average = machine_.get<T>();
    if (average == nullptr) {
        machine_.take(context.model);
        return;
    }
    const auto& model = std::as_const(context.model);
    for (std::size_t l = 0; l != model.layer_count(); ++l) {
        average_span<T>(as_span(average->bias(l)), as_span(model.bias(l)), options_.decay);
    }
    for (std::size_t s = 0; s != model.synapses().size(); ++s) {
        auto& mean = average->synapses()[s].weights;
        const auto& weights = model.synapses()[s].weights;
        parallel_rows(weights.shape(0), [&](Rows rows) {
            for (auto r = rows.first; r != rows.first + rows.count; ++r) {
                average_span<T>(MatrixView<T>(mean).row(r), MatrixView<const T>(weights).row(r), options_.decay);
            }
        });
    }
}

template <Real T>
auto WeightAverage::swap(DBM<T>& model) -> void {
    auto* const average = machine_.get<T>();
    if (average == nullptr) { return; }
    std::swap(model, *average);
    swapped_ = !swapped_;
}

template <Real T>
auto WeightAverage::on_validation_begin(ModelContext<EpochInfo, T>& context) -> void {
    if (options_.validate && !swapped_) { swap(context.model); }
}

template <Real T>
auto WeightAverage::on_validation_end(ModelContext<EpochInfo, T>& context) -> void {
    if (swapped_) { swap(context.model); }
}

template <Real T>
auto WeightAverage::on_exception(ModelContext<TrainInfo, T>& context) -> void {
    if (swapped_) { swap(context.model); }
}

template <Real T>
auto WeightAverage::on_finalise(ModelContext<TrainInfo, T>& context) -> void {
    if (!machine_.is_filled()) {
        context.warn(
            fmt::format("WeightAverage: there was no update from epoch {} on, so there is no average", options_.start_epoch));
    } else if (options_.final) {
        machine_.put_into(context.model);
    }
}

auto WeightAverage::save_state(State& state) const -> void { machine_.save_state(state); }
auto WeightAverage::load_state(const State& state) -> void { machine_.load_state(state); }

template auto GradientClip::on_gradient(const GradientInfo<float>&) -> void;
template auto GradientClip::on_gradient(const GradientInfo<double>&) -> void;
template auto WeightAverage::setup(ModelContext<SetupInfo, float>&) -> void;
template auto WeightAverage::setup(ModelContext<SetupInfo, double>&) -> void;
template auto WeightAverage::on_batch_end(ModelContext<BatchInfo, float>&) -> void;
template auto WeightAverage::on_batch_end(ModelContext<BatchInfo, double>&) -> void;
template auto WeightAverage::on_validation_begin(ModelContext<EpochInfo, float>&) -> void;
template auto WeightAverage::on_validation_begin(ModelContext<EpochInfo, double>&) -> void;
template auto WeightAverage::on_validation_end(ModelContext<EpochInfo, float>&) -> void;
template auto WeightAverage::on_validation_end(ModelContext<EpochInfo, double>&) -> void;
template auto WeightAverage::on_finalise(ModelContext<TrainInfo, float>&) -> void;
template auto WeightAverage::on_finalise(ModelContext<TrainInfo, double>&) -> void;
template auto WeightAverage::on_exception(ModelContext<TrainInfo, float>&) -> void;
template auto WeightAverage::on_exception(ModelContext<TrainInfo, double>&) -> void;

}  // namespace nbm
