module;

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>

module nbm:callbacks.pseudo_likelihood_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.pseudo_likelihood;
import :callbacks.row_subset;
import :estimators;
import :model;
import :random;
import :sampling;
import :tensor;

namespace nbm {

PseudoLikelihood::PseudoLikelihood(PseudoLikelihoodOptions options) : options_(std::move(options)) {}

auto PseudoLikelihood::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("exact", options.exact, "all units of each row, not a random one");
    visitor.option("rows", options.rows, "at most so many rows of each split, evenly spread over it; 0: all");
    visitor.option("seed", options.seed, "of the choice of units");
    visitor.option("name", options.name, "appended to the names of the metrics, for several of these side by side");
}

auto PseudoLikelihood::id() const -> std::string { return named_metric(std::string(kind), options_.name); }

auto PseudoLikelihood::prepare(SetupInfo& info, const Topology& topology) -> void {
    if (!topology.is_rbm()) {
        throw InputError(fmt::format("PseudoLikelihood measures machines with two layers, not {}", topology.describe()));
    }
    const auto declare = [&](const char* name) {
        return info.logs().declare({.name = named_metric(name, options_.name), .unit = "nat", .better = Better::higher});
    };
    train_ = declare("pslike");
    if (info.has_validation) { validation_ = declare("val_pslike"); }
}

template <Real T>
auto PseudoLikelihood::on_epoch_end(ModelContext<EpochInfo, T>& context) -> void {
    const auto stream = Stream(options_.seed, Purpose::evaluation);
    const auto log = [&](MetricId metric, const Matrix<T>& split, std::uint64_t step) {
        const auto rows = RowSubset<T>(split, options_.rows);
        const auto& dbm = context.model;
        context.logs().set(metric, options_.exact ? pseudo_likelihood(dbm, *rows) : pseudo_likelihood(dbm, *rows, stream, step));
    };
    log(train_, context.train, 2 * context.epoch);
    if (context.validation != nullptr) { log(validation_, *context.validation, 2 * context.epoch + 1); }
}

template auto PseudoLikelihood::on_epoch_end(ModelContext<EpochInfo, float>&) -> void;
template auto PseudoLikelihood::on_epoch_end(ModelContext<EpochInfo, double>&) -> void;

}  // namespace nbm
