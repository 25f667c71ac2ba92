export module nbm:sampling.chains;

import :model;
import :random;
import :standard;
import :tensor;

export namespace nbm {

/// Markov chains over all layers of a machine: their states and the address of their next random number.
template <Real T>
struct Chains {
    States<T> states;          // [chains, units] for each layer
    Stream stream;             // seed and purpose
    std::uint64_t sweeps = 0;  // sweeps drawn so far; each uses random numbers of its own

    inline auto count() const -> std::size_t { return states.empty() ? 0 : states[0].shape(0); }
};

/// `count` chains, each unit 0 or 1 with probability 1/2.
template <Real T>
auto make_chains(const DBM<T>& dbm, std::size_t count, std::uint64_t seed, Purpose purpose = Purpose::samples) -> Chains<T>;

/// What the samplers have in common.
struct SamplerOptions {
    std::size_t steps = 1;                  // full sweeps: both parities
    double beta = 1.0;                      // inverse temperature
    std::vector<std::size_t> clamped = {};  // layers that keep their states
    Parity first = Parity::odd;             // the parity that a sweep updates first
};

}  // namespace nbm

namespace nbm {

class BinaryChains;

/// The random step of a layer within a sweep, so that every layer of every sweep has numbers of its own.
inline auto layer_step(std::uint64_t sweep, std::size_t layers, std::size_t layer) -> std::uint64_t {
    return sweep * layers + layer;
}

/// Which layers may change: one flag for each. Throws InputError when a clamped layer does not exist or beta is not finite.
auto free_layers(const SamplerOptions& options, std::size_t layers) -> std::vector<bool>;

}  // namespace nbm
