module nbm:callbacks.reduce_on_plateau_impl;

import :callbacks.any_run;
import :callbacks.contexts;
import :callbacks.improvement;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.reduce_on_plateau;
import :io;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

auto ReduceOnPlateau::options(OptionVisitor& visitor, Options& options) -> void {
    describe_monitor(visitor, options);
    visitor.option("factor", options.factor, "the new learning rate is so much of the present one; above 0 and below 1",
                   within(0, 1));
    visitor.option("patience", options.patience, "values in a row without improvement that lower the rate; 0 is as 1");
    visitor.option("cooldown", options.cooldown, "values after a reduction that do not count");
    visitor.option("min_learning_rate", options.min_learning_rate, "the rate is not lowered further than this", at_least(0));
}

ReduceOnPlateau::ReduceOnPlateau(ReduceOnPlateauOptions options)
    : options_(std::move(options)),
      watch_("ReduceOnPlateau", {.monitor = options_.monitor,
                                 .mode = options_.mode,
                                 .min_delta = options_.min_delta,
                                 .threshold_mode = options_.threshold_mode,
                                 .significance = options_.significance}) {
    if (!(options_.factor > 0.0 && options_.factor < 1.0)) {
        throw InputError(fmt::format("ReduceOnPlateau: factor is {}; it must be above 0 and below 1", options_.factor));
    }
    if (!(std::isfinite(options_.min_learning_rate) && options_.min_learning_rate >= 0.0)) {
        throw InputError(
            fmt::format("ReduceOnPlateau: min_learning_rate is {}; it must be finite and at least 0", options_.min_learning_rate));
    }
}

auto ReduceOnPlateau::prepare(const SetupInfo& info, const AnyOptimiser& optimiser) -> void {
    if (!optimiser.has(Hyper::learning_rate)) {
        throw InputError("ReduceOnPlateau: this optimiser has no learning rate that can be set");
    }
    watch_.setup(info.logs());
    observations_ = 0;
    waited_ = 0;
    cooling_ = 0;
    reductions_ = 0;
}

auto ReduceOnPlateau::observe(const EpochInfo& info, AnyOptimiser optimiser) -> void {
    const auto value = watch_.value(info.logs());
    if (!value) { return; }
    ++observations_;
    const auto improved = std::isfinite(*value) && watch_.observe(info.logs(), *value, info.epoch).improved;
    if (improved) { waited_ = 0; }
    if (cooling_ != 0) {
        --cooling_;
        return;
    }
    if (improved) { return; }
    ++waited_;
    if (observations_ == 1 || waited_ < std::max<std::size_t>(options_.patience, 1)) { return; }
    waited_ = 0;
    const auto rate = optimiser.learning_rate();
    const auto reduced = std::max(rate * options_.factor, options_.min_learning_rate);
    if (reduced >= rate) { return; }
    optimiser.set_learning_rate(reduced);
    cooling_ = options_.cooldown;
    ++reductions_;
}

auto ReduceOnPlateau::on_finalise(const TrainInfo& info) -> void {
    if (observations_ != 0) { return; }
    info.warn(fmt::format("ReduceOnPlateau: metric '{}' had no value in any epoch, so the learning rate was not reduced",
                          options_.monitor));
}

auto ReduceOnPlateau::save_state(State& state) const -> void {
    state.put("observations", observations_);
    state.put("waited", waited_);
    state.put("cooling", cooling_);
    state.put("reductions", reductions_);
    watch_.save_state(state.child("watch"));
}

auto ReduceOnPlateau::load_state(const State& state) -> void {
    cooling_ = state.get<std::size_t>("cooling");
    reductions_ = state.get<std::size_t>("reductions");
    // What was counted of another metric, or of one that went the other way, means nothing here.
    if (!watch_.load_state(state.child("watch"))) { return; }
    observations_ = state.get<std::size_t>("observations");
    waited_ = state.get<std::size_t>("waited");
}

}  // namespace nbm
