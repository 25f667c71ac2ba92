module nbm:callbacks.ais_callback_impl;

import :callbacks.ais_callback;
import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :estimators;
import :model;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

AISCallback::AISCallback(AISCallbackOptions options)
    : AISCallback(options, options.schedule == BetaSchedule::linear ? linear(options.betas) : three_piece(options.betas)) {}

AISCallback::AISCallback(AISCallbackOptions options, Betas betas) : options_(std::move(options)), betas_(std::move(betas)) {}

auto AISCallback::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("runs", options.runs, "annealing runs", at_least(2));
    visitor.option("betas", options.betas, "inverse temperatures of each run", at_least(4));
    visitor.choice("schedule", options.schedule, "how they are spaced", {"linear", "three_piece"});
    visitor.option("name", options.name, "appended to the names of the metrics, for several of these side by side");
    visitor.option("seed", options.seed, "of the annealing runs' random numbers");
    visitor.option("exact", options.exact, "also log logz_exact, by enumeration");
}

auto AISCallback::Bounded::set(Logs& logs, const Estimate& estimate) const -> void {
    logs.set(value, estimate.value);
    logs.set(low, estimate.low);
    logs.set(high, estimate.high);
}

auto AISCallback::named(const std::string& name) const -> std::string {
    return options_.name.empty() ? name : fmt::format("{}_{}", name, options_.name);
}

auto AISCallback::declare_bounded(Logs& logs, const std::string& name) const -> Bounded {
    const auto low = named(name + "_low");
    const auto high = named(name + "_high");
    const auto better = name == "logz" ? Better::neither : Better::higher;
    const auto value = logs.declare({.name = named(name), .unit = "nat", .better = better, .low = low, .high = high});
    return {.value = value, .low = logs.declare({low, "nat", better}), .high = logs.declare({high, "nat", better})};
}

auto AISCallback::declare_split(Logs& logs, const std::string& prefix) const -> Split {
    const auto free_energy = logs.declare({named(prefix + "free_energy"), "nat"});
    return {.free_energy = free_energy, .prob = declare_bounded(logs, prefix + "prob")};
}

auto AISCallback::prepare(SetupInfo& info, const Topology& topology) -> void {
    const auto smaller = std::min(topology.units(Parity::even), topology.units(Parity::odd));
    if (options_.exact && smaller > max_enumerated_units) {
        throw InputError(fmt::format("AISCallback: exact log Z needs a side of at most {} units; the smaller one of {} has {}",
                                     max_enumerated_units, topology.describe(), smaller));
    }
    auto& logs = info.logs();
    logz_ = declare_bounded(logs, "logz");
    trust_.effective_sample_size = logs.declare({.name = named("logz_ess"), .better = Better::higher});
    trust_.share = logs.declare({.name = named("logz_share"), .better = Better::lower});
    trust_.variance = logs.declare({.name = named("logz_weight_variance"), .better = Better::lower});
    train_ = declare_split(logs, "");
    if (info.has_validation) { validation_ = declare_split(logs, "val_"); }
    if (options_.exact) { exact_ = logs.declare({named("logz_exact"), "nat"}); }
}

template <Real T>
auto AISCallback::on_epoch_end(ModelContext<EpochInfo, T>& context) -> void {
    auto& logs = context.logs();
    const auto stop = context.stop_token();
    const auto log_split = [&](const Split& split, const Matrix<T>& rows, const LogZ& log_z) {
        const auto& dbm = context.model;
        const auto probability = dbm.topology().is_rbm()
                                     ? mean_log_probability(dbm, rows, log_z)
                                     : variational_bound(dbm, rows, log_z, to_convergence(), {.stop = stop, .progress = {}});
        logs.set(split.free_energy, -probability.value - log_z.value);
        split.prob.set(logs, probability);
    };
    try {
        auto ais =
            AIS<T>(context.model, context.train,
                   {.runs = options_.runs, .betas = betas_, .seed = options_.seed + context.epoch, .control = {.stop = stop}});
        const auto log_z = ais.run_log_z();
        logz_.set(logs, log_z);
        logs.set(trust_.effective_sample_size, log_z.effective_sample_size);
        logs.set(trust_.share, log_z.largest_weight_share);
        logs.set(trust_.variance, log_z.log_weight_variance);
        log_split(train_, context.train, log_z);
        if (context.validation != nullptr) { log_split(validation_, *context.validation, log_z); }
        if (options_.exact) { logs.set(exact_, exact_log_z(context.model, {.stop = stop, .progress = {}})); }
    } catch (const Cancelled&) { return; }
}

template auto AISCallback::on_epoch_end(ModelContext<EpochInfo, float>&) -> void;
template auto AISCallback::on_epoch_end(ModelContext<EpochInfo, double>&) -> void;

}  // namespace nbm
