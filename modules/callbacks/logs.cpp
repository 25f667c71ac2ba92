module nbm:callbacks.logs_impl;

import :callbacks.logs;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

auto Logs::declare(Metric metric) -> MetricId {
    if (frozen_) {
        throw InputError(fmt::format("metric '{}' is declared after training began; declare it in the setup hook", metric.name));
    }
    if (metric.name.empty()) { throw InputError("a metric needs a name"); }
    if (std::ranges::find(metrics_, metric.name, &Metric::name) != metrics_.end()) {
        const auto& first = metrics_[find(metric.name).index].producer;
        throw InputError(fmt::format("metric '{}' is declared twice, first by callback '{}'; give one of them another name",
                                     metric.name, first));
    }
    metrics_.push_back(std::move(metric));
    values_.emplace_back();
    lists_.emplace_back();
    return {metrics_.size() - 1};
}

auto Logs::find(std::string_view name) const -> MetricId {
    const auto found = std::ranges::find(metrics_, name, &Metric::name);
    if (found == metrics_.end()) {
        auto names = std::vector<std::string>{};
        for (const auto& metric : metrics_) { names.push_back(metric.name); }
        throw InputError(unknown_name("metric", name, names) +
                         "; a metric of a callback is there when that callback is, such as val_prob of ais");
    }
    return {static_cast<std::size_t>(found - metrics_.begin())};
}

auto Logs::set(MetricId id, double value) -> void { values_.at(id.index) = value; }
auto Logs::set(MetricId id, std::vector<double> values) -> void { lists_.at(id.index) = std::move(values); }
auto Logs::get(MetricId id) const -> std::optional<double> { return values_.at(id.index); }
auto Logs::get(std::string_view name) const -> std::optional<double> { return get(find(name)); }

auto Logs::freeze() -> void { frozen_ = true; }
auto Logs::clear() -> void {
    std::ranges::fill(values_, std::nullopt);
    for (auto& list : lists_) { list.clear(); }
}

auto Logs::name_producer(std::string_view callback) -> void {
    for (auto metric = metrics_.rbegin(); metric != metrics_.rend() && metric->producer.empty(); ++metric) {
        metric->producer = callback;
    }
}

}  // namespace nbm
