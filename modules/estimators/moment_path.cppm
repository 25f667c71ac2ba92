export module nbm:estimators.moment_path;

import :estimators.annealing_path;
import :estimators.control;
import :model;
import :standard;
import :tensor;

export namespace nbm {

struct MomentPathOptions {
    std::size_t knots = 10;       // machines on the path, both ends included
    std::size_t chains = 200;     // Gibbs chains for the moments
    std::size_t burn_in = 500;    // sweeps before the moments of the target are taken
    std::size_t sweeps = 500;     // over which they are averaged
    std::size_t updates = 500;    // of the parameters of each knot
    double learning_rate = 0.05;  // of the first update; falls linearly to 0
    std::uint64_t seed = 1;
};

/// The path of averaged moments (Grosse, Maddison and Salakhutdinov 2013) from a machine without weights to `target`, as
/// geometric pieces between knots: the machine at position beta has the expectations (1 - beta) <.>_start + beta <.>_target of all
/// units and connected pairs of units. Those of the target come from Gibbs chains that start at `data`: [rows, visible]; each
/// knot is fitted to its moments by persistent contrastive divergence from the knot before it. However badly the fits end, AIS
/// along the path is unbiased; they decide on its variance. Throws InputError, ShapeError or Cancelled.
template <Real T>
auto moment_path(const DBM<T>& start, const DBM<T>& target, Parity summed, const std::type_identity_t<Matrix<T>>& data,
                 const MomentPathOptions& options = {}, const Control& control = {}) -> AnnealingPath<T>;

}  // namespace nbm
