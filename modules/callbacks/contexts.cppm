module;

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

export module nbm:callbacks.contexts;

import :callbacks.logs;
import :model;
import :tensor;

export namespace nbm {

/// What a hook may return to steer the training: nothing (void) or one of these. The strongest answer of all callbacks counts.
enum class Flow : std::uint8_t { proceed, end_epoch, stop };

/// When a callback runs within one hook; within a stage callbacks run in the order in which they are listed. Metrics may be written
/// up to produce; later stages see them complete.
enum class Stage : std::uint8_t { schedule, produce, control, record, persist };

/// How a fit ended.
enum class Outcome : std::uint8_t { completed, stopped, cancelled, failed };

/// What all hooks can see. Through a constant object the metrics cannot be written.
class Info {
public:
    explicit Info(Logs& logs) : logs_(&logs) {}
    inline auto logs() -> Logs& { return *logs_; }
    inline auto logs() const -> const Logs& { return *logs_; }

private:
    Logs* logs_;
};

/// setup: before anything is trained.
struct SetupInfo : Info {
    using Info::Info;
    std::size_t first_epoch = 0;
    std::size_t epochs = 0;   // the epoch after the last
    std::size_t batches = 0;  // in an epoch
    bool has_validation = false;
};

/// on_train_begin, on_train_end, on_exception, teardown.
struct TrainInfo : SetupInfo {
    using SetupInfo::SetupInfo;
    Outcome outcome = Outcome::completed;
    std::string stop_reason;   // who stopped and why
    std::exception_ptr error;  // on_exception and teardown after a failure
};

/// on_epoch_begin, on_epoch_end, on_validation_begin, on_validation_end.
struct EpochInfo : Info {
    using Info::Info;
    std::size_t epoch = 0;
    std::size_t epochs = 0;
    double seconds = 0.0;  // since the epoch began
    bool partial = false;  // the epoch ended before its last batch
    bool last = false;     // no epoch follows
};

/// on_batch_begin, on_batch_end, on_gradient.
struct BatchInfo : Info {
    using Info::Info;
    std::size_t epoch = 0;
    std::size_t batch = 0;    // within the epoch
    std::size_t batches = 0;  // in an epoch
    std::size_t size = 0;     // rows
    std::size_t step = 0;     // updates since the first epoch
    double cost = 0.0;        // nats a row; known in on_gradient and on_batch_end
};

/// The run's objects, of their static types.
template <Real T, class OptimiserType>
struct Run {
    using value_type = T;
    DBM<T>& model;
    OptimiserType& optimiser;
    const Matrix<T>& train;       // [rows, visible]
    const Matrix<T>* validation;  // null without validation
};

/// A context is the plain information of its hook together with the run's objects; a hook may ask for either part alone.
template <class InfoType, class RunType>
struct Context : InfoType, RunType {
    Context(InfoType info, RunType run) : InfoType(std::move(info)), RunType(std::move(run)) {}
};

/// on_gradient: the gradient of the log-likelihood, before the optimiser uses it; may be changed.
template <class RunType, class Gradient>
struct GradientContext : Context<BatchInfo, RunType> {
    GradientContext(BatchInfo info, RunType run, Gradient& g)
        : Context<BatchInfo, RunType>(std::move(info), std::move(run)), gradient(g) {}
    Gradient& gradient;
};

}  // namespace nbm
