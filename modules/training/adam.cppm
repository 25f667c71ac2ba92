export module nbm:training.adam;

import :io;
import :model;
import :standard;
import :tensor;

export namespace nbm {

struct AdamOptions {
    double learning_rate = 0.001;
    double beta1 = 0.9;     // memory of the mean of the gradient
    double beta2 = 0.999;   // memory of the mean of its square
    double epsilon = 1e-8;  // keeps the steps of vanishing gradients finite
    double decay = 0.0;     // learning_rate / (1 + decay t) at update t
};

struct NadamOptions {
    double learning_rate = 0.002;
    double beta1 = 0.9;  // the goal of the momentum
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double decay = 0.0;
    double schedule_decay = 0.004;  // how fast the momentum reaches its goal
};

}  // namespace nbm

namespace nbm {

/// What Adam and Nadam share; the options tell which one it is.
template <Real T, class OptionsType>
class AdaptiveMoments {
public:
    static constexpr bool nesterov = std::same_as<OptionsType, NadamOptions>;

    /// Throws InputError for an option outside its range.
    explicit AdaptiveMoments(OptionsType options);

    /// One update of all parameters. The first one allocates the moments. Throws ShapeError for another machine's gradient.
    auto update(DBM<T>& dbm, const Gradient<T>& gradient) -> void;

    /// The rate before decay; may be set between updates.
    inline auto learning_rate() const -> double { return options_.learning_rate; }
    auto set_learning_rate(double rate) -> void;
    /// What the next update uses, after decay.
    auto effective_learning_rate() const -> double;

    /// Updates done.
    inline auto iterations() const -> std::size_t { return iterations_; }
    inline auto options() const -> const OptionsType& { return options_; }

    /// Moments, count of updates, the product of the momenta so far, and the rate as callbacks have left it. load_state throws
    /// InputError for another optimiser's.
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    auto validate() const -> void;

    OptionsType configured_;  // as constructed
    OptionsType options_;
    std::size_t iterations_ = 0;
    double momenta_ = 1.0;  // the product of all updates' momenta
    Parameters<T> mean_;
    Parameters<T> square_;
};

}  // namespace nbm

export namespace nbm {

/// Adam (Kingma and Ba 2015, algorithm 1), climbing the log-likelihood: m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2)
/// g^2, p <- p + rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon). Keeps its moments and its count of updates from
/// one fit to the next.
template <Real T = float>
class Adam : public AdaptiveMoments<T, AdamOptions> {
public:
    /// Throws InputError for an option outside its range.
    explicit Adam(AdamOptions options = {}) : AdaptiveMoments<T, AdamOptions>(options) {}
};

/// Adam with Nesterov's momentum (Dozat 2016): momentum mu_t = beta1 (1 - 0.96^(schedule_decay t) / 2), m <- mu_t m + (1 - mu_t) g,
/// and in place of Adam's corrected mean mu_(t+1) m / (1 - mu_1 ... mu_(t+1)) + (1 - mu_t) g / (1 - mu_1 ... mu_t).
template <Real T = float>
class Nadam : public AdaptiveMoments<T, NadamOptions> {
public:
    /// Throws InputError for an option outside its range.
    explicit Nadam(NadamOptions options = {}) : AdaptiveMoments<T, NadamOptions>(options) {}
};

}  // namespace nbm
