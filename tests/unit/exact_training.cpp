// The trainer Exact. Derivatives are compared with central differences, h = 1e-5: relative error 1e-6.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "oracle.hpp"

import nbm;

#include "machines.hpp"

namespace {

/// Some rows, one of them grey.
template <class T = double>
auto some_rows(std::size_t units) -> nbm::Matrix<T> {
    auto v = nbm::zero_matrix<T>(5, units);
    for (std::size_t r = 0; r != 5; ++r) {
        for (std::size_t k = 0; k != units; ++k) { v(r, k) = T((r * 5 + k * 3 + r * k) % 4 < 2 ? 1 : 0); }
    }
    v(2, 0) = T(0.3);
    return v;
}

/// The number `index` of all parameters: biases first.
template <class Biases, class Weights>
auto element(Biases&& biases, Weights&& weights, std::size_t index) -> double* {
    for (auto& b : biases) {
        if (index < b.size()) { return b.data() + index; }
        index -= b.size();
    }
    for (auto& w : weights) {
        if (index < w.size()) { return w.data() + index; }
        index -= w.size();
    }
    return nullptr;
}

auto parameter(nbm::DBM<double>& dbm, std::size_t index) -> double* {
    for (auto& layer : dbm.layers()) {
        if (index < layer.bias.size()) { return layer.bias.data() + index; }
        index -= layer.bias.size();
    }
    for (auto& synapse : dbm.synapses()) {
        if (index < synapse.weights.size()) { return synapse.weights.data() + index; }
        index -= synapse.weights.size();
    }
    return nullptr;
}

/// (1 / rows) sum_r w_r log p(v_r)
auto objective(const nbm::DBM<double>& dbm, const nbm::Matrix<double>& v, const std::vector<double>& weights) -> double {
    const auto log_p = nbm::exact_log_probability(dbm, v);
    auto sum = 0.0;
    for (std::size_t r = 0; r != log_p.size(); ++r) { sum += (weights.empty() ? 1.0 : weights[r]) * log_p[r]; }
    return sum / double(log_p.size());
}

auto check_gradient(nbm::DBM<double> dbm, const std::vector<double>& weights, std::size_t every) -> void {
    const auto v = some_rows(dbm.visible_size());
    auto exact = nbm::Exact<double>();
    auto g = nbm::zero_parameters(dbm);
    exact.begin(dbm, v, 5, 1, false);
    const auto cost = exact.gradient(dbm, v, g, weights);
    BOOST_TEST(cost == -objective(dbm, v, weights), boost::test_tools::tolerance(1e-12));
    constexpr auto h = 1e-5;
    for (std::size_t index = 0; parameter(dbm, index) != nullptr; index += every) {
        auto& x = *parameter(dbm, index);
        const auto before = x;
        x = before + h;
        const auto up = objective(dbm, v, weights);
        x = before - h;
        const auto down = objective(dbm, v, weights);
        x = before;
        const auto derivative = (up - down) / (2.0 * h);
        const auto found = *element(g.biases, g.weights, index);
        BOOST_TEST(std::abs(found - derivative) < 1e-6 * std::abs(derivative) + 1e-9,
                   "parameter " << index << ": " << found << " " << derivative);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_gradient_equals_finite_differences) {
    // Hidden units enumerated given v: none, odd ones (3-3-3, 3-2-4, 3-2-4-1), even ones (3-4-2, 4-3-2-2).
    const auto topologies = std::vector<nbm::Topology>{{4, 3},
                                                       {3, 3, 3},
                                                       {3, 2, 4},
                                                       {3, 4, 2},
                                                       nbm::Topology({4, 3, 2, 2}, {{0, 1}, {0, 3}, {1, 2}, {2, 3}}),
                                                       nbm::Topology({3, 2, 4, 1}, {{0, 1}, {0, 3}, {1, 2}, {2, 3}})};
    for (const auto& topology : topologies) {
        for (const auto sd : {1.0, 2.0}) {
            BOOST_TEST_CONTEXT(topology.describe() << " sd " << sd) {
                check_gradient(machine(topology, 61, sd), {}, 1);
                check_gradient(machine(topology, 61, sd), {1.0, 0.0, 2.5, 0.5, 3.0}, 1);
            }
        }
    }
    // More than one block of states, of all three enumerations.
    check_gradient(machine({3, 12, 13}, 62, 0.7), {}, 11);
    check_gradient(machine({3, 13, 12}, 62, 0.7), {2.0, 0.0, 1.0, 1.0, 0.5}, 11);
}

BOOST_AUTO_TEST_CASE(the_gradient_vanishes_where_the_data_are_the_model) {
    // All visible states, each with the weight of its probability: data and model expectations are the same.
    for (const auto& topology : {nbm::Topology{4, 3}, nbm::Topology{3, 3, 3}, nbm::Topology{3, 4, 2}}) {
        const auto dbm = machine(topology, 63, 2.0);
        auto v = nbm::zero_matrix<double>(std::size_t{1} << dbm.visible_size(), dbm.visible_size());
        for (std::size_t i = 0; i != v.size(); ++i) { v.data()[i] = double(i / v.shape(1) >> i % v.shape(1) & 1U); }
        auto weights = std::vector<double>{};
        auto entropy = 0.0;
        for (const auto x : nbm::exact_log_probability(dbm, v)) {
            weights.push_back(std::exp(x) * double(v.shape(0)));
            entropy -= std::exp(x) * x;
        }
        auto g = nbm::zero_parameters(dbm);
        const auto cost = nbm::Exact<double>().gradient(dbm, v, g, weights);
        BOOST_TEST(cost == entropy, boost::test_tools::tolerance(1e-11));
        for (std::size_t index = 0; element(g.biases, g.weights, index) != nullptr; ++index) {
            BOOST_TEST(std::abs(*element(g.biases, g.weights, index)) < 1e-12);
        }
    }
}

BOOST_AUTO_TEST_CASE(contrastive_divergence_tends_to_it) {
    // 60 sweeps from 200,000 rows: five standard errors of at most 0.5 / sqrt(200,000) each.
    const auto rbm = machine({4, 3}, 64, 1.0);
    const auto few = some_rows(4);
    auto v = nbm::zero_matrix<double>(200000, 4);
    for (std::size_t i = 0; i != v.size(); ++i) { v.data()[i] = few.data()[i % few.size()]; }
    auto exact = nbm::zero_parameters(rbm);
    auto estimate = nbm::zero_parameters(rbm);
    nbm::Exact<double>().gradient(rbm, few, exact);
    auto cd = nbm::CD<double>({.steps = 60});
    cd.begin(rbm, v, v.shape(0), 9, false);
    cd.gradient(rbm, v, estimate);
    for (std::size_t index = 0; element(exact.biases, exact.weights, index) != nullptr; ++index) {
        BOOST_TEST(std::abs(*element(exact.biases, exact.weights, index) - *element(estimate.biases, estimate.weights, index)) <
                   0.0056);
    }
}

BOOST_AUTO_TEST_CASE(float_threads_and_names_do_not_matter) {
    for (const auto& topology : {nbm::Topology{9, 12}, nbm::Topology{4, 12, 13}, nbm::Topology{4, 13, 12}}) {
        const auto single = machine<float>(topology, 65, 1.0);
        auto same = nbm::DBM<double>(topology);
        for (std::size_t l = 0; l != same.layer_count(); ++l) {
            std::copy(single.bias(l).begin(), single.bias(l).end(), same.bias(l).begin());
        }
        for (std::size_t s = 0; s != same.synapses().size(); ++s) {
            const auto& w = single.synapses()[s].weights;
            std::copy(w.begin(), w.end(), same.synapses()[s].weights.begin());
        }
        const auto v = some_rows<float>(topology.size(0));
        auto wide = nbm::zero_matrix<double>(5, topology.size(0));
        std::copy(v.begin(), v.end(), wide.begin());
        auto g_single = nbm::zero_parameters(single);
        auto g = nbm::zero_parameters(same);
        const auto cost = nbm::Exact<float>().gradient(single, v, g_single);
        BOOST_TEST(nbm::Exact<double>().gradient(same, wide, g) == cost, boost::test_tools::tolerance(1e-12));
        for (std::size_t s = 0; s != g.weights.size(); ++s) {
            for (std::size_t i = 0; i != g.weights[s].size(); ++i) {
                BOOST_TEST(g_single.weights[s].data()[i] == float(g.weights[s].data()[i]));
            }
        }
        for (const std::size_t threads : {1, 2, 5}) {
            nbm::set_threads(threads);
            auto again = nbm::zero_parameters(same);
            BOOST_TEST(nbm::Exact<double>().gradient(same, wide, again) == cost);
            BOOST_TEST((again.weights == g.weights && again.biases == g.biases));
        }
        nbm::set_threads(0);
        // Units 0 and 7 of the first hidden layer change names.
        auto swapped = same;
        std::swap(swapped.bias(1)[0], swapped.bias(1)[7]);
        for (auto& synapse : swapped.synapses()) {
            if (synapse.edge.upper == 1) {
                for (std::size_t i = 0; i != synapse.weights.shape(0); ++i) {
                    std::swap(synapse.weights(i, 0), synapse.weights(i, 7));
                }
            } else {
                for (std::size_t j = 0; j != synapse.weights.shape(1); ++j) {
                    std::swap(synapse.weights(0, j), synapse.weights(7, j));
                }
            }
        }
        auto g_swapped = nbm::zero_parameters(same);
        BOOST_TEST(nbm::Exact<double>().gradient(swapped, wide, g_swapped) == cost, boost::test_tools::tolerance(1e-12));
        BOOST_TEST(std::abs(g_swapped.biases[1][0] - g.biases[1][7]) < 1e-12);
        for (std::size_t i = 0; i != topology.size(0); ++i) {
            BOOST_TEST(std::abs(g_swapped.weights[0](i, 0) - g.weights[0](i, 7)) < 1e-12);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_training_climbs_the_likelihood) {
    static_assert(nbm::Trainer<nbm::Exact<float>, float> && nbm::Trainer<nbm::Exact<double>, double>);
    const auto data = nbm::bars_and_stripes<double>(2).train;
    for (const auto& topology : {nbm::Topology{4, 5}, nbm::Topology{4, 3, 2}}) {
        auto dbm = machine(topology, 66, 0.1);
        const auto history = nbm::fit(dbm, data, nbm::Exact<double>(), nbm::SGD<double>({.learning_rate = 0.1}),
                                      {.epochs = 300, .batch_size = data.shape(0), .validation = &data});
        const auto cost = history.column("val_cost");
        for (std::size_t e = 1; e != cost.size(); ++e) { BOOST_TEST_REQUIRE(cost[e].value() < cost[e - 1].value()); }
        BOOST_TEST(cost.back().value() == -objective(dbm, data, {}), boost::test_tools::tolerance(1e-12));
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_enumerated_is_refused) {
    auto exact = nbm::Exact<double>();
    const auto v = nbm::zero_matrix<double>(1, 2);
    BOOST_TEST(has(message_of<nbm::InputError>([&] { exact.begin(nbm::DBM<double>({21, 22}), v, 1, 1, false); }),
                   "enumerates 21 units, at most 20"));
    BOOST_CHECK_THROW(exact.begin(nbm::DBM<double>({2, 21, 22}), v, 1, 1, false), nbm::InputError);
    const auto rbm = machine({4, 3}, 67, 1.0);
    auto g = nbm::zero_parameters(rbm);
    BOOST_CHECK_THROW(exact.gradient(rbm, v, g), nbm::ShapeError);
    const auto rows = some_rows(4);
    BOOST_CHECK_THROW(exact.gradient(rbm, rows, g, std::vector<double>{1.0}), nbm::ShapeError);
    auto state = nbm::State();
    exact.save_state(state);
    exact.load_state(state);
    BOOST_CHECK_THROW(nbm::CD<double>().load_state(state), nbm::InputError);
}
