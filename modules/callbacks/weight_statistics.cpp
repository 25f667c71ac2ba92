module nbm:callbacks.weight_statistics_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.row_subset;
import :callbacks.weight_statistics;
import :io;
import :model;
import :sampling;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

auto is_last_batch(const BatchInfo& info) -> bool { return info.batch + 1 == info.batches; }

template <Real T>
auto norm(const Matrix<T>& w) -> double {
    auto sum = 0.0;
    for (const auto x : w) { sum += double(x) * double(x); }
    return std::sqrt(sum);
}

/// A number where there is one value, else a list.
auto set_values(Logs& logs, MetricId metric, std::vector<double> values) -> void {
    if (values.size() == 1) {
        logs.set(metric, values[0]);
    } else {
        logs.set(metric, std::move(values));
    }
}

/// The mean activation of each unit of each hidden layer.
template <Real T>
auto mean_activations(const DBM<T>& dbm, const Matrix<T>& data) -> std::vector<std::vector<double>> {
    auto sums = std::vector<std::vector<double>>{};
    for (std::size_t l = 1; l != dbm.layer_count(); ++l) { sums.emplace_back(dbm.size(l), 0.0); }
    for_hidden_means(dbm, data, [&](const PositivePhase<T>& positive, Rows rows) {
        parallel_for(sums.size(), [&](std::size_t hidden) {
            for (std::size_t r = 0; r != rows.count; ++r) {
                const auto row = MatrixView<const T>(positive.means()[hidden + 1]).row(r);
                for (std::size_t k = 0; k != row.size(); ++k) { sums[hidden][k] += double(row[k]); }
            }
        });
    });
    for (auto& layer : sums) {
        for (auto& sum : layer) { sum /= static_cast<double>(data.shape(0)); }
    }
    return sums;
}

}  // namespace

WeightStatistics::WeightStatistics(WeightStatisticsOptions options) : options_(std::move(options)) {
    if (!(options_.threshold > 0.0 && options_.threshold < 0.5)) {
        throw InputError(fmt::format("WeightStatistics: threshold is {}; it must be above 0 and below 0.5", options_.threshold));
    }
}

auto WeightStatistics::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("threshold", options.threshold,
                   "mean activation below which a hidden unit is dead; saturated above 1 - threshold", within(0, 0.5));
    visitor.option("rows", options.rows, "training rows that mean activations are taken over, evenly spread over them; 0: all");
    visitor.option("name", options.name, "appended to the names of the metrics, for several of these side by side");
}

auto WeightStatistics::id() const -> std::string { return named_metric(std::string(kind), options_.name); }

auto WeightStatistics::setup(SetupInfo& info) -> void {
    const auto declare = [&](const char* name, Better better) {
        return info.logs().declare({.name = named_metric(name, options_.name), .better = better});
    };
    norm_ = declare("weights_norm", Better::neither);
    ratio_ = declare("update_ratio", Better::neither);
    dead_ = declare("hidden_dead", Better::lower);
    saturated_ = declare("hidden_saturated", Better::lower);
    before_.clear();
    ratios_.clear();
}

auto WeightStatistics::on_epoch_begin(const EpochInfo&) -> void {
    before_.clear();
    ratios_.clear();
}

template <Real T>
auto WeightStatistics::on_batch_begin(ModelContext<BatchInfo, T>& context) -> void {
    if (!is_last_batch(context)) { return; }
    before_.clear();
    for (const auto& synapse : context.model.synapses()) { before_.emplace_back(synapse.weights.begin(), synapse.weights.end()); }
}

template <Real T>
auto WeightStatistics::on_batch_end(ModelContext<BatchInfo, T>& context) -> void {
    if (!is_last_batch(context)) { return; }
    ratios_.clear();
    for (std::size_t s = 0; s != before_.size(); ++s) {
        const auto& after = context.model.synapses()[s].weights;
        auto squares = 0.0;
        for (std::size_t i = 0; i != after.size(); ++i) {
            const auto change = double(after.data()[i]) - before_[s][i];
            squares += change * change;
        }
        ratios_.push_back(squares == 0.0 ? 0.0 : std::sqrt(squares) / norm(after));
    }
    before_.clear();
}

template <Real T>
auto WeightStatistics::on_epoch_end(ModelContext<EpochInfo, T>& context) -> void {
    auto& logs = context.logs();
    auto norms = std::vector<double>{};
    for (const auto& synapse : context.model.synapses()) { norms.push_back(norm(synapse.weights)); }
    set_values(logs, norm_, std::move(norms));
    if (!ratios_.empty()) { set_values(logs, ratio_, ratios_); }
    auto dead = std::vector<double>{};
    auto saturated = std::vector<double>{};
    const auto rows = RowSubset<T>(context.train, options_.rows);
    for (const auto& layer : mean_activations(context.model, *rows)) {
        auto low = 0.0;
        auto high = 0.0;
        for (const auto mean : layer) {
            // Comparisons with NaN are false, and 0 would be the best value.
            low += std::isnan(mean) ? mean : mean < options_.threshold ? 1.0 : 0.0;
            high += std::isnan(mean) ? mean : mean > 1.0 - options_.threshold ? 1.0 : 0.0;
        }
        dead.push_back(low / static_cast<double>(layer.size()));
        saturated.push_back(high / static_cast<double>(layer.size()));
    }
    set_values(logs, dead_, std::move(dead));
    set_values(logs, saturated_, std::move(saturated));
}

auto WeightStatistics::save_state(State& state) const -> void { state.put("ratios", ratios_); }

auto WeightStatistics::load_state(const State& state) -> void { ratios_ = state.get<std::vector<double>>("ratios"); }

template auto WeightStatistics::on_batch_begin(ModelContext<BatchInfo, float>&) -> void;
template auto WeightStatistics::on_batch_begin(ModelContext<BatchInfo, double>&) -> void;
template auto WeightStatistics::on_batch_end(ModelContext<BatchInfo, float>&) -> void;
template auto WeightStatistics::on_batch_end(ModelContext<BatchInfo, double>&) -> void;
template auto WeightStatistics::on_epoch_end(ModelContext<EpochInfo, float>&) -> void;
template auto WeightStatistics::on_epoch_end(ModelContext<EpochInfo, double>&) -> void;

}  // namespace nbm
