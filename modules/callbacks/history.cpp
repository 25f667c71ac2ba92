module;

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

module nbm:callbacks.history_impl;

import :callbacks.contexts;
import :callbacks.history;
import :callbacks.logs;
import :tensor;

namespace nbm {

auto History::column(std::string_view name) const -> std::vector<std::optional<double>> {
    auto names = std::vector<std::string>{};
    for (const auto& metric : metrics_) { names.push_back(metric.name); }
    for (std::size_t i = 0; i != names.size(); ++i) {
        if (names[i] != name) { continue; }
        auto values = std::vector<std::optional<double>>{};
        for (const auto& row : rows_) { values.push_back(row.values[i]); }
        return values;
    }
    throw InputError(unknown_name("metric", name, names));
}

auto History::last(std::string_view name) const -> std::optional<double> {
    const auto values = column(name);
    for (auto i = values.size(); i-- > 0;) {
        if (values[i]) { return values[i]; }
    }
    return {};
}

auto History::on_train_begin(const TrainInfo& info) -> void {
    metrics_.assign(info.logs().metrics().begin(), info.logs().metrics().end());
    rows_.clear();
    stop_reason_.clear();
}

auto History::on_epoch_end(const EpochInfo& info) -> void {
    rows_.push_back({info.epoch, {info.logs().values().begin(), info.logs().values().end()}});
}

auto History::teardown(const TrainInfo& info) -> void {
    outcome_ = info.outcome;
    stop_reason_ = info.stop_reason;
}

}  // namespace nbm
