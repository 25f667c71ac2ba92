module;

#include <stdio.h>

export module nbm:callbacks.progress_bar;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.progress_line;
import :standard;

export namespace nbm {

struct ProgressBarOptions {
    enum class Stream : std::uint8_t { standard_output, standard_error };
    Stream stream = Stream::standard_output;
    std::size_t lines = 100;  // about so many of them at most where there is no terminal; 0: one for each epoch
};

/// Shows the training. On a terminal, one line that is redrawn: the epoch, a bar over the whole training, the time left, the mean
/// cost of the epoch so far, the last validation cost, the newest estimate of a log-probability (of the validation rows where there
/// is one), and the rows a second of this session; see ProgressLine. Elsewhere, plain lines with all metrics: one for each epoch
/// or, of more epochs than `lines`, for the first one, each n-th and the last one.
class ProgressBar {
public:
    static constexpr auto stage = Stage::record;
    static constexpr std::string_view kind = "progress_bar";
    static constexpr std::string_view doc = "a line with a bar on a terminal, lines with the metrics elsewhere";
    using Options = ProgressBarOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    /// null: shows nothing.
    explicit ProgressBar(std::FILE* stream = stdout, std::size_t lines = ProgressBarOptions{}.lines);
    explicit ProgressBar(ProgressBarOptions options);

    auto on_train_begin(const TrainInfo& info) -> void;
    auto on_epoch_begin(const EpochInfo& info) -> void;
    auto on_batch_end(const BatchInfo& info) -> void;
    auto on_epoch_end(const EpochInfo& info) -> void;
    auto teardown(const TrainInfo& info) -> void;

private:
    using Clock = std::chrono::steady_clock;

    auto draw(std::size_t step) -> void;
    auto print_epoch(const EpochInfo& info) const -> void;

    std::FILE* stream_;
    ProgressLine line_;
    std::size_t lines_;
    std::size_t first_epoch_ = 0;
    std::size_t epochs_ = 0;
    std::size_t batches_ = 0;  // in an epoch
    std::size_t epoch_ = 0;
    Clock::time_point begin_;
    std::size_t rows_ = 0;     // of this session
    std::size_t updates_ = 0;  // of this session
    double cost_ = 0.0;        // sum over the rows of the epoch
    std::size_t epoch_rows_ = 0;
    std::optional<MetricId> validation_;
    std::optional<double> validation_cost_;
    std::optional<MetricId> estimate_;
    std::optional<double> estimated_;
    std::string estimate_name_;
};

}  // namespace nbm
