export module nbm:training.contrastive;

import :io;
import :model;
import :random;
import :sampling;
import :standard;
import :tensor;
import :training.gradient;
import :training.profile;

export namespace nbm {

/// Negative phase: chains that alternate between the even layers and the odd ones. Statistics use the even layers' samples and the
/// odd layers' probabilities given them.
template <Real T>
class NegativePhase {
public:
    Chains<T> chains;

    auto reserve(const DBM<T>& dbm, std::size_t chain_count, const Stream& stream) -> void;

    /// `steps` sweeps of the first `count` chains; the sum of their free energies (odd layers summed out), in nats.
    auto run(const DBM<T>& dbm, std::size_t steps, std::size_t count) -> double;

    /// The free energies of the last run's chains, odd layers summed out, in nats.
    inline auto free_energies() const -> std::span<const double> { return free_energies_; }

    /// What stands for the states of a layer in the statistics.
    inline auto statistics(std::size_t layer) const -> const Matrix<T>& {
        return parity_of(layer) == Parity::even ? chains.states[layer] : probabilities_[layer];
    }

private:
    auto run_portable(const DBM<T>& dbm, std::size_t steps, std::size_t count) -> void;
    auto run_binary(const DBM<T>& dbm, std::size_t steps, std::size_t count) -> bool;

    States<T> probabilities_;
    std::vector<double> free_energies_;
    Workspace<BinaryChains> bits_;
};

struct CDOptions {
    std::size_t steps = 1;  // Gibbs sweeps
    MeanFieldOptions mean_field = {};
    GradientOptions gradient = {};
};

/// Contrastive divergence CD-k (Hinton 2002): the chains start at the data.
template <Real T = float>
class CD {
public:
    /// Throws InputError for 0 steps or an option of the gradient outside its range.
    explicit CD(CDOptions options = {});

    /// fit(): prepares for batches of at most batch_size rows and starts the random numbers of `seed` at their beginning, unless
    /// `resumed`.
    auto begin(const DBM<T>& dbm, const Matrix<T>& data, std::size_t batch_size, std::uint64_t seed, bool resumed) -> void;

    /// Writes the gradient of the mean log-likelihood of batch: [rows, visible] and returns the cost, mean F(data) - mean
    /// F(chains), in nats. weights: none, or one for each row, which counts that much, as does the chain that starts there: the
    /// gradient of (1 / rows) sum_r w_r log p(v_r). Allocates in the first call and for the first weights only.
    auto gradient(const DBM<T>& dbm, MatrixView<const T> batch, Gradient<T>& gradient, std::span<const T> weights = {}) -> double;

    /// The cost of other data. Changes nothing that training uses.
    auto evaluate(const DBM<T>& dbm, const Matrix<T>& data) -> double;

    /// Counts the phases of gradient() there, until null is given: see ProfiledTrainer.
    inline auto profile_into(Profile* profile) -> void { profile_.set(profile); }

    /// The address of the next random number, and what the options of the gradient remember.
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    CDOptions options_;
    PositivePhase<T> positive_;
    NegativePhase<T> negative_;
    GradientRules<T> rules_;
    Phase<T> data_;
    Phase<T> model_;
    ProfileLink profile_;
};

struct PCDOptions {
    std::size_t steps = 1;   // Gibbs sweeps an update
    std::size_t chains = 0;  // 0 means as many as rows in a batch
    MeanFieldOptions mean_field = {};
    GradientOptions gradient = {};
};

/// Persistent contrastive divergence PCD-k (Tieleman 2008): the chains go on from one update to the next. They start at random rows
/// of the training data.
template <Real T = float>
class PCD {
public:
    explicit PCD(PCDOptions options = {});

    auto begin(const DBM<T>& dbm, const Matrix<T>& data, std::size_t batch_size, std::uint64_t seed, bool resumed) -> void;

    /// As CD's, but weights belong to the rows alone: the chains stand for the model, each as much as the others, and count with
    /// the mean weight of the batch.
    auto gradient(const DBM<T>& dbm, MatrixView<const T> batch, Gradient<T>& gradient, std::span<const T> weights = {}) -> double;

    /// The cost of other data against the chains as they are. Does not advance them.
    auto evaluate(const DBM<T>& dbm, const Matrix<T>& data) -> double;

    /// The persistent chains.
    inline auto chains() const -> const Chains<T>& { return negative_.chains; }

    /// Counts the phases of gradient() there, until null is given: see ProfiledTrainer.
    inline auto profile_into(Profile* profile) -> void { profile_.set(profile); }

    /// The chains, the address of their next random number and what the options of the gradient remember. load_state, after
    /// begin(), throws InputError for another number of chains.
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    PCDOptions options_;
    PositivePhase<T> positive_;
    NegativePhase<T> negative_;
    GradientRules<T> rules_;
    Phase<T> data_;
    Phase<T> model_;
    ProfileLink profile_;
};

}  // namespace nbm
