module nbm:callbacks.reconstruction_error_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.reconstruction_error;
import :callbacks.row_subset;
import :estimators;
import :model;
import :random;
import :standard;
import :tensor;

namespace nbm {

ReconstructionError::ReconstructionError(ReconstructionErrorOptions options) : options_(std::move(options)) {}

auto ReconstructionError::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.choice("measure", options.measure, "how reconstruction and row are compared", {"squared", "cross_entropy"});
    visitor.option("rows", options.rows, "at most so many rows of each split, evenly spread over it; 0: all");
    visitor.option("seed", options.seed, "of the hidden samples");
    visitor.option("name", options.name, "appended to the names of the metrics, for several of these side by side");
}

auto ReconstructionError::id() const -> std::string { return named_metric(std::string(kind), options_.name); }

auto ReconstructionError::setup(SetupInfo& info) -> void {
    const auto* const unit = options_.measure == ReconstructionMeasure::cross_entropy ? "nat" : "";
    const auto declare = [&](const char* name) {
        return info.logs().declare({.name = named_metric(name, options_.name), .unit = unit, .better = Better::lower});
    };
    train_ = declare("recon");
    if (info.has_validation) { validation_ = declare("val_recon"); }
}

template <Real T>
auto ReconstructionError::on_epoch_end(ModelContext<EpochInfo, T>& context) -> void {
    const auto stream = Stream(options_.seed, Purpose::evaluation);
    const auto log = [&](MetricId id, const Matrix<T>& split, std::uint64_t step) {
        const auto rows = RowSubset<T>(split, options_.rows);
        context.logs().set(id, reconstruction_error(context.model, *rows, options_.measure, stream, step));
    };
    log(train_, context.train, 2 * context.epoch);
    if (context.validation != nullptr) { log(validation_, *context.validation, 2 * context.epoch + 1); }
}

template auto ReconstructionError::on_epoch_end(ModelContext<EpochInfo, float>&) -> void;
template auto ReconstructionError::on_epoch_end(ModelContext<EpochInfo, double>&) -> void;

}  // namespace nbm
