module nbm:callbacks.free_energy_gap_impl;

import :callbacks.contexts;
import :callbacks.free_energy_gap;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.row_subset;
import :model;
import :standard;
import :tensor;

namespace nbm {

FreeEnergyGap::FreeEnergyGap(FreeEnergyGapOptions options) : options_(std::move(options)) {}

auto FreeEnergyGap::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("rows", options.rows,
                   "at most so many rows of each split, evenly spread over it; 0: all validation rows and as many training rows");
    visitor.option("name", options.name, "appended to the name of the metric, for several of these side by side");
}

auto FreeEnergyGap::id() const -> std::string { return named_metric(std::string(kind), options_.name); }

auto FreeEnergyGap::setup(SetupInfo& info) -> void {
    if (!info.has_validation) {
        throw InputError("FreeEnergyGap compares validation rows with training rows, but there are no validation rows");
    }
    gap_ = info.logs().declare({.name = named_metric("free_energy_gap", options_.name), .unit = "nat"});
}

template <Real T>
auto FreeEnergyGap::on_epoch_end(ModelContext<EpochInfo, T>& context) -> void {
    const auto validation = RowSubset<T>(*context.validation, options_.rows);
    const auto train = RowSubset<T>(context.train, (*validation).shape(0));
    context.logs().set(gap_, mean_free_energy(context.model, *validation) - mean_free_energy(context.model, *train));
}

template auto FreeEnergyGap::on_epoch_end(ModelContext<EpochInfo, float>&) -> void;
template auto FreeEnergyGap::on_epoch_end(ModelContext<EpochInfo, double>&) -> void;

}  // namespace nbm
