export module nbm:training.exact;

import :io;
import :model;
import :standard;
import :tensor;
import :training.gradient;
import :training.profile;

export namespace nbm {

/// Most units that Exact enumerates: 2^20 states, of the model and, for more than two layers, of the hidden layers given each row.
inline constexpr std::size_t max_exact_training_units = 20;

struct ExactOptions {
    GradientOptions gradient = {};
};

/// The exact gradient of the log-likelihood of small machines: both phases by enumeration, without chains and random numbers.
template <Real T = float>
class Exact {
public:
    explicit Exact(ExactOptions options = {});

    /// Throws InputError when both parities have more than max_exact_training_units units.
    auto begin(const DBM<T>& dbm, const Matrix<T>& data, std::size_t batch_size, std::uint64_t seed, bool resumed) -> void;

    /// Writes the gradient of the mean log-likelihood of batch: [rows, visible] and returns the cost - mean log p(v) = mean F(v) +
    /// log Z, in nats. weights: none, or one for each row: then of (1 / rows) sum_r w_r log p(v_r), and the cost is minus this.
    /// Sums in double. Throws as begin(), and ShapeError.
    auto gradient(const DBM<T>& dbm, MatrixView<const T> batch, Gradient<T>& gradient, std::span<const T> weights = {}) -> double;

    /// The cost of other data.
    auto evaluate(const DBM<T>& dbm, const Matrix<T>& data) -> double;

    /// Counts the phases of gradient() there, until null is given: see ProfiledTrainer.
    inline auto profile_into(Profile* profile) -> void { profile_.set(profile); }

    /// What the rules of the gradient remember.
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    GradientRules<T> rules_;
    std::vector<Vector<T>> activities_;  // mean of each layer in the batch
    ProfileLink profile_;
};

}  // namespace nbm
