module;

#include <stdio.h>

module nbm:callbacks.progress_bar_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.progress_bar;
import :callbacks.progress_line;
import :standard;
import nbm.fmt;

namespace nbm {

namespace {

/// The metric that says best how likely rows are: of validation rows before training rows, exact or estimated.
auto likelihood_metric(const Logs& logs) -> std::optional<MetricId> {
    const auto metrics = logs.metrics();
    for (const std::string_view name : {"val_exact_prob", "val_prob", "exact_prob", "prob"}) {
        for (std::size_t i = 0; i != metrics.size(); ++i) {
            const auto is_end = std::ranges::any_of(
                metrics, [&](const Metric& other) { return other.low == metrics[i].name || other.high == metrics[i].name; });
            const auto& candidate = metrics[i].name;
            if (!is_end && (candidate == name || candidate.starts_with(fmt::format("{}_", name)))) { return MetricId{i}; }
        }
    }
    return {};
}

auto validation_metric(const Logs& logs) -> std::optional<MetricId> {
    const auto found = std::ranges::find(logs.metrics(), "val_cost", &Metric::name);
    if (found == logs.metrics().end()) { return {}; }
    return MetricId{static_cast<std::size_t>(found - logs.metrics().begin())};
}

}  // namespace

auto ProgressBar::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.choice("stream", options.stream, "where it is shown", {"stdout", "stderr"});
    visitor.option("lines", options.lines, "about so many at most where there is no terminal; 0: one for each epoch");
}

ProgressBar::ProgressBar(std::FILE* stream, std::size_t lines) : stream_(stream), line_(stream), lines_(lines) {}

ProgressBar::ProgressBar(ProgressBarOptions options)
    : ProgressBar(options.stream == ProgressBarOptions::Stream::standard_error ? stderr : stdout, options.lines) {}

auto ProgressBar::on_train_begin(const TrainInfo& info) -> void {
    first_epoch_ = info.first_epoch;
    epochs_ = info.epochs;
    batches_ = info.batches;
    epoch_ = std::max<std::size_t>(1, info.first_epoch) - 1;
    begin_ = Clock::now();
    rows_ = updates_ = 0;
    validation_ = validation_metric(info.logs());
    validation_cost_.reset();
    estimated_.reset();
    estimate_ = likelihood_metric(info.logs());
    estimate_name_ = estimate_ ? info.logs().metrics()[estimate_->index].name : std::string{};
    cost_ = 0.0;
    epoch_rows_ = 0;
}

auto ProgressBar::on_epoch_begin(const EpochInfo& info) -> void {
    epoch_ = info.epoch;
    cost_ = 0.0;
    epoch_rows_ = 0;
}

auto ProgressBar::on_batch_end(const BatchInfo& info) -> void {
    if (!line_.is_live()) { return; }
    epoch_ = info.epoch;
    rows_ += info.size;
    ++updates_;
    cost_ += info.cost * static_cast<double>(info.size);
    epoch_rows_ += info.size;
    if (line_.is_due()) { draw(info.step + 1); }
}

auto ProgressBar::draw(std::size_t step) -> void {
    const auto all = epochs_ * batches_;
    const auto elapsed = std::chrono::duration<double>(Clock::now() - begin_).count();
    // Of the same width each time, so that the line does not jump.
    auto details = std::vector<std::string>{};
    if (updates_ != 0) {
        const auto left = elapsed / static_cast<double>(updates_) * static_cast<double>(all - std::min(step, all));
        details.push_back(step >= all ? fmt::format("{:>5}", ProgressLine::duration(elapsed))
                                      : fmt::format("{:>5} left", ProgressLine::duration(left)));
    }
    if (epoch_rows_ != 0) { details.push_back(fmt::format("cost {:<6.4g}", cost_ / static_cast<double>(epoch_rows_))); }
    if (validation_cost_) { details.push_back(fmt::format("val_cost {:<6.4g}", *validation_cost_)); }
    if (estimated_) { details.push_back(fmt::format("{} {:.5g}", estimate_name_, *estimated_)); }
    if (elapsed > 0.0) { details.push_back(fmt::format("{:.0f} rows/s", static_cast<double>(rows_) / elapsed)); }
    line_.draw(fmt::format("epoch {:>{}}/{}", epoch_ + 1, fmt::formatted_size("{}", epochs_), epochs_),
               static_cast<double>(step) / static_cast<double>(all), details);
}

auto ProgressBar::on_epoch_end(const EpochInfo& info) -> void {
    const auto renew = [&](std::optional<MetricId> metric, std::optional<double>& value) {
        if (!metric) { return; }
        if (const auto now = info.logs().get(*metric)) { value = now; }
    };
    renew(validation_, validation_cost_);
    renew(estimate_, estimated_);
    if (!line_.is_live()) {
        print_epoch(info);
    } else if (info.last || line_.is_due()) {
        draw(info.step);
    }
}

auto ProgressBar::print_epoch(const EpochInfo& info) const -> void {
    const auto every = lines_ == 0 ? std::size_t{1} : (epochs_ + lines_ - 1) / lines_;
    const auto is_told = info.last || info.epoch == first_epoch_ || (info.epoch + 1) % every == 0;
    if (stream_ == nullptr || !is_told) { return; }
    auto line = fmt::format("epoch {:>{}}/{}", info.epoch + 1, fmt::formatted_size("{}", epochs_), epochs_);
    const auto metrics = info.logs().metrics();
    for (std::size_t i = 0; i != metrics.size(); ++i) {
        if (const auto value = info.logs().values()[i]) { line += fmt::format("  {} {:.5g}", metrics[i].name, *value); }
    }
    fmt::print(stream_, "{}\n", line);
    std::fflush(stream_);
}

auto ProgressBar::teardown(const TrainInfo& info) -> void {
    line_.keep();
    if (stream_ == nullptr || info.outcome != Outcome::stopped) { return; }
    fmt::print(stream_, "stopped after epoch {}: {}\n", epoch_ + 1, info.stop_reason);
    std::fflush(stream_);
}

}  // namespace nbm
