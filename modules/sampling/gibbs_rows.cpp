module;

#include <cstddef>
#include <cstdint>
#include <span>

module nbm:sampling.gibbs_rows;

import :model;
import :random;
import :sampling.chains;
import :tensor;

namespace nbm {

/// Draws layer `l` of some rows given its neighbours, as part of sweep chains.sweeps + `sweep`. The logits, then probabilities, go
/// to `probabilities` where it is not null; else they take the place of the states. softplus_sums[r] += sum softplus(logits) where
/// it is not empty.
template <Real T>
auto sample_layer(const DBM<T>& dbm, Chains<T>& chains, std::size_t l, std::uint64_t sweep, Rows rows, double beta,
                  States<T>* probabilities, std::span<double> softplus_sums) -> void {
    const auto step = layer_step(chains.sweeps + sweep, dbm.layer_count(), l);
    const auto states = slice(chains.states[l], rows);
    const auto logits = probabilities == nullptr ? states : slice((*probabilities)[l], rows);
    dbm.field_rows(l, chains.states, rows, logits);
    if (beta != 1.0) {
        for (std::size_t r = 0; r != logits.rows(); ++r) {
            for (auto& value : logits.row(r)) { value *= static_cast<T>(beta); }
        }
    }
    if (!softplus_sums.empty()) { add_softplus<T>(logits, 1.0, softplus_sums); }
    if (probabilities == nullptr) {
        sample_logits<T>(logits, states, chains.stream, step, rows.first);
    } else {
        activate_and_sample(logits, states, chains.stream, step, rows.first);
    }
}

/// All layers of a parity.
template <Real T>
auto sample_parity(const DBM<T>& dbm, Chains<T>& chains, Parity parity, std::uint64_t sweep, Rows rows,
                   States<T>* probabilities = nullptr, std::span<double> softplus_sums = {}) -> void {
    for (std::size_t l = parity == Parity::even ? 0 : 1; l < dbm.layer_count(); l += 2) {
        sample_layer(dbm, chains, l, sweep, rows, 1.0, probabilities, softplus_sums);
    }
}

}  // namespace nbm
