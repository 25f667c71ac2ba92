module nbm:callbacks.timing_impl;

import :callbacks.contexts;
import :callbacks.options;
import :callbacks.timing;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

Timing::Timing(TimingOptions options) : options_(options) {
    if (options_.queue_length == 0) { throw InputError("Timing: queue_length is 0; at least 1 call is needed"); }
}

auto Timing::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("queue_length", options.queue_length, "calls that the running mean is over", within(1, 1'000'000));
    visitor.option("warn_share", options.warn_share, "warn of a callback that takes more than this part of an epoch", within(0, 1));
}

auto Timing::Entry::recent_mean() const -> double {
    return recent.empty() ? 0.0 : std::accumulate(recent.begin(), recent.end(), 0.0) / static_cast<double>(recent.size());
}

auto Timing::share(std::string_view callback) const -> double {
    auto names = std::vector<std::string>{};
    auto sum = 0.0;
    for (const auto& entry : entries_) {
        if (entry.callback == callback) { sum += entry.share; }
        names.push_back(entry.callback);
    }
    if (std::ranges::find(names, callback) == names.end()) { throw InputError(unknown_name("callback", callback, names)); }
    return sum;
}

auto Timing::report() const -> std::string {
    auto text = fmt::format("{:<24} {:<20} {:>9} {:>11} {:>11} {:>11} {:>7}\n", "callback", "hook", "calls", "total", "mean",
                            "longest", "share");
    for (const auto& e : entries_) {
        text += fmt::format("{:<24} {:<20} {:>9} {:>9.3f} s {:>8.3f} ms {:>8.3f} ms {:>5.1f} %\n", e.callback, e.hook, e.calls,
                            e.total, 1e3 * e.total / static_cast<double>(e.calls), 1e3 * e.longest, 100.0 * e.share);
    }
    return text;
}

auto Timing::record(const void* object, std::string_view callback, std::string_view hook, double seconds) -> void {
    auto found = std::ranges::find_if(entries_, [&](const Entry& e) { return e.object == object && e.hook.data() == hook.data(); });
    if (found == entries_.end()) {
        found = entries_.insert(entries_.end(), Entry{.object = object, .callback = std::string(callback), .hook = hook});
        found->recent.reserve(options_.queue_length);
    }
    auto& e = *found;
    if (e.recent.size() < options_.queue_length) {
        e.recent.push_back(seconds);
    } else {
        e.recent[e.calls % options_.queue_length] = seconds;
    }
    ++e.calls;
    e.total += seconds;
    e.longest = std::max(e.longest, seconds);
    e.in_epoch += seconds;
}

auto Timing::setup(const SetupInfo& info) -> void {
    entries_.clear();
    warned_.clear();
    batches_ = info.batches;
    closed_ = 0;
    open_ = false;
}

auto Timing::on_epoch_begin(const EpochInfo& info) -> void {
    close_epoch(info);
    for (auto& entry : entries_) { entry.in_epoch = 0.0; }
    begin_ = Clock::now();
    open_ = true;
}

auto Timing::on_train_end(const TrainInfo& info) -> void { close_epoch(info); }

auto Timing::close_epoch(const Info& info) -> void {
    if (!open_) { return; }
    open_ = false;
    ++closed_;
    const auto epoch = std::chrono::duration<double>(Clock::now() - begin_).count();
    auto all = 0.0;
    for (auto& entry : entries_) {
        entry.share = epoch > 0.0 ? entry.in_epoch / epoch : 0.0;
        all += entry.in_epoch;
    }
    if (closed_ == 1) { return; }  // the first epoch fills caches and makes buffers
    for (const auto& entry : entries_) {
        const auto part = share(entry.callback);
        if (part <= options_.warn_share || std::ranges::find(warned_, entry.callback) != warned_.end()) { continue; }
        warned_.push_back(entry.callback);
        const auto slowest = std::ranges::max_element(
            entries_, {}, [&](const Entry& e) { return e.callback == entry.callback ? e.in_epoch : -1.0; });
        info.warn(
            fmt::format("callback '{}' takes {:.0f} % of an epoch, most of it in {} ({:.3g} ms a call; a batch without callbacks "
                        "takes {:.3g} ms); call it less often",
                        entry.callback, 100.0 * part, slowest->hook, 1e3 * slowest->recent_mean(),
                        1e3 * std::max(0.0, epoch - all) / static_cast<double>(std::max<std::size_t>(1, batches_))));
    }
}

}  // namespace nbm
