module nbm:callbacks.exact_log_likelihood_impl;

import :callbacks.contexts;
import :callbacks.exact_log_likelihood;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.row_subset;
import :estimators;
import :model;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

ExactLogLikelihood::ExactLogLikelihood(ExactLogLikelihoodOptions options) : options_(std::move(options)) {}

auto ExactLogLikelihood::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("rows", options.rows, "at most so many rows of each split, evenly spread over it; 0: all");
    visitor.option("name", options.name, "appended to the names of the metrics, for several of these side by side");
}

auto ExactLogLikelihood::id() const -> std::string { return named_metric(std::string(kind), options_.name); }

auto ExactLogLikelihood::prepare(SetupInfo& info, const Topology& topology) -> void {
    const auto smaller = std::min(topology.units(Parity::even), topology.units(Parity::odd));
    if (smaller > max_enumerated_units) {
        throw InputError(fmt::format("ExactLogLikelihood: the smaller side of {} has {} units; at most {} can be enumerated",
                                     topology.describe(), smaller, max_enumerated_units));
    }
    auto& logs = info.logs();
    const auto named = [&](const char* name) { return named_metric(name, options_.name); };
    log_z_ = logs.declare({.name = named("exact_logz"), .unit = "nat"});
    train_ = logs.declare({.name = named("exact_prob"), .unit = "nat", .better = Better::higher});
    if (info.has_validation) {
        validation_ = logs.declare({.name = named("val_exact_prob"), .unit = "nat", .better = Better::higher});
    }
}

template <Real T>
auto ExactLogLikelihood::on_epoch_end(ModelContext<EpochInfo, T>& context) -> void {
    const auto control = Control{.stop = context.stop_token()};
    auto& logs = context.logs();
    try {
        const auto log_z = exact_log_z(context.model, control);
        const auto mean_log_p = [&](const Matrix<T>& split) {
            const auto rows = RowSubset<T>(split, options_.rows);
            auto sum = 0.0;
            for (const auto f : exact_free_energy(context.model, *rows, control)) { sum += f; }
            return -sum / static_cast<double>((*rows).shape(0)) - log_z;
        };
        logs.set(log_z_, log_z);
        logs.set(train_, mean_log_p(context.train));
        if (context.validation != nullptr) { logs.set(validation_, mean_log_p(*context.validation)); }
    } catch (const Cancelled&) { return; }
}

template auto ExactLogLikelihood::on_epoch_end(ModelContext<EpochInfo, float>&) -> void;
template auto ExactLogLikelihood::on_epoch_end(ModelContext<EpochInfo, double>&) -> void;

}  // namespace nbm
