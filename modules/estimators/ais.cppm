module;

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <type_traits>
#include <vector>

export module nbm:estimators.ais;

import :estimators.control;
import :estimators.log_z;
import :model;
import :random;
import :tensor;

export namespace nbm {

/// The inverse temperatures of an annealing run: starts at 0, ends at 1, strictly increasing.
class Betas {
public:
    /// `count` equally spaced ones. Throws InputError for fewer than 2.
    Betas(std::size_t count);
    /// A given list. Throws InputError, naming the position, unless it starts at 0, ends at 1 and increases.
    explicit Betas(std::vector<double> values);

    inline auto values() const -> std::span<const double> { return values_; }
    inline auto size() const -> std::size_t { return values_.size(); }

private:
    std::vector<double> values_;
};

/// `count` equally spaced inverse temperatures from 0 to 1.
inline auto linear(std::size_t count) -> Betas { return Betas(count); }

/// About `count` inverse temperatures in the three pieces of Salakhutdinov and Murray (2008), dense near 1, where trained machines
/// need it: equally spaced up to 0.5, from there to 0.9 and from there to 1, in the proportions 500 : 4,000 : 10,000. Throws
/// InputError for fewer than 4.
auto three_piece(std::size_t count) -> Betas;

/// Turns logits into states, in place: the one place where an annealing step draws random numbers. Row r of `logits` is chain
/// `first_chain` + r.
template <Real T>
class Draw {
public:
    Draw() = default;
    Draw(const Draw&) = delete;
    auto operator=(const Draw&) -> Draw& = delete;
    virtual ~Draw() = default;
    virtual auto operator()(std::size_t layer, MatrixView<T> logits, std::size_t first_chain) -> void = 0;
};

/// The geometric path from a base-rate model A to a machine B (Salakhutdinov and Murray 2008). A has the visible bias b^A and
/// nothing else; at inverse temperature beta the visible bias is (1 - beta) b^A + beta b_0 and everything else is multiplied by
/// beta. One parity is summed out analytically, the chain lives on the other.
template <Real T>
class AnnealingPath {
public:
    /// Keeps a reference to `dbm`. base_bias: [visible].
    AnnealingPath(const DBM<T>& dbm, Vector<T> base_bias, Parity summed);

    inline auto summed() const -> Parity { return summed_; }

    /// log Z_A = sum_k softplus(b^A_k) + log 2 sum_(l >= 1) n_l.
    auto log_z_base() const -> double;

    /// Draws the chain's layers exactly from A.
    auto start(States<T>& states, Rows chains, Draw<T>& draw) const -> void;

    /// log_weights[r] += log p*_beta(s) - log p*_(beta_before)(s); then, unless `last`, a sweep that leaves p_beta invariant: the
    /// summed-out layers given the chain's, then the chain's given those. Does not allocate.
    auto step(States<T>& states, Rows chains, double beta_before, double beta, bool last, std::span<double> log_weights,
              Draw<T>& draw) const -> void;

private:
    const DBM<T>& dbm_;
    Vector<T> base_bias_;
    Parity summed_;
};

/// b^A = logit((mean + 0.05) / 1.05) with the mean of each visible unit clipped away from 0 and 1. v: [batch, visible].
template <Real T>
auto base_rate_bias(const Matrix<T>& v) -> Vector<T>;

struct AISOptions {
    std::size_t runs = 100;  // independent annealing runs
    Betas betas = 1000;      // or linear(n), or a list
    std::uint64_t seed = 1;
    std::optional<Parity> summed = {};  // the parity summed out; by default the one with more units
    std::stop_token stop = {};          // when a stop is requested, run_log_z() throws Cancelled
};

/// Annealed importance sampling (Neal 2001) of log Z, from the base rates of the data.
template <Real T = float>
class AIS {
public:
    /// data: [batch, visible], for the base rates. Keeps a reference to `dbm`. Throws InputError or ShapeError.
    AIS(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& data, AISOptions options = {});

    /// Runs all chains and returns the estimate. The same seed gives the same result for any number of threads.
    auto run_log_z() -> LogZ;

    /// The estimate of the last run_log_z(). Throws InputError before it.
    auto estimate_log_error_z() const -> LogZ;

    /// log w of each run, without log Z_A, in nats.
    inline auto log_weights() const -> std::span<const double> { return log_weights_; }

    inline auto path() const -> const AnnealingPath<T>& { return path_; }

private:
    auto run_block(Rows chains) -> void;

    const DBM<T>& dbm_;
    AISOptions options_;
    AnnealingPath<T> path_;
    std::vector<double> log_weights_;
};

}  // namespace nbm
