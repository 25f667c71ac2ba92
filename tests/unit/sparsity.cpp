#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <tuple>
#include <vector>

#include "oracle.hpp"

import nbm;

namespace {

using Machine = nbm::DBM<double>;

/// The top layer sees layers 0 and 2.
auto machine() -> Machine {
    auto dbm = Machine(nbm::Topology({4, 3, 2, 2}, {nbm::Edge{0, 1}, nbm::Edge{0, 3}, nbm::Edge{1, 2}, nbm::Edge{2, 3}}));
    oracle::randomise(dbm, 3, 0.8);
    return dbm;
}

auto cross_entropy(double target, double q) -> double { return -target * std::log(q) - (1.0 - target) * std::log(1.0 - q); }

}  // namespace

BOOST_AUTO_TEST_CASE(sparsity_is_the_derivative_of_its_penalty) {
    // One row, no memory: q of a unit is sigmoid(b + sum of x W over the layers connected to it), x fixed.
    auto dbm = machine();
    const auto options = nbm::GradientOptions{.sparsity = {.target = 0.15, .strength = 0.7, .memory = 0.0}};
    auto states = dbm.make_states(1);
    for (std::size_t l = 0; l != 4; ++l) {
        for (std::size_t k = 0; k != dbm.size(l); ++k) { states[l](0, k) = 0.1 + 0.2 * double(l) + 0.1 * double(k); }
    }
    const auto mean = [&](std::size_t l) {
        auto out = nbm::zero_matrix<double>(1, dbm.size(l));
        dbm.conditional(l, states, out);
        return out;
    };
    for (std::size_t layer = 1; layer != 4; ++layer) {
        auto activities = nbm::zero_parameters(dbm).biases;
        for (std::size_t l = 0; l != 4; ++l) {
            for (std::size_t k = 0; k != dbm.size(l); ++k) { activities[l][k] = l == layer ? mean(l)(0, k) : states[l](0, k); }
        }
        auto rules = nbm::GradientRules<double>(options);
        rules.begin(dbm, states[0], false);
        auto gradient = nbm::zero_parameters(dbm);
        rules.apply(dbm, activities, gradient);
        constexpr auto h = 1e-6;
        const auto check = [&](double& parameter, double derivative) {
            const auto penalty = [&] {
                const auto q = mean(layer);
                return 0.7 * std::accumulate(q.begin(), q.end(), 0.0,
                                             [](double sum, double unit) { return sum + cross_entropy(0.15, unit); });
            };
            const auto before = parameter;
            parameter = before + h;
            const auto up = penalty();
            parameter = before - h;
            const auto down = penalty();
            parameter = before;
            BOOST_TEST(std::abs(derivative + (up - down) / (2.0 * h)) < 1e-8);
            BOOST_TEST(std::abs(derivative) > 1e-4);
        };
        for (std::size_t k = 0; k != dbm.size(layer); ++k) { check(dbm.bias(layer)[k], gradient.biases[layer][k]); }
        for (std::size_t s = 0; s != 4; ++s) {
            if (dbm.synapses()[s].edge.upper != layer) { continue; }
            auto& w = dbm.synapses()[s].weights;
            for (std::size_t i = 0; i != w.size(); ++i) { check(w.data()[i], gradient.weights[s].data()[i]); }
        }
        for (const auto g : gradient.biases[0]) { BOOST_TEST(g == 0.0); }
    }
}

BOOST_AUTO_TEST_CASE(the_running_mean_begins_with_the_first_batch) {
    auto dbm = Machine({2, 1});
    auto rules = nbm::GradientRules<double>({.sparsity = {.target = 0.25, .strength = 2.0, .memory = 0.75}});
    rules.begin(dbm, nbm::zero_matrix<double>(1, 2), false);
    auto q = 0.0;
    for (const auto activity : {0.5, 0.9, 0.1}) {
        auto activities = nbm::zero_parameters(dbm).biases;
        activities[0][1] = 0.3;
        activities[1][0] = activity;
        q = q == 0.0 ? activity : 0.75 * q + 0.25 * activity;
        auto gradient = nbm::zero_parameters(dbm);
        gradient.biases[1][0] = 1.0;
        rules.apply(dbm, activities, gradient);
        BOOST_TEST(rules.running_activities()[1][0] == q, boost::test_tools::tolerance(1e-14));
        BOOST_TEST(gradient.biases[1][0] == 1.0 + 2.0 * (0.25 - q), boost::test_tools::tolerance(1e-14));
        BOOST_TEST(gradient.weights[0](1, 0) == 2.0 * (0.25 - q) * 0.3, boost::test_tools::tolerance(1e-14));
        BOOST_TEST(gradient.weights[0](0, 0) == 0.0);
    }
    BOOST_CHECK_THROW(nbm::CD<double>({.gradient = {.sparsity = {.target = 0.0}}}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::CD<double>({.gradient = {.sparsity = {.strength = -1.0}}}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::CD<double>({.gradient = {.sparsity = {.memory = 1.0}}}), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(sparse_training_brings_hidden_units_to_their_target) {
    const auto data = nbm::bars_and_stripes<double>(3);
    for (const auto strength : {0.0, 0.5}) {
        auto dbm = Machine({9, 12});
        nbm::initialise(dbm, data.train, {.seed = 2});
        nbm::fit(dbm, data.train, nbm::PCD<double>({.gradient = {.sparsity = {.target = 0.1, .strength = strength}}}),
                 nbm::SGD<double>({.learning_rate = 0.1}), {.epochs = 400, .batch_size = 14});
        auto positive = nbm::PositivePhase<double>();
        positive.reserve(dbm, data.train.shape(0));
        positive.run(dbm, data.train);
        const auto& means = positive.means()[1];
        const auto mean = std::accumulate(means.begin(), means.end(), 0.0) / double(means.size());
        BOOST_TEST((strength == 0.0 ? mean > 0.25 : std::abs(mean - 0.1) < 0.06), "mean activity " << mean);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(limited_norms_follow_their_definition, T, decltype(std::tuple<float, double>{})) {
    // 130 units: more than one block; the top layer has weights from two layers.
    auto dbm = nbm::DBM<T>(nbm::Topology({20, 130, 3, 70}, {nbm::Edge{0, 1}, nbm::Edge{0, 3}, nbm::Edge{1, 2}, nbm::Edge{2, 3}}));
    oracle::randomise(dbm, 4, 0.3);
    const auto before = dbm;
    const auto norm = [](const nbm::DBM<T>& machine, std::size_t layer, std::size_t unit) {
        auto sum = 0.0;
        for (const auto& synapse : machine.synapses()) {
            for (std::size_t i = 0; synapse.edge.upper == layer && i != synapse.weights.shape(0); ++i) {
                sum += double(synapse.weights(i, unit)) * double(synapse.weights(i, unit));
            }
        }
        return std::sqrt(sum);
    };
    constexpr auto limit = 1.35;
    nbm::limit_norms(dbm, limit);
    auto shortened = std::size_t{0};
    auto kept = std::size_t{0};
    for (std::size_t l = 1; l != 4; ++l) {
        for (std::size_t j = 0; j != dbm.size(l); ++j) {
            const auto length = norm(before, l, j);
            (length > limit ? shortened : kept) += 1;
            BOOST_TEST(norm(dbm, l, j) == std::min(length, limit), boost::test_tools::tolerance(1e-6));
            const auto factor = length > limit ? limit / length : 1.0;
            for (std::size_t s = 0; s != dbm.synapses().size(); ++s) {
                if (dbm.synapses()[s].edge.upper != l) { continue; }
                for (std::size_t i = 0; i != dbm.synapses()[s].weights.shape(0); ++i) {
                    const auto w = double(before.synapses()[s].weights(i, j));
                    const auto now = double(dbm.synapses()[s].weights(i, j));
                    BOOST_TEST((length > limit ? std::abs(now - factor * w) < 1e-6 * std::abs(w) : now == w));
                }
            }
        }
        BOOST_TEST((dbm.bias(l) == before.bias(l)));
    }
    BOOST_TEST(shortened > 20U);
    BOOST_TEST(kept > 20U);
}

BOOST_AUTO_TEST_CASE(training_keeps_to_the_limit) {
    const auto data = nbm::bars_and_stripes<double>(3);
    struct Watch {
        double largest = 0.0;
        void on_batch_end(const nbm::ModelContext<nbm::BatchInfo, double>& context) {
            const auto& w = context.model.weights(0, 1);
            for (std::size_t j = 0; j != w.shape(1); ++j) {
                auto sum = 0.0;
                for (std::size_t i = 0; i != w.shape(0); ++i) { sum += w(i, j) * w(i, j); }
                largest = std::max(largest, std::sqrt(sum));
            }
        }
    };
    for (const auto limit : {0.0, 0.8}) {
        auto dbm = Machine({9, 5});
        nbm::initialise(dbm, data.train, {.seed = 2});
        auto watch = Watch();
        nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.3}),
                 {.epochs = 40, .batch_size = 5, .max_norm = limit}, nbm::CallbackList(watch));
        BOOST_TEST((limit == 0.0 ? watch.largest > 1.2 : std::abs(watch.largest - 0.8) < 1e-12), "largest norm " << watch.largest);
    }
    auto dbm = Machine({9, 5});
    for (const auto bad : {-1.0, std::nan("")}) {
        BOOST_CHECK_THROW(nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(), {.max_norm = bad}), nbm::InputError);
    }
}
