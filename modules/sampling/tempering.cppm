export module nbm:sampling.tempering;

import :model;
import :random;
import :sampling.chains;
import :standard;
import :tensor;

export namespace nbm {

struct TemperingOptions {
    std::size_t steps = 1;          // Gibbs sweeps of every replica before each exchange
    std::size_t temperatures = 10;  // replicas of each chain, at least 2
    double lowest = 0.0;            // the inverse temperature of the hottest replicas, in [0, 1)
    bool adaptive = true;           // moves the temperatures between to where all exchanges are equally likely
    std::size_t adapt_every = 50;   // updates from one move to the next, at least 2
};

/// The inverse temperatures of replicas, and how their exchanges went. The last element of lists over pairs is the pair of the two
/// hottest.
struct Ladder {
    std::vector<double> betas;         // 1 = beta_0 > beta_1 > ... >= 0
    std::vector<double> swap_rates;    // of each pair of neighbours: the running mean of the acceptance probability
    std::vector<std::uint64_t> swaps;  // of each pair: updates that tried to swap it; without any its rate means nothing
    std::vector<double> rejections;    // of each pair: the sum of rejection probabilities since the temperatures moved
    std::vector<std::uint64_t> tried;  // of each pair: the terms of this sum
    std::uint64_t updates = 0;
    std::uint64_t round_trips = 0;  // replicas that came from beta_0 to the hottest end and back, over all chains

    /// `temperatures` equally spaced values from 1 to `lowest`. Throws InputError for fewer than 2 or lowest outside [0, 1).
    static auto linear(std::size_t temperatures, double lowest) -> Ladder;

    /// Throws InputError unless the inverse temperatures start at 1, decrease and end at 0 or above, and all lists fit.
    auto check() const -> void;
};

/// Inverse temperatures, as many as `betas` and with the same ends, between which all neighbours would reject equally often, when
/// those of `betas` reject with these probabilities: Syed, Bouchard-Cote, Deligiannidis and Doucet (2021), with the cumulative
/// rejection interpolated linearly. Returns `betas` where no pair rejects, or one is not a number.
auto equal_rejection(std::span<const double> betas, std::span<const double> rejections) -> std::vector<double>;

/// Chains with replicas at other temperatures. A replica at inverse temperature beta has the energy (1 - beta) E_A + beta E_B where
/// B is the machine and A are independent units: visible ones with the biases `reference`, hidden ones with none. It is the path of
/// AIS: the visible bias is (1 - beta) a + beta b_0, everything else is multiplied by beta.
template <Real T>
struct Replicas {
    std::vector<Chains<T>> chains;  // chains[k]: the replicas at beta_k; all have the same seed, purpose and number of sweeps
    Vector<T> reference;            // a: [visible]
    Ladder ladder;
    std::vector<std::uint8_t> ends;  // [temperatures * chains]: the end that a replica has seen last; 1: beta_0, 2: the hottest

    // Of the last update, not needed to go on.
    std::vector<States<T>> fields;  // fields[k][l] for odd l: z of the states of chains[k], without the temperature
    Matrix<double> differences;     // [temperatures, chains]: E_A - E_B of the states
    Matrix<double> acceptance;      // [temperatures, chains]: of the swap with the next temperature, where one was tried

    /// The chains of the machine itself.
    inline auto cold() const -> const Chains<T>& { return chains.front(); }
};

/// `count` chains with their replicas, each unit 0 or 1 with probability 1/2. reference: [visible], or empty for zeros. Throws
/// InputError or ShapeError.
template <Real T>
auto make_replicas(const DBM<T>& dbm, std::size_t count, const TemperingOptions& options, std::uint64_t seed,
                   Vector<T> reference = zero_vector<T>(0), Purpose purpose = Purpose::samples) -> Replicas<T>;

/// Parallel tempering, also called replica exchange (Swendsen and Wang 1986, Geyer 1991): an update sweeps all replicas, the even
/// layers and then the odd ones, at their own temperatures, and lets neighbours swap their states with probability
/// min(1, exp((beta_i - beta_j) (D(x_j) - D(x_i)))), D = E_A - E_B: even pairs in one update, odd pairs in the next. So states that
/// moved freely at high temperatures reach the chains of the machine, which visit modes that Gibbs sampling never leaves. The
/// exchanges leave the joint distribution of all replicas invariant as long as the temperatures stay; adaptation changes the
/// targets of the replicas between, never that of the machine's chains.
class Tempering {
public:
    /// Throws InputError for an option outside its range.
    explicit Tempering(TemperingOptions options = {});

    /// `updates` times options.steps sweeps and one exchange. The temperatures are those of replicas.ladder. Does not allocate but
    /// where temperatures move. Throws ShapeError or InputError.
    template <Real T>
    auto run(const DBM<T>& dbm, Replicas<T>& replicas, std::size_t updates = 1) const -> void;

    inline auto options() const -> const TemperingOptions& { return options_; }

private:
    TemperingOptions options_;
};

}  // namespace nbm
