module nbm:estimators.place_betas_impl;

import :estimators.annealing_path;
import :estimators.betas;
import :estimators.control;
import :estimators.place_betas;
import :estimators.stream_draw;
import :random;
import :standard;
import :tensor;

namespace nbm {

namespace {

/// The chains of a pilot run, in blocks.
template <Real T>
class Pilot {
public:
    Pilot(const AnnealingPath<T>& path, const PilotOptions& options, const StartChains<T>& start)
        : path_(path), options_(options), blocks_(options.chains) {
        for (std::size_t b = 0; b != blocks_.count(); ++b) {
            chains_.push_back(path.make_chains(blocks_[b].count));
            draws_.emplace_back(options.seed, pilot_steps, blocks_[b].first);
        }
        parallel_for(blocks_.count(), [&](std::size_t b) { start(chains_[b], blocks_[b].first, draws_[b]); });
    }

    /// How far apart two positions are: sqrt(-log(effective sample size / chains)) of the weights of a step between them. For
    /// normally distributed log weights that is their standard deviation, so that the lengths of short steps add up.
    auto length(double from, double to) -> double {
        auto log_weights = std::vector<double>{};
        parallel_for(chains_.size(), [&](std::size_t b) {
            std::ranges::fill(chains_[b].log_weights, 0.0);
            path_.weigh(chains_[b], from, to);
        });
        for (const auto& chains : chains_) {
            log_weights.insert(log_weights.end(), chains.log_weights.begin(), chains.log_weights.end());
        }
        const auto sum = log_sum_exp(log_weights);
        for (auto& value : log_weights) { value *= 2.0; }
        const auto log_share = 2.0 * sum - log_sum_exp(log_weights) - std::log(static_cast<double>(log_weights.size()));
        return std::sqrt(std::max(0.0, -log_share));
    }

    /// Sweeps at the position that length() has weighed last.
    auto sweep(double at) -> void {
        parallel_for(chains_.size(), [&](std::size_t b) {
            path_.finish_sweep(chains_[b], at, draws_[b]);
            for (std::size_t s = 1; s < options_.sweeps; ++s) { path_.sweep(chains_[b], at, draws_[b]); }
        });
    }

private:
    const AnnealingPath<T>& path_;
    const PilotOptions& options_;
    RowBlocks blocks_;
    std::vector<AnnealedChains<T>> chains_;
    std::deque<StreamDraw<T>> draws_;
};

/// Positions reached and the length of the way there.
struct Curve {
    std::vector<double> position{0.0};
    std::vector<double> length{0.0};
};

template <Real T>
auto measure(const AnnealingPath<T>& path, const PilotOptions& options, const Control& control, const StartChains<T>& start)
    -> Curve {
    constexpr auto wanted = 0.25;  // about 6 % of the effective sample size a step
    constexpr auto shortest = 1e-5;
    auto pilot = Pilot<T>(path, options, start);
    auto curve = Curve{};
    auto delta = 1e-3;
    while (curve.position.back() < 1.0) {
        if (control.stop.stop_requested()) { throw Cancelled("the pilot run of an annealing schedule was cancelled"); }
        const auto at = curve.position.back();
        const auto knot = *std::ranges::upper_bound(path.positions(), at);
        const auto to = std::min(at + delta, knot);
        const auto length = pilot.length(at, to);
        const auto factor = length > 0.0 ? wanted / length : 3.0;
        if (factor < 0.7 && to - at > shortest) {
            delta = std::max(shortest, (to - at) * std::max(0.1, factor));
            continue;
        }
        delta = std::max(shortest, (to - at) * std::min(3.0, factor));
        pilot.sweep(to);
        curve.position.push_back(to);
        curve.length.push_back(curve.length.back() + length);
        if (control.progress) { control.progress(to); }
    }
    return curve;
}

/// `count` positions at equal distances along the curve.
auto divide(Curve curve, std::size_t count) -> std::vector<double> {
    // A little of plain distance keeps positions apart where the curve is flat.
    const auto total = std::max(curve.length.back(), 1e-3);
    for (std::size_t i = 0; i != curve.length.size(); ++i) { curve.length[i] += 0.01 * total * curve.position[i]; }
    auto values = std::vector<double>{0.0};
    for (std::size_t k = 1; k + 1 < count; ++k) {
        const auto wanted = curve.length.back() * static_cast<double>(k) / static_cast<double>(count - 1);
        const auto i = static_cast<std::size_t>(std::ranges::upper_bound(curve.length, wanted) - curve.length.begin());
        const auto t = (wanted - curve.length[i - 1]) / (curve.length[i] - curve.length[i - 1]);
        values.push_back(curve.position[i - 1] + t * (curve.position[i] - curve.position[i - 1]));
    }
    values.push_back(1.0);
    return values;
}

}  // namespace

template <Real T>
auto place_betas(const AnnealingPath<T>& path, std::size_t count, const PilotOptions& options, const Control& control,
                 const StartChains<T>& start) -> Betas {
    if (options.chains < 2) { throw InputError("a pilot run of fewer than 2 chains has no effective sample size"); }
    return Betas(divide(measure(path, options, control, start), adaptive(count).size()));
}

template <Real T>
auto place_betas(const AnnealingPath<T>& path, std::size_t count, const PilotOptions& options, const Control& control) -> Betas {
    if (path.is_given_visible()) {
        throw InputError("a path given the visible layer has no schedule of its own without a visible state");
    }
    return place_betas<T>(path, count, options, control,
                          [&](AnnealedChains<T>& chains, std::size_t, Draw<T>& draw) { path.start(chains, draw); });
}

template auto place_betas(const AnnealingPath<float>&, std::size_t, const PilotOptions&, const Control&) -> Betas;
template auto place_betas(const AnnealingPath<double>&, std::size_t, const PilotOptions&, const Control&) -> Betas;
template auto place_betas(const AnnealingPath<float>&, std::size_t, const PilotOptions&, const Control&, const StartChains<float>&)
    -> Betas;
template auto place_betas(const AnnealingPath<double>&, std::size_t, const PilotOptions&, const Control&,
                          const StartChains<double>&) -> Betas;

}  // namespace nbm
