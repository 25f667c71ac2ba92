export module nbm:training.tempered;

import :io;
import :model;
import :sampling;
import :standard;
import :tensor;
import :training.gradient;
import :training.profile;

export namespace nbm {

struct PTOptions {
    std::size_t steps = 1;          // Gibbs sweeps of every replica an update
    std::size_t chains = 0;         // chains of the machine, each with its replicas; 0 means as many as rows in a batch
    std::size_t temperatures = 10;  // replicas of each chain, at least 2
    double lowest = 0.0;            // the inverse temperature of the hottest replicas, in [0, 1)
    bool adaptive = true;           // keeps all exchanges equally likely
    std::size_t adapt_every = 50;   // updates from one move of the temperatures to the next, at least 2
    MeanFieldOptions mean_field = {};
    GradientOptions gradient = {};
};

/// PCD whose persistent chains exchange states with replicas at higher temperatures (Desjardins et al. 2010, Cho, Raiko and Ilin
/// 2010): see Tempering. An update costs as many sweeps as PCD's with temperatures times the chains. The hottest replicas are the
/// base rates of the data, if lowest is 0; all start at random rows of the training data.
template <Real T = float>
class PT {
public:
    /// Throws InputError for an option outside its range.
    explicit PT(PTOptions options = {});

    auto begin(const DBM<T>& dbm, const Matrix<T>& data, std::size_t batch_size, std::uint64_t seed, bool resumed) -> void;

    /// As PCD's; the model's statistics are those of the chains at the machine's own temperature, after the exchange. Allocates as
    /// PCD, and where the temperatures move.
    auto gradient(const DBM<T>& dbm, MatrixView<const T> batch, Gradient<T>& gradient, std::span<const T> weights = {}) -> double;

    /// The cost of other data against the chains as they are. Advances and changes nothing.
    auto evaluate(const DBM<T>& dbm, const Matrix<T>& data) -> double;

    /// The persistent chains of the machine; none before begin().
    inline auto chains() const -> const Chains<T>& { return replicas_.cold(); }
    /// All replicas.
    inline auto replicas() const -> const Replicas<T>& { return replicas_; }
    /// The temperatures and how the exchanges go.
    inline auto ladder() const -> const Ladder& { return replicas_.ladder; }

    /// Counts the phases of gradient() there, until null is given: see ProfiledTrainer.
    inline auto profile_into(Profile* profile) -> void { profile_.set(profile); }

    /// All replicas, the temperatures with what is known of them, and the address of the next random number. load_state, after
    /// begin(), throws InputError for another number of temperatures or chains.
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    auto finish_chains(const DBM<T>& dbm) -> double;

    PTOptions options_;
    Tempering sampler_;
    PositivePhase<T> positive_;
    Replicas<T> replicas_;
    std::vector<double> free_energies_;
    GradientRules<T> rules_;
    Phase<T> data_;
    Phase<T> model_;
    ProfileLink profile_;
};

}  // namespace nbm
