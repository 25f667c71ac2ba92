export module nbm:estimators.place_betas;

import :estimators.annealing_path;
import :estimators.betas;
import :estimators.control;
import :standard;
import :tensor;

export namespace nbm {

struct PilotOptions {
    std::size_t chains = 100;
    std::size_t sweeps = 1;  // at each beta
    std::uint64_t seed = 1;
};

/// The inverse temperatures of adaptive(count) on this path: a pilot is annealed with steps that lose some per cent of the
/// effective sample size each; `count` positions are then placed so that each step would lose the same. Throws InputError for a
/// path whose first machine has weights, and Cancelled.
template <Real T>
auto place_betas(const AnnealingPath<T>& path, std::size_t count, const PilotOptions& options = {}, const Control& control = {})
    -> Betas;

}  // namespace nbm

namespace nbm {

/// Puts chains `first`, first + 1, ... at the start of a path.
template <Real T>
using StartChains = std::function<void(AnnealedChains<T>& chains, std::size_t first, Draw<T>& draw)>;

/// The same for a path that begins at samples.
template <Real T>
auto place_betas(const AnnealingPath<T>& path, std::size_t count, const PilotOptions& options, const Control& control,
                 const StartChains<T>& start) -> Betas;

}  // namespace nbm
