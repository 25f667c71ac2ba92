module nbm:callbacks.schedules_impl;

import :callbacks.options;
import :callbacks.schedules;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

constexpr auto kinds =
    std::array<std::string_view, 7>{"constant", "step", "exponential", "inverse_time", "linear", "cosine", "table"};

/// Whether the kind has the option: not at all, it may be given, or it must be.
enum class Use : unsigned char { unknown, optional, needed };

auto check_use(const ScheduleOptions& options, std::string_view name, bool given, Use use) -> void {
    const auto kind = kinds.at(static_cast<std::size_t>(options.kind));
    if (given && use == Use::unknown) {
        throw InputError(fmt::format("Schedule: {} has no meaning for the kind '{}'", name, kind));
    }
    if (!given && use == Use::needed) { throw InputError(fmt::format("Schedule: the kind '{}' needs {}", kind, name)); }
}

auto check_number(std::string_view name, const std::optional<double>& value) -> void {
    if (value && !(std::isfinite(*value) && *value >= 0.0)) {
        throw InputError(fmt::format("Schedule: {} is {}; it must be finite and at least 0", name, *value));
    }
}

auto check_table(const ScheduleOptions& options) -> void {
    const auto& epochs = options.table_epochs;
    if (epochs.size() != options.table_values.size()) {
        throw InputError(fmt::format("Schedule: table_epochs has {} entries, table_values {}; each epoch needs one value",
                                     epochs.size(), options.table_values.size()));
    }
    if (!epochs.empty() && epochs.front() == 0) {
        throw InputError("Schedule: table_epochs holds epoch 0; epochs are counted from 1");
    }
    if (const auto wrong = std::ranges::adjacent_find(epochs, std::greater_equal{}); wrong != epochs.end()) {
        throw InputError(fmt::format("Schedule: in table_epochs {} is followed by {}; epochs must ascend", wrong[0], wrong[1]));
    }
    for (const auto value : options.table_values) { check_number("one of table_values", value); }
}

}  // namespace

Schedule::Schedule(ScheduleOptions options) : options_(std::move(options)) {
    const auto& o = options_;
    const auto decays = o.kind == ScheduleKind::step || o.kind == ScheduleKind::exponential || o.kind == ScheduleKind::inverse_time;
    const auto goes = o.kind == ScheduleKind::linear || o.kind == ScheduleKind::cosine;
    const auto table = o.kind == ScheduleKind::table;
    check_use(o, "rate", o.rate.has_value(), decays ? Use::needed : Use::unknown);
    check_use(o, "final", o.final.has_value(), goes ? Use::needed : decays ? Use::optional : Use::unknown);
    check_use(o, "epochs", o.epochs != 0, goes ? Use::needed : Use::unknown);
    check_use(o, "period", o.period != 1, decays ? Use::optional : Use::unknown);
    check_use(o, "table_epochs", !o.table_epochs.empty(), table ? Use::needed : Use::unknown);
    check_use(o, "table_values", !o.table_values.empty(), table ? Use::needed : Use::unknown);
    if (o.period == 0) { throw InputError("Schedule: period is 0; it must be at least 1"); }
    check_number("initial", o.initial);
    check_number("final", o.final);
    check_number("rate", o.rate);
    check_table(o);
    if (o.initial) { check_final(*o.initial); }
}

auto Schedule::rises() const -> bool { return options_.kind != ScheduleKind::inverse_time && *options_.rate > 1.0; }

auto Schedule::check_final(double initial) const -> void {
    const auto& o = options_;
    if (!o.final || !o.rate) { return; }
    const auto stays = *o.rate == (o.kind == ScheduleKind::inverse_time ? 0.0 : 1.0);
    if (stays || (rises() ? *o.final >= initial : *o.final <= initial)) { return; }
    throw InputError(fmt::format("Schedule: final is {}, but with rate {} the kind '{}' {} from {}; it must be at {} that",
                                 *o.final, *o.rate, kinds.at(static_cast<std::size_t>(o.kind)), rises() ? "rises" : "falls",
                                 initial, rises() ? "least" : "most"));
}

auto Schedule::options(OptionVisitor& visitor, ScheduleOptions& options) -> void {
    visitor.choice("kind", options.kind, "how the value changes with the epochs", {kinds.begin(), kinds.end()});
    visitor.option("initial", options.initial, "value of the first epoch; without it, what the optimiser has at the beginning",
                   at_least(0));
    visitor.option("final", options.final, "where linear and cosine end; a bound for step, exponential and inverse_time",
                   at_least(0));
    visitor.option("rate", options.rate, "factor of each period (step, exponential); strength of inverse_time", at_least(0));
    visitor.option("period", options.period, "epochs of a period of step, exponential and inverse_time", at_least(1));
    visitor.option("epochs", options.epochs, "epochs until linear and cosine have reached final");
    visitor.option("table_epochs", options.table_epochs, "epochs, counted from 1, from which on the values of a table hold");
    visitor.option("table_values", options.table_values, "these values");
}

auto Schedule::value(double epoch, double initial) const -> double {
    const auto& o = options_;
    const auto periods = epoch / static_cast<double>(o.period);
    const auto part = std::min(epoch / static_cast<double>(o.epochs), 1.0);
    switch (o.kind) {
        case ScheduleKind::constant: return initial;
        case ScheduleKind::step: return initial * std::pow(*o.rate, std::floor(periods));
        case ScheduleKind::exponential: return initial * std::pow(*o.rate, periods);
        case ScheduleKind::inverse_time: return initial / (1.0 + *o.rate * periods);
        case ScheduleKind::linear: return std::lerp(initial, *o.final, part);
        // Half the sum, so that the ends are exact.
        case ScheduleKind::cosine: return std::lerp(*o.final, initial, (1.0 + std::cos(std::numbers::pi * part)) / 2.0);
        case ScheduleKind::table: {
            const auto reached = std::ranges::upper_bound(o.table_epochs, epoch + 1.0, std::less{},
                                                          [](std::size_t e) { return static_cast<double>(e); });
            return reached == o.table_epochs.begin()
                       ? initial
                       : o.table_values[static_cast<std::size_t>(reached - o.table_epochs.begin()) - 1];
        }
    }
    throw InputError("Schedule: kind is none of the known ones");
}

auto Schedule::operator()(std::size_t epoch, double initial) const -> double {
    const auto start = options_.initial.value_or(initial);
    const auto result = value(static_cast<double>(epoch), start);
    if (!options_.final || !options_.rate) { return result; }
    check_final(start);
    if (result == start) { return result; }  // the first epoch, or a rate that changes nothing
    return rises() ? std::min(result, *options_.final) : std::max(result, *options_.final);
}

}  // namespace nbm
