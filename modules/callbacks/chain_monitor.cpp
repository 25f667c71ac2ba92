module nbm:callbacks.chain_monitor_impl;

import :callbacks.chain_monitor;
import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.row_subset;
import :estimators;
import :io;
import :model;
import :sampling;
import :standard;
import :tensor;

namespace nbm {

ChainMonitor::ChainMonitor(ChainMonitorOptions options) : options_(std::move(options)) {
    if (options_.every_batches == 0) { throw InputError("ChainMonitor: every_batches is 0; it must be at least 1"); }
}

auto ChainMonitor::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("every_batches", options.every_batches, "looks at the chains after each so many updates of an epoch",
                   at_least(1));
    visitor.option("rows", options.rows, "training rows that the chains are compared with, evenly spread over them; 0: all");
    visitor.option("name", options.name, "appended to the names of the metrics, for several of these side by side");
}

auto ChainMonitor::id() const -> std::string { return named_metric(std::string(kind), options_.name); }

auto ChainMonitor::prepare(SetupInfo& info, bool has_chains) -> void {
    if (!has_chains) { throw InputError("ChainMonitor: this trainer keeps no chains; a trainer such as PCD does"); }
    auto& logs = info.logs();
    flip_rate_ = logs.declare({.name = named_metric("chain_flip_rate", options_.name)});
    gap_ = logs.declare({.name = named_metric("chain_free_energy_gap", options_.name), .unit = "nat"});
    autocorrelation_ = logs.declare({.name = named_metric("chain_autocorrelation", options_.name), .better = Better::lower});
    flip_rates_.clear();
    free_energies_.clear();
}

auto ChainMonitor::on_epoch_begin(const EpochInfo&) -> void {
    flip_rates_.clear();
    free_energies_.clear();
}

template <Real T>
auto ChainMonitor::remember(const Chains<T>& chains) -> void {
    const auto& visible = chains.states[0];
    before_.resize(visible.size());
    std::transform(visible.data(), visible.data() + visible.size(), before_.begin(), [](T x) { return x != T{0}; });
}

template <Real T>
auto ChainMonitor::look(const DBM<T>& dbm, const Chains<T>& chains) -> void {
    const auto& visible = chains.states[0];
    auto flips = std::size_t{0};
    for (std::size_t i = 0; i != before_.size(); ++i) { flips += (visible.data()[i] != T{0}) != (before_[i] != 0) ? 1 : 0; }
    flip_rates_.push_back(static_cast<double>(flips) / static_cast<double>(before_.size()));
    const auto free_energies = dbm.free_energy(chains.states, Parity::odd);
    free_energies_.insert(free_energies_.end(), free_energies.data(), free_energies.data() + free_energies.size());
}

template <Real T>
auto ChainMonitor::report(ModelContext<EpochInfo, T>& context, const Chains<T>& chains) const -> void {
    auto& logs = context.logs();
    const auto rows = RowSubset<T>(context.train, options_.rows);
    logs.set(gap_, mean_free_energy(context.model, chains.states[0]) - mean_free_energy(context.model, *rows));
    if (flip_rates_.empty()) { return; }
    auto sum = 0.0;
    for (const auto rate : flip_rates_) { sum += rate; }
    logs.set(flip_rate_, sum / static_cast<double>(flip_rates_.size()));
    auto series = Matrix<double>::from_shape({flip_rates_.size(), chains.count()});
    if (series.size() != free_energies_.size()) { return; }  // resumed with another number of chains
    std::ranges::copy(free_energies_, series.data());
    if (const auto time = autocorrelation_time(series)) {
        logs.set(autocorrelation_, *time * static_cast<double>(options_.every_batches));
    }
}

auto ChainMonitor::save_state(State& state) const -> void {
    state.put("flip_rates", flip_rates_);
    state.put("free_energies", free_energies_);
}

auto ChainMonitor::load_state(const State& state) -> void {
    flip_rates_ = state.get<std::vector<double>>("flip_rates");
    free_energies_ = state.get<std::vector<double>>("free_energies");
}

template auto ChainMonitor::remember(const Chains<float>&) -> void;
template auto ChainMonitor::remember(const Chains<double>&) -> void;
template auto ChainMonitor::look(const DBM<float>&, const Chains<float>&) -> void;
template auto ChainMonitor::look(const DBM<double>&, const Chains<double>&) -> void;
template auto ChainMonitor::report(ModelContext<EpochInfo, float>&, const Chains<float>&) const -> void;
template auto ChainMonitor::report(ModelContext<EpochInfo, double>&, const Chains<double>&) const -> void;

}  // namespace nbm
