export module nbm:callbacks.limits;

import :callbacks.contexts;
import :callbacks.options;
import :callbacks.session;
import :io;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// What follows when a number is not finite: the training is stopped as usual, or fails with an exception.
enum class NonFiniteAction : std::uint8_t { stop, raise };

struct TerminateOnNonFiniteOptions {
    std::size_t every_batches = 100;  // updates between checks of all parameters; 0: at the ends of epochs only
    NonFiniteAction action = NonFiniteAction::stop;
};

/// Ends the training when the cost of a batch or a parameter is NaN or infinite. The cost is checked in each batch, all parameters
/// every `every_batches` updates and at the end of each epoch. Stops, or throws Error, naming the cost or the parameter, the epoch
/// and the batch.
class TerminateOnNonFinite {
public:
    static constexpr auto stage = Stage::control;
    static constexpr std::string_view kind = "terminate_on_non_finite";
    static constexpr std::string_view doc = "ends the training when the cost or a parameter is NaN or infinite";
    using Options = TerminateOnNonFiniteOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit TerminateOnNonFinite(TerminateOnNonFiniteOptions options = {}) : options_(options) {}

    template <Real T>
    auto on_batch_end(const ModelContext<BatchInfo, T>& context) -> Flow;
    template <Real T>
    auto on_epoch_end(const ModelContext<EpochInfo, T>& context) -> Flow;

private:
    auto end(const Info& info, const std::string& what, const std::string& place) const -> Flow;

    TerminateOnNonFiniteOptions options_;
};

struct TimeBudgetOptions {
    double seconds = 0.0;  // above 0
};

/// Stops the training when it has taken this many seconds, by a clock that nobody adjusts. Looks at it after each batch and each
/// epoch. A training that is resumed goes on with what is left, and ends at once when nothing is.
class TimeBudget {
public:
    static constexpr auto stage = Stage::control;
    static constexpr std::string_view kind = "time_budget";
    static constexpr std::string_view doc = "stops the training after so many seconds, the time before it was resumed included";
    using Options = TimeBudgetOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    /// Throws InputError unless the seconds are finite and above 0.
    explicit TimeBudget(TimeBudgetOptions options);

    /// Seconds that the training has taken so far, with those before it was resumed.
    auto elapsed() const -> double;

    auto setup(const SetupInfo& info) -> void;
    auto on_train_begin(const TrainInfo& info) -> Flow;
    auto on_batch_end(const BatchInfo& info) -> Flow;
    auto on_epoch_end(const EpochInfo& info) -> Flow;
    auto teardown(const TrainInfo& info) -> void;
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    using Clock = std::chrono::steady_clock;

    auto check(const Info& info) const -> Flow;

    TimeBudgetOptions options_;
    double spent_ = 0.0;  // seconds until the clock was started
    Clock::time_point started_;
    bool running_ = false;
};

}  // namespace nbm
