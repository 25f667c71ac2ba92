module;

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

export module nbm:callbacks.progress_bar;

import :callbacks.contexts;

export namespace nbm {

/// Shows the training: on a terminal a bar with the time left and the metrics, redrawn at most ten times a second; elsewhere one
/// plain line an epoch.
class ProgressBar {
public:
    static constexpr auto stage = Stage::record;
    static constexpr std::string_view kind = "progress_bar";
    static constexpr std::string_view doc = "a bar on a terminal, a line an epoch elsewhere, on standard output";

    explicit ProgressBar(std::FILE* stream = stdout);

    auto on_train_begin(const TrainInfo& info) -> void;
    auto on_epoch_begin(const EpochInfo& info) -> void;
    auto on_batch_end(const BatchInfo& info) -> void;
    auto on_epoch_end(const EpochInfo& info) -> void;
    auto teardown(const TrainInfo& info) -> void;

private:
    using Clock = std::chrono::steady_clock;

    auto clear_line() -> void;

    std::FILE* stream_;
    bool terminal_;
    bool line_open_ = false;
    std::size_t first_epoch_ = 0;
    std::size_t epochs_ = 0;
    std::size_t epoch_ = 0;
    Clock::time_point begin_;
    Clock::time_point drawn_;
};

}  // namespace nbm
