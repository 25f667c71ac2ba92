export module nbm:callbacks.history;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.session;
import :io;
import :standard;

export namespace nbm {

/// All metrics of all epochs of a fit, and how it ended. fit() applies one automatically and returns it.
class History {
public:
    static constexpr auto stage = Stage::record;

    static constexpr std::string_view kind = "history";

    struct Row {
        std::size_t epoch = 0;
        std::vector<std::optional<double>> values;  // of each metric
        std::vector<std::vector<double>> lists;     // of metrics whose values are lists
        auto operator==(const Row&) const -> bool = default;
    };

    inline auto metrics() const -> std::span<const Metric> { return metrics_; }
    inline auto rows() const -> std::span<const Row> { return rows_; }
    inline auto outcome() const -> Outcome { return outcome_; }
    /// Who stopped the training and why; empty unless it was stopped.
    inline auto stop_reason() const -> const std::string& { return stop_reason_; }
    /// What callbacks warned of.
    inline auto warnings() const -> std::span<const std::string> { return warnings_; }

    /// One metric over the epochs. Throws InputError with the nearest name.
    auto column(std::string_view name) const -> std::vector<std::optional<double>>;
    /// Its last value that is not absent.
    auto last(std::string_view name) const -> std::optional<double>;

    auto setup(const SetupInfo& info) -> void;
    auto on_train_begin(const TrainInfo& info) -> void;
    auto on_epoch_end(const EpochInfo& info) -> void;
    auto teardown(const TrainInfo& info) -> void;
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    std::vector<Metric> metrics_;
    std::vector<Row> rows_;
    Outcome outcome_ = Outcome::completed;
    std::string stop_reason_;
    std::vector<std::string> warnings_;
};

}  // namespace nbm
