module;

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

module nbm:callbacks.reconstruction_error_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.reconstruction_error;
import :callbacks.row_subset;
import :model;
import :random;
import :sampling;
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
auto ReconstructionError::error(const DBM<T>& dbm, const Matrix<T>& split, std::uint64_t draw) const -> double {
    const auto subset = RowSubset<T>(split, options_.rows);
    const auto stream = Stream(options_.seed, Purpose::evaluation);
    auto errors = std::vector<double>((*subset).shape(0));
    auto states = States<T>{};
    for_hidden_means(dbm, *subset, [&](const PositivePhase<T>& positive, Rows part) {
        if (states.empty()) { states = dbm.make_states(positive.capacity()); }
        parallel_rows(part.count, [&](Rows rows) {
            for (std::size_t l = 1; l < dbm.layer_count(); l += 2) {
                sample_probabilities<T>(slice(positive.means()[l], rows), slice(states[l], rows), stream,
                                        layer_step(draw, dbm.layer_count(), l), part.first + rows.first);
            }
            const auto fields = slice(states[0], rows);
            dbm.field_rows(0, states, rows, fields);
            for (std::size_t r = 0; r != rows.count; ++r) {
                const auto v = slice(positive.means()[0], rows).row(r);
                const auto x = fields.row(r);
                auto& sum = errors[part.first + rows.first + r];
                for (std::size_t i = 0; i != v.size(); ++i) {
                    const auto difference = double(v[i]) - sigmoid(double(x[i]));
                    sum += options_.measure == ReconstructionMeasure::squared
                               ? difference * difference
                               : softplus(double(x[i])) - double(v[i]) * double(x[i]);
                }
            }
        });
    });
    auto mean = 0.0;
    for (const auto e : errors) { mean += e / static_cast<double>(errors.size()); }
    return mean;
}

template <Real T>
auto ReconstructionError::on_epoch_end(ModelContext<EpochInfo, T>& context) -> void {
    context.logs().set(train_, error(context.model, context.train, 2 * context.epoch));
    if (context.validation != nullptr) {
        context.logs().set(validation_, error(context.model, *context.validation, 2 * context.epoch + 1));
    }
}

template auto ReconstructionError::on_epoch_end(ModelContext<EpochInfo, float>&) -> void;
template auto ReconstructionError::on_epoch_end(ModelContext<EpochInfo, double>&) -> void;

}  // namespace nbm
