export module nbm:estimators.annealing_path;

import :estimators.betas;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// Turns logits into states, in place: the one place where annealing draws random numbers. Row r of `logits` is chain r of a block.
template <Real T>
class Draw {
public:
    Draw() = default;
    Draw(const Draw&) = delete;
    auto operator=(const Draw&) -> Draw& = delete;
    virtual ~Draw() = default;
    virtual auto operator()(std::size_t layer, MatrixView<T> logits) -> void = 0;
};

/// Chains that are annealed together.
template <Real T>
struct AnnealedChains {
    States<T> states;                 // [chains, units]; of the summed-out layers only between a draw and the next weight
    States<T> start_fields;           // of the machine where a piece of the path begins, where they differ from chain to chain
    States<T> visible_input;          // of odd layers of the chain, on a path given the visible layer
    std::vector<double> log_weights;  // nats

    inline auto count() const -> std::size_t { return log_weights.size(); }
};

/// A path of Boltzmann machines of one topology, from one that is easy to sample, at position 0, to another, at position 1. Between
/// two neighbouring knots the parameters change linearly, so that the path is geometric there: p* = p*_a^(1 - t) p*_b^t. Two knots
/// are the geometric path of Neal (2001) and Salakhutdinov and Murray (2008); more of them can follow any other path, such as that
/// of averaged moments (Grosse, Maddison and Salakhutdinov 2013). One parity is summed out analytically, the chain lives on the
/// other one.
template <Real T>
class AnnealingPath {
public:
    /// Copies of the machines. The positions increase from 0 to 1; none means equally spaced. Throws InputError.
    AnnealingPath(std::vector<DBM<T>> knots, Parity summed, std::vector<double> positions = {});

    /// The path of the hidden layers given the visible one, from independent units to `dbm`; each chain has a visible state and
    /// biases to start from of its own.
    static auto given_visible(DBM<T> dbm, Parity summed) -> AnnealingPath;

    inline auto summed() const -> Parity { return summed_; }
    /// Made by given_visible().
    inline auto is_given_visible() const -> bool { return given_visible_; }
    inline auto topology() const -> const Topology& { return knots_.front().topology(); }
    inline auto knots() const -> std::span<const DBM<T>> { return knots_; }
    inline auto positions() const -> std::span<const double> { return positions_; }

    /// One piece from independent units, the same ones for all chains.
    inline auto is_plain() const -> bool { return !given_visible_ && knots_.size() == 2 && !has_weights_.front(); }
    /// Whether a layer of the first machine has a bias other than 0.
    inline auto starts_from_biases(std::size_t layer) const -> bool { return has_biases_.front()[layer]; }

    /// log Z of the first machine, in closed form. Throws InputError when it has weights.
    auto log_z_start() const -> double;

    /// `betas` with the positions of the knots among them.
    auto refine(const Betas& betas) const -> std::vector<double>;

    /// Room for `count` chains, of weight 1.
    auto make_chains(std::size_t count) const -> AnnealedChains<T>;

    /// Draws the chain's layers exactly from the first machine. On a path given the visible layer, states[0] and start_fields, the
    /// biases of the hidden layers, must be set before. Throws InputError when that machine has weights.
    auto start(AnnealedChains<T>& chains, Draw<T>& draw) const -> void;

    /// log_weights[r] += log p*_to(s) - log p*_from(s); both positions lie between the same two knots, in any order. Leaves the
    /// logits at `to` in the summed-out layers and does not change the chain's.
    auto weigh(AnnealedChains<T>& chains, double from, double to) const -> void;

    /// Draws the summed-out layers from the logits that weigh() left, then the chain's given those: a sweep that leaves p_at
    /// invariant, and on the chain's layers is reversible with respect to it.
    auto finish_sweep(AnnealedChains<T>& chains, double at, Draw<T>& draw) const -> void;

    /// A whole such sweep.
    auto sweep(AnnealedChains<T>& chains, double at, Draw<T>& draw) const -> void;

private:
    struct Piece {
        std::size_t left;  // the knot where it begins
        double from;       // positions within it, from 0 to 1
        double to;
    };
    auto piece(double from, double to) const -> Piece;
    auto start_row(const AnnealedChains<T>& chains, std::size_t knot, std::size_t layer, std::size_t row) const
        -> std::span<const T>;
    auto logits_at(AnnealedChains<T>& chains, std::size_t layer, double at) const -> MatrixView<T>;
    auto read_visible_input(AnnealedChains<T>& chains, std::size_t layer) const -> void;
    auto read_start_fields(AnnealedChains<T>& chains, std::size_t knot, std::size_t layer) const -> void;
    inline auto first_layer(Parity parity) const -> std::size_t { return parity == Parity::odd ? 1 : (given_visible_ ? 2 : 0); }

    std::vector<DBM<T>> knots_;
    std::vector<double> positions_;
    std::vector<bool> has_weights_;              // of each knot
    std::vector<std::vector<bool>> has_biases_;  // of each knot and layer
    Parity summed_;
    bool given_visible_ = false;
};

/// Annealed importance sampling of all chains, which are at the first of `positions`: weight and `sweeps` sweeps at each further
/// one but the last, where only the weight follows. positions: as refine() returns them, or in reverse. Ends early when
/// `keep_going` returns false.
template <Real T, class KeepGoing>
auto anneal(const AnnealingPath<T>& path, std::span<const double> positions, std::size_t sweeps, AnnealedChains<T>& chains,
            Draw<T>& draw, const KeepGoing& keep_going) -> void {
    for (std::size_t k = 1; k != positions.size() && keep_going(k); ++k) {
        path.weigh(chains, positions[k - 1], positions[k]);
        if (k + 1 == positions.size()) { return; }
        path.finish_sweep(chains, positions[k], draw);
        for (std::size_t s = 1; s < sweeps; ++s) { path.sweep(chains, positions[k], draw); }
    }
}

}  // namespace nbm

namespace nbm {

template <Real T>
auto has_weights(const DBM<T>& dbm) -> bool;

/// log Z of a machine without weights, whose units are independent.
template <Real T>
auto log_z_of_biases(const DBM<T>& dbm) -> double;

/// Throws InputError unless a path can lead from one machine to the other.
template <Real T>
auto require_one_topology(const DBM<T>& from, const DBM<T>& to) -> void;

}  // namespace nbm
