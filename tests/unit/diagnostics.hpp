// Likelihoods by enumeration, and what a callback measures of a machine. After `import nbm;`.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "oracle.hpp"

using Rows = nbm::Matrix<double>;
using boost::test_tools::tolerance;

inline auto entropy_of(double q) -> double { return q <= 0.0 || q >= 1.0 ? 0.0 : -q * std::log(q) - (1.0 - q) * std::log(1.0 - q); }

/// The last of these rows is grey.
inline auto some_rows() -> Rows { return Rows({{1, 0, 1}, {0, 0, 0}, {1, 1, 1}, {0, 1, 0}, {0.3, 1, 0.8}}); }

inline auto row_of(const Rows& v, std::size_t r) -> std::vector<double> {
    auto row = std::vector<double>(v.shape(1));
    for (std::size_t i = 0; i != row.size(); ++i) { row[i] = v(r, i); }
    return row;
}

inline auto rows_of(const Rows& v, const std::vector<std::size_t>& chosen) -> Rows {
    auto result = Rows::from_shape({chosen.size(), v.shape(1)});
    for (std::size_t r = 0; r != chosen.size(); ++r) {
        for (std::size_t i = 0; i != v.shape(1); ++i) { result(r, i) = v(chosen[r], i); }
    }
    return result;
}

/// -log sum over all hidden states of exp(-E(v, h)).
inline auto free_energy(const oracle::Machine& machine, const std::vector<double>& v) -> double {
    auto sum = 0.0;
    for (std::size_t n = 0; n < machine.state_count(); n += std::size_t{1} << v.size()) {
        auto x = machine.state(n);
        x[0] = v;
        sum += std::exp(-machine.energy(x));
    }
    return -std::log(sum);
}

inline auto mean_free_energy(const oracle::Machine& machine, const Rows& v) -> double {
    auto sum = 0.0;
    for (std::size_t r = 0; r != v.shape(0); ++r) { sum += free_energy(machine, row_of(v, r)); }
    return sum / double(v.shape(0));
}

/// v_i log p(v_i = 1 | others) + (1 - v_i) log p(v_i = 0 | others).
inline auto log_conditional(const oracle::Machine& machine, std::vector<double> v, std::size_t i) -> double {
    const auto value = v[i];
    v[i] = 1.0;
    const auto on = std::exp(-free_energy(machine, v));
    v[i] = 0.0;
    const auto off = std::exp(-free_energy(machine, v));
    return value * std::log(on / (on + off)) + (1.0 - value) * std::log(off / (on + off));
}

inline auto pseudo_likelihood(const oracle::Machine& machine, const Rows& v) -> double {
    auto sum = 0.0;
    for (std::size_t r = 0; r != v.shape(0); ++r) {
        for (std::size_t i = 0; i != v.shape(1); ++i) { sum += log_conditional(machine, row_of(v, r), i); }
    }
    return sum / double(v.shape(0));
}

inline auto random_machine(nbm::Topology topology, std::uint64_t seed = 3) -> nbm::DBM<double> {
    auto dbm = nbm::DBM<double>(std::move(topology));
    oracle::randomise(dbm, seed, 1.0);
    return dbm;
}

/// What a callback logs for a machine as it is, at the end of an epoch.
template <class C>
auto measure(C& callback, nbm::DBM<double>& dbm, const Rows& train, const Rows* validation, std::size_t epoch = 0) -> nbm::Logs {
    struct Nothing {
    } nothing;
    auto logs = nbm::Logs();
    const auto run = nbm::Run<double, Nothing, Nothing>{dbm, train, validation, nothing, nothing};
    auto setup = nbm::ModelContext<nbm::SetupInfo, double>(nbm::SetupInfo(logs), run);
    setup.has_validation = validation != nullptr;
    callback.setup(setup);
    auto end = nbm::ModelContext<nbm::EpochInfo, double>(nbm::EpochInfo(logs), run);
    end.epoch = epoch;
    callback.on_epoch_end(end);
    return logs;
}

struct Mean {
    double sum = 0.0;
    double squares = 0.0;
    double count = 0.0;
    auto add(double x) -> void {
        sum += x;
        squares += x * x;
        ++count;
    }
    auto value() const -> double { return sum / count; }
    auto error() const -> double { return std::sqrt((squares / count - value() * value()) / count); }
};
