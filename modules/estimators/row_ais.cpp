module nbm:estimators.row_ais_impl;

import :estimators.annealing_path;
import :estimators.bases;
import :estimators.betas;
import :estimators.control;
import :estimators.log_z;
import :estimators.row_ais;
import :estimators.stream_draw;
import :model;
import :random;
import :sampling;
import :standard;
import :tensor;

namespace nbm {

namespace {

constexpr auto margin = 1e-3;  // proposals keep away from 0 and 1, so that every state can be reached

template <Real T>
auto check(const DBM<T>& dbm, const Matrix<T>& v, std::size_t runs, std::size_t sweeps, const Betas& betas) -> void {
    dbm.check(v);
    if (v.shape(0) == 0) { throw InputError("the log-probability of 0 rows is not defined"); }
    if (runs == 0 || sweeps == 0) { throw InputError("log-probabilities by annealing need at least 1 run and 1 sweep"); }
    if (betas.is_adaptive()) {
        throw InputError(
            "log-probabilities of rows need fixed inverse temperatures; AIS::positions() of the machine are a good choice: "
            "Betas{{...}}");
    }
}

/// The means of all hidden layers given each row, kept away from 0 and 1; 1/2 where they are not wanted.
template <Real T>
auto posterior_means(const DBM<T>& dbm, const Matrix<T>& v, bool wanted) -> States<T> {
    auto means = dbm.propup(v);
    if (wanted && !dbm.topology().is_rbm()) { MeanField({.steps = 200}).run(dbm, means); }
    for (std::size_t l = 1; l != means.size(); ++l) {
        for (auto& m : means[l]) {
            m = wanted ? std::clamp(m, static_cast<T>(margin), static_cast<T>(1.0 - margin)) : static_cast<T>(0.5);
        }
    }
    return means;
}

/// Calls anneal(chains, first chain, keep_going) for blocks of rows x runs chains, chain c for row c / runs; the log weights of
/// all.
template <Real T, class Anneal>
auto run_rows(const AnnealingPath<T>& path, std::size_t chains, std::size_t steps, const Control& control, std::string_view what,
              const Anneal& anneal) -> std::vector<double> {
    auto log_weights = std::vector<double>(chains);
    auto progress = Progress(control, chains * steps);
    parallel_rows(chains, [&](Rows rows) {
        if (progress.stopped()) { return; }
        auto block = path.make_chains(rows.count);
        anneal(block, rows.first, [&](std::size_t) { return !progress.stopped(); });
        if (!progress.stopped()) { progress.advance(rows.count * steps); }
        std::ranges::copy(block.log_weights, log_weights.begin() + static_cast<std::ptrdiff_t>(rows.first));
    });
    progress.finish(what);
    return log_weights;
}

/// log_weights: `runs` for each row; `shift` of each row is added.
auto collect(std::span<const double> log_weights, std::size_t runs, std::span<const double> shift, const Estimate& log_z)
    -> RowEstimates {
    auto result = RowEstimates{};
    auto variance = 0.0;
    for (std::size_t r = 0; r != shift.size(); ++r) {
        const auto& row =
            result.rows.emplace_back(estimate_from_weights(log_weights.subspan(r * runs, runs), shift[r] - log_z.value));
        result.mean.value += row.value / static_cast<double>(shift.size());
        variance += row.standard_error * row.standard_error;
    }
    const auto error = std::sqrt(variance) / static_cast<double>(shift.size());
    result.mean.standard_error = std::hypot(error, log_z.standard_error);
    const auto interval = interval_minus_log_z(result.mean.value, error, log_z);
    result.mean.low = interval.low;
    result.mean.high = interval.high;
    return result;
}

template <Real T>
auto copy_row(const Matrix<T>& from, std::size_t row, Matrix<T>& to, std::size_t to_row) -> void {
    std::ranges::copy(MatrixView<const T>(from).row(row), MatrixView<T>(to).row(to_row).begin());
}

auto larger_hidden_parity(const Topology& topology) -> Parity {
    return topology.units(Parity::even) - topology.size(0) > topology.units(Parity::odd) ? Parity::even : Parity::odd;
}

}  // namespace

template <Real T>
auto log_probability_by_ais(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& v, const Estimate& log_z,
                            const RowAISOptions& options) -> RowEstimates {
    check(dbm, v, options.runs, options.sweeps, options.betas);
    const auto path = AnnealingPath<T>::given_visible(dbm, options.summed.value_or(larger_hidden_parity(dbm.topology())));
    const auto positions = path.refine(options.betas);
    auto biases = posterior_means(dbm, v, options.from_mean_field);
    auto shift = std::vector<double>(v.shape(0), 0.0);  // what log Z of the start and the visible biases contribute
    for (std::size_t r = 0; r != v.shape(0); ++r) {
        for (std::size_t l = 1; l != biases.size(); ++l) {
            for (auto& m : MatrixView<T>(biases[l]).row(r)) {
                m = logit(m);
                shift[r] += softplus(double(m));
            }
        }
        for (std::size_t k = 0; k != v.shape(1); ++k) { shift[r] += double(v(r, k)) * double(dbm.bias(0)[k]); }
    }
    const auto log_weights =
        run_rows(path, v.shape(0) * options.runs, positions.size() - 1, options.control, "estimating log-probabilities by AIS",
                 [&](AnnealedChains<T>& chains, std::size_t first, const auto& keep_going) {
                     for (std::size_t c = 0; c != chains.count(); ++c) {
                         const auto row = (first + c) / options.runs;
                         copy_row(v, row, chains.states[0], c);
                         for (std::size_t l = 1; l != biases.size(); ++l) { copy_row(biases[l], row, chains.start_fields[l], c); }
                     }
                     auto draw = StreamDraw<T>(options.seed, row_steps, first);
                     path.start(chains, draw);
                     anneal<T>(path, positions, options.sweeps, chains, draw, keep_going);
                 });
    return collect(log_weights, options.runs, shift, log_z);
}

template <Real T>
auto raise_log_probability(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& v, const std::type_identity_t<Matrix<T>>& data,
                           const RAISEOptions& options) -> RowEstimates {
    check(dbm, v, options.runs, options.sweeps, options.betas);
    const auto path = AnnealingPath<T>({make_base<T>(dbm, &data, options.base), dbm}, Parity::odd);
    const auto positions = path.refine(options.betas);
    const auto means = posterior_means(dbm, v, true);
    const auto log_weights =
        run_rows(path, v.shape(0) * options.runs, positions.size() - 1, options.control, "RAISE",
                 [&](AnnealedChains<T>& chains, std::size_t first, const auto& keep_going) {
                     auto proposal = dbm.make_states(chains.count());
                     for (std::size_t c = 0; c != chains.count(); ++c) {
                         const auto row = (first + c) / options.runs;
                         copy_row(v, row, chains.states[0], c);
                         for (std::size_t l = 2; l < means.size(); l += 2) { copy_row(means[l], row, proposal[l], c); }
                     }
                     auto draw = StreamDraw<T>(options.seed, raise_steps, first);
                     raise_weights<T>(path, dbm, positions, options.sweeps, proposal, chains, draw, keep_going);
                 });
    return collect(log_weights, options.runs, std::vector<double>(v.shape(0), 0.0), {});
}

template auto log_probability_by_ais(const DBM<float>&, const Matrix<float>&, const Estimate&, const RowAISOptions&)
    -> RowEstimates;
template auto log_probability_by_ais(const DBM<double>&, const Matrix<double>&, const Estimate&, const RowAISOptions&)
    -> RowEstimates;
template auto raise_log_probability(const DBM<float>&, const Matrix<float>&, const Matrix<float>&, const RAISEOptions&)
    -> RowEstimates;
template auto raise_log_probability(const DBM<double>&, const Matrix<double>&, const Matrix<double>&, const RAISEOptions&)
    -> RowEstimates;

}  // namespace nbm
