export module nbm:estimators.ais;

import :estimators.annealing_path;
import :estimators.bases;
import :estimators.betas;
import :estimators.control;
import :estimators.log_z;
import :estimators.moment_path;
import :model;
import :random;
import :standard;
import :tensor;

export namespace nbm {

/// The way from the base to the machine: parameters that change linearly, or moments that do (see moment_path()).
enum class Path : std::uint8_t { geometric, moments };

struct AISOptions {
    std::size_t runs = 100;  // independent annealing runs
    Betas betas = 1000;      // or linear(n), three_piece(n), adaptive(n), or a list
    std::uint64_t seed = 1;
    std::optional<Parity> summed = {};  // the parity summed out; by default the one with more units
    Base base = Base::data;
    Path path = Path::geometric;
    std::size_t sweeps = 1;          // Gibbs sweeps at each beta
    MomentPathOptions moments = {};  // for Path::moments; its seed is replaced by the one above
    Control control = {};
};

/// Estimates of log Z from both sides: E[log Z estimate] is below log Z for `below` and above it for `above` (Burda, Grosse and
/// Salakhutdinov 2015), so that a gap tells of an error that none of the two error bars need show.
struct Sandwich {
    LogZ below;
    LogZ above;
};

/// How much the weights of M runs are worth along the path: values[i] = (sum_r w_r)^2 / sum_r w_r^2, where w_r is the weight that
/// run r has collected on its way to positions[i]. It is M where the runs begin, 1 when a single one carries all weight, and 0
/// where no weight is above 0 or one is not finite; a fall shows where on the path the runs drift apart.
struct EffectiveSampleSizes {
    std::vector<double> positions;
    std::vector<double> values;
};

/// Annealed importance sampling (Neal 2001) of log Z. The machine is copied. A path or schedule that must be made first, by pilot
/// runs, is made when it is first needed, from random numbers of its own. The same seed gives the same result for any number of
/// threads.
template <Real T = float>
class AIS {
public:
    /// data: [batch, visible], for base rates and for the moments of a path. Throws InputError or ShapeError.
    AIS(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& data, AISOptions options = {});

    /// Without data: Base::data and Path::moments are refused with InputError.
    explicit AIS(const DBM<T>& dbm, AISOptions options);

    /// From another machine over the same visible units, whose log Z is known or estimated (Salakhutdinov and Murray 2008, section
    /// 4.1.2), along the geometric path. base_samples: states of at least `runs` independent samples of that machine, exact ones
    /// for an unbiased estimate; with adaptive betas more than `runs`, so that the pilot has its own. The error bars take in that
    /// of `log_z`. options.base is not used.
    AIS(const DBM<T>& dbm, const DBM<T>& base, const Estimate& log_z, States<T> base_samples, AISOptions options);

    /// Runs all chains and returns the estimate. Throws Cancelled.
    auto run_log_z() -> LogZ;

    /// Reverse AIS: the chains begin at samples of the machine, states of at least `runs` chains, and are annealed down to the
    /// base. With exact samples 1 / Z is estimated without bias, so that log Z is overestimated on average; with samples of a
    /// Markov chain that has not mixed it means nothing. log_weights() are those of this run then. Throws InputError for too few
    /// samples, and ShapeError, Cancelled.
    auto run_reverse_log_z(const States<T>& samples) -> LogZ;

    /// Both.
    auto run_sandwich(const States<T>& samples) -> Sandwich;

    /// The estimate of the last run_log_z() or run_reverse_log_z(). Throws InputError before it.
    auto estimate_log_error_z() const -> LogZ;

    /// log w of each run, without log Z of the base, in nats.
    inline auto log_weights() const -> std::span<const double> { return log_weights_; }

    /// Of the same run: at most 200 positions in the order of its steps, evenly spaced as far as the schedule allows, the first and
    /// the last of the path among them. The last value is LogZ::effective_sample_size.
    inline auto effective_sample_sizes() const -> const EffectiveSampleSizes& { return effective_sample_sizes_; }

    /// What log of the mean weight is added to: log Z of the base, in nats, for another machine up to the hidden units that only
    /// one of the two has.
    inline auto log_z_base() const -> double { return log_z_base_.value; }

    /// The path, and the positions on it in use; made when they are not there yet. Throw Cancelled.
    auto path() -> const AnnealingPath<T>&;
    auto positions() -> std::span<const double>;

private:
    auto prepare() -> void;
    auto start(AnnealedChains<T>& chains, std::size_t first, Draw<T>& draw) const -> void;
    template <class Start>
    auto run_blocks(bool up, const Start& start) -> void;
    auto finish(bool reverse) -> LogZ;

    AISOptions options_;
    DBM<T> target_;
    DBM<T> base_;
    Matrix<T> data_;          // for Path::moments
    States<T> base_samples_;  // where the base has weights
    Estimate log_z_base_;
    std::optional<AnnealingPath<T>> path_;
    std::vector<double> positions_;
    std::vector<double> log_weights_;
    EffectiveSampleSizes effective_sample_sizes_;
    bool reverse_ = false;
};

}  // namespace nbm
