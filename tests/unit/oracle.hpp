// The oracle of the tests: a Boltzmann machine written as directly as the equations, evaluated by enumerating all states. Knows
// nothing of nbm but the accessors that it copies parameters from.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace oracle {

using State = std::vector<std::vector<double>>;  // [layer][unit]

/// Fills all parameters with normal numbers; never zero.
template <class Machine>
void randomise(Machine& dbm, std::uint64_t seed, double sd) {
    auto engine = std::mt19937_64(seed);
    auto normal = std::normal_distribution<double>(0.0, sd);
    using T = typename Machine::value_type;
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        for (auto& b : dbm.bias(l)) { b = static_cast<T>(normal(engine)); }
    }
    for (auto& synapse : dbm.synapses()) {
        for (auto& w : synapse.weights) { w = static_cast<T>(normal(engine)); }
    }
}

class Machine {
public:
    template <class DBM>
    explicit Machine(const DBM& dbm) {
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) { biases.emplace_back(dbm.bias(l).begin(), dbm.bias(l).end()); }
        for (const auto& synapse : dbm.synapses()) {
            auto w = std::vector<std::vector<double>>(biases[synapse.edge.lower].size());
            for (std::size_t i = 0; i != w.size(); ++i) {
                for (std::size_t j = 0; j != biases[synapse.edge.upper].size(); ++j) {
                    w[i].push_back(double(synapse.weights(i, j)));
                }
            }
            edges.push_back({synapse.edge.lower, synapse.edge.upper, w});
        }
    }

    std::size_t units() const {
        std::size_t n = 0;
        for (const auto& b : biases) { n += b.size(); }
        return n;
    }
    std::size_t state_count() const { return std::size_t{1} << units(); }

    /// Bit k of the number is unit k, layers one after the other.
    State state(std::size_t number) const {
        auto x = State{};
        for (const auto& b : biases) {
            auto layer = std::vector<double>(b.size());
            for (auto& unit : layer) {
                unit = static_cast<double>(number & 1U);
                number >>= 1U;
            }
            x.push_back(layer);
        }
        return x;
    }

    double energy(const State& x) const {
        auto e = 0.0;
        for (std::size_t l = 0; l != biases.size(); ++l) {
            for (std::size_t k = 0; k != biases[l].size(); ++k) { e -= biases[l][k] * x[l][k]; }
        }
        for (const auto& [lower, upper, w] : edges) {
            for (std::size_t i = 0; i != x[lower].size(); ++i) {
                for (std::size_t j = 0; j != x[upper].size(); ++j) { e -= x[lower][i] * w[i][j] * x[upper][j]; }
            }
        }
        return e;
    }

    /// Calls f(state, exp(-beta E)) for every state.
    template <class F>
    void for_each(double beta, F f) const {
        for (std::size_t n = 0; n != state_count(); ++n) {
            const auto x = state(n);
            f(x, std::exp(-beta * energy(x)));
        }
    }

    double log_z(double beta = 1.0) const {
        auto z = 0.0;
        for_each(beta, [&](const State&, double p) { z += p; });
        return std::log(z);
    }

    struct Edge {
        std::size_t lower;
        std::size_t upper;
        std::vector<std::vector<double>> weights;
    };
    std::vector<std::vector<double>> biases;
    std::vector<Edge> edges;
};

/// Copies an oracle state into row r of nbm's states.
template <class States>
void put(const State& x, States& states, std::size_t r) {
    for (std::size_t l = 0; l != x.size(); ++l) {
        for (std::size_t k = 0; k != x[l].size(); ++k) {
            states[l](r, k) = static_cast<typename States::value_type::value_type>(x[l][k]);
        }
    }
}

/// Upper quantile of the chi-square distribution at probability 1e-6 (Wilson and Hilferty 1931).
inline double chi_square_limit(double degrees) {
    const auto z = 4.753424;
    const auto a = 2.0 / (9.0 * degrees);
    return degrees * std::pow(1.0 - a + z * std::sqrt(a), 3.0);
}

}  // namespace oracle
