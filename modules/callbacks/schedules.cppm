export module nbm:callbacks.schedules;

import :callbacks.options;
import :standard;

export namespace nbm {

enum class ScheduleKind : std::uint8_t { constant, step, exponential, inverse_time, linear, cosine, table };

struct ScheduleOptions {
    ScheduleKind kind = ScheduleKind::constant;
    std::optional<double> initial = {};          // value of the first epoch; unset: what the optimiser has at set-up
    std::optional<double> final = {};            // where linear and cosine end; for step, exponential and inverse_time a bound
    std::optional<double> rate = {};             // r of step, exponential and inverse_time
    std::size_t period = 1;                      // p of these, in epochs
    std::size_t epochs = 0;                      // n of linear and cosine: the epochs until `final` is reached
    std::vector<std::size_t> table_epochs = {};  // ascending, counted from 1: the epochs from which on ...
    std::vector<double> table_values = {};       // ... these values hold
};

/// A value for each epoch e, counted from 0, from `initial` i on, with final value f, rate r, period p and n epochs:
///   constant      i
///   step          i r^floor(e / p)
///   exponential   i r^(e / p)
///   inverse_time  i / (1 + r e / p)
///   linear        i + (f - i) min(e, n) / n
///   cosine        f + (i - f) (1 + cos(pi min(e, n) / n)) / 2
///   table         the value of the last of table_epochs that has been reached; i before the first
/// Where `final` is given, step, exponential and inverse_time do not go beyond it; it must lie in the direction in which they go.
class Schedule {
public:
    /// Throws InputError when an option that the kind needs is missing, one that it does not know is given, or a value is out of
    /// range.
    explicit Schedule(ScheduleOptions options = {});
    static auto options(OptionVisitor& visitor, ScheduleOptions& options) -> void;

    /// The value in an epoch, counted from 0; `initial` is used where the options have none. Throws InputError when `final` lies
    /// against the direction of step, exponential or inverse_time from there.
    auto operator()(std::size_t epoch, double initial) const -> double;

private:
    auto value(double epoch, double initial) const -> double;
    auto rises() const -> bool;
    auto check_final(double initial) const -> void;

    ScheduleOptions options_;
};

}  // namespace nbm
