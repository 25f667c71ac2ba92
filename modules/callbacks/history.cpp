module nbm:callbacks.history_impl;

import :callbacks.contexts;
import :callbacks.history;
import :callbacks.logs;
import :callbacks.session;
import :io;
import :standard;
import :tensor;
import nbm.fmt;

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

auto History::setup(const SetupInfo&) -> void {
    metrics_.clear();
    rows_.clear();
    outcome_ = Outcome::completed;
    stop_reason_.clear();
    warnings_.clear();
}

auto History::on_train_begin(const TrainInfo& info) -> void {
    // After a resumption: the metrics of this training first, in their order, then those that only the earlier part had.
    const auto earlier = std::exchange(metrics_, {info.logs().metrics().begin(), info.logs().metrics().end()});
    auto places = std::vector<std::size_t>{};
    for (const auto& metric : earlier) {
        const auto found = std::ranges::find(metrics_, metric.name, &Metric::name);
        places.push_back(static_cast<std::size_t>(found - metrics_.begin()));
        if (found == metrics_.end()) { metrics_.push_back(metric); }
    }
    for (auto& row : rows_) {
        auto moved =
            Row{row.epoch, std::vector<std::optional<double>>(metrics_.size()), std::vector<std::vector<double>>(metrics_.size())};
        for (std::size_t i = 0; i != places.size(); ++i) {
            moved.values[places[i]] = row.values[i];
            moved.lists[places[i]] = std::move(row.lists[i]);
        }
        row = std::move(moved);
    }
}

auto History::on_epoch_end(const EpochInfo& info) -> void {
    const auto& logs = info.logs();
    auto row = Row{info.epoch, {logs.values().begin(), logs.values().end()}, {logs.lists().begin(), logs.lists().end()}};
    row.values.resize(metrics_.size());
    row.lists.resize(metrics_.size());
    rows_.push_back(std::move(row));
}

auto History::teardown(const TrainInfo& info) -> void {
    outcome_ = info.outcome;
    stop_reason_ = info.stop_reason;
    if (info.session() != nullptr) { warnings_ = info.session()->warnings(); }
}

auto History::save_state(State& state) const -> void {
    auto epochs = std::vector<std::uint64_t>{};
    for (const auto& row : rows_) { epochs.push_back(row.epoch); }
    state.put("epochs", std::move(epochs));
    auto names = std::vector<std::string>{};
    auto units = std::vector<std::string>{};
    auto better = std::vector<std::uint64_t>{};
    for (std::size_t i = 0; i != metrics_.size(); ++i) {
        const auto& metric = metrics_[i];
        names.push_back(metric.name);
        units.push_back(metric.unit);
        better.push_back(static_cast<std::uint64_t>(metric.better));
        auto& column = state.child(metric.name);
        auto measured = std::vector<std::uint64_t>{};  // the rows that have a value
        auto values = std::vector<double>{};
        for (std::size_t r = 0; r != rows_.size(); ++r) {
            if (const auto value = rows_[r].values[i]) {
                measured.push_back(r);
                values.push_back(*value);
            }
            if (!rows_[r].lists[i].empty()) { column.put(fmt::format("list {}", r), rows_[r].lists[i]); }
        }
        column.put("rows", std::move(measured));
        column.put("values", std::move(values));
    }
    state.put("names", std::move(names));
    state.put("units", std::move(units));
    state.put("better", std::move(better));
}

auto History::load_state(const State& state) -> void {
    const auto epochs = state.get<std::vector<std::uint64_t>>("epochs");
    const auto names = state.get<std::vector<std::string>>("names");
    const auto units = state.get<std::vector<std::string>>("units");
    const auto better = state.get<std::vector<std::uint64_t>>("better");
    metrics_.clear();
    rows_.clear();
    for (const auto epoch : epochs) {
        rows_.push_back({epoch, std::vector<std::optional<double>>(names.size()), std::vector<std::vector<double>>(names.size())});
    }
    for (std::size_t i = 0; i != names.size(); ++i) {
        metrics_.push_back({.name = names[i], .unit = units.at(i), .better = static_cast<Better>(better.at(i))});
        const auto& column = state.child(names[i]);
        const auto measured = column.get<std::vector<std::uint64_t>>("rows");
        const auto values = column.get<std::vector<double>>("values");
        for (std::size_t k = 0; k != measured.size(); ++k) { rows_.at(measured[k]).values[i] = values.at(k); }
        for (std::size_t r = 0; r != rows_.size(); ++r) {
            const auto name = fmt::format("list {}", r);
            if (column.has(name)) { rows_[r].lists[i] = column.get<std::vector<double>>(name); }
        }
    }
}

}  // namespace nbm
