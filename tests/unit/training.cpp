#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "oracle.hpp"

import nbm;

namespace {

auto small_data() -> nbm::Matrix<double> {
    return nbm::Matrix<double>({{1, 0, 1, 0}, {1, 1, 0, 0}, {0, 0, 1, 0.3}, {1, 1, 1, 0}, {0.2, 0, 1, 1}});
}

/// The mean log-likelihood, exactly.
auto log_likelihood(const nbm::DBM<double>& dbm, const nbm::Matrix<double>& v) -> double {
    auto log_z = nbm::Estimate{};
    log_z.value = nbm::exact_log_z(dbm);
    return nbm::mean_log_probability(dbm, v, log_z).value;
}

/// Its gradient: nbm's positive phase minus the oracle's expectations.
auto exact_gradient(const nbm::DBM<double>& dbm, const nbm::Matrix<double>& v) -> nbm::Gradient<double> {
    auto positive = nbm::PositivePhase<double>();
    positive.reserve(dbm, v.shape(0));
    positive.run(dbm, v);
    auto g = nbm::zero_parameters(dbm);
    const auto rows = double(v.shape(0));
    const auto add = [&](const auto& x, double scale) {
        for (std::size_t l = 0; l != 2; ++l) {
            for (std::size_t k = 0; k != dbm.size(l); ++k) { g.biases[l][k] += scale * x(l, k); }
        }
        for (std::size_t i = 0; i != dbm.size(0); ++i) {
            for (std::size_t j = 0; j != dbm.size(1); ++j) { g.weights[0](i, j) += scale * x(0, i) * x(1, j); }
        }
    };
    for (std::size_t r = 0; r != v.shape(0); ++r) {
        add([&](std::size_t l, std::size_t k) { return positive.means()[l](r, k); }, 1.0 / rows);
    }
    const auto truth = oracle::Machine(dbm);
    const auto z = std::exp(truth.log_z());
    truth.for_each(1.0,
                   [&](const oracle::State& x, double p) { add([&](std::size_t l, std::size_t k) { return x[l][k]; }, -p / z); });
    return g;
}

auto small_rbm(double sd = 1.0) -> nbm::DBM<double> {
    auto dbm = nbm::DBM<double>({4, 3});
    oracle::randomise(dbm, 51, sd);
    return dbm;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_exact_gradient_equals_finite_differences) {
    auto dbm = small_rbm();
    const auto v = small_data();
    const auto g = exact_gradient(dbm, v);
    constexpr auto h = 1e-5;
    const auto check = [&](double& parameter, double derivative) {
        const auto before = parameter;
        parameter = before + h;
        const auto up = log_likelihood(dbm, v);
        parameter = before - h;
        const auto down = log_likelihood(dbm, v);
        parameter = before;
        BOOST_TEST(std::abs((up - down) / (2.0 * h) - derivative) < 1e-8);
    };
    for (const std::size_t l : {0, 1}) {
        for (std::size_t k = 0; k != dbm.size(l); ++k) { check(dbm.bias(l)[k], g.biases[l][k]); }
    }
    for (std::size_t i = 0; i != 12; ++i) { check(dbm.weights(0, 1).data()[i], g.weights[0].data()[i]); }
}

BOOST_AUTO_TEST_CASE(pcd_with_many_chains_gives_the_exact_gradient) {
    // 200,000 chains after 60 sweeps: a statistic in [0, 1] has a standard error of at most 0.5 / sqrt(200,000) = 0.0011; five of
    // them.
    const auto dbm = small_rbm();
    const auto v = small_data();
    const auto exact = exact_gradient(dbm, v);
    auto pcd = nbm::PCD<double>({.steps = 60, .chains = 200000});
    pcd.begin(dbm, v, 5, 7, false);
    auto g = nbm::zero_parameters(dbm);
    const auto cost = pcd.gradient(dbm, v, g);
    for (std::size_t i = 0; i != 12; ++i) { BOOST_TEST(std::abs(g.weights[0].data()[i] - exact.weights[0].data()[i]) < 0.0056); }
    for (const std::size_t l : {0, 1}) {
        for (std::size_t k = 0; k != dbm.size(l); ++k) { BOOST_TEST(std::abs(g.biases[l][k] - exact.biases[l][k]) < 0.0056); }
    }
    // The cost is mean F(data) - mean F(model).
    const auto truth = oracle::Machine(dbm);
    const auto z = std::exp(truth.log_z());
    auto model = 0.0;
    for (std::size_t n = 0; n != 16; ++n) {
        auto p = 0.0;
        for (std::size_t hidden = 0; hidden != 8; ++hidden) { p += std::exp(-truth.energy(truth.state(n | hidden << 4U))); }
        model += p / z * -std::log(p);
    }
    auto data = 0.0;
    for (const auto f : dbm.free_energy(v)) { data += f / 5.0; }
    BOOST_TEST(std::abs(cost - (data - model)) < 0.02);
}

BOOST_AUTO_TEST_CASE(cd_averages_to_its_definition) {
    // CD-1 on one row repeated: the negative statistics are averages over v' given h given v, here by enumeration.
    const auto dbm = small_rbm();
    const auto truth = oracle::Machine(dbm);
    constexpr std::size_t rows = 100000;
    auto v = nbm::zero_matrix<double>(rows, 4);
    for (std::size_t r = 0; r != rows; ++r) { v(r, 0) = v(r, 2) = 1.0; }
    auto cd = nbm::CD<double>({.steps = 1});
    cd.begin(dbm, v, rows, 8, false);
    auto g = nbm::zero_parameters(dbm);
    cd.gradient(dbm, v, g);
    const auto& w = truth.edges[0].weights;
    const auto hidden_p = [&](std::size_t visible, std::size_t j) {
        auto z = truth.biases[1][j];
        for (std::size_t i = 0; i != 4; ++i) { z += double(visible >> i & 1U) * w[i][j]; }
        return nbm::sigmoid(z);
    };
    auto expected = nbm::zero_matrix<double>(4, 3);
    for (std::size_t h = 0; h != 8; ++h) {
        auto ph = 1.0;
        for (std::size_t j = 0; j != 3; ++j) { ph *= (h >> j & 1U) != 0 ? hidden_p(5, j) : 1.0 - hidden_p(5, j); }
        for (std::size_t n = 0; n != 16; ++n) {
            auto pv = 1.0;
            for (std::size_t i = 0; i != 4; ++i) {
                auto z = truth.biases[0][i];
                for (std::size_t j = 0; j != 3; ++j) { z += double(h >> j & 1U) * w[i][j]; }
                pv *= (n >> i & 1U) != 0 ? nbm::sigmoid(z) : nbm::sigmoid(-z);
            }
            for (std::size_t i = 0; i != 4; ++i) {
                for (std::size_t j = 0; j != 3; ++j) { expected(i, j) -= ph * pv * double(n >> i & 1U) * hidden_p(n, j); }
            }
        }
    }
    for (std::size_t i = 0; i != 4; ++i) {
        for (std::size_t j = 0; j != 3; ++j) {
            const auto data = double(5U >> i & 1U) * hidden_p(5, j);
            BOOST_TEST(std::abs(g.weights[0](i, j) - (data + expected(i, j))) < 5.0 * 0.5 / std::sqrt(double(rows)));
        }
    }
}

BOOST_AUTO_TEST_CASE(sgd_follows_its_equations) {
    auto dbm = nbm::DBM<double>({1, 1});
    auto gradient = nbm::zero_parameters(dbm);
    gradient.weights[0](0, 0) = 2.0;
    gradient.biases[1][0] = -1.0;
    for (const auto nesterov : {false, true}) {
        auto machine = dbm;
        auto sgd = nbm::SGD<double>({.learning_rate = 0.1, .momentum = 0.5, .nesterov = nesterov, .decay = 1.0});
        auto w = 0.0;
        auto b = 0.0;
        auto vw = 0.0;
        auto vb = 0.0;
        for (int t = 0; t != 4; ++t) {
            const auto rate = 0.1 / (1.0 + t);
            BOOST_TEST(sgd.effective_learning_rate() == rate, boost::test_tools::tolerance(1e-15));
            sgd.update(machine, gradient);
            vw = 0.5 * vw + rate * 2.0;
            vb = 0.5 * vb - rate;
            w += nesterov ? 0.5 * vw + rate * 2.0 : vw;
            b += nesterov ? 0.5 * vb - rate : vb;
            BOOST_TEST(machine.weights(0, 1)(0, 0) == w, boost::test_tools::tolerance(1e-14));
            BOOST_TEST(machine.bias(1)[0] == b, boost::test_tools::tolerance(1e-14));
            BOOST_TEST(machine.bias(0)[0] == 0.0);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_momentum_ramp_rises_and_falls_with_and_without_decay_of_the_rate) {
    auto dbm = nbm::DBM<double>({1, 1});
    const auto gradient = nbm::zero_parameters(dbm);
    auto sgd = nbm::SGD<double>({.momentum = 0.9, .momentum_ramp = nbm::MomentumRamp{.decay = 10.0, .final_step = 6}});
    for (int t = 0; t != 8; ++t) {
        const auto expected =
            t < 6 ? 0.9 * (1.0 - 0.5 * std::pow(0.96, 10.0 * t)) * (1.0 - 0.5 * std::pow(0.96, 10.0 * (6 - t))) : 0.45;
        BOOST_TEST(sgd.effective_momentum() == expected, boost::test_tools::tolerance(1e-14));
        sgd.update(dbm, gradient);
    }
    BOOST_TEST(nbm::SGD<double>({.momentum = 0.9, .momentum_ramp = nbm::MomentumRamp{}}).effective_momentum() == 0.45);
    BOOST_CHECK_THROW(nbm::SGD<double>({.momentum = 1.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::SGD<double>({.learning_rate = -1.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::SGD<double>({.learning_rate = std::nan("")}), nbm::InputError);
    auto other = nbm::DBM<double>({2, 1});
    BOOST_CHECK_THROW(sgd.update(other, gradient), nbm::ShapeError);
}

BOOST_AUTO_TEST_CASE(penalties_subtract_their_derivatives) {
    auto dbm = small_rbm();
    const auto zero = nbm::zero_parameters(dbm);
    auto g = zero;
    nbm::add_penalty(dbm, {.l1 = 0.3, .l2 = 0.7, .bias_l1 = 0.1, .bias_l2 = 0.2}, g);
    const auto w = dbm.weights(0, 1)(2, 1);
    const auto b = dbm.bias(1)[2];
    BOOST_TEST(g.weights[0](2, 1) == -(0.3 * (w > 0 ? 1 : -1) + 1.4 * w), boost::test_tools::tolerance(1e-14));
    BOOST_TEST(g.biases[1][2] == -(0.1 * (b > 0 ? 1 : -1) + 0.4 * b), boost::test_tools::tolerance(1e-14));
    auto untouched = zero;
    nbm::add_penalty(dbm, {.l2 = 1.0}, untouched);
    BOOST_TEST((untouched.biases[0] == zero.biases[0]));
}

BOOST_AUTO_TEST_CASE(initial_weights_are_orthogonal_or_normal_and_biases_match_the_data) {
    const auto v = small_data();
    for (const std::size_t hidden : {3, 9}) {
        auto dbm = nbm::DBM<double>({4, hidden});
        nbm::initialise(dbm, v, {.seed = 3, .scale = 2.0});
        const auto& w = dbm.weights(0, 1);
        const auto few = std::min<std::size_t>(4, hidden);
        for (std::size_t a = 0; a != few; ++a) {
            for (std::size_t b = 0; b != few; ++b) {
                auto dot = 0.0;
                for (std::size_t k = 0; k != std::max<std::size_t>(4, hidden); ++k) {
                    dot += hidden == 3 ? w(k, a) * w(k, b) : w(a, k) * w(b, k);
                }
                BOOST_TEST(std::abs(dot - (a == b ? 4.0 : 0.0)) < 1e-12);
            }
        }
        BOOST_TEST(dbm.bias(0)[0] == nbm::logit(3.2 / 5.0), boost::test_tools::tolerance(1e-12));
        BOOST_TEST(dbm.bias(1)[0] == 0.0);
    }
    auto dbm = nbm::DBM<double>({4, 5000});
    nbm::initialise(dbm, v, {.seed = 3, .weights = nbm::Weights::normal});
    auto square = 0.0;
    for (const auto w : dbm.weights(0, 1)) { square += w * w / 20000.0; }
    BOOST_TEST(std::sqrt(square) == 0.01, boost::test_tools::tolerance(0.03));
    BOOST_CHECK_THROW(nbm::initialise(dbm, nbm::zero_matrix<double>(3, 5)), nbm::ShapeError);
    BOOST_CHECK_THROW(nbm::initialise(dbm, nbm::zero_matrix<double>(0, 4)), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(training_learns_bars_and_stripes) {
    // 3 x 3: 14 patterns, entropy log 14 = 2.639; an untrained machine has about 6.2 nats.
    const auto data = nbm::bars_and_stripes<double>(3);
    for (const auto persistent : {false, true}) {
        auto dbm = nbm::DBM<double>({9, 14});
        nbm::initialise(dbm, data.train, {.seed = 2, .weights = nbm::Weights::normal, .scale = 0.1});
        auto sgd = nbm::SGD<double>({.learning_rate = 0.1, .momentum = 0.5, .decay = 2e-4});
        const auto options = nbm::FitOptions<double>{.epochs = 10000, .batch_size = 14, .seed = 4};
        const auto before = log_likelihood(dbm, data.train);
        if (persistent) {
            nbm::fit(dbm, data.train, nbm::PCD<double>({.steps = 5, .chains = 50}), sgd, options);
        } else {
            nbm::fit(dbm, data.train, nbm::CD<double>({.steps = 10}), sgd, options);
        }
        BOOST_TEST(before < -5.0);
        BOOST_TEST(log_likelihood(dbm, data.train) > -3.3);
        BOOST_TEST(log_likelihood(dbm, data.train) < -std::log(14.0));
    }
}

BOOST_AUTO_TEST_CASE(training_raises_the_likelihood_of_a_deep_machine) {
    const auto data = nbm::bars_and_stripes<double>(2);
    auto dbm = nbm::DBM<double>({4, 5, 3});
    nbm::initialise(dbm, data.train, {.seed = 2, .weights = nbm::Weights::normal, .scale = 0.3});
    const auto likelihood = [&] {
        const auto truth = oracle::Machine(dbm);
        auto sum = 0.0;
        for (std::size_t r = 0; r != data.train.shape(0); ++r) {
            auto p = 0.0;
            truth.for_each(1.0, [&](const oracle::State& x, double weight) {
                p += std::equal(x[0].begin(), x[0].end(), nbm::slice(data.train, {r, 1}).row(0).begin()) ? weight : 0.0;
            });
            sum += std::log(p) - truth.log_z();
        }
        return sum / double(data.train.shape(0));
    };
    const auto before = likelihood();
    nbm::fit(dbm, data.train, nbm::PCD<double>({.steps = 5, .chains = 100}), nbm::SGD<double>({.learning_rate = 0.2}),
             {.epochs = 6000, .batch_size = 6});
    BOOST_TEST(likelihood() > before + 0.3);
    BOOST_TEST(likelihood() > -2.1);  // entropy log 6 = 1.79
}

BOOST_AUTO_TEST_CASE(evaluation_leaves_the_chains_alone) {
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = nbm::DBM<double>({9, 5});
    oracle::randomise(dbm, 61, 0.5);
    auto pcd = nbm::PCD<double>({.steps = 2, .chains = 20});
    pcd.begin(dbm, data.train, 7, 1, false);
    const auto before = pcd.chains();
    const auto first = pcd.evaluate(dbm, data.train);
    BOOST_TEST((pcd.chains().states[0] == before.states[0]));
    BOOST_TEST(pcd.chains().sweeps == before.sweeps);
    BOOST_TEST(pcd.evaluate(dbm, data.train) == first);
    auto cd = nbm::CD<double>();
    cd.begin(dbm, data.train, 7, 1, false);
    BOOST_TEST(cd.evaluate(dbm, data.train) == cd.evaluate(dbm, data.train));
}
