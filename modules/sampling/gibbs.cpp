module nbm:sampling.gibbs_impl;

import :model;
import :random;
import :sampling.chains;
import :sampling.gibbs;
import :sampling.gibbs_rows;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

template <Real T>
auto make_chains(const DBM<T>& dbm, std::size_t count, std::uint64_t seed, Purpose purpose) -> Chains<T> {
    if (count == 0) { throw InputError("the number of chains is 0; at least 1 is needed"); }
    auto chains = Chains<T>{.states = dbm.make_states(count), .stream = Stream(seed, purpose), .sweeps = 1};
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        parallel_rows(count, [&](Rows rows) {
            const auto part = slice(chains.states[l], rows);
            sample_logits<T>(part, part, chains.stream, layer_step(0, dbm.layer_count(), l), rows.first);
        });
    }
    return chains;
}

auto free_layers(const SamplerOptions& options, std::size_t layers) -> std::vector<bool> {
    if (!std::isfinite(options.beta)) {
        throw InputError(fmt::format("beta is {}; a finite inverse temperature is needed", options.beta));
    }
    auto free = std::vector<bool>(layers, true);
    for (const auto layer : options.clamped) {
        if (layer >= layers) {
            throw InputError(fmt::format("layer {} cannot be clamped: there are only layers 0 to {}", layer, layers - 1));
        }
        free[layer] = false;
    }
    return free;
}

namespace {

/// All sweeps of some rows; the rows of different calls never touch, so that nothing needs to wait.
template <Real T>
auto sweep_rows(const DBM<T>& dbm, Chains<T>& chains, States<T>* probabilities, const SamplerOptions& options,
                const std::vector<bool>& free, Rows rows) -> void {
    const auto layers = dbm.layer_count();
    for (std::size_t s = 0; s != options.steps; ++s) {
        for (const auto parity : {options.first, opposite(options.first)}) {
            for (std::size_t l = parity == Parity::even ? 0 : 1; l < layers; l += 2) {
                if (!free[l]) { continue; }
                sample_layer(dbm, chains, l, s, rows, options.beta, probabilities, {});
            }
        }
    }
}

template <Real T>
auto sweep(const DBM<T>& dbm, Chains<T>& chains, States<T>* probabilities, const SamplerOptions& options) -> void {
    dbm.check(chains.states);
    const auto free = free_layers(options, dbm.layer_count());
    parallel_rows(chains.count(), [&](Rows rows) { sweep_rows(dbm, chains, probabilities, options, free, rows); });
    chains.sweeps += options.steps;
}

}  // namespace

template <Real T>
auto Gibbs::run(const DBM<T>& dbm, Chains<T>& chains) const -> void {
    sweep<T>(dbm, chains, nullptr, options_);
}

template <Real T>
auto GibbsProb::run(const DBM<T>& dbm, Chains<T>& chains, States<T>& probabilities) const -> void {
    probabilities.resize(dbm.layer_count());
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) { probabilities[l] = chains.states[l]; }
    sweep(dbm, chains, &probabilities, options_);
    for (const auto layer : options_.clamped) { probabilities[layer] = chains.states[layer]; }
}

template auto make_chains(const DBM<float>&, std::size_t, std::uint64_t, Purpose) -> Chains<float>;
template auto make_chains(const DBM<double>&, std::size_t, std::uint64_t, Purpose) -> Chains<double>;
template auto Gibbs::run(const DBM<float>&, Chains<float>&) const -> void;
template auto Gibbs::run(const DBM<double>&, Chains<double>&) const -> void;
template auto GibbsProb::run(const DBM<float>&, Chains<float>&, States<float>&) const -> void;
template auto GibbsProb::run(const DBM<double>&, Chains<double>&, States<double>&) const -> void;

}  // namespace nbm
