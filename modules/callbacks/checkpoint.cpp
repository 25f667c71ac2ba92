module nbm:callbacks.checkpoint_impl;

import :callbacks.checkpoint;
import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.periodic_save;
import :io;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

constexpr auto unscored = std::numeric_limits<double>::quiet_NaN();

/// Scores in descending order, NaN last.
auto better(double a, double b) -> bool { return !std::isnan(a) && (std::isnan(b) || a > b); }

}  // namespace

auto Checkpoint::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("path", options.path, "the files, with {epoch} and names of metrics", path_template());
    visitor.option("every_epochs", options.every_epochs, "epochs between checkpoints; 0: none for this reason");
    visitor.option("every_batches", options.every_batches, "updates between checkpoints; 0: none for this reason");
    visitor.option("every_seconds", options.every_seconds, "seconds between checkpoints; 0: none for this reason", at_least(0));
    visitor.option("on_cancel", options.on_cancel, "also when the training is cancelled");
    visitor.option("on_end", options.on_end, "also after the last epoch");
    visitor.option("keep", options.keep, "newest checkpoints that stay; 0: all");
    visitor.option("monitor", options.monitor, "metric that tells which are best");
    visitor.option("keep_best", options.keep_best, "best checkpoints that stay, too");
}

Checkpoint::Checkpoint(CheckpointOptions options) : options_(std::move(options)) {
    const auto& o = options_;
    if (o.path.extension() != ".ckpt") {
        throw InputError(fmt::format("Checkpoint: path '{}' does not end in .ckpt, by which newest_checkpoint() finds it", o.path.string()));
    }
    if (!(o.every_seconds >= 0.0)) {
        throw InputError(fmt::format("Checkpoint: every_seconds is {}; it must be at least 0", o.every_seconds));
    }
    if (o.every_epochs == 0 && o.every_batches == 0 && o.every_seconds == 0.0 && !o.on_cancel && !o.on_end) {
        throw InputError(
            "Checkpoint: every_epochs, every_batches, every_seconds, on_cancel and on_end are all off; no checkpoint would be "
            "written");
    }
    if (o.keep_best != 0 && o.monitor.empty()) { throw InputError("Checkpoint: keep_best needs a monitor"); }
}

auto Checkpoint::setup(const SetupInfo& info) -> void {
    if (info.session() != nullptr && !info.session()->can_checkpoint) {
        throw InputError("Checkpoint: the trainer or the optimiser has no save_state and load_state");
    }
    epoch_path(options_.path, 0, info.logs());
    sign_ = 0.0;
    if (!options_.monitor.empty()) {
        monitor_ = info.logs().find(options_.monitor);
        const auto direction = info.logs().metrics()[monitor_.index].better;
        if (direction == Better::neither) {
            throw InputError(
                fmt::format("Checkpoint: metric '{}' does not tell whether smaller or larger is better", options_.monitor));
        }
        sign_ = direction == Better::higher ? 1.0 : -1.0;
    }
    saved_.clear();
    displaced_.clear();
    written_ = Clock::now();
    info.claim(options_.path);
    if (info.session() != nullptr) {
        info.session()->needs_states = true;
        if (options_.on_cancel) { info.session()->interruption_paths.push_back(options_.path.string()); }
    }
}

auto Checkpoint::request(const Info& info, std::size_t epoch, std::size_t step, double score, std::string reason) -> void {
    const auto path = epoch_path(options_.path, epoch, info.logs()).string();
    std::erase_if(saved_, [&](const Saved& s) { return s.path == path; });
    std::erase(displaced_, path);
    saved_.push_back({path, step, score});
    if (options_.keep != 0) {
        auto best = std::vector<std::size_t>(saved_.size());
        for (std::size_t i = 0; i != best.size(); ++i) { best[i] = i; }
        std::ranges::sort(best, [&](auto a, auto b) {
            return better(saved_[a].score, saved_[b].score) || (!better(saved_[b].score, saved_[a].score) && a < b);
        });
        auto stays = std::vector<bool>(saved_.size(), false);
        for (std::size_t i = 0; i != std::min(options_.keep_best, best.size()); ++i) {
            stays[best[i]] = !std::isnan(saved_[best[i]].score);
        }
        for (auto i = saved_.size() - std::min(options_.keep, saved_.size()); i != saved_.size(); ++i) { stays[i] = true; }
        auto kept = std::vector<Saved>{};
        for (std::size_t i = 0; i != saved_.size(); ++i) {
            if (stays[i]) {
                kept.push_back(std::move(saved_[i]));
            } else {
                displaced_.push_back(std::move(saved_[i].path));
            }
        }
        saved_ = std::move(kept);
    }
    written_ = Clock::now();
    info.request_checkpoint(path, std::move(reason));
}

auto Checkpoint::is_due(std::size_t epoch, bool last) const -> std::string {
    if (options_.every_epochs != 0 && (epoch + 1) % options_.every_epochs == 0) {
        return fmt::format("epoch {} is over", epoch + 1);
    }
    if (last && options_.on_end) { return "the training ends"; }
    return time_is_up();
}

auto Checkpoint::time_is_up() const -> std::string {
    if (options_.every_seconds <= 0.0) { return {}; }
    const auto waited = std::chrono::duration<double>(Clock::now() - written_).count();
    return waited >= options_.every_seconds ? fmt::format("{:.0f} seconds are over", waited) : std::string{};
}

auto Checkpoint::on_batch_end(const BatchInfo& info) -> void {
    auto reason = std::string{};
    if (options_.every_batches != 0 && (info.step + 1) % options_.every_batches == 0) {
        reason = fmt::format("{} updates are done", info.step + 1);
    } else {
        reason = time_is_up();
    }
    if (!reason.empty()) { request(info, info.epoch, info.step + 1, unscored, std::move(reason)); }
}

auto Checkpoint::on_epoch_end(const EpochInfo& info) -> void {
    // A checkpoint within the epoch was written then; one of its end would not let the epoch be finished.
    if (info.interrupted && options_.on_cancel) { return; }
    auto score = unscored;
    if (sign_ != 0.0) { score = sign_ * info.logs().get(monitor_).value_or(unscored); }
    auto reason = is_due(info.epoch, info.last);
    if (reason.empty() && options_.keep_best != 0 && !std::isnan(score)) {
        const auto rivals =
            std::ranges::count_if(saved_, [&](const Saved& s) { return !better(score, s.score) && !std::isnan(s.score); });
        if (static_cast<std::size_t>(rivals) < options_.keep_best) {
            reason = fmt::format("{} is among the best", options_.monitor);
        }
    }
    if (!reason.empty()) { request(info, info.epoch, info.step, score, std::move(reason)); }
}

auto Checkpoint::root() const -> std::filesystem::path {
    auto folder = std::filesystem::path{};
    for (const auto& part : options_.path.parent_path()) {
        if (part.string().find('{') != std::string::npos) { break; }
        folder /= part;
    }
    return folder;
}

auto Checkpoint::on_checkpoint(const CheckpointInfo& info) -> void {
    if (std::ranges::any_of(saved_, [&](const Saved& s) { return s.path == info.path.string(); })) { remove_displaced(); }
}

auto Checkpoint::remove_displaced() -> void {
    for (const auto& path : std::exchange(displaced_, {})) {
        auto ignored = std::error_code{};
        std::filesystem::remove(path, ignored);
    }
}

auto Checkpoint::save_state(State& state) const -> void {
    auto paths = std::vector<std::string>{};
    auto steps = std::vector<std::uint64_t>{};
    auto scores = std::vector<double>{};
    for (const auto& s : saved_) {
        paths.push_back(std::filesystem::path(s.path).lexically_relative(root()).string());
        steps.push_back(s.step);
        scores.push_back(s.score);
    }
    state.put("paths", std::move(paths));
    state.put("steps", std::move(steps));
    state.put("scores", std::move(scores));
    auto displaced = std::vector<std::string>{};
    for (const auto& path : displaced_) { displaced.push_back(std::filesystem::path(path).lexically_relative(root()).string()); }
    state.put("displaced", std::move(displaced));
}

auto Checkpoint::load_state(const State& state) -> void {
    const auto paths = state.get<std::vector<std::string>>("paths");
    const auto steps = state.get<std::vector<std::uint64_t>>("steps");
    const auto scores = state.get<std::vector<double>>("scores");
    // Relative to the folder, which may have been moved or copied since; never anything outside it.
    const auto is_inside = [](const std::string& path) { return !path.empty() && !path.starts_with("..") && path[0] != '/'; };
    saved_.clear();
    for (std::size_t i = 0; i != paths.size(); ++i) {
        if (is_inside(paths[i])) { saved_.push_back({(root() / paths[i]).string(), steps.at(i), scores.at(i)}); }
    }
    displaced_.clear();
    for (const auto& path : state.get<std::vector<std::string>>("displaced")) {
        if (is_inside(path)) { displaced_.push_back((root() / path).string()); }
    }
    // The writer may have been killed between the renaming and the removal.
    remove_displaced();
}

}  // namespace nbm
