// Exact statistics by enumeration, for the tests of gradients. After `import nbm;`.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "oracle.hpp"

namespace oracle {

/// sum over states of probability times x^i x^j, likewise x^l, as a gradient, and the mean activity of each layer.
struct Moments {
    explicit Moments(const nbm::DBM<double>& dbm) : sums(nbm::zero_parameters(dbm)) {
        for (const auto& synapse : dbm.synapses()) { edges.push_back(synapse.edge); }
    }
    void add(const State& x, double p) {
        for (std::size_t l = 0; l != x.size(); ++l) {
            for (std::size_t k = 0; k != x[l].size(); ++k) { sums.biases[l][k] += p * x[l][k]; }
        }
        for (std::size_t s = 0; s != edges.size(); ++s) {
            for (std::size_t i = 0; i != x[edges[s].lower].size(); ++i) {
                for (std::size_t j = 0; j != x[edges[s].upper].size(); ++j) {
                    sums.weights[s](i, j) += p * x[edges[s].lower][i] * x[edges[s].upper][j];
                }
            }
        }
    }

    nbm::Parameters<double> sums;
    std::vector<nbm::Edge> edges;
};

/// The statistics of the machine, or, for binary rows of data, of the hidden layers given them.
inline Moments model_moments(const nbm::DBM<double>& dbm) {
    const auto truth = Machine(dbm);
    const auto z = std::exp(truth.log_z());
    auto result = Moments(dbm);
    truth.for_each(1.0, [&](const State& x, double weight) { result.add(x, weight / z); });
    return result;
}
inline Moments data_moments(const nbm::DBM<double>& dbm, const nbm::Matrix<double>& data) {
    const auto truth = Machine(dbm);
    auto result = Moments(dbm);
    for (std::size_t r = 0; r != data.shape(0); ++r) {
        const auto of_row = [&](const State& x) {
            auto same = true;
            for (std::size_t k = 0; k != x[0].size(); ++k) { same = same && x[0][k] == data(r, k); }
            return same;
        };
        auto total = 0.0;
        truth.for_each(1.0, [&](const State& x, double weight) { total += of_row(x) ? weight : 0.0; });
        truth.for_each(1.0, [&](const State& x, double weight) {
            if (of_row(x)) { result.add(x, weight / total / double(data.shape(0))); }
        });
    }
    return result;
}

/// The mean log-likelihood of binary rows.
inline double log_likelihood(const nbm::DBM<double>& dbm, const nbm::Matrix<double>& data) {
    const auto truth = Machine(dbm);
    auto sums = std::vector<double>(data.shape(0), 0.0);
    auto z = 0.0;
    truth.for_each(1.0, [&](const State& x, double weight) {
        z += weight;
        for (std::size_t r = 0; r != data.shape(0); ++r) {
            auto same = true;
            for (std::size_t k = 0; k != x[0].size(); ++k) { same = same && x[0][k] == data(r, k); }
            sums[r] += same ? weight : 0.0;
        }
    });
    auto result = 0.0;
    for (const auto p : sums) { result += std::log(p / z) / double(data.shape(0)); }
    return result;
}

/// data - model
inline nbm::Gradient<double> exact_gradient(const nbm::DBM<double>& dbm, const nbm::Matrix<double>& data) {
    auto result = data_moments(dbm, data).sums;
    const auto model = model_moments(dbm).sums;
    for (std::size_t l = 0; l != result.biases.size(); ++l) { result.biases[l] -= model.biases[l]; }
    for (std::size_t s = 0; s != result.weights.size(); ++s) { result.weights[s] -= model.weights[s]; }
    return result;
}

}  // namespace oracle
