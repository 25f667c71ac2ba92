module nbm:config.registry_impl;

import :callbacks;
import :config.registry;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

auto common_options(OptionVisitor& visitor, CommonOptions& options) -> void {
    visitor.option("id", options.id, "name in messages and checkpoints, for several of one type");
    visitor.option("every", options.epochs.every, "runs in every n-th epoch");
    visitor.option("at", options.epochs.at, "runs in these epochs, counted from 1", at_least(1));
    visitor.option("at_end", options.epochs.at_end, "runs in the last epoch");
    visitor.option("after", options.epochs.after, "runs only in epochs after this one");
    visitor.option("before", options.epochs.before, "runs only in epochs before this one; 0: no end");
    visitor.option("once", options.epochs.once, "runs only in the first of these epochs");
    visitor.choice("on_error", options.on_error, "an error ends the training, becomes a warning (the default of pictures, plots, summary, tensorboard), or also ends the callback",
                   {"propagate", "warn", "disable"});
}

template <Real T>
auto CallbackRegistry<T>::find(std::string_view name) const -> const Entry& {
    const auto found = std::ranges::find(entries_, name, &Entry::name);
    if (found == entries_.end()) {
        auto names = std::vector<std::string>{};
        for (const auto& entry : entries_) { names.push_back(entry.name); }
        throw InputError(unknown_name("callback type", name, names));
    }
    return *found;
}

template <Real T>
auto CallbackRegistry<T>::check_new(const std::string& name) const -> void {
    if (std::ranges::find(entries_, name, &Entry::name) != entries_.end()) {
        throw InputError(fmt::format("a callback type '{}' is registered already", name));
    }
}

template <Real T>
auto builtin_callbacks() -> CallbackRegistry<T> {
    auto registry = CallbackRegistry<T>{};
    registry.template add<AISCallback>();
    registry.template add<ChainMonitor>();
    registry.template add<Checkpoint>();
    registry.template add<CSVLogger>();
    registry.template add<EarlyStopping>();
    registry.template add<ExactLogLikelihood>();
    registry.template add<FilterImages>();
    registry.template add<FreeEnergyGap>();
    registry.template add<GradientClip>();
    registry.template add<JSONLLogger>();
    registry.template add<LearningRateScheduler<Schedule>>();
    registry.template add<MomentumRateScheduler<Schedule>>();
    registry.template add<OptimizerSpy>();
    registry.template add<PeriodicSave>();
    registry.template add<PlotCallback>();
    registry.template add<ProgressBar>();
    registry.template add<PseudoLikelihood>();
    registry.template add<ReconstructionError>();
    registry.template add<ReduceOnPlateau>();
    registry.template add<SampleCallback>();
    registry.template add<SummaryCallback>();
    registry.template add<TemperingMonitor>();
    registry.template add<TensorBoard>();
    registry.template add<TerminateOnNonFinite>();
    registry.template add<TimeBudget>();
    registry.template add<Timing>();
    registry.template add<WeightAverage>();
    registry.template add<WeightStatistics>();
    return registry;
}

template class CallbackRegistry<float>;
template class CallbackRegistry<double>;
template auto builtin_callbacks() -> CallbackRegistry<float>;
template auto builtin_callbacks() -> CallbackRegistry<double>;

}  // namespace nbm
