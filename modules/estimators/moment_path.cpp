module nbm:estimators.moment_path_impl;

import :estimators.annealing_path;
import :estimators.control;
import :estimators.moment_path;
import :estimators.stream_draw;
import :model;
import :random;
import :sampling;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

/// sum <- factor sum + scale <x^i x^j> over the chains, likewise <x^l>.
template <Real T>
auto add_moments(const DBM<T>& dbm, const States<T>& states, T factor, T scale, Parameters<T>& sum) -> void {
    const auto per_chain = scale / static_cast<T>(states[0].shape(0));
    for (std::size_t s = 0; s != sum.weights.size(); ++s) {
        const auto edge = dbm.synapses()[s].edge;
        const auto blocks = RowBlocks(sum.weights[s].shape(0), 128);
        parallel_for(blocks.count(), [&](std::size_t block) {
            const auto part = blocks[block];
            multiply<T>(MatrixView<const T>(states[edge.lower]).columns(part.first, part.count), states[edge.upper],
                        slice(sum.weights[s], part), Transpose::yes, Transpose::no, per_chain, factor);
        });
    }
    for (std::size_t l = 0; l != states.size(); ++l) {
        for (auto& value : sum.biases[l]) { value *= factor; }
        for (std::size_t r = 0; r != states[l].shape(0); ++r) {
            for (std::size_t k = 0; k != states[l].shape(1); ++k) { sum.biases[l][k] += per_chain * states[l](r, k); }
        }
    }
}

/// Calls f(a, b) for each number of one set of parameters and the one in its place in another.
template <Real T, class F>
auto for_each_pair(Parameters<T>& a, const Parameters<T>& b, const F& f) -> void {
    for (std::size_t l = 0; l != a.biases.size(); ++l) { std::ranges::transform(a.biases[l], b.biases[l], a.biases[l].begin(), f); }
    for (std::size_t s = 0; s != a.weights.size(); ++s) {
        std::ranges::transform(a.weights[s], b.weights[s], a.weights[s].begin(), f);
    }
}

/// The expectations of independent units.
template <Real T>
auto independent_moments(const DBM<T>& dbm) -> Parameters<T> {
    auto result = zero_parameters(dbm);
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        for (std::size_t k = 0; k != dbm.size(l); ++k) { result.biases[l][k] = sigmoid(dbm.bias(l)[k]); }
    }
    for (std::size_t s = 0; s != result.weights.size(); ++s) {
        const auto edge = dbm.synapses()[s].edge;
        auto& w = result.weights[s];
        for (std::size_t i = 0; i != w.shape(0); ++i) {
            for (std::size_t j = 0; j != w.shape(1); ++j) { w(i, j) = result.biases[edge.lower][i] * result.biases[edge.upper][j]; }
        }
    }
    return result;
}

/// Chains with the means of one parity given the sample of the other one in its place, which have less variance as moments.
template <Real T>
class MomentChains {
public:
    MomentChains(const DBM<T>& dbm, std::size_t count, std::uint64_t seed) : chains_(make_chains(dbm, count, seed, Purpose::user)) {
        chains_.stream = Stream(seed, Purpose::ais);
        chains_.sweeps = moment_steps / dbm.layer_count();
    }
    auto states() -> States<T>& { return chains_.states; }
    auto sweep(const DBM<T>& dbm, std::size_t steps) -> const States<T>& {
        GibbsProb({.steps = steps, .first = Parity::odd}).run(dbm, chains_, probabilities_);
        for (std::size_t l = 1; l < probabilities_.size(); l += 2) { probabilities_[l] = chains_.states[l]; }
        return probabilities_;
    }

private:
    Chains<T> chains_;
    States<T> probabilities_;
};

auto check(const MomentPathOptions& o) -> void {
    if (o.knots < 2) {
        throw InputError(fmt::format("a path of {} machines has no two ends; at least 2 knots are needed", o.knots));
    }
    if (o.chains == 0 || o.sweeps == 0) { throw InputError("the moments of a path need at least 1 chain and 1 sweep"); }
    if (!(o.learning_rate > 0.0)) {
        throw InputError(fmt::format("the learning rate of a moment path is {}; it must be above 0", o.learning_rate));
    }
}

}  // namespace

template <Real T>
auto moment_path(const DBM<T>& start, const DBM<T>& target, Parity summed, const std::type_identity_t<Matrix<T>>& data,
                 const MomentPathOptions& options, const Control& control) -> AnnealingPath<T> {
    check(options);
    require_one_topology(start, target);
    if (has_weights(start)) {
        throw InputError("a path of averaged moments begins at a machine without weights, whose moments are known");
    }
    if (data.shape(0) == 0 || data.shape(1) != target.visible_size()) {
        throw ShapeError(fmt::format("a moment path needs rows of {} visible values; found [{}, {}]", target.visible_size(),
                                     data.shape(0), data.shape(1)));
    }
    const auto inner = options.knots - 2;
    auto progress = Progress(control, options.burn_in + options.sweeps + inner * options.updates);

    auto chains = MomentChains(target, options.chains, options.seed);
    for (std::size_t c = 0; c != options.chains; ++c) {
        for (std::size_t k = 0; k != data.shape(1); ++k) { chains.states()[0](c, k) = data(c % data.shape(0), k); }
    }
    auto at_target = zero_parameters(target);
    for (std::size_t s = 0; s != options.burn_in + options.sweeps && !progress.stopped(); ++s) {
        const auto& states = chains.sweep(target, 1);
        if (s >= options.burn_in) { add_moments(target, states, T{1}, T{1} / static_cast<T>(options.sweeps), at_target); }
        progress.advance();
    }

    const auto at_start = independent_moments(start);
    auto knots = std::vector<DBM<T>>{start};
    auto gradient = zero_parameters(target);
    for (std::size_t i = 1; i <= inner && !progress.stopped(); ++i) {
        const auto beta = static_cast<T>(i) / static_cast<T>(inner + 1);
        auto wanted = at_start;
        for_each_pair(wanted, at_target, [&](T a, T b) { return (T{1} - beta) * a + beta * b; });
        auto& knot = knots.emplace_back(knots.back());
        auto fitted = MomentChains(knot, options.chains, options.seed + i);
        fitted.sweep(knot, 50);
        for (std::size_t u = 0; u != options.updates && !progress.stopped(); ++u) {
            const auto rate =
                static_cast<T>(options.learning_rate * (1.0 - static_cast<double>(u) / static_cast<double>(options.updates)));
            gradient = wanted;
            add_moments(knot, fitted.sweep(knot, 1), T{1}, T{-1}, gradient);
            for (std::size_t l = 0; l != knot.layer_count(); ++l) {
                for (std::size_t k = 0; k != knot.size(l); ++k) { knot.bias(l)[k] += rate * gradient.biases[l][k]; }
            }
            for (std::size_t s = 0; s != gradient.weights.size(); ++s) {
                auto& w = knot.synapses()[s].weights;
                for (std::size_t k = 0; k != w.size(); ++k) { w.data()[k] += rate * gradient.weights[s].data()[k]; }
            }
            progress.advance();
        }
    }
    knots.push_back(target);
    progress.finish("fitting a path of averaged moments");
    return AnnealingPath<T>(std::move(knots), summed);
}

template auto moment_path(const DBM<float>&, const DBM<float>&, Parity, const Matrix<float>&, const MomentPathOptions&,
                          const Control&) -> AnnealingPath<float>;
template auto moment_path(const DBM<double>&, const DBM<double>&, Parity, const Matrix<double>&, const MomentPathOptions&,
                          const Control&) -> AnnealingPath<double>;

}  // namespace nbm
