export module nbm:callbacks.contexts;

import :callbacks.logs;
import :callbacks.session;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// When a callback runs within one hook; within a stage callbacks run in the order in which they are listed. Metrics may be written
/// up to produce; later stages see them complete.
enum class Stage : std::uint8_t { schedule, produce, control, record, persist };

inline constexpr std::size_t stage_count = 5;

/// set_params: what is known before the first epoch.
struct FitParams {
    std::size_t first_epoch = 0;
    std::size_t epochs = 0;   // the epoch after the last
    std::size_t batches = 0;  // in an epoch
    std::size_t batch_size = 0;
    std::size_t rows = 0;  // training rows
    std::uint64_t seed = 0;
    bool has_validation = false;
};

/// What all hooks can see and ask for. Through a constant object the metrics cannot be written.
class Info {
public:
    /// Without a session, requests and warnings are dropped: for callbacks that are called outside of fit().
    explicit Info(Logs& logs, Session* session = nullptr) : logs_(&logs), session_(session) {}
    inline auto logs() -> Logs& { return *logs_; }
    inline auto logs() const -> const Logs& { return *logs_; }

    /// Ends the training: a hook returns this. `why` goes into the history, after the callback's name.
    [[nodiscard]] inline auto stop(std::string why) const -> Flow {
        if (session_ != nullptr) { session_->give_reason(std::move(why)); }
        return Flow::stop;
    }
    /// Tells the user something, and the history.
    inline auto warn(std::string sentence) const -> void {
        if (session_ != nullptr) { session_->warn(std::move(sentence)); }
    }
    /// Asks fit() to write a checkpoint as soon as this hook has been called in all callbacks; on_checkpoint tells when it is
    /// there.
    inline auto request_checkpoint(std::filesystem::path path, std::string reason) const -> void {
        if (session_ != nullptr) { session_->checkpoints.push_back({std::move(path), std::move(reason)}); }
    }
    /// Tells long computations within hooks that the user wants to stop.
    inline auto stop_token() const -> std::stop_token { return session_ != nullptr ? session_->token : std::stop_token{}; }

    /// In setup: this callback will write to a path. Throws InputError when another one does.
    inline auto claim(const std::filesystem::path& path) const -> void {
        if (session_ != nullptr) { session_->claim(path); }
    }

    /// Callback lists: who answered with this flow.
    inline auto attribute(Flow flow, std::string_view callback) const -> void {
        if (session_ != nullptr) { session_->attribute(flow, callback); }
    }
    inline auto session() const -> Session* { return session_; }

private:
    Logs* logs_;
    Session* session_;
};

/// setup: before anything is trained.
struct SetupInfo : Info, FitParams {
    using Info::Info;
};

/// on_train_begin, on_train_end, on_finalise, on_exception, teardown.
struct TrainInfo : SetupInfo {
    using SetupInfo::SetupInfo;
    bool resumed = false;  // from a checkpoint: what load_state() restored is to be kept
    Outcome outcome = Outcome::completed;
    std::string stop_reason;   // who stopped and why
    std::exception_ptr error;  // on_exception and teardown after a failure
};

/// on_epoch_begin, on_epoch_end, on_validation_begin, on_validation_end.
struct EpochInfo : Info {
    using Info::Info;
    std::size_t epoch = 0;
    std::size_t epochs = 0;
    std::size_t step = 0;  // updates since the first epoch
    double seconds = 0.0;  // since the epoch began
    bool partial = false;  // the epoch ended before its last batch
    bool interrupted = false;  // a resumed training will go on within this epoch
    bool last = false;     // no epoch follows
};

/// on_batch_begin, on_batch_end.
struct BatchInfo : Info {
    using Info::Info;
    std::size_t epoch = 0;
    std::size_t batch = 0;    // within the epoch
    std::size_t batches = 0;  // in an epoch
    std::size_t size = 0;     // rows
    std::size_t step = 0;     // updates since the first epoch
    double cost = 0.0;        // nats a row; known in on_gradient and on_batch_end
};

/// on_gradient: the gradient of the log-likelihood, before the optimiser uses it; may be changed.
template <Real T>
struct GradientInfo : BatchInfo {
    GradientInfo(BatchInfo info, Gradient<T>& g) : BatchInfo(std::move(info)), gradient(g) {}
    Gradient<T>& gradient;
};

/// on_checkpoint: a checkpoint is complete under its name.
struct CheckpointInfo : Info {
    using Info::Info;
    std::filesystem::path path;
    std::string reason;
    std::size_t epoch = 0;  // the epoch that is under way or, between epochs, comes next
    std::size_t step = 0;
};

/// The run's objects, of their static types.
template <Real T, class OptimiserType, class TrainerType>
struct Run {
    using value_type = T;
    DBM<T>& model;
    const Matrix<T>& train;       // [rows, visible]
    const Matrix<T>* validation;  // null without validation
    OptimiserType& optimiser;
    TrainerType& trainer;
};

/// The information of a hook together with the machine and the data: for callbacks that work with any trainer and optimiser.
template <class InfoType, Real T>
struct ModelContext : InfoType {
    template <class RunType>
    ModelContext(InfoType info, const RunType& run)
        : InfoType(std::move(info)), model(run.model), train(run.train), validation(run.validation) {}
    DBM<T>& model;
    const Matrix<T>& train;
    const Matrix<T>* validation;
};

/// What a hook is called with: its information and all of the run's objects. A hook may take any base of it.
template <class InfoType, class RunType>
struct Context : ModelContext<InfoType, typename RunType::value_type> {
    using run_type = RunType;
    Context(InfoType info, const RunType& run)
        : ModelContext<InfoType, typename RunType::value_type>(std::move(info), run),
          optimiser(run.optimiser),
          trainer(run.trainer) {}
    decltype(RunType::optimiser) optimiser;
    decltype(RunType::trainer) trainer;

    inline auto run() const -> RunType { return {this->model, this->train, this->validation, optimiser, trainer}; }
};

}  // namespace nbm
