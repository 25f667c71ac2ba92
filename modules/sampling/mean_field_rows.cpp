module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stop_token>
#include <vector>

module nbm:sampling.mean_field_rows;

import :model;
import :sampling.chains;
import :sampling.even_terms;
import :sampling.mean_field;
import :tensor;

namespace nbm {

/// Which layers mean field may change. Throws as free_layers() does.
inline auto free_layers(const MeanFieldOptions& options, std::size_t layers) -> std::vector<bool> {
    return free_layers(SamplerOptions{.beta = options.beta, .clamped = options.clamped}, layers);
}

/// The larger one; NaN when one of them is.
inline auto larger_change(double a, double b) -> double { return b > a || std::isnan(b) ? b : a; }

/// One sweep over some rows; the largest change of a mean.
template <Real T>
auto mean_field_sweep(const DBM<T>& dbm, States<T>& means, States<T>& scratch, const std::vector<bool>& free, double beta,
                      Rows rows) -> double {
    auto change = 0.0;
    for (const auto parity : {Parity::odd, Parity::even}) {
        for (std::size_t l = parity == Parity::even ? 0 : 1; l < dbm.layer_count(); l += 2) {
            if (!free[l]) { continue; }
            const auto updated = slice(scratch[l], rows);
            const auto current = slice(means[l], rows);
            dbm.field_rows(l, means, rows, updated);
            activate(updated, beta);
            for (std::size_t r = 0; r != rows.count; ++r) {
                const auto from = updated.row(r);
                const auto to = current.row(r);
                for (std::size_t k = 0; k != from.size(); ++k) {
                    change = larger_change(change, double(std::abs(from[k] - to[k])));
                    to[k] = from[k];
                }
            }
        }
    }
    return change;
}

/// Mean field over some rows, on the calling thread, until all of them stay, the steps are done or a stop is requested.
template <Real T>
auto mean_field_rows(const DBM<T>& dbm, States<T>& means, States<T>& scratch, const MeanFieldOptions& options,
                     const std::vector<bool>& free, Rows rows, const std::stop_token& stop = {}) -> MeanFieldResult {
    auto is_free = [&](std::size_t first) {
        for (auto l = first; l < free.size(); l += 2) {
            if (free[l]) { return true; }
        }
        return false;
    };
    const auto exact_at_once = !is_free(0) || !is_free(1);
    auto result = MeanFieldResult{};
    while (result.steps < options.steps && !result.converged && !stop.stop_requested()) {
        result.change = mean_field_sweep(dbm, means, scratch, free, options.beta, rows);
        result.converged = exact_at_once || result.change <= options.tolerance;
        ++result.steps;
    }
    return result;
}

/// The positive phase of some rows, on the calling thread: means[0] is given, the hidden means are inferred, and free_energies[r]
/// becomes row r's variational free energy - b_0.v - sum over hidden even l of (b_l.mu_l + H(mu_l)) - sum over odd l of
/// sum softplus(z_l), exact for two layers, where `scratch` is not used. The odd layers' means are those given the even ones', for
/// which their terms and entropies add up to the softplus.
template <Real T>
auto infer_rows(const DBM<T>& dbm, States<T>& means, States<T>& scratch, const MeanFieldOptions& options,
                const std::vector<bool>& free, Rows rows, std::span<double> free_energies, const std::stop_token& stop = {})
    -> MeanFieldResult {
    auto result = MeanFieldResult{.steps = 0, .change = 0.0, .converged = true};
    if (!dbm.topology().is_rbm()) {
        dbm.propup_rows(means, rows);
        result = mean_field_rows(dbm, means, scratch, options, free, rows, stop);
    }
    std::ranges::fill(free_energies, 0.0);
    for (std::size_t l = 1; l < dbm.layer_count(); l += 2) {
        const auto part = slice(means[l], rows);
        dbm.field_rows(l, means, rows, part);
        activate_and_sum(part, free_energies);
    }
    for (std::size_t r = 0; r != rows.count; ++r) {
        free_energies[r] = even_terms(dbm, means, rows.first + r, true) - free_energies[r];
    }
    return result;
}

/// The result of all blocks of rows: the most steps, the largest change.
inline auto worst_of(std::span<const MeanFieldResult> blocks) -> MeanFieldResult {
    auto worst = MeanFieldResult{.steps = 0, .change = 0.0, .converged = true};
    for (const auto& block : blocks) {
        worst.steps = std::max(worst.steps, block.steps);
        worst.change = larger_change(worst.change, block.change);
        worst.converged = worst.converged && block.converged;
    }
    return worst;
}

}  // namespace nbm
