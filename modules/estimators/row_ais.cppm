export module nbm:estimators.row_ais;

import :estimators.annealing_path;
import :estimators.bases;
import :estimators.betas;
import :estimators.control;
import :estimators.log_z;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// Estimates for single rows of data and their mean, in nats.
struct RowEstimates {
    std::vector<LogZ> rows;  // each by importance weights of its own, given log Z's value; in place of log Z the log-probability
    Estimate mean;           // with a 3-sigma interval from the rows' standard errors, and that of log Z where there is one
};

struct RowAISOptions {
    std::size_t runs = 100;  // annealing runs for each row
    Betas betas = 1000;      // fixed ones
    std::uint64_t seed = 1;
    std::optional<Parity> summed = {};  // of the hidden layers; by default the parity with more units
    bool from_mean_field = true;        // start from the mean-field posterior of each row; else from fair coins
    std::size_t sweeps = 1;
    Control control = {};
};

/// log p(v) of each row of v: [rows, visible] of a machine of any depth: AIS of the partition function of the hidden layers given
/// the row, which is p(v) Z (Salakhutdinov and Hinton 2009, section 4.2: what the variational bound is compared with). Each p(v) Z
/// is estimated without bias. Throws InputError, ShapeError, Cancelled.
template <Real T>
auto log_probability_by_ais(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& v, const Estimate& log_z,
                            const RowAISOptions& options = {}) -> RowEstimates;

struct RAISEOptions {
    std::size_t runs = 10;  // annealing runs for each row: enough for a mean over rows; 100 for the error bar of a single one
    Betas betas = 1000;     // fixed ones
    std::uint64_t seed = 1;
    Base base = Base::data;
    std::size_t sweeps = 1;
    Control control = {};
};

/// RAISE (Burda, Grosse and Salakhutdinov 2015): an estimate of log p_ann(v) of each row of v: [rows, visible], where p_ann is
/// what annealing from the base to the machine, ended after the last sweeps, produces. It needs no log Z, and it errs low: on
/// average over its runs it is below log p_ann(v), and on average over the machine's own distribution log p_ann is below log p (for
/// other rows it can be above). With many betas p_ann becomes p. data: for Base::data. Throws InputError, ShapeError, Cancelled.
template <Real T>
auto raise_log_probability(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& v, const std::type_identity_t<Matrix<T>>& data,
                           const RAISEOptions& options = {}) -> RowEstimates;

/// The RAISE weights of chains whose visible states are set, as log weights including everything: the mean of exp(log_weights) is
/// p_ann(v). path: odd layers summed out. proposal: [chains, units] of each even hidden layer, the probabilities by which these are
/// drawn first.
template <Real T, class KeepGoing>
auto raise_weights(const AnnealingPath<T>& path, const DBM<T>& dbm, std::span<const double> positions, std::size_t sweeps,
                   const States<T>& proposal, AnnealedChains<T>& chains, Draw<T>& draw, const KeepGoing& keep_going) -> void {
    for (std::size_t l = 2; l < dbm.layer_count(); l += 2) {
        auto& layer = chains.states[l];
        for (std::size_t k = 0; k != layer.size(); ++k) { layer.data()[k] = logit(proposal[l].data()[k]); }
        draw(l, MatrixView<T>(layer));
        for (std::size_t r = 0; r != layer.shape(0); ++r) {
            for (std::size_t k = 0; k != layer.shape(1); ++k) {
                const auto p = double(proposal[l](r, k));
                chains.log_weights[r] -= layer(r, k) != T{0} ? std::log(p) : std::log1p(-p);
            }
        }
    }
    const auto free_energy = dbm.free_energy(chains.states, Parity::odd);
    for (std::size_t r = 0; r != chains.count(); ++r) { chains.log_weights[r] -= free_energy[r] + path.log_z_start(); }
    for (std::size_t s = 0; s != sweeps; ++s) { path.sweep(chains, 1.0, draw); }
    const auto down = std::vector<double>(positions.rbegin(), positions.rend());
    anneal<T>(path, down, sweeps, chains, draw, keep_going);
}

}  // namespace nbm
