module nbm:estimators.exact_log_z_impl;

import :estimators.clamped_enumeration;
import :estimators.control;
import :estimators.enumeration;
import :estimators.exact_log_z;
import :model;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

constexpr std::size_t rows_at_once = 512;  // that share an enumeration

template <Real T>
auto check_rows(const DBM<T>& dbm, const Matrix<T>& v) -> void {
    dbm.check(v);
    if (enumerated_hidden(dbm.topology()) > max_enumerated_units) {
        throw InputError(
            fmt::format("F(v) of {} cannot be enumerated: the smaller side of its hidden layers has {} units, at most {} are "
                        "possible",
                        dbm.topology().describe(), enumerated_hidden(dbm.topology()), max_enumerated_units));
    }
}

}  // namespace

template <Real T>
auto exact_log_z(const DBM<T>& dbm, const Control& control) -> double {
    require_enumerable("log Z", dbm.topology(), max_enumerated_units, "; estimate it by AIS");
    const auto sides = two_sides(dbm, smaller_parity(dbm.topology()));
    const auto states = Enumeration(sides.weights, magnitudes(sides.summed_bias));
    const auto tasks = states.tasks();
    auto partial = std::vector<double>(tasks.count());
    auto progress = Progress(control, states.blocks());
    parallel_for(partial.size(), [&](std::size_t task) {
        partial[task] = log_sum_of_blocks(states, {sides.enumerated_bias, sides.summed_bias}, tasks[task], progress);
    });
    progress.finish("the enumeration of log Z");
    return log_sum_exp(partial);
}

auto enumerated_hidden(const Topology& topology) -> std::size_t {
    const auto parity = smaller_hidden_parity(topology);
    return parity == Parity::even ? topology.units(parity) - topology.size(0) : topology.units(parity);
}

template <Real T>
auto exact_free_energy(const DBM<T>& dbm, const Matrix<T>& v, const Control& control) -> Vector<double> {
    check_rows(dbm, v);
    const auto rows = v.shape(0);
    auto parts = std::size_t{0};
    for (std::size_t first = 0; first < rows; first += rows_at_once) {
        parts += clamped_parts(dbm.topology(), std::min(rows_at_once, rows - first));
    }
    auto progress = Progress(control, parts);
    auto result = zero_vector<double>(rows);
    for (std::size_t first = 0; first < rows && !progress.stopped(); first += rows_at_once) {
        const auto clamped = clamped_rows<T>(dbm, slice(v, {first, std::min(rows_at_once, rows - first)}));
        const auto sums = clamped_log_sums(dbm, clamped, progress);
        for (std::size_t r = 0; r != sums.size(); ++r) { result[first + r] = -clamped.visible[r] - sums[r]; }
    }
    progress.finish("the enumeration of F(v)");
    return result;
}

template <Real T>
auto exact_log_probability(const DBM<T>& dbm, const Matrix<T>& v, const Control& control) -> Vector<double> {
    check_rows(dbm, v);
    const auto log_z = exact_log_z(dbm, part_of(control, 0.0, 0.5));
    auto result = exact_free_energy(dbm, v, part_of(control, 0.5, 1.0));
    for (auto& x : result) { x = -x - log_z; }
    return result;
}

template auto exact_log_z(const DBM<float>&, const Control&) -> double;
template auto exact_log_z(const DBM<double>&, const Control&) -> double;
template auto exact_free_energy(const DBM<float>&, const Matrix<float>&, const Control&) -> Vector<double>;
template auto exact_free_energy(const DBM<double>&, const Matrix<double>&, const Control&) -> Vector<double>;
template auto exact_log_probability(const DBM<float>&, const Matrix<float>&, const Control&) -> Vector<double>;
template auto exact_log_probability(const DBM<double>&, const Matrix<double>&, const Control&) -> Vector<double>;

}  // namespace nbm
