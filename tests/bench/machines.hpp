#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

import nbm;

namespace bench {

/// A machine whose layers are neither at rest nor frozen: weights with standard deviation 0.05, visible biases -1.
inline auto make_machine(const std::vector<std::size_t>& sizes) -> nbm::DBM<float> {
    auto dbm = nbm::DBM<float>(nbm::Topology(sizes));
    const auto stream = nbm::Stream(2, nbm::Purpose::user);
    auto step = std::uint64_t{0};
    for (auto& [edge, weights] : dbm.synapses()) {
        for (std::size_t i = 0; i != weights.shape(0); ++i) {
            for (std::size_t j = 0; j != weights.shape(1); ++j) {
                weights(i, j) = static_cast<float>(0.05 * stream.normal(step, i, j));
            }
        }
        ++step;
    }
    dbm.bias(0).fill(-1.0F);
    return dbm;
}

}  // namespace bench
