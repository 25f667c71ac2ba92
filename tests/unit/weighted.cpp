#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "oracle.hpp"

import nbm;

namespace {

using Machine = nbm::DBM<double>;

auto rows() -> nbm::Matrix<double> {
    return nbm::Matrix<double>({{1, 0, 1, 0}, {1, 1, 0, 0}, {0, 0, 1, 0.3}, {1, 1, 1, 0}, {0.2, 0, 1, 1}});
}

auto machine(std::initializer_list<std::size_t> sizes) -> Machine {
    auto dbm = Machine(nbm::Topology(sizes));
    oracle::randomise(dbm, 31, 0.7);
    return dbm;
}

auto distance(const nbm::Gradient<double>& a, const nbm::Gradient<double>& b) -> double {
    auto result = 0.0;
    for (std::size_t l = 0; l != a.biases.size(); ++l) {
        for (std::size_t k = 0; k != a.biases[l].size(); ++k) {
            result = std::max(result, std::abs(a.biases[l][k] - b.biases[l][k]));
        }
    }
    for (std::size_t s = 0; s != a.weights.size(); ++s) {
        for (std::size_t i = 0; i != a.weights[s].size(); ++i) {
            result = std::max(result, std::abs(a.weights[s].data()[i] - b.weights[s].data()[i]));
        }
    }
    return result;
}

/// A trainer that learns nothing and notes the first value of each row it gets, and the row's weight.
struct Spy {
    std::vector<std::pair<double, double>> seen;
    void begin(const Machine&, const nbm::Matrix<double>&, std::size_t, std::size_t, bool) {}
    double gradient(const Machine& dbm, nbm::MatrixView<const double> batch, nbm::Gradient<double>& g,
                    std::span<const double> weights = {}) {
        g = nbm::zero_parameters(dbm);
        auto cost = 0.0;
        for (std::size_t r = 0; r != batch.rows(); ++r) {
            seen.emplace_back(batch(r, 0), weights.empty() ? -1.0 : weights[r]);
            cost += (weights.empty() ? 1.0 : weights[r]) * batch(r, 0) / double(batch.rows());
        }
        return cost;
    }
    double evaluate(const Machine&, const nbm::Matrix<double>&) { return 0.0; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(whole_weights_are_repeated_rows) {
    // The chains of PCD do not depend on the batch, so both see the same ones.
    const auto data = rows();
    const auto counts = std::vector<std::size_t>{3, 0, 1, 4, 2};
    auto repeated = nbm::zero_matrix<double>(10, 4);
    auto weights = std::vector<double>{};
    for (std::size_t r = 0, next = 0; r != 5; ++r) {
        weights.push_back(double(counts[r]) * 5.0 / 10.0);
        for (std::size_t n = 0; n != counts[r]; ++n, ++next) {
            for (std::size_t k = 0; k != 4; ++k) { repeated(next, k) = data(r, k); }
        }
    }
    const auto rules = nbm::GradientOptions{.centring = {.on = true}, .sparsity = {.strength = 0.3}};
    for (const auto& sizes : {std::initializer_list<std::size_t>{4, 3}, {4, 3, 2}}) {
        for (const auto& options : {nbm::GradientOptions{}, rules}) {
            const auto dbm = machine(sizes);
            auto costs = std::vector<double>{};
            auto gradients = std::vector<nbm::Gradient<double>>{};
            for (const auto weighted : {false, true}) {
                auto pcd = nbm::PCD<double>(
                    {.steps = 2, .chains = 7, .mean_field = {.steps = 500, .tolerance = 1e-13}, .gradient = options});
                pcd.begin(dbm, data, 10, 3, false);
                gradients.push_back(nbm::zero_parameters(dbm));
                costs.push_back(weighted ? pcd.gradient(dbm, data, gradients.back(), weights)
                                         : pcd.gradient(dbm, repeated, gradients.back()));
            }
            BOOST_TEST(std::abs(costs[0] - costs[1]) < 1e-11);
            BOOST_TEST(distance(gradients[0], gradients[1]) < 1e-11);
            auto unweighted = nbm::PCD<double>({.steps = 2, .chains = 7, .gradient = options});
            unweighted.begin(dbm, data, 10, 3, false);
            auto other = nbm::zero_parameters(dbm);
            unweighted.gradient(dbm, data, other);
            BOOST_TEST(distance(gradients[0], other) > 1e-3);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_mean_weight_of_a_batch_scales_the_model) {
    // Half of the weight: half of the gradient, model and all, and half of the cost.
    const auto data = rows();
    const auto dbm = machine({4, 3, 2});
    const auto run = [&](auto trainer, double weight) {
        trainer.begin(dbm, data, 5, 3, false);
        auto gradient = nbm::zero_parameters(dbm);
        const auto cost = trainer.gradient(dbm, data, gradient, std::vector<double>(5, weight));
        return std::pair(cost, gradient);
    };
    const auto check = [&](const auto& trainer) {
        auto [cost, gradient] = run(trainer, 1.0);
        const auto [half_cost, half] = run(trainer, 0.5);
        BOOST_TEST(half_cost == 0.5 * cost, boost::test_tools::tolerance(1e-13));
        for (auto& b : gradient.biases) { b *= 0.5; }
        for (auto& w : gradient.weights) { w *= 0.5; }
        BOOST_TEST(distance(gradient, half) < 1e-15);
        const auto [no_cost, nothing] = run(trainer, 0.0);
        BOOST_TEST(no_cost == 0.0);
        BOOST_TEST(distance(nothing, nbm::zero_parameters(dbm)) == 0.0);
    };
    check(nbm::PCD<double>({.chains = 3}));
    check(nbm::CD<double>());
    // Rules remember nothing of rows without weight.
    check(nbm::CD<double>({.gradient = {.centring = {.on = true}}}));
}

BOOST_AUTO_TEST_CASE(in_contrastive_divergence_a_row_and_its_chain_count_together) {
    const auto data = rows();
    const auto dbm = machine({4, 3});
    const auto gradient_of = [&](const std::vector<double>& weights) {
        auto cd = nbm::CD<double>({.steps = 2});
        cd.begin(dbm, data, 5, 9, false);
        auto g = nbm::zero_parameters(dbm);
        cd.gradient(dbm, data, g, weights);
        return g;
    };
    const auto hidden = [&](const std::vector<double>& v) {
        auto result = std::vector<double>{};
        for (std::size_t j = 0; j != 3; ++j) {
            auto z = dbm.bias(1)[j];
            for (std::size_t i = 0; i != 4; ++i) { z += v[i] * dbm.weights(0, 1)(i, j); }
            result.push_back(nbm::sigmoid(z));
        }
        return result;
    };
    const auto weights = std::vector<double>{0.5, 2.0, 0.0, 1.75, 0.75};
    auto sum = nbm::zero_parameters(dbm);
    auto chains = std::vector<std::vector<double>>{};
    for (std::size_t r = 0; r != 5; ++r) {
        auto only = std::vector<double>(5, 0.0);
        only[r] = 1.0;
        const auto g = gradient_of(only);
        // 5 g = what the row contributes - what its chain does, which the visible biases reveal: its states are 0 or 1.
        auto v = std::vector<double>{};
        auto chain = std::vector<double>{};
        for (std::size_t k = 0; k != 4; ++k) {
            v.push_back(data(r, k));
            chain.push_back(std::round(data(r, k) - 5.0 * g.biases[0][k]));
            BOOST_TEST((chain[k] == 0.0 || chain[k] == 1.0));
            BOOST_TEST(std::abs(5.0 * g.biases[0][k] - (v[k] - chain[k])) < 1e-14);
        }
        const auto up = hidden(v);
        const auto down = hidden(chain);
        for (std::size_t j = 0; j != 3; ++j) {
            BOOST_TEST(std::abs(5.0 * g.biases[1][j] - (up[j] - down[j])) < 1e-14);
            for (std::size_t i = 0; i != 4; ++i) {
                BOOST_TEST(std::abs(5.0 * g.weights[0](i, j) - (v[i] * up[j] - chain[i] * down[j])) < 1e-14);
            }
        }
        chains.push_back(chain);
        sum.weights[0] += weights[r] * g.weights[0];
        for (std::size_t l = 0; l != 2; ++l) { sum.biases[l] += weights[r] * g.biases[l]; }
    }
    BOOST_TEST((chains[0] != chains[1] || chains[1] != chains[2]));
    BOOST_TEST(distance(gradient_of(weights), sum) < 1e-14);
    BOOST_TEST(distance(gradient_of({}), gradient_of({1, 1, 1, 1, 1})) == 0.0);
}

BOOST_AUTO_TEST_CASE(fit_gives_each_row_its_weight) {
    auto data = nbm::zero_matrix<double>(7, 4);
    auto weights = nbm::zero_vector<double>(7);
    auto mean = 0.0;
    for (std::size_t r = 0; r != 7; ++r) {
        data(r, 0) = double(r) / 8.0;
        weights[r] = double(r * r) * 1e300;  // sums overflow
        mean += double(r * r) / 91.0 * data(r, 0);
    }
    auto dbm = Machine({4, 2});
    auto spy = Spy();
    const auto history = nbm::fit(dbm, data, spy, nbm::SGD<double>(), {.epochs = 2, .batch_size = 3, .weights = &weights});
    BOOST_TEST(spy.seen.size() == 14U);
    auto in_order = true;
    for (std::size_t n = 0; n != 14; ++n) {
        const auto [value, weight] = spy.seen[n];
        BOOST_TEST(weight == value * value * 64.0 * 7.0 / 91.0, boost::test_tools::tolerance(1e-13));
        in_order = in_order && value == double(n % 7) / 8.0;
    }
    BOOST_TEST(!in_order);
    // The epoch's cost is the weighted mean, although the last batch has one row.
    BOOST_TEST(*history.rows()[1].values[0] == mean, boost::test_tools::tolerance(1e-13));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(equal_weights_change_nothing, T, decltype(std::tuple<float, double>{})) {
    const auto data = nbm::bars_and_stripes<T>(3);
    auto equal = nbm::zero_vector<T>(data.train.shape(0));
    equal.fill(T{4});
    const auto run = [&](auto trainer, const nbm::Vector<T>* weights) {
        auto dbm = nbm::DBM<T>({9, 6, 4});
        nbm::initialise(dbm, data.train, {.seed = 5});
        nbm::fit(dbm, data.train, trainer, nbm::SGD<T>(), {.epochs = 4, .batch_size = 4, .weights = weights});
        return dbm;
    };
    const auto check = [&](const auto& trainer) {
        const auto a = run(trainer, nullptr);
        const auto b = run(trainer, &equal);
        for (std::size_t l = 0; l != 3; ++l) { BOOST_TEST((a.bias(l) == b.bias(l))); }
        for (std::size_t s = 0; s != 2; ++s) { BOOST_TEST((a.synapses()[s].weights == b.synapses()[s].weights)); }
    };
    check(nbm::CD<T>());
    check(nbm::PCD<T>());
}

BOOST_AUTO_TEST_CASE(bad_weights_are_refused_before_anything_is_trained) {
    const auto data = rows();
    auto dbm = machine({4, 2});
    const auto before = dbm;
    const auto message = [&](const nbm::Vector<double>& weights) {
        return message_of<nbm::Error>(
            [&] { nbm::fit(dbm, data, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 1, .weights = &weights}); });
    };
    BOOST_TEST(has(message({1, 1, 1}), "3 weights for 5 training rows"));
    BOOST_TEST(has(message({1, 1, -0.5, 1, 1}), "training row 2 is -0.5"));
    BOOST_TEST(has(message({1, 1, 1, std::nan(""), 1}), "training row 3 is nan"));
    BOOST_TEST(has(message({1, 1, 1, 1, std::numeric_limits<double>::infinity()}), "training row 4 is inf"));
    BOOST_TEST(has(message({0, 0, 0, 0, 0}), "all training rows are 0"));
    struct Plain : Spy {
        double gradient(const Machine& machine, nbm::MatrixView<const double> batch, nbm::Gradient<double>& g) {
            return Spy::gradient(machine, batch, g);
        }
    };
    static_assert(nbm::WeightedTrainer<Spy, double> && !nbm::WeightedTrainer<Plain, double>);
    static_assert(nbm::WeightedTrainer<nbm::CD<float>, float> && nbm::WeightedTrainer<nbm::PCD<double>, double>);
    const auto good = nbm::Vector<double>({1, 0, 0, 0, 2});
    const auto epochs = nbm::FitOptions<double>{.epochs = 1, .weights = &good};
    BOOST_TEST(
        has(message_of<nbm::InputError>([&] { nbm::fit(dbm, data, Plain(), nbm::SGD<double>(), epochs); }), "has no gradient(dbm"));
    BOOST_TEST((dbm.bias(0) == before.bias(0)));
    nbm::fit(dbm, data, nbm::CD<double>(), nbm::SGD<double>(), epochs);
    BOOST_TEST((dbm.bias(0) != before.bias(0)));
}
