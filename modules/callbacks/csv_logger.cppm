module;

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

export module nbm:callbacks.csv_logger;

import :callbacks.contexts;

export namespace nbm {

/// Writes the metrics of each epoch as a row of a CSV file (RFC 4180), written whole when the epoch ends. The header holds
/// `epoch` (counted from 1) and all metrics; absent values are empty fields.
class CSVLogger {
public:
    static constexpr auto stage = Stage::record;

    /// With `append`, rows go behind those of an existing file; its header must be the same. Without, the file is replaced when
    /// training begins.
    explicit CSVLogger(std::filesystem::path filename, char separator = ',', bool append = false);

    /// Throws FileError when the file cannot be written, or, appending, when its header is another.
    auto on_train_begin(const TrainInfo& info) -> void;
    auto on_epoch_end(const EpochInfo& info) -> void;
    auto teardown(const TrainInfo& info) -> void;

private:
    auto field(const std::string& text) const -> std::string;
    auto write(const std::string& line) -> void;

    struct Close {
        void operator()(std::FILE* file) const;
    };

    std::filesystem::path filename_;
    char separator_;
    bool append_;
    std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace nbm
