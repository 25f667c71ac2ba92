export module nbm:callbacks.base_logger;

import :callbacks.contexts;
import :callbacks.logs;
import :io;
import :standard;

export namespace nbm {

/// Averages the cost over the rows of an epoch and logs it with the validation cost and the epoch's seconds: `cost`, `val_cost`,
/// `seconds`. fit() applies one automatically.
class BaseLogger {
public:
    static constexpr std::string_view kind = "base_logger";

    auto setup(SetupInfo& info) -> void;
    auto on_epoch_begin(const EpochInfo& info) -> void;
    auto on_epoch_end(EpochInfo& info) -> void;
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

    inline auto on_batch_end(const BatchInfo& info) -> void {
        sum_ += info.cost * static_cast<double>(info.size);
        rows_ += info.size;
    }

    /// fit(): the cost on the validation split, in this epoch.
    inline auto set_validation_cost(double cost) -> void { validation_cost_ = cost; }

private:
    MetricId cost_;
    MetricId val_cost_;
    MetricId seconds_;
    double sum_ = 0.0;
    std::size_t rows_ = 0;
    std::optional<double> validation_cost_;
};

}  // namespace nbm
