module;

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

export module nbm:training.contrastive;

import :io;
import :model;
import :random;
import :sampling;
import :tensor;

export namespace nbm {

/// Negative phase: chains that alternate between the even layers and the odd ones. Statistics use the even layers' samples and the
/// odd layers' probabilities given them.
template <Real T>
class NegativePhase {
public:
    Chains<T> chains;

    auto reserve(const DBM<T>& dbm, std::size_t chain_count, const Stream& stream) -> void;

    /// The first `count` chains take even layers and samples of the odd ones from the positive phase.
    auto start_from(const DBM<T>& dbm, const States<T>& means, std::size_t count) -> void;

    /// `steps` sweeps of the first `count` chains; the sum of their free energies (odd layers summed out), in nats.
    auto run(const DBM<T>& dbm, std::size_t steps, std::size_t count) -> double;

    /// What stands for the states of a layer in the statistics.
    inline auto statistics(std::size_t layer) const -> const Matrix<T>& {
        return parity_of(layer) == Parity::even ? chains.states[layer] : probabilities_[layer];
    }

private:
    States<T> probabilities_;
    std::vector<double> free_energies_;
};

struct CDOptions {
    std::size_t steps = 1;  // Gibbs sweeps
    MeanFieldOptions mean_field = {};
};

/// Contrastive divergence CD-k (Hinton 2002): the chains start at the data.
template <Real T = float>
class CD {
public:
    /// Throws InputError for 0 steps.
    explicit CD(CDOptions options = {});

    /// fit(): prepares for batches of at most batch_size rows and starts the random numbers of `seed` at their beginning, unless
    /// `resumed`.
    auto begin(const DBM<T>& dbm, const Matrix<T>& data, std::size_t batch_size, std::uint64_t seed, bool resumed) -> void;

    /// Writes the gradient of the mean log-likelihood of batch: [rows, visible] and returns the cost, mean F(data) - mean
    /// F(chains), in nats. Does not allocate.
    auto gradient(const DBM<T>& dbm, MatrixView<const T> batch, Gradient<T>& gradient) -> double;

    /// The cost of other data. Changes nothing that training uses.
    auto evaluate(const DBM<T>& dbm, const Matrix<T>& data) -> double;

    /// The address of the next random number.
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    CDOptions options_;
    PositivePhase<T> positive_;
    NegativePhase<T> negative_;
};

struct PCDOptions {
    std::size_t steps = 1;   // Gibbs sweeps an update
    std::size_t chains = 0;  // 0 means as many as rows in a batch
    MeanFieldOptions mean_field = {};
};

/// Persistent contrastive divergence PCD-k (Tieleman 2008): the chains go on from one update to the next. They start at random rows
/// of the training data.
template <Real T = float>
class PCD {
public:
    explicit PCD(PCDOptions options = {});

    auto begin(const DBM<T>& dbm, const Matrix<T>& data, std::size_t batch_size, std::uint64_t seed, bool resumed) -> void;
    auto gradient(const DBM<T>& dbm, MatrixView<const T> batch, Gradient<T>& gradient) -> double;

    /// The cost of other data against the chains as they are. Does not advance them.
    auto evaluate(const DBM<T>& dbm, const Matrix<T>& data) -> double;

    /// The persistent chains.
    inline auto chains() const -> const Chains<T>& { return negative_.chains; }

    /// The chains and the address of their next random number. load_state, after begin(), throws InputError for another number of
    /// chains.
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    PCDOptions options_;
    PositivePhase<T> positive_;
    NegativePhase<T> negative_;
};

}  // namespace nbm
