export module nbm:callbacks.csv_logger;

import :callbacks.contexts;
import :callbacks.line_file;
import :callbacks.options;
import :io;
import :standard;

export namespace nbm {

struct CSVLoggerOptions {
    std::filesystem::path filename = "history.csv";
    char separator = ',';
    bool append = false;  // go on behind the rows of an existing file; its header must be the same
    bool times = true;    // false leaves out metrics in seconds, so that equal trainings give equal files
};

/// Writes the metrics of each epoch as a row of a CSV file (RFC 4180), written whole when the epoch ends. The header holds
/// `epoch` (counted from 1) and all metrics; absent values are empty fields, lists "[1, 2, 3]". Without `append` the file is
/// replaced when training begins; a resumed training goes on where its checkpoint left it.
class CSVLogger {
public:
    static constexpr auto stage = Stage::record;
    static constexpr std::string_view kind = "csv_logger";
    static constexpr std::string_view doc = "one row of metrics an epoch, in a CSV file";
    using Options = CSVLoggerOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit CSVLogger(CSVLoggerOptions options);
    explicit CSVLogger(std::filesystem::path filename, char separator = ',', bool append = false);

    auto setup(const SetupInfo& info) -> void;
    /// Throws FileError when the file cannot be written, or, appending, when its header is another.
    auto on_train_begin(const TrainInfo& info) -> void;
    auto on_epoch_end(const EpochInfo& info) -> void;
    auto teardown(const TrainInfo& info) -> void;
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    auto field(const std::string& text) const -> std::string;

    CSVLoggerOptions options_;
    LineFile file_;
    std::vector<std::size_t> columns_;  // the metrics that are written
};

}  // namespace nbm
