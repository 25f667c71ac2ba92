module nbm:callbacks.improvement_impl;

import :callbacks.improvement;
import :callbacks.logs;
import :callbacks.options;
import :io;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

Improvement::Improvement(std::string owner, MonitorOptions options) : owner_(std::move(owner)), options_(std::move(options)) {
    if (options_.monitor.empty()) {
        throw InputError(fmt::format("{}: monitor is empty; it must be the name of a metric", owner_));
    }
    const auto check = [&](std::string_view name, double value) {
        if (std::isfinite(value) && value >= 0.0) { return; }
        throw InputError(fmt::format("{}: {} is {}; it must be finite and at least 0", owner_, name, value));
    };
    check("min_delta", options_.min_delta);
    check("significance", options_.significance);
}

auto Improvement::setup(const Logs& logs) -> void {
    try {
        metric_ = logs.find(options_.monitor);
    } catch (const InputError& error) { throw InputError(fmt::format("{}: monitor: {}", owner_, error.what())); }
    const auto& metric = logs.metrics()[metric_.index];
    auto better = metric.better;
    if (options_.mode != MonitorMode::automatic) { better = options_.mode == MonitorMode::lower ? Better::lower : Better::higher; }
    if (better == Better::neither) {
        throw InputError(fmt::format("{}: metric '{}' does not declare whether lower or higher values are better; set mode", owner_,
                                     options_.monitor));
    }
    sign_ = better == Better::higher ? 1.0 : -1.0;
    if (options_.significance > 0.0) {
        const auto& bound = better == Better::higher ? metric.low : metric.high;
        if (bound.empty()) {
            throw InputError(fmt::format("{}: significance is {}, but metric '{}' has no error bar", owner_, options_.significance,
                                         options_.monitor));
        }
        bound_ = logs.find(bound);
    }
    best_.reset();
    best_epoch_.reset();
    reference_.reset();
}

auto Improvement::improves(const Logs& logs, double value, double reference) const -> bool {
    const auto delta = options_.min_delta * (options_.threshold_mode == ThresholdMode::relative ? std::abs(reference) : 1.0);
    auto doubt = 0.0;
    if (options_.significance > 0.0) {
        const auto bound = logs.get(bound_);
        // An infinite end means that nothing is known on this side.
        if (!bound || !std::isfinite(*bound)) { return false; }
        doubt = options_.significance * std::abs(value - *bound) / 3.0;
    }
    return sign_ * (value - reference) - doubt > delta;
}

auto Improvement::observe(const Logs& logs, double value, std::size_t epoch, std::optional<double> baseline) -> Seen {
    const auto& reference = options_.cumulative ? reference_ : best_;
    const auto improves_on = [&](const std::optional<double>& old) { return !old || improves(logs, value, *old); };
    const auto improved = improves_on(reference) && improves_on(baseline);
    const auto is_best = !best_ || is_better(value, *best_);
    if (improved) { reference_ = value; }
    if (is_best) {
        best_ = value;
        best_epoch_ = epoch;
    }
    return {.best = is_best, .improved = improved};
}

auto Improvement::save_state(State& state) const -> void {
    state.put("monitor", options_.monitor);
    state.put("higher", sign_ > 0.0);
    if (reference_) { state.put("reference", *reference_); }
    if (!best_) { return; }
    state.put("best", *best_);
    state.put("best_epoch", *best_epoch_);
}

auto Improvement::load_state(const State& state) -> bool {
    best_.reset();
    best_epoch_.reset();
    reference_.reset();
    if (state.get<std::string>("monitor") != options_.monitor || state.get<bool>("higher") != sign_ > 0.0) { return false; }
    if (state.has("reference")) { reference_ = state.get<double>("reference"); }
    if (!state.has("best")) { return true; }
    best_ = state.get<double>("best");
    best_epoch_ = state.get<std::size_t>("best_epoch");
    return true;
}

}  // namespace nbm
