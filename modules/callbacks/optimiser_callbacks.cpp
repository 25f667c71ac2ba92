module nbm:callbacks.optimiser_callbacks_impl;

import :callbacks.any_run;
import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.optimiser_callbacks;
import :io;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

auto is_rate(Hyper h) -> bool { return h == Hyper::learning_rate; }

}  // namespace

auto require_hyper(const AnyOptimiser& optimiser, Hyper h) -> void {
    if (optimiser.has(h)) { return; }
    throw InputError(is_rate(h) ? "LearningRateScheduler: this optimiser has no learning rate that can be set"
                                : "MomentumRateScheduler: this optimiser has no momentum that can be set");
}

auto get_hyper(const AnyOptimiser& optimiser, Hyper h) -> double {
    return is_rate(h) ? optimiser.learning_rate() : optimiser.momentum();
}

auto check_scheduled(Hyper h, double value, std::size_t epoch) -> void {
    if (std::isfinite(value) && value >= 0.0 && (is_rate(h) || value < 1.0)) { return; }
    throw InputError(fmt::format(
        "{}: the schedule gives {} for epoch {}; a {}", is_rate(h) ? "LearningRateScheduler" : "MomentumRateScheduler", value,
        epoch + 1, is_rate(h) ? "learning rate must be finite and at least 0" : "momentum must be at least 0 and below 1"));
}

auto set_hyper(AnyOptimiser optimiser, Hyper h, double value) -> void {
    is_rate(h) ? optimiser.set_learning_rate(value) : optimiser.set_momentum(value);
}

auto OptimizerSpy::prepare(SetupInfo& info, const AnyOptimiser& optimiser) -> void {
    learning_rate_ = {.exists = optimiser.has(Hyper::learning_rate)};
    momentum_ = {.exists = optimiser.has(Hyper::momentum)};
    if (!learning_rate_.exists && !momentum_.exists) {
        throw InputError("OptimizerSpy: this optimiser has neither a learning rate nor a momentum");
    }
    if (learning_rate_.exists) { learning_rate_.metric = info.logs().declare({"learning_rate"}); }
    if (momentum_.exists) { momentum_.metric = info.logs().declare({"momentum"}); }
}

auto OptimizerSpy::watch(const AnyOptimiser& optimiser) -> void {
    if (learning_rate_.exists) { learning_rate_.value = optimiser.effective_learning_rate(); }
    if (momentum_.exists) { momentum_.value = optimiser.effective_momentum(); }
}

auto OptimizerSpy::on_epoch_end(EpochInfo& info) -> void {
    for (const auto* watched : {&learning_rate_, &momentum_}) {
        if (watched->value) { info.logs().set(watched->metric, *watched->value); }
    }
}

auto OptimizerSpy::save_state(State& state) const -> void {
    if (learning_rate_.value) { state.put("learning_rate", *learning_rate_.value); }
    if (momentum_.value) { state.put("momentum", *momentum_.value); }
}

auto OptimizerSpy::load_state(const State& state) -> void {
    const auto load = [&](Watched& watched, std::string_view name) {
        watched.value.reset();
        if (watched.exists && state.has(name)) { watched.value = state.get<double>(name); }
    };
    load(learning_rate_, "learning_rate");
    load(momentum_, "momentum");
}

}  // namespace nbm
