module nbm:training.state;

import :io;
import :model;
import :sampling;
import :standard;
import :tensor;
import nbm.fmt;

// The states of trainers and optimisers in checkpoints.
namespace nbm {

/// Throws InputError when the state is of another class of trainer or optimiser.
inline auto require_kind(const State& state, const std::string& kind, const std::string& what) -> void {
    if (const auto found = state.get<std::string>("kind"); found != kind) {
        throw InputError(fmt::format("the checkpoint was written with the {} '{}'; this training uses '{}'", what, found, kind));
    }
}

template <Real T>
auto save_parameters(const Parameters<T>& parameters, State& state) -> void {
    state.put("layers", parameters.biases.size());
    state.put("synapses", parameters.weights.size());
    for (std::size_t l = 0; l != parameters.biases.size(); ++l) { state.put(fmt::format("bias {}", l), parameters.biases[l]); }
    for (std::size_t s = 0; s != parameters.weights.size(); ++s) { state.put(fmt::format("weights {}", s), parameters.weights[s]); }
}

template <Real T>
auto load_parameters(const State& state) -> Parameters<T> {
    auto result = Parameters<T>{};
    for (std::size_t l = 0; l != state.get<std::size_t>("layers"); ++l) {
        result.biases.push_back(state.get<Vector<T>>(fmt::format("bias {}", l)));
    }
    for (std::size_t s = 0; s != state.get<std::size_t>("synapses"); ++s) {
        result.weights.push_back(state.get<Matrix<T>>(fmt::format("weights {}", s)));
    }
    return result;
}

template <Real T>
auto save_chains(const Chains<T>& chains, State& state) -> void {
    state.put("sweeps", chains.sweeps);
    for (std::size_t l = 0; l != chains.states.size(); ++l) { state.put(fmt::format("layer {}", l), chains.states[l]); }
}

/// Into chains of the same shape. Throws InputError for others.
template <Real T>
auto load_chains(const State& state, Chains<T>& chains) -> void {
    auto states = States<T>{};
    for (std::size_t l = 0; l != chains.states.size(); ++l) {
        states.push_back(state.get<Matrix<T>>(fmt::format("layer {}", l)));
        if (states.back().shape(0) != chains.count()) {
            throw InputError(
                fmt::format("the checkpoint has {} chains; this training has {}", states.back().shape(0), chains.count()));
        }
        if (states.back().shape(1) != chains.states[l].shape(1)) {
            throw InputError(fmt::format("the checkpoint's chains have {} units in layer {}; the machine has {}",
                                         states.back().shape(1), l, chains.states[l].shape(1)));
        }
    }
    chains.sweeps = state.get<std::size_t>("sweeps");
    chains.states = std::move(states);
}

}  // namespace nbm
