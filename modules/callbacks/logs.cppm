export module nbm:callbacks.logs;

import :standard;

export namespace nbm {

/// Whether smaller or larger values of a metric are better.
enum class Better : std::uint8_t { neither, lower, higher };

/// A named quantity that is recorded once an epoch.
struct Metric {
    std::string name;
    std::string unit = "";  // "nat", "s", or empty
    Better better = Better::neither;
    std::string low = "";  // the metrics that are the ends of its error bar, at 3 standard errors, where it has one
    std::string high = "";
    std::string producer = "";  // filled in by the callback list
};

/// The place of a metric in a Logs record, from declare() or find().
struct MetricId {
    std::size_t index = 0;
};

/// The metrics of one epoch. Producers declare them in their setup hook, so that all names are known before the first epoch; each
/// epoch a metric has a value or is absent (not measured), which is not the same as NaN (diverged). A value is a number, or a list
/// of numbers.
class Logs {
public:
    /// Throws InputError when the name is taken or empty, or training has begun.
    auto declare(Metric metric) -> MetricId;

    /// Throws InputError with the nearest name when there is no such metric.
    auto find(std::string_view name) const -> MetricId;

    auto set(MetricId id, double value) -> void;
    /// A list, such as one value for each layer; get() finds no number then.
    auto set(MetricId id, std::vector<double> values) -> void;
    auto get(MetricId id) const -> std::optional<double>;
    auto get(std::string_view name) const -> std::optional<double>;

    inline auto metrics() const -> std::span<const Metric> { return metrics_; }
    inline auto values() const -> std::span<const std::optional<double>> { return values_; }
    /// One list for each metric; empty unless its value is a list.
    inline auto lists() const -> std::span<const std::vector<double>> { return lists_; }

    /// Callback lists: metrics that have no producer yet are this callback's.
    auto name_producer(std::string_view callback) -> void;
    /// fit(): no more declarations from here on.
    auto freeze() -> void;
    /// fit(): all metrics become absent.
    auto clear() -> void;

private:
    std::vector<Metric> metrics_;
    std::vector<std::optional<double>> values_;
    std::vector<std::vector<double>> lists_;
    bool frozen_ = false;
};

}  // namespace nbm
