module nbm:callbacks.summary_callback_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.recorded;
import :callbacks.session;
import :callbacks.summary_callback;
import :io;
import :model;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

/// A value and the epoch that it is from.
struct Found {
    double value = 0.0;
    double epoch = 0.0;
};

auto last_of(const Table& table, std::string_view name) -> std::optional<Found> {
    const auto& column = table.column(name);
    for (auto i = column.size(); i-- > 0;) {
        if (column[i]) { return Found{*column[i], table.column("epoch")[i].value_or(0.0)}; }
    }
    return {};
}

/// The first of the best values; NaN and infinities never are.
auto best_of(const Table& table, const Metric& metric) -> std::optional<Found> {
    if (metric.better == Better::neither) { return {}; }
    const auto sign = metric.better == Better::higher ? 1.0 : -1.0;
    const auto& column = table.column(metric.name);
    auto best = std::optional<Found>{};
    for (std::size_t i = 0; i != column.size(); ++i) {
        if (!column[i] || !std::isfinite(*column[i])) { continue; }
        if (!best || sign * *column[i] > sign * best->value) { best = Found{*column[i], table.column("epoch")[i].value_or(0.0)}; }
    }
    return best;
}

auto parameter_count(const Topology& topology) -> std::size_t {
    auto count = std::size_t{0};
    for (const auto size : topology.sizes()) { count += size; }
    for (const auto& edge : topology.edges()) { count += topology.size(edge.lower) * topology.size(edge.upper); }
    return count;
}

auto outcome_of(const TrainInfo& info) -> std::string {
    const auto because = [&](std::string_view what) {
        return info.stop_reason.empty() ? std::string(what) : fmt::format("{} - {}", what, info.stop_reason);
    };
    switch (info.outcome) {
        case Outcome::completed: return "completed";
        case Outcome::stopped: return because("stopped");
        case Outcome::cancelled: return because("cancelled");
        case Outcome::failed: break;
    }
    try {
        if (info.error) { std::rethrow_exception(info.error); }
    } catch (const std::exception& error) { return fmt::format("failed - {}", error.what()); } catch (...) {
    }
    return because("failed");
}

auto line(std::string_view what, const std::string& text) -> std::string { return fmt::format("{:<18}{}\n", what, text); }

/// Rows of cells as columns, the first flush left and the others flush right.
auto aligned(const std::vector<std::vector<std::string>>& rows) -> std::string {
    auto text = std::string{};
    for (const auto& row : rows) {
        for (std::size_t c = 0; c != row.size(); ++c) {
            auto width = std::size_t{0};
            for (const auto& other : rows) { width = std::max(width, other[c].size()); }
            text += c == 0 ? fmt::format("{:<{}}", row[c], width) : fmt::format("  {:>{}}", row[c], width);
        }
        text.erase(text.find_last_not_of(' ') + 1);
        text += '\n';
    }
    return text;
}

/// NaN without its sign, which means nothing.
auto value_text(double value, int digits = 6) -> std::string {
    return std::isnan(value) ? std::string("nan") : fmt::format("{:.{}g}", value, digits);
}

/// "12.3 s", "2 min 05 s", "1 h 02 min 03 s".
auto duration_text(double seconds) -> std::string {
    constexpr auto longest = 1e15;  // what is beyond is no time
    if (!(seconds >= 99.95 && seconds < longest)) { return value_text(seconds, 3) + " s"; }
    const auto whole = std::llround(seconds);
    const auto minutes = whole / 60;
    return minutes < 60 ? fmt::format("{} min {:02} s", minutes, whole % 60)
                        : fmt::format("{} h {:02} min {:02} s", minutes / 60, minutes % 60, whole % 60);
}

auto metrics_text(const Table& table, const Logs& logs) -> std::string {
    auto rows = std::vector<std::vector<std::string>>{{"metric", "unit", "last", "epoch", "best", "epoch"}};
    for (const auto& metric : logs.metrics()) {
        const auto is_end =
            std::ranges::any_of(logs.metrics(), [&](const Metric& m) { return m.low == metric.name || m.high == metric.name; });
        if (is_end || !table.has(metric.name)) { continue; }
        auto& row = rows.emplace_back(std::vector<std::string>{metric.name, metric.unit});
        for (const auto& found : {last_of(table, metric.name), best_of(table, metric)}) {
            row.push_back(found ? value_text(found->value) : "-");
            row.push_back(found ? value_text(found->epoch) : "-");
        }
    }
    return rows.size() == 1 ? std::string{} : "\n" + aligned(rows);
}

/// The last epoch in which an estimate and both ends of its error bar are there.
auto last_estimate(const Table& table, const Metric& metric) -> std::optional<std::size_t> {
    for (auto i = table.rows(); i-- > 0;) {
        if (table.column(metric.name)[i] && table.column(metric.low)[i] && table.column(metric.high)[i]) { return i; }
    }
    return {};
}

auto estimates_text(const Table& table, const Logs& logs) -> std::string {
    auto rows = std::vector<std::vector<std::string>>{{"last estimate", "value", "low", "high", "epoch"}};
    for (const auto& metric : logs.metrics()) {
        if (!table.has(metric.name) || !table.has(metric.low) || !table.has(metric.high)) { continue; }
        const auto row = last_estimate(table, metric);
        if (!row) { continue; }
        rows.push_back({metric.name});
        for (const auto& name : {metric.name, metric.low, metric.high, std::string("epoch")}) {
            rows.back().push_back(value_text(table.column(name)[*row].value_or(0.0)));
        }
    }
    return rows.size() == 1 ? std::string{} : "\n" + aligned(rows) + "low and high: 3 standard errors away\n";
}

auto warnings_text(const Session* session) -> std::string {
    if (session == nullptr || session->warnings().empty()) { return {}; }
    auto text = std::string("\nwarnings\n");
    for (const auto& warning : session->warnings()) { text += "  " + warning + '\n'; }
    return text;
}

/// The time of the epochs, if the file has it.
auto epoch_seconds_text(const Table& table) -> std::string {
    if (!table.has("seconds")) { return {}; }
    auto total = 0.0;
    auto count = std::size_t{0};
    for (const auto& seconds : table.column("seconds")) {
        if (!seconds) { continue; }
        total += *seconds;
        ++count;
    }
    return count == 0
               ? std::string{}
               : line("epochs took", duration_text(total) + ", " + duration_text(total / static_cast<double>(count)) + " each");
}

}  // namespace

SummaryCallback::SummaryCallback(SummaryCallbackOptions options) : options_(std::move(options)) {
    if (options_.csv_filepath.empty()) {
        throw InputError("SummaryCallback: csv_filepath is empty; the path of a CSV file is needed");
    }
}

auto SummaryCallback::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("save_folder", options.save_folder, "where summary.txt goes");
    visitor.option("csv_filepath", options.csv_filepath, "the file of a csv_logger beside this one");
    visitor.option("separator", options.separator, "between the fields of that file");
}

auto SummaryCallback::setup(const SetupInfo&) -> void {
    topology_.reset();
    partial_ = false;
}

auto SummaryCallback::begin(const Topology& topology, std::size_t validation_rows) -> void {
    read_recorded("SummaryCallback", options_.csv_filepath, options_.separator);
    topology_ = topology;
    validation_rows_ = validation_rows;
    began_ = Clock::now();
}

auto SummaryCallback::on_epoch_end(const EpochInfo& info) -> void { partial_ = info.partial; }

auto SummaryCallback::on_train_end(const TrainInfo& info) -> void { write(info); }

auto SummaryCallback::on_exception(const TrainInfo& info) -> void {
    if (topology_) { write(info); }
}

auto SummaryCallback::save_state(State& state) const -> void { state.put("partial", partial_); }
auto SummaryCallback::load_state(const State& state) -> void { partial_ = state.get<bool>("partial"); }

auto SummaryCallback::write(const TrainInfo& info) const -> void {
    const auto table = read_recorded("SummaryCallback", options_.csv_filepath, options_.separator);
    const auto last = last_of(table, "epoch");
    auto text = line("machine", fmt::format("{}, {} layers, {} parameters", topology_->describe(), topology_->layer_count(),
                                            parameter_count(*topology_)));
    text += line("training rows", fmt::format("{} in {} batches of at most {}", info.rows, info.batches, info.batch_size));
    text += line("validation rows", validation_rows_ == 0 ? "none" : fmt::format("{}", validation_rows_));
    text += line("epochs",
                 fmt::format("{} of {}{}", last ? last->value : 0.0, info.epochs, partial_ ? ", the last one not complete" : ""));
    text += line("outcome", outcome_of(info));
    text += epoch_seconds_text(table);
    text += line("this session took", duration_text(std::chrono::duration<double>(Clock::now() - began_).count()));
    text += metrics_text(table, info.logs()) + estimates_text(table, info.logs()) + warnings_text(info.session());
    write_text(options_.save_folder / "summary.txt", text);
}

}  // namespace nbm
