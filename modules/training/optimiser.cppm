export module nbm:training.optimiser;

import :io;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// Raises the momentum towards its goal over the first updates and lowers it again before update `final_step`, as natural_bm does:
/// m_t = goal (1 - 0.96^(decay t) / 2) (1 - 0.96^(decay (final_step - t)) / 2) for t < final_step, then goal / 2. With final_step =
/// 0 it rises only. After Sutskever, Martens, Dahl and Hinton (2013).
struct MomentumRamp {
    double decay = 0.004;
    std::size_t final_step = 0;
};

struct SGDOptions {
    double learning_rate = 0.01;
    double momentum = 0.0;  // the goal, where there is a ramp
    bool nesterov = false;
    double decay = 0.0;  // learning_rate / (1 + decay t) at update t
    std::optional<MomentumRamp> momentum_ramp = {};
};

/// Stochastic gradient ascent on the log-likelihood, with momentum: v <- m v + r g; p <- p + v, or with Nesterov's momentum
/// p <- p + m v + r g. Keeps its moments and its count of updates from one fit to the next.
template <Real T = float>
class SGD {
public:
    /// Throws InputError for a rate, momentum or decay outside its range.
    explicit SGD(SGDOptions options = {});

    /// One update of all parameters. The first one allocates the moments. Throws ShapeError for another machine's gradient.
    auto update(DBM<T>& dbm, const Gradient<T>& gradient) -> void;

    /// The rate before decay; may be set between updates.
    inline auto learning_rate() const -> double { return options_.learning_rate; }
    auto set_learning_rate(double rate) -> void;
    /// The goal of the momentum.
    inline auto momentum() const -> double { return options_.momentum; }
    auto set_momentum(double momentum) -> void;

    /// What the next update uses, after decay and ramp.
    auto effective_learning_rate() const -> double;
    auto effective_momentum() const -> double;

    /// Updates done.
    inline auto iterations() const -> std::size_t { return iterations_; }
    inline auto options() const -> const SGDOptions& { return options_; }

    /// Moments, count of updates, and the rate and momentum as callbacks have left them. load_state throws InputError for another
    /// optimiser's.
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    auto validate() const -> void;

    SGDOptions configured_;  // as constructed
    SGDOptions options_;
    std::size_t iterations_ = 0;
    Parameters<T> velocity_;
};

}  // namespace nbm
