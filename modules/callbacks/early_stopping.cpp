module nbm:callbacks.early_stopping_impl;

import :callbacks.contexts;
import :callbacks.early_stopping;
import :callbacks.improvement;
import :callbacks.logs;
import :callbacks.machine_copy;
import :callbacks.options;
import :callbacks.session;
import :io;
import :model;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

auto EarlyStopping::options(OptionVisitor& visitor, Options& options) -> void {
    describe_monitor(visitor, options);
    visitor.option("cumulative", options.cumulative,
                   "small changes add up to min_delta; false: each is compared with the best value");
    visitor.option("patience", options.patience, "values in a row without improvement that stop the training; 0 is as 1");
    visitor.option("start_epoch", options.start_epoch, "first epoch, counted from 1, whose value is looked at", at_least(1));
    visitor.option("baseline", options.baseline, "a value that does not improve on this is no improvement");
    visitor.option("restore_best", options.restore_best, "in the end the machine is that of the epoch with the best value");
    visitor.choice("on_nonfinite", options.on_nonfinite, "what NaN and infinities do: stop, count as no improvement, or nothing",
                   {"stop", "count", "ignore"});
    visitor.option("stopping_threshold", options.stopping_threshold, "a value that reaches this stops the training");
    visitor.option("divergence_threshold", options.divergence_threshold, "a value worse than this stops the training");
}

EarlyStopping::EarlyStopping(EarlyStoppingOptions options)
    : options_(std::move(options)),
      watch_("EarlyStopping", {.monitor = options_.monitor,
                               .mode = options_.mode,
                               .min_delta = options_.min_delta,
                               .threshold_mode = options_.threshold_mode,
                               .cumulative = options_.cumulative,
                               .significance = options_.significance}) {
    const auto check = [](std::string_view name, const std::optional<double>& value) {
        if (!value || std::isfinite(*value)) { return; }
        throw InputError(fmt::format("EarlyStopping: {} is {}; it must be finite", name, *value));
    };
    check("baseline", options_.baseline);
    check("stopping_threshold", options_.stopping_threshold);
    check("divergence_threshold", options_.divergence_threshold);
}

template <Real T>
auto EarlyStopping::setup(const ModelContext<SetupInfo, T>& context) -> void {
    watch_.setup(context.logs());
    machine_.clear();
    if (options_.restore_best) { machine_.allocate(context.model); }
    present_ = 0;
    observations_ = 0;
    waited_ = 0;
}

auto EarlyStopping::lose_patience(const EpochInfo& info, double value) const -> Flow {
    auto why = fmt::format("{} has not improved in {} observation{}; the last one, of epoch {}, is {:.6g}", options_.monitor,
                           waited_, waited_ == 1 ? "" : "s", info.epoch + 1, value);
    if (best()) { why += fmt::format(", the best one, of epoch {}, {:.6g}", *best_epoch() + 1, *best()); }
    if (options_.baseline) { why += fmt::format(", the baseline {:.6g}", *options_.baseline); }
    return info.stop(std::move(why));
}

auto EarlyStopping::judge(const EpochInfo& info) -> Verdict {
    const auto found = watch_.value(info.logs());
    if (!found) { return {}; }
    ++present_;
    if (info.epoch + 1 < options_.start_epoch) { return {}; }
    const auto value = *found;
    auto seen = Improvement::Seen{};
    if (std::isfinite(value)) {
        seen = watch_.observe(info.logs(), value, info.epoch, options_.baseline);
    } else if (options_.on_nonfinite == OnNonFinite::stop) {
        return {.flow = info.stop(fmt::format("{} is {} in epoch {}", options_.monitor, std::isnan(value) ? std::abs(value) : value,
                                              info.epoch + 1))};
    } else if (options_.on_nonfinite == OnNonFinite::ignore) {
        return {};
    }
    ++observations_;
    waited_ = seen.improved ? 0 : waited_ + 1;
    const auto stop_at = [&](std::string_view what, double threshold) {
        return Verdict{seen.best, info.stop(fmt::format("{} is {:.6g} in epoch {}, {} {:.6g}", options_.monitor, value,
                                                        info.epoch + 1, what, threshold))};
    };
    if (std::isfinite(value)) {
        const auto& good = options_.stopping_threshold;
        if (good && !watch_.is_better(*good, value)) { return stop_at("which reaches the stopping threshold", *good); }
        const auto& bad = options_.divergence_threshold;
        if (bad && watch_.is_better(*bad, value)) { return stop_at("worse than the divergence threshold", *bad); }
    }
    const auto patient = observations_ == 1 || waited_ < std::max<std::size_t>(options_.patience, 1);
    return {seen.best, patient ? Flow::proceed : lose_patience(info, value)};
}

template <Real T>
auto EarlyStopping::on_epoch_end(const ModelContext<EpochInfo, T>& context) -> Flow {
    const auto verdict = judge(context);
    if (verdict.best && options_.restore_best) { machine_.take(context.model); }
    return verdict.flow;
}

template <Real T>
auto EarlyStopping::on_finalise(const ModelContext<TrainInfo, T>& context) -> void {
    if (present_ == 0) {
        context.warn(fmt::format("EarlyStopping: metric '{}' had no value in any epoch, so it could not stop the training",
                                 options_.monitor));
    }
    if (!options_.restore_best) { return; }
    if (machine_.is_filled()) {
        machine_.put_into(context.model);
    } else if (best()) {
        context.warn(fmt::format("EarlyStopping: the best machine, of epoch {}, was not in the checkpoint and cannot be restored",
                                 *best_epoch() + 1));
    }
}

auto EarlyStopping::save_state(State& state) const -> void {
    state.put("present", present_);
    state.put("observations", observations_);
    state.put("waited", waited_);
    watch_.save_state(state.child("watch"));
    if (options_.restore_best) { machine_.save_state(state.child("machine")); }
}

auto EarlyStopping::load_state(const State& state) -> void {
    // Counts, values and machine of another metric, or of one that went the other way, mean nothing here.
    if (!watch_.load_state(state.child("watch"))) { return; }
    present_ = state.get<std::size_t>("present");
    observations_ = state.get<std::size_t>("observations");
    waited_ = state.get<std::size_t>("waited");
    if (options_.restore_best && state.has_child("machine")) { machine_.load_state(state.child("machine")); }
}

template auto EarlyStopping::setup(const ModelContext<SetupInfo, float>&) -> void;
template auto EarlyStopping::setup(const ModelContext<SetupInfo, double>&) -> void;
template auto EarlyStopping::on_epoch_end(const ModelContext<EpochInfo, float>&) -> Flow;
template auto EarlyStopping::on_epoch_end(const ModelContext<EpochInfo, double>&) -> Flow;
template auto EarlyStopping::on_finalise(const ModelContext<TrainInfo, float>&) -> void;
template auto EarlyStopping::on_finalise(const ModelContext<TrainInfo, double>&) -> void;

}  // namespace nbm
