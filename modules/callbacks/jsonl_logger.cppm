export module nbm:callbacks.jsonl_logger;

import :callbacks.contexts;
import :callbacks.line_file;
import :callbacks.options;
import :io;
import :standard;

export namespace nbm {

struct JSONLLoggerOptions {
    std::filesystem::path filename = "history.jsonl";
    bool append = false;  // go on behind the lines of an existing file
    bool times = true;    // false leaves out the clock and metrics in seconds, so that equal trainings give equal files
};

/// Writes the metrics of each epoch as a JSON object (RFC 8259) on a line of its own, whole when the epoch ends:
/// {"epoch":1,"step":500,"time":"2024-05-01T12:00:00Z","cost":206.5}, epochs counted from 1, `step` the updates so far, `time` in
/// UTC. Absent metrics are left out and lists are arrays. JSON has no number for them, so NaN and the infinities are the strings
/// "NaN", "Infinity" and "-Infinity". Without `append` the file is replaced when training begins; a resumed training goes on where
/// its checkpoint left it.
class JSONLLogger {
public:
    static constexpr auto stage = Stage::record;
    static constexpr std::string_view kind = "jsonl_logger";
    static constexpr std::string_view doc = "one JSON object of metrics an epoch, each on a line";
    using Options = JSONLLoggerOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit JSONLLogger(JSONLLoggerOptions options = {});

    /// Throws InputError when a metric has the name of one of the other members: epoch, step or time.
    auto setup(const SetupInfo& info) -> void;
    /// Throws FileError when the file cannot be written.
    auto on_train_begin(const TrainInfo& info) -> void;
    auto on_epoch_end(const EpochInfo& info) -> void;
    auto teardown(const TrainInfo& info) -> void;
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    JSONLLoggerOptions options_;
    LineFile file_;
};

}  // namespace nbm
