module nbm:estimators.likelihood_impl;

import :estimators.control;
import :estimators.likelihood;
import :estimators.log_z;
import :model;
import :sampling;
import :sampling.mean_field_rows;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

constexpr auto infinity = std::numeric_limits<double>::infinity();

/// The free energies of all rows, with how mean field ended.
struct FreeEnergies {
    Vector<double> values;
    MeanFieldResult mean_field;
};

template <Real T>
auto free_energies_of_rbm(const DBM<T>& dbm, const Matrix<T>& v) -> Vector<double> {
    if (!dbm.topology().is_rbm()) {
        throw InputError(fmt::format("log p(v) has a closed form for two layers only, not for {}; variational_bound() bounds it",
                                     dbm.topology().describe()));
    }
    return dbm.free_energy(v);
}

template <Real T>
auto variational_free_energies(const DBM<T>& dbm, const Matrix<T>& v, const MeanFieldOptions& options, const Control& control)
    -> FreeEnergies {
    dbm.check(v);
    if (options.beta != 1.0 || options.clamped != std::vector<std::size_t>{0}) {
        throw InputError(
            "a variational bound of log p(v) needs mean field at beta 1 with layer 0, the data, clamped, and no other");
    }
    const auto free = free_layers(options, dbm.layer_count());
    auto values = zero_vector<double>(v.shape(0));
    const auto blocks = RowBlocks(v.shape(0));
    auto results = std::vector<MeanFieldResult>(blocks.count());
    auto progress = Progress(control, blocks.count());
    parallel_for(blocks.count(), [&](std::size_t block) {
        if (progress.stopped()) { return; }
        const auto rows = blocks[block];
        auto means = dbm.make_states(rows.count);
        auto room = dbm.topology().is_rbm() ? MeanFieldRoom<T>{} : make_room(dbm, rows.count);
        std::ranges::copy(std::span(v.data() + rows.first * v.shape(1), rows.count * v.shape(1)), means[0].data());
        results[block] = infer_rows(dbm, means, room, options, free, {0, rows.count},
                                    as_span(values).subspan(rows.first, rows.count), false, control.stop);
        if (!progress.stopped()) { progress.advance(); }
    });
    progress.finish("the variational bound");
    return {.values = std::move(values), .mean_field = worst_of(results)};
}

auto per_row(Vector<double> free_energies, const Estimate& log_z) -> Vector<double> {
    for (auto& f : free_energies) { f = -f - log_z.value; }
    return free_energies;
}

}  // namespace

auto mean_log_probability(const Vector<double>& free_energies, const Estimate& log_z) -> LogProbability {
    if (free_energies.size() == 0) { throw InputError("the mean log-probability of 0 rows is not defined"); }
    const auto rows = static_cast<double>(free_energies.size());
    auto mean = 0.0;
    for (const auto f : free_energies) { mean += f; }
    mean /= rows;
    auto squares = 0.0;
    for (const auto f : free_energies) { squares += (f - mean) * (f - mean); }

    auto result = LogProbability{};
    result.value = -mean - log_z.value;
    result.low = -mean - log_z.high;
    result.high = -mean - log_z.low;
    result.rows = free_energies.size();
    result.data_error = result.rows == 1 ? infinity : std::sqrt(squares / (rows - 1.0) / rows);
    result.standard_error = std::hypot(result.data_error, log_z.standard_error);
    const auto population = interval_minus_log_z(result.value, result.data_error, log_z);
    result.population_low = population.low;
    result.population_high = population.high;
    return result;
}

template <Real T>
auto mean_log_probability(const DBM<T>& dbm, const Matrix<T>& v, const Estimate& log_z) -> LogProbability {
    return mean_log_probability(free_energies_of_rbm(dbm, v), log_z);
}

template <Real T>
auto log_probabilities(const DBM<T>& dbm, const Matrix<T>& v, const Estimate& log_z) -> Vector<double> {
    return per_row(free_energies_of_rbm(dbm, v), log_z);
}

template <Real T>
auto variational_bound(const DBM<T>& dbm, const Matrix<T>& v, const Estimate& log_z, const MeanFieldOptions& options,
                       const Control& control) -> VariationalBound {
    const auto free_energies = variational_free_energies(dbm, v, options, control);
    const auto& mean_field = free_energies.mean_field;
    return {mean_log_probability(free_energies.values, log_z), mean_field.steps, mean_field.change, mean_field.converged};
}

template <Real T>
auto variational_bounds(const DBM<T>& dbm, const Matrix<T>& v, const Estimate& log_z, const MeanFieldOptions& mean_field,
                        const Control& control) -> Vector<double> {
    return per_row(variational_free_energies(dbm, v, mean_field, control).values, log_z);
}

template auto mean_log_probability(const DBM<float>&, const Matrix<float>&, const Estimate&) -> LogProbability;
template auto mean_log_probability(const DBM<double>&, const Matrix<double>&, const Estimate&) -> LogProbability;
template auto log_probabilities(const DBM<float>&, const Matrix<float>&, const Estimate&) -> Vector<double>;
template auto log_probabilities(const DBM<double>&, const Matrix<double>&, const Estimate&) -> Vector<double>;
template auto variational_bound(const DBM<float>&, const Matrix<float>&, const Estimate&, const MeanFieldOptions&, const Control&)
    -> VariationalBound;
template auto variational_bound(const DBM<double>&, const Matrix<double>&, const Estimate&, const MeanFieldOptions&, const Control&)
    -> VariationalBound;
template auto variational_bounds(const DBM<float>&, const Matrix<float>&, const Estimate&, const MeanFieldOptions&, const Control&)
    -> Vector<double>;
template auto variational_bounds(const DBM<double>&, const Matrix<double>&, const Estimate&, const MeanFieldOptions&,
                                 const Control&) -> Vector<double>;

}  // namespace nbm
