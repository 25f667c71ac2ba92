module nbm:estimators.weight_sums;

import :standard;

namespace nbm {

/// The sums of some weights and of their squares, in units of the largest weight and its square, so that neither overflows.
class WeightSums {
public:
    WeightSums() = default;
    explicit WeightSums(std::span<const double> log_weights) {
        for (const auto x : log_weights) {
            if (std::isnan(x)) {
                largest_ = x;
                return;
            }
            largest_ = std::max(largest_, x);
        }
        if (!std::isfinite(largest_)) { return; }
        for (const auto x : log_weights) {
            const auto w = std::exp(x - largest_);
            sum_ += w;
            squares_ += w * w;
        }
    }

    auto add(const WeightSums& other) -> void {
        if (std::isnan(largest_) || other.largest_ == -std::numeric_limits<double>::infinity()) { return; }
        if (!std::isfinite(largest_) || !std::isfinite(other.largest_)) {
            largest_ = std::isnan(other.largest_) ? other.largest_ : std::max(largest_, other.largest_);
            sum_ = other.sum_;
            squares_ = other.squares_;
            return;
        }
        const auto largest = std::max(largest_, other.largest_);
        const auto own = std::exp(largest_ - largest);
        const auto others = std::exp(other.largest_ - largest);
        sum_ = own * sum_ + others * other.sum_;
        squares_ = own * own * squares_ + others * others * other.squares_;
        largest_ = largest;
    }

    /// (sum w)^2 / sum w^2; 0 when no weight is above 0 or one is not finite.
    auto effective_sample_size() const -> double { return std::isfinite(largest_) ? sum_ * sum_ / squares_ : 0.0; }

private:
    double largest_ = -std::numeric_limits<double>::infinity();  // log weight
    double sum_ = 0.0;
    double squares_ = 0.0;
};

/// At most `most` steps of a run through `positions`, those at evenly spaced positions as far as there are such, the first (0) and
/// the last among them; all where they are no more.
inline auto evenly_spaced_steps(std::span<const double> positions, std::size_t most) -> std::vector<std::size_t> {
    auto result = std::vector<std::size_t>{0};
    const auto last = positions.size() - 1;
    const auto all = positions.size() <= most;
    const auto gap = std::abs(positions.back() - positions.front()) / static_cast<double>(most - 1);
    const auto gaps_to = [&](std::size_t step) {
        // But for rounding; the end is left to the last step.
        const auto gaps = std::floor(std::abs(positions[step] - positions.front()) / gap + 1e-9);
        return std::min(gaps, static_cast<double>(most - 2));
    };
    for (std::size_t step = 1; step != last; ++step) {
        if (all || gaps_to(step) > gaps_to(result.back())) { result.push_back(step); }
    }
    result.push_back(last);
    return result;
}

}  // namespace nbm
