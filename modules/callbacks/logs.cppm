module;

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

export module nbm:callbacks.logs;

export namespace nbm {

/// Whether smaller or larger values of a metric are better.
enum class Better : std::uint8_t { neither, lower, higher };

/// A named quantity that is recorded once an epoch.
struct Metric {
    std::string name;
    std::string unit = "";  // "nat", "s", or empty
    Better better = Better::neither;
};

/// The place of a metric in a Logs record, from declare() or find().
struct MetricId {
    std::size_t index = 0;
};

/// The metrics of one epoch. Producers declare them in their setup hook, so that all names are known before the first epoch; each
/// epoch a metric has a value or is absent (not measured), which is not the same as NaN (diverged).
class Logs {
public:
    /// Throws InputError when the name is taken or empty, or training has begun.
    auto declare(Metric metric) -> MetricId;

    /// Throws InputError with the nearest name when there is no such metric.
    auto find(std::string_view name) const -> MetricId;

    auto set(MetricId id, double value) -> void;
    auto get(MetricId id) const -> std::optional<double>;
    auto get(std::string_view name) const -> std::optional<double>;

    inline auto metrics() const -> std::span<const Metric> { return metrics_; }
    inline auto values() const -> std::span<const std::optional<double>> { return values_; }

    /// fit(): no more declarations from here on.
    auto freeze() -> void;
    /// fit(): all metrics become absent.
    auto clear() -> void;

private:
    std::vector<Metric> metrics_;
    std::vector<std::optional<double>> values_;
    bool frozen_ = false;
};

}  // namespace nbm
