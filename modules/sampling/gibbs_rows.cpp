module nbm:sampling.gibbs_rows;

import :model;
import :random;
import :sampling.chains;
import :sampling.fields;
import :standard;
import :tensor;

namespace nbm {

/// Where the logits of some rows of a layer are: see sample_layer().
template <Real T>
auto logits_of(Chains<T>& chains, std::size_t l, Rows rows, States<T>* probabilities) -> MatrixView<T> {
    return slice(probabilities == nullptr ? chains.states[l] : (*probabilities)[l], rows);
}

/// What becomes of logits that are set: see sample_layer().
template <Real T>
auto sample_set_logits(Chains<T>& chains, std::size_t layers, std::size_t l, std::uint64_t sweep, Rows rows, double beta,
                       States<T>* probabilities, std::span<double> softplus_sums) -> void {
    const auto step = layer_step(chains.sweeps + sweep, layers, l);
    const auto states = slice(chains.states[l], rows);
    const auto logits = logits_of(chains, l, rows, probabilities);
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

/// Draws layer `l` of some rows given its neighbours, as part of sweep chains.sweeps + `sweep`. The logits, then probabilities, go
/// to `probabilities` where it is not null; else they take the place of the states. softplus_sums[r] += sum softplus(logits) where
/// it is not empty.
template <Real T>
auto sample_layer(const DBM<T>& dbm, Chains<T>& chains, std::size_t l, std::uint64_t sweep, Rows rows, double beta,
                  States<T>* probabilities, std::span<double> softplus_sums) -> void {
    dbm.field_rows(l, chains.states, rows, logits_of(chains, l, rows, probabilities));
    sample_set_logits(chains, dbm.layer_count(), l, sweep, rows, beta, probabilities, softplus_sums);
}

/// All layers of a parity of many rows, in parallel inside; softplus_sums: one for each of the rows, or none.
template <Real T>
auto sample_parity(const DBM<T>& dbm, Chains<T>& chains, Parity parity, std::uint64_t sweep, Rows rows,
                   States<T>* probabilities = nullptr, std::span<double> softplus_sums = {}) -> void {
    for (std::size_t l = parity == Parity::even ? 0 : 1; l < dbm.layer_count(); l += 2) {
        set_field_by_columns(dbm, l, chains.states, rows, logits_of(chains, l, rows, probabilities));
        for_pieces(rows, dbm.size(l), [&](Rows piece) {
            const auto sums = softplus_sums.empty() ? softplus_sums : softplus_sums.subspan(piece.first - rows.first, piece.count);
            sample_set_logits(chains, dbm.layer_count(), l, sweep, piece, 1.0, probabilities, sums);
        });
    }
}

}  // namespace nbm
