// A machine whose parameters are all different. To be included after `import nbm;`.
#pragma once

/// Of any topology: numbers between -1 and 1 without a pattern that means anything.
template <class T>
auto filled_machine(const nbm::Topology& topology) -> nbm::DBM<T> {
    auto dbm = nbm::DBM<T>(topology);
    auto next = 0;
    const auto fill = [&](auto& values) {
        for (auto& x : values) { x = static_cast<T>((next++ * 37 % 64 - 32) / 32.0); }
    };
    for (auto& layer : dbm.layers()) { fill(layer.bias); }
    for (auto& synapse : dbm.synapses()) { fill(synapse.weights); }
    return dbm;
}
