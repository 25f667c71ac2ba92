export module nbm:callbacks.checkpoint;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :io;
import :standard;

export namespace nbm {

struct CheckpointOptions {
    std::filesystem::path path = "checkpoints/{epoch:04d}.ckpt";  // with {epoch} and names of metrics
    std::size_t every_epochs = 1;                                 // 0: never for this reason
    std::size_t every_batches = 0;                                // updates; 0: never for this reason
    double every_seconds = 0.0;                                   // 0: never for this reason
    bool on_cancel = true;                                        // also when a stop is requested
    bool on_end = true;                                           // also after the last epoch
    std::size_t keep = 2;                                         // the newest checkpoints that stay; 0: all
    std::string monitor = "";                                     // the metric that tells which are best
    std::size_t keep_best = 0;                                    // the best by the monitor stay, too
};

/// Asks for checkpoints, from which fit() resumes: each is one file with the machine, trainer, optimiser, history and the states of
/// all callbacks, written under another name, flushed and renamed; only then the ones that it displaces are removed. The best are
/// kept by a metric that declares which direction is better; NaN is worst.
class Checkpoint {
public:
    static constexpr auto stage = Stage::persist;
    static constexpr std::string_view kind = "checkpoint";
    static constexpr std::string_view doc = "files to resume from: every n epochs or batches, by time, the last and the best";
    using Options = CheckpointOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    /// Throws InputError when nothing would ever be kept.
    explicit Checkpoint(CheckpointOptions options = {});

    struct Saved {
        std::string path;
        std::size_t step = 0;
        double score = 0.0;  // larger is better; NaN without one
    };
    /// The checkpoints that are kept, oldest first.
    inline auto saved() const -> std::span<const Saved> { return saved_; }

    /// Throws InputError for a wrong path or monitor, or a trainer or optimiser without a state.
    auto setup(const SetupInfo& info) -> void;
    auto on_batch_end(const BatchInfo& info) -> void;
    auto on_epoch_end(const EpochInfo& info) -> void;
    auto on_checkpoint(const CheckpointInfo& info) -> void;
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    using Clock = std::chrono::steady_clock;

    auto root() const -> std::filesystem::path;
    auto request(const Info& info, std::size_t epoch, std::size_t step, double score, std::string reason) -> void;
    auto is_due(std::size_t epoch, bool last) const -> std::string;
    auto time_is_up() const -> std::string;
    auto remove_displaced() -> void;

    CheckpointOptions options_;
    MetricId monitor_;
    double sign_ = 0.0;  // 1: larger is better, -1: smaller is
    std::vector<Saved> saved_;
    std::vector<std::string> displaced_;  // to be removed once the next checkpoint is on disk
    Clock::time_point written_;
};

}  // namespace nbm
