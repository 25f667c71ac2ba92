module;

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

module nbm:callbacks.progress_bar_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.progress_bar;

namespace nbm {

namespace {

auto duration(double seconds) -> std::string {
    const auto s = static_cast<long>(std::lround(seconds));
    if (s < 60) { return fmt::format("{}s", s); }
    if (s < 3600) { return fmt::format("{}m{:02}s", s / 60, s % 60); }
    return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
}

}  // namespace

ProgressBar::ProgressBar(std::FILE* stream) : stream_(stream), terminal_(::isatty(::fileno(stream)) != 0) {}

auto ProgressBar::on_train_begin(const TrainInfo& info) -> void {
    first_epoch_ = info.first_epoch;
    epochs_ = info.epochs;
    epoch_ = std::max<std::size_t>(1, info.first_epoch) - 1;
    begin_ = Clock::now();
    drawn_ = {};
}

auto ProgressBar::on_epoch_begin(const EpochInfo& info) -> void { epoch_ = info.epoch; }

auto ProgressBar::on_batch_end(const BatchInfo& info) -> void {
    if (!terminal_) { return; }
    const auto now = Clock::now();
    if (now - drawn_ < std::chrono::milliseconds(100)) { return; }
    drawn_ = now;
    constexpr auto width = std::size_t{24};
    const auto done = static_cast<double>(info.batch + 1) / static_cast<double>(info.batches);
    const auto all_done = (static_cast<double>(info.epoch - first_epoch_) + done) / static_cast<double>(epochs_ - first_epoch_);
    const auto elapsed = std::chrono::duration<double>(now - begin_).count();
    const auto filled = static_cast<std::size_t>(done * width);
    fmt::print(stream_, "\r\033[Kepoch {}/{} [{}{}] cost {:.4g}  {} left", info.epoch + 1, epochs_, std::string(filled, '='),
               std::string(width - filled, ' '), info.cost, duration(elapsed / all_done - elapsed));
    std::fflush(stream_);
    line_open_ = true;
}

auto ProgressBar::clear_line() -> void {
    if (line_open_) { fmt::print(stream_, "\r\033[K"); }
    line_open_ = false;
}

auto ProgressBar::on_epoch_end(const EpochInfo& info) -> void {
    clear_line();
    auto line = fmt::format("epoch {:>{}}/{}", info.epoch + 1, fmt::formatted_size("{}", epochs_), epochs_);
    const auto metrics = info.logs().metrics();
    for (std::size_t i = 0; i != metrics.size(); ++i) {
        if (const auto value = info.logs().values()[i]) { line += fmt::format("  {} {:.5g}", metrics[i].name, *value); }
    }
    fmt::print(stream_, "{}\n", line);
    std::fflush(stream_);
}

auto ProgressBar::teardown(const TrainInfo& info) -> void {
    clear_line();
    if (info.outcome == Outcome::stopped) { fmt::print(stream_, "stopped after epoch {}: {}\n", epoch_ + 1, info.stop_reason); }
    std::fflush(stream_);
}

}  // namespace nbm
