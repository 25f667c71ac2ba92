module nbm:callbacks.tempering_monitor_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.row_subset;
import :callbacks.tempering_monitor;
import :model;
import :sampling;
import :standard;
import :tensor;

namespace nbm {

TemperingMonitor::TemperingMonitor(TemperingMonitorOptions options) : options_(std::move(options)) {}

auto TemperingMonitor::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("name", options.name, "appended to the names of the metrics, for several of these side by side");
}

auto TemperingMonitor::id() const -> std::string { return named_metric(std::string(kind), options_.name); }

auto TemperingMonitor::prepare(SetupInfo& info, bool has_ladder) -> void {
    if (!has_ladder) { throw InputError("TemperingMonitor: this trainer has no replicas; a trainer such as PT does"); }
    const auto declare = [&](const std::string& metric, Better better) {
        return info.logs().declare({.name = named_metric(metric, options_.name), .better = better});
    };
    rate_min_ = declare("swap_rate_min", Better::higher);
    rate_mean_ = declare("swap_rate_mean", Better::higher);
    rates_ = declare("swap_rates", Better::neither);
    betas_ = declare("swap_betas", Better::neither);
    round_trips_ = declare("round_trips", Better::neither);
}

auto TemperingMonitor::report(EpochInfo& info, const Ladder& ladder) const -> void {
    auto& logs = info.logs();
    logs.set(betas_, ladder.betas);
    logs.set(round_trips_, static_cast<double>(ladder.round_trips));
    if (std::ranges::find(ladder.swaps, std::uint64_t{0}) != ladder.swaps.end()) { return; }  // every other update tries a pair
    auto least = ladder.swap_rates.front();
    auto sum = 0.0;
    for (const auto rate : ladder.swap_rates) {
        least = rate < least ? rate : least;
        sum += rate;
    }
    const auto mean = sum / static_cast<double>(ladder.swap_rates.size());
    logs.set(rate_min_, std::isnan(mean) ? mean : least);  // one that is not a number spoils both
    logs.set(rate_mean_, mean);
    logs.set(rates_, ladder.swap_rates);
}

}  // namespace nbm
