module;

#include "../kernels/kernels.hpp"

module nbm:sampling.even_terms;

import :model;
import :standard;
import :tensor;

namespace nbm {

/// Parts of the free energy that involve the kept (even) layers alone: biases, and for a mean-field distribution minus its entropy.
template <Real T>
auto even_terms(const DBM<T>& dbm, const States<T>& states, std::size_t r, bool with_entropy) -> double {
    auto sum = 0.0;
    for (std::size_t l = 0; l < dbm.layer_count(); l += 2) {
        const auto row = MatrixView<const T>(states[l]).row(r);
        const auto& bias = dbm.bias(l);
        sum -= dot(row, as_span(bias));
        if (with_entropy && l != 0) { sum -= kernels::rows<T>().entropy(row.data(), row.size()); }
    }
    return sum;
}

}  // namespace nbm
