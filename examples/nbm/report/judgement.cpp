#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "report/html.hpp"
#include "report/judgement.hpp"

namespace {

auto sentence(std::string text) -> std::string {
    if (text.empty()) { return text; }
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    return text.ends_with('.') ? text : text + '.';
}

auto judge_log_z(const Run& run) -> Judgement {
    if (!run.log_z) {
        return {Tone::neutral, "No likelihood was estimated",
                "The run has no summary.json with log Z: it was interrupted before the end, or is still under way. \u201Cnbm "
                "resume\u201D goes "
                "on with it, \u201Cnbm ais\u201D estimates the likelihood of the weights that are there."};
    }
    const auto& z = *run.log_z;
    const auto runs = run.log_weights.empty() ? run.setting("ais_runs") : fmt::format("{}", run.log_weights.size());
    const auto numbers = fmt::format(
        " Effective sample size {}{}; variance of the log weights {} (at most 1.5 is good); the heaviest run carries {} % of the "
        "weight.",
        number(z.effective_sample_size, 1), runs.empty() ? "" : " of " + runs + " runs", number(z.log_weight_variance, 2),
        number(100.0 * z.largest_weight_share, 1));
    if (z.trustworthy) {
        return {Tone::good, "log Z can be trusted",
                sentence(z.verdict) + numbers + " This is no proof: AIS cannot know of modes that none of its runs has visited."};
    }
    return {Tone::bad, "Do not trust log Z yet",
            sentence(z.verdict) + numbers + " Too low a log Z makes all log-probabilities look too good."};
}

/// Estimates from both sides must meet; where the one from above is far higher, the one from below has missed weight.
auto judge_sandwich(const Run& run) -> std::optional<Judgement> {
    if (!run.log_z || !run.reverse_log_z) { return std::nullopt; }
    const auto& below = run.log_z->value;
    const auto& above = run.reverse_log_z->value;
    const auto numbers = fmt::format(
        "AIS says {} nats [{}, {}], reverse AIS, which begins at samples of the machine, {} [{}, {}]. ", number(below.value),
        number(below.low), number(below.high), number(above.value), number(above.low), number(above.high));
    if (below.low <= above.high && above.low <= below.high) {
        return Judgement{Tone::good, "Both sides agree on log Z", numbers + "Their error bars overlap."};
    }
    return Judgement{Tone::bad, "The two sides do not agree on log Z",
                     numbers + "Their error bars do not meet: use more inverse temperatures, and more sweeps before reverse AIS."};
}

/// Whether early stopping has put back the weights of its best epoch.
auto best_was_restored(const Run& run) -> bool {
    const auto restores = [](const nbm::CallbackSection& section) {
        return section.type == "early_stopping" && std::ranges::any_of(section.settings, [](const nbm::Setting& setting) {
                   return setting.key == "restore_best" && nbm::to_toml(setting.value) == "true";
               });
    };
    return run.outcome() == "stopped" && std::ranges::any_of(run.config.callbacks, restores);
}

/// Of the mean over the rows alone: the error of log Z is in both splits alike.
auto data_error(const Estimated& value, const Estimated& log_z) -> double {
    const auto squares = value.standard_error * value.standard_error - log_z.standard_error * log_z.standard_error;
    return std::isfinite(squares) ? std::sqrt(std::max(0.0, squares)) : std::numeric_limits<double>::infinity();
}

auto judge_gap(const Run& run) -> std::optional<Judgement> {
    const auto* const train = run.likelihood("train");
    const auto* const test = run.likelihood("test");
    if (train == nullptr || test == nullptr || !run.log_z || !std::isfinite(train->value) || !std::isfinite(test->value)) {
        return {};
    }
    const auto gap = train->value - test->value;
    const auto bar = 3.0 * std::hypot(data_error(*train, run.log_z->value), data_error(*test, run.log_z->value));
    const auto* const what = run.bound ? "bound" : "mean log-probability";
    const auto numbers = fmt::format(
        "The {} of the training rows is {} nats {} that of the test rows (\u00B1 {}, 3 standard errors over the rows; log Z is the "
        "same in both). ",
        what, number(std::abs(gap)), gap < 0.0 ? "below" : "above", number(bar));
    if (!std::isfinite(bar)) {
        return Judgement{Tone::neutral, "Training and test rows cannot be compared",
                         numbers + "The error is unknown, so this tells nothing."};
    }
    if (gap <= bar) {
        return Judgement{Tone::good, "No sign of overfitting",
                         numbers + "So far as these rows can tell, the machine does as well on rows that it has not seen."};
    }
    // What a large gap is depends on the data; a tenth of the value is beyond doubt.
    const auto large = gap > 0.1 * std::abs(test->value);
    return Judgement{large ? Tone::bad : Tone::caution, large ? "The machine overfits" : "A gap between training and test rows",
                     numbers +
                         "The difference is beyond the error: the machine has learnt some things that hold for the training rows "
                         "alone. A little of this "
                         "is usual; fewer hidden units, weight decay, fewer epochs or more data make it smaller."};
}

/// The values of a metric that are there, by epoch.
struct Track {
    std::string name;
    std::vector<double> epochs, y, bars;

    auto mean(std::size_t from, std::size_t to) const -> double {
        return std::accumulate(y.begin() + static_cast<std::ptrdiff_t>(from), y.begin() + static_cast<std::ptrdiff_t>(to), 0.0) /
               static_cast<double>(to - from);
    }
};

auto track_of(const Run& run, const std::string& name) -> Track {
    auto track = Track{.name = name, .epochs = {}, .y = {}, .bars = {}};
    if (!run.history.has(name)) { return track; }
    const auto& column = run.history.column(name);
    const auto* const high = run.history.has(name + "_high") ? &run.history.column(name + "_high") : nullptr;
    for (std::size_t i = 0; i != column.size(); ++i) {
        if (!column[i] || !std::isfinite(*column[i])) { continue; }
        track.epochs.push_back(run.epochs[i]);
        track.y.push_back(*column[i]);
        const auto bar = high != nullptr && (*high)[i] ? *(*high)[i] - *column[i] : 0.0;
        track.bars.push_back(std::isfinite(bar) ? bar : 0.0);
    }
    return track;
}

auto described(const Run& run, const std::string& name) -> std::string {
    const auto* const rows = name.starts_with("val_") ? "validation" : "training";
    const auto* const what = name.ends_with("pslike")       ? "pseudo-likelihood"
                             : name.ends_with("exact_prob") ? "exact mean log-probability"
                             : run.bound                    ? "bound on the mean log-probability"
                                                            : "mean log-probability";
    return fmt::format("{} of the {} rows", what, rows);
}

/// A curve for which higher is better.
auto judge_track(const Run& run, const Track& t) -> Judgement {
    const auto count = t.y.size();
    const auto what = described(run, t.name);
    if (count < 4) {
        return {Tone::neutral, "Too few values to tell whether training has converged",
                fmt::format("The {} was measured after {} epoch{} only.", what, count, count == 1 ? "" : "s")};
    }
    const auto [lowest, highest] = std::ranges::minmax(t.y);
    const auto span = highest - lowest;
    const auto best = static_cast<std::size_t>(std::ranges::max_element(t.y) - t.y.begin());
    const auto quarter = std::max<std::size_t>(1, count / 4);
    const auto fall = t.y[best] - t.y.back();
    if (fall > std::max(std::hypot(t.bars[best], t.bars.back()), 0.1 * span) && best + quarter < count) {
        if (best_was_restored(run)) {
            return {Tone::good, "The best epoch was put back",
                    fmt::format("The {} was best after epoch {} ({} nats) and fell by {} nats afterwards; early stopping ended the "
                                "training and put back the weights of its best epoch.",
                                what, t.epochs[best], number(t.y[best]), number(fall))};
        }
        return {Tone::bad, "The curves got worse again",
                fmt::format(
                    "The {} was best after epoch {} ({} nats) and has fallen by {} nats since. Training past that epoch did harm: "
                    "overfitting or, when "
                    "the training rows fall too, chains that no longer follow the machine (a lower learning rate, more sweeps).",
                    what, t.epochs[best], number(t.y[best]), number(fall))};
    }
    const auto gain = t.mean(count - quarter, count) - t.mean(count - 2 * quarter, count - quarter);
    const auto period = quarter == 1 ? fmt::format("between the last two times that it was measured (epochs {} and {})",
                                                   t.epochs[count - 2], t.epochs[count - 1])
                                     : fmt::format("from the quarter before to the last quarter of its values (epochs {} to {})",
                                                   t.epochs[count - quarter], t.epochs.back());
    const auto numbers = fmt::format("The {} {} by {} nats {}", what, gain < 0.0 ? "fell" : "rose", number(std::abs(gain)), period);
    if (gain > std::max(0.02 * span, t.bars.back())) {
        return {Tone::caution, "Training has not converged",
                numbers + ": it is still rising, and more epochs would probably raise it further."};
    }
    return {Tone::good, "The curves have levelled off",
            numbers + ", no more than its error bars or 2 % of all it moved. Another learning rate may still lead further."};
}

auto judge_cost(const Run& run) -> Judgement {
    const auto cost = track_of(run, "cost");
    const auto validation = track_of(run, "val_cost");
    auto reason = std::string(
        "history.csv has no likelihood by epoch, and the cost is no measure of it. \u201C--ais-every 5\u201D or a callback "
        "\u201Cpseudo_likelihood\u201D would show how the machine got better.");
    const auto count = validation.y.size();
    if (count < 8 || validation.epochs != cost.epochs) {
        return {Tone::neutral, "The curves do not tell whether training has converged", reason};
    }
    const auto quarter = count / 4;
    const auto gap = [&](std::size_t from, std::size_t to) { return validation.mean(from, to) - cost.mean(from, to); };
    const auto before = gap(count - 2 * quarter, count - quarter);
    const auto now = gap(count - quarter, count);
    reason += fmt::format(
        " The cost of the validation rows is {} nats {} that of the training rows in the last quarter of the epochs, {} in the "
        "quarter before; "
        "a gap that keeps growing is a sign of overfitting.",
        number(std::abs(now)), now < 0.0 ? "below" : "above", number(before));
    return {Tone::neutral, "The curves do not tell whether training has converged", reason};
}

auto judge_curves(const Run& run) -> Judgement {
    if (run.epochs.empty()) { return {Tone::neutral, "No epoch is recorded", "There is no history.csv, or no epoch in it yet."}; }
    if (run.history.has("cost")) {
        const auto& cost = run.history.column("cost");
        for (std::size_t i = 0; i != cost.size(); ++i) {
            if (cost[i] && !std::isfinite(*cost[i])) {
                return {Tone::bad, "The training diverged",
                        fmt::format("The cost is no finite number in epoch {}. A lower learning rate or momentum usually helps.",
                                    run.epochs[i])};
            }
        }
    }
    if (run.setting("trainer") == "exact") {  // its cost is - log p
        for (const auto* name : {"val_cost", "cost"}) {
            auto track = track_of(run, name);
            if (track.y.empty()) { continue; }
            for (auto& y : track.y) { y = -y; }
            track.name = name == std::string("cost") ? "exact_prob" : "val_exact_prob";
            return judge_track(run, track);
        }
    }
    auto best = Track{};
    for (const auto* name : {"val_exact_prob", "exact_prob", "val_prob", "prob", "val_pslike", "pslike"}) {
        if (auto track = track_of(run, name); track.y.size() >= 4) {
            return judge_track(run, track);
        } else if (best.y.empty()) {
            best = track;
        }
    }
    return best.y.empty() ? judge_cost(run) : judge_track(run, best);
}

}  // namespace

auto judge(const Run& run) -> std::vector<Judgement> {
    auto all = std::vector<Judgement>{judge_log_z(run)};
    if (auto sandwich = judge_sandwich(run)) { all.push_back(std::move(*sandwich)); }
    if (run.bound) {
        all.push_back({Tone::neutral, "The log-probabilities are lower bounds",
                       "A deep machine has no closed form for them. Mean field gives a number that is at or below the true mean "
                       "log-probability, given the true log Z; "
                       "how far below, it does not say. It is no interval around the truth."});
    }
    if (run.setting("binarise") == "grey" && !run.likelihoods.empty()) {
        all.push_back({Tone::neutral, "Grey rows: lower bounds",
                       "The data were taken as grey values: the numbers are lower bounds on the mean log-probability of binary "
                       "rows drawn from them."});
    }
    if (auto gap = judge_gap(run)) { all.push_back(std::move(*gap)); }
    all.push_back(judge_curves(run));
    return all;
}

auto difference(const Estimated& upper, const Estimated& lower) -> Difference {
    return {.value = upper.value - lower.value, .bar = std::hypot(upper.value - upper.low, lower.high - lower.value)};
}
