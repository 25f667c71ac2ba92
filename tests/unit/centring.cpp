#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <tuple>
#include <vector>

import nbm;

#include "moments.hpp"

namespace {

using Machine = nbm::DBM<double>;
using Units = std::vector<std::vector<double>>;  // [layer][unit]

/// RBM, DBM, and a machine in which the top layer sees layers 0 and 2.
auto topologies() -> std::vector<nbm::Topology> {
    return {nbm::Topology({4, 3}), nbm::Topology({4, 3, 2}),
            nbm::Topology({3, 2, 2, 2}, {nbm::Edge{0, 1}, nbm::Edge{0, 3}, nbm::Edge{1, 2}, nbm::Edge{2, 3}})};
}

auto data_for(const Machine& dbm) -> nbm::Matrix<double> {
    auto rows = nbm::zero_matrix<double>(5, dbm.visible_size());
    const auto bits = std::vector<unsigned>{0b1101, 0b0001, 0b1011, 0b0011, 0b0001};
    for (std::size_t r = 0; r != 5; ++r) {
        for (std::size_t k = 0; k != dbm.visible_size(); ++k) { rows(r, k) = bits[r] >> k & 1U; }
    }
    return rows;
}

auto random_units(const Machine& dbm, std::uint64_t seed, double low, double high) -> std::vector<nbm::Vector<double>> {
    auto engine = std::mt19937_64(seed);
    auto uniform = std::uniform_real_distribution<double>(low, high);
    auto result = nbm::zero_parameters(dbm).biases;
    for (auto& layer : result) {
        for (auto& x : layer) { x = uniform(engine); }
    }
    return result;
}

/// The machine over y, where x = y for units with flip 0 and 1 - y for those with flip 1: exactly the same distribution.
auto flipped(const Machine& dbm, const Units& flip) -> Machine {
    auto result = dbm;
    const auto sign = [&](std::size_t l, std::size_t k) { return 1.0 - 2.0 * flip[l][k]; };
    for (std::size_t s = 0; s != dbm.synapses().size(); ++s) {
        const auto [lower, upper] = dbm.synapses()[s].edge;
        const auto& w = dbm.synapses()[s].weights;
        for (std::size_t i = 0; i != dbm.size(lower); ++i) {
            for (std::size_t j = 0; j != dbm.size(upper); ++j) {
                result.bias(lower)[i] += w(i, j) * flip[upper][j];
                result.bias(upper)[j] += w(i, j) * flip[lower][i];
                result.synapses()[s].weights(i, j) *= sign(lower, i) * sign(upper, j);
            }
        }
    }
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        for (std::size_t k = 0; k != dbm.size(l); ++k) { result.bias(l)[k] *= sign(l, k); }
    }
    return result;
}

auto flipped(nbm::Matrix<double> data, const Units& flip) -> nbm::Matrix<double> {
    for (std::size_t r = 0; r != data.shape(0); ++r) {
        for (std::size_t k = 0; k != data.shape(1); ++k) {
            if (flip[0][k] == 1.0) { data(r, k) = 1.0 - data(r, k); }
        }
    }
    return data;
}

auto distance(const Machine& a, const Machine& b) -> double {
    auto result = 0.0;
    for (std::size_t l = 0; l != a.layer_count(); ++l) {
        for (std::size_t k = 0; k != a.size(l); ++k) { result = std::max(result, std::abs(a.bias(l)[k] - b.bias(l)[k])); }
    }
    for (std::size_t s = 0; s != a.synapses().size(); ++s) {
        for (std::size_t i = 0; i != a.synapses()[s].weights.size(); ++i) {
            const auto difference = a.synapses()[s].weights.data()[i] - b.synapses()[s].weights.data()[i];
            result = std::max(result, std::abs(difference));
        }
    }
    return result;
}

/// Some updates along the exact gradient.
auto train(Machine dbm, const nbm::Matrix<double>& data, nbm::GradientOptions options) -> Machine {
    auto rules = nbm::GradientRules<double>(options);
    rules.begin(dbm, data, false);
    auto sgd = nbm::SGD<double>({.learning_rate = 0.3, .momentum = 0.5});
    for (int step = 0; step != 25; ++step) {
        auto gradient = oracle::exact_gradient(dbm, data);
        rules.apply(dbm, oracle::data_moments(dbm, data).sums.biases, gradient);
        sgd.update(dbm, gradient);
    }
    return dbm;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_oracle_flips_a_machine_exactly) {
    auto dbm = Machine(topologies()[2]);
    oracle::randomise(dbm, 5, 1.0);
    const auto flip = Units{{1, 0, 1}, {0, 1}, {1, 1}, {0, 1}};
    const auto data = data_for(dbm);
    BOOST_TEST(std::abs(oracle::log_likelihood(dbm, data) - oracle::log_likelihood(flipped(dbm, flip), flipped(data, flip))) <
               1e-12);
}

BOOST_AUTO_TEST_CASE(centred_training_does_not_care_which_of_two_states_is_called_1) {
    for (const auto& topology : topologies()) {
        auto dbm = Machine(topology);
        oracle::randomise(dbm, 7, 0.4);
        const auto data = data_for(dbm);
        auto visible = Units();
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) { visible.emplace_back(dbm.size(l), l == 0 ? 1.0 : 0.0); }
        auto some = visible;  // any units of any layers
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) { some[l][0] = 1.0 - some[l][0]; }
        const auto likelihood_before = oracle::log_likelihood(dbm, data);
        for (const auto& flip : {visible, some}) {
            const auto compare = [&](const nbm::GradientOptions& options, auto check) {
                const auto plain = train(dbm, data, options);
                const auto other = train(flipped(dbm, flip), flipped(data, flip), options);
                BOOST_TEST(oracle::log_likelihood(plain, data) > likelihood_before + 0.05);
                check(std::abs(oracle::log_likelihood(plain, data) - oracle::log_likelihood(other, flipped(data, flip))),
                      distance(flipped(plain, flip), other));
            };
            const auto same = [](double likelihoods, double parameters) {
                BOOST_TEST(likelihoods < 1e-9);
                BOOST_TEST(parameters < 1e-9);
            };
            for (const auto rate : {0.0, 0.1, 1.0}) { compare({.centring = {.on = true, .rate = rate}}, same); }
            compare({}, [](double likelihoods, double parameters) {
                BOOST_TEST(likelihoods > 1e-4);
                BOOST_TEST(parameters > 0.1);
            });
        }
        // Sparsity is about hidden units, so only data may be flipped.
        const auto both = nbm::GradientOptions{.centring = {.on = true}, .sparsity = {.target = 0.2, .strength = 0.1}};
        BOOST_TEST(distance(flipped(train(dbm, data, both), visible), train(flipped(dbm, visible), flipped(data, visible), both)) <
                   1e-9);
    }
}

BOOST_AUTO_TEST_CASE(the_centred_gradient_equals_finite_differences_of_the_centred_machine) {
    for (const auto& topology : topologies()) {
        auto dbm = Machine(topology);
        oracle::randomise(dbm, 11, 0.7);
        const auto data = data_for(dbm);
        const auto offsets = random_units(dbm, 3, 0.1, 0.9);
        // At rate 1 the offsets are the activities of the batch, whatever these are.
        auto rules = nbm::GradientRules<double>({.centring = {.on = true, .rate = 1.0}});
        rules.begin(dbm, data, false);
        auto gradient = oracle::exact_gradient(dbm, data);
        rules.apply(dbm, offsets, gradient);
        // The centred machine: energy - sum_l a_l.(x^l - c_l) - sum_(i<j) (x^i - c_i) W_ij (x^j - c_j), as an ordinary one.
        const auto ordinary = [&](const nbm::Parameters<double>& centred) {
            auto machine = dbm;
            for (std::size_t l = 0; l != dbm.layer_count(); ++l) { machine.bias(l) = centred.biases[l]; }
            for (std::size_t s = 0; s != dbm.synapses().size(); ++s) {
                const auto [lower, upper] = dbm.synapses()[s].edge;
                const auto& w = centred.weights[s];
                machine.synapses()[s].weights = w;
                for (std::size_t i = 0; i != dbm.size(lower); ++i) {
                    for (std::size_t j = 0; j != dbm.size(upper); ++j) {
                        machine.bias(lower)[i] -= w(i, j) * offsets[upper][j];
                        machine.bias(upper)[j] -= w(i, j) * offsets[lower][i];
                    }
                }
            }
            return machine;
        };
        auto centred = nbm::zero_parameters(dbm);
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) { centred.biases[l] = dbm.bias(l); }
        for (std::size_t s = 0; s != dbm.synapses().size(); ++s) { centred.weights[s] = dbm.synapses()[s].weights; }
        {
            // a_l = b_l + sum_j W_lj c_j, so that the machine is the one of the gradient.
            auto zero = ordinary(centred);
            for (std::size_t l = 0; l != dbm.layer_count(); ++l) { centred.biases[l] += dbm.bias(l) - zero.bias(l); }
            BOOST_TEST(distance(ordinary(centred), dbm) < 1e-14);
        }
        constexpr auto h = 1e-5;
        const auto slope = [&](double& parameter) {
            const auto before = parameter;
            parameter = before + h;
            const auto up = oracle::log_likelihood(ordinary(centred), data);
            parameter = before - h;
            const auto down = oracle::log_likelihood(ordinary(centred), data);
            parameter = before;
            return (up - down) / (2.0 * h);
        };
        // What a step along the slopes does to the ordinary parameters, to first order (and exactly, as they are linear).
        auto step = centred;
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
            for (std::size_t k = 0; k != dbm.size(l); ++k) { step.biases[l][k] = slope(centred.biases[l][k]); }
        }
        for (std::size_t s = 0; s != dbm.synapses().size(); ++s) {
            for (std::size_t i = 0; i != step.weights[s].size(); ++i) {
                step.weights[s].data()[i] = slope(centred.weights[s].data()[i]);
            }
        }
        auto found = dbm;
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) { found.bias(l) = gradient.biases[l]; }
        for (std::size_t s = 0; s != dbm.synapses().size(); ++s) { found.synapses()[s].weights = gradient.weights[s]; }
        BOOST_TEST(distance(found, ordinary(step)) < 1e-8);
    }
}

BOOST_AUTO_TEST_CASE(offsets_begin_with_the_data_and_the_first_batch_and_move_before_the_gradient) {
    auto dbm = Machine({4, 2});
    oracle::randomise(dbm, 13, 0.5);
    const auto data = data_for(dbm);
    auto rules = nbm::GradientRules<double>({.centring = {.on = true, .rate = 0.25}});
    rules.begin(dbm, data, false);
    BOOST_TEST(rules.offsets()[0][0] == 1.0, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(rules.offsets()[0][3] == 0.4, boost::test_tools::tolerance(1e-15));
    auto visible = 0.4;
    auto hidden = 0.0;
    auto gradient = nbm::zero_parameters(dbm);
    for (std::uint64_t step = 0; step != 4; ++step) {
        const auto activities = random_units(dbm, 20 + step, 0.0, 1.0);
        visible += 0.25 * (activities[0][3] - visible);
        hidden = step == 0 ? activities[1][1] : hidden + 0.25 * (activities[1][1] - hidden);
        gradient = nbm::zero_parameters(dbm);
        gradient.biases[1][1] = 2.0;
        gradient.biases[0][3] = 3.0;
        rules.apply(dbm, activities, gradient);
        BOOST_TEST(rules.offsets()[0][3] == visible, boost::test_tools::tolerance(1e-13));
        BOOST_TEST(rules.offsets()[1][1] == hidden, boost::test_tools::tolerance(1e-13));
        BOOST_TEST(gradient.weights[0](3, 1) == -2.0 * visible - 3.0 * hidden, boost::test_tools::tolerance(1e-13));
        rules.apply(dbm, {}, gradient);  // a batch that weighs nothing
        BOOST_TEST(rules.offsets()[0][3] == visible, boost::test_tools::tolerance(1e-13));
    }
    rules.begin(dbm, data, true);
    BOOST_TEST(rules.offsets()[1][1] == hidden, boost::test_tools::tolerance(1e-13));
    rules.begin(dbm, data, false);
    BOOST_TEST(rules.offsets()[0][3] == 0.4, boost::test_tools::tolerance(1e-15));
    auto other = Machine({4, 3});
    BOOST_CHECK_THROW(rules.apply(other, random_units(other, 1, 0.0, 1.0), gradient), nbm::ShapeError);
    BOOST_CHECK_THROW(nbm::CD<double>({.gradient = {.centring = {.rate = 1.5}}}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::PCD<double>({.gradient = {.centring = {.rate = std::nan("")}}}), nbm::InputError);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(trainers_apply_the_rules_to_their_gradients, Trainer,
                              decltype(std::tuple<nbm::CD<double>, nbm::PCD<double>>{})) {
    for (const auto& topology : topologies()) {
        auto dbm = Machine(topology);
        oracle::randomise(dbm, 17, 0.5);
        const auto data = data_for(dbm);
        const auto options =
            nbm::GradientOptions{.centring = {.on = true, .rate = 0.3}, .sparsity = {.target = 0.3, .strength = 0.2}};
        auto plain = Trainer({.steps = 2});
        auto trainer = Trainer({.steps = 2, .gradient = options});
        plain.begin(dbm, data, 5, 1, false);
        trainer.begin(dbm, data, 5, 1, false);
        auto rules = nbm::GradientRules<double>(options);
        rules.begin(dbm, data, false);
        auto positive = nbm::PositivePhase<double>();
        positive.reserve(dbm, 5);
        auto found = nbm::zero_parameters(dbm);
        auto expected = found;
        for (const std::size_t rows : {3, 5}) {
            const auto batch = nbm::slice(data, {0, rows});
            const auto cost = plain.gradient(dbm, batch, expected);
            BOOST_TEST(trainer.gradient(dbm, batch, found) == cost);
            positive.run(dbm, batch);
            auto activities = nbm::zero_parameters(dbm).biases;
            for (std::size_t l = 0; l != activities.size(); ++l) {
                for (std::size_t r = 0; r != rows; ++r) {
                    for (std::size_t k = 0; k != dbm.size(l); ++k) { activities[l][k] += positive.means()[l](r, k) / double(rows); }
                }
            }
            rules.apply(dbm, activities, expected);
            for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
                for (std::size_t k = 0; k != dbm.size(l); ++k) {
                    BOOST_TEST(std::abs(found.biases[l][k] - expected.biases[l][k]) < 1e-13);
                }
            }
            for (std::size_t s = 0; s != found.weights.size(); ++s) {
                for (std::size_t i = 0; i != found.weights[s].size(); ++i) {
                    BOOST_TEST(std::abs(found.weights[s].data()[i] - expected.weights[s].data()[i]) < 1e-13);
                }
            }
        }
    }
}
