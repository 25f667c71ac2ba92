// Layer-wise pretraining: the tied RBMs, their composition, and what it does for a deep machine.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "oracle.hpp"

import nbm;

#include "same.hpp"

namespace {

using Machine = nbm::DBM<double>;
using Rows = nbm::Matrix<double>;

auto small_data() -> Rows { return Rows({{1, 0, 1}, {1, 1, 0}, {0, 0, 0.3}, {1, 0.2, 1}}); }

auto random_machine(std::vector<std::size_t> sizes, std::uint64_t seed = 5, double sd = 0.7) -> Machine {
    auto dbm = Machine(nbm::Topology(std::move(sizes)));
    oracle::randomise(dbm, seed, sd);
    return dbm;
}

/// The RBMs before and after their training.
template <class T>
struct Keeper {
    static constexpr auto stage = nbm::Stage::record;
    std::vector<nbm::PretrainedRBM> parts = {};
    std::vector<nbm::DBM<T>> begun = {};
    std::vector<nbm::DBM<T>> trained = {};
    std::vector<nbm::Matrix<T>> data = {};
    void on_train_begin(const nbm::ModelContext<nbm::TrainInfo, T>& context) {
        begun.push_back(context.model);
        data.push_back(context.train);
    }
    void on_train_end(const nbm::ModelContext<nbm::TrainInfo, T>& context) { trained.push_back(context.model); }
};

/// Checks after each update that both copies of doubled layers have equal parameters, and counts the updates in which they would
/// have differed.
template <class T>
struct TieWatch {
    bool visible = false;
    bool hidden = false;
    bool tied = true;
    std::size_t updates = 0;
    std::size_t gradients_that_differ = 0;

    template <class Parameters>
    auto equal(const Parameters& biases0, const Parameters& biases1, const nbm::Matrix<T>& w) const -> bool {
        auto same = true;
        const auto rows = w.shape(0) / (visible ? 2 : 1);
        const auto columns = w.shape(1) / (hidden ? 2 : 1);
        for (std::size_t i = 0; i != w.shape(0); ++i) {
            same = same && biases0[i] == biases0[i % rows];
            for (std::size_t j = 0; j != w.shape(1); ++j) { same = same && w(i, j) == w(i % rows, j % columns); }
        }
        for (std::size_t j = 0; j != w.shape(1); ++j) { same = same && biases1[j] == biases1[j % columns]; }
        return same;
    }
    void on_gradient(const nbm::GradientInfo<T>& info) {
        const auto& g = info.gradient;
        gradients_that_differ += equal(g.biases[0], g.biases[1], g.weights[0]) ? 0 : 1;
    }
    void on_batch_end(const nbm::ModelContext<nbm::BatchInfo, T>& context) {
        const auto& m = context.model;
        tied = tied && equal(m.bias(0), m.bias(1), m.synapses()[0].weights);
        ++updates;
    }
};

/// Exact gradients of the machine that it is given, data and model, by enumeration.
struct Exact {
    void begin(const Machine&, const Rows&, std::size_t, std::uint64_t, bool) {}
    auto evaluate(const Machine&, const Rows&) -> double { return 0.0; }
    auto gradient(const Machine& rbm, nbm::MatrixView<const double> batch, nbm::Gradient<double>& g) -> double {
        g = nbm::zero_parameters(rbm);
        const auto truth = oracle::Machine(rbm);
        const auto z = std::exp(truth.log_z());
        const auto add = [&](const auto& v, const auto& h, double scale) {
            for (std::size_t i = 0; i != v.size(); ++i) {
                g.biases[0][i] += scale * v[i];
                for (std::size_t j = 0; j != h.size(); ++j) { g.weights[0](i, j) += scale * v[i] * h[j]; }
            }
            for (std::size_t j = 0; j != h.size(); ++j) { g.biases[1][j] += scale * h[j]; }
        };
        truth.for_each(1.0, [&](const oracle::State& x, double p) { add(x[0], x[1], -p / z); });
        for (std::size_t r = 0; r != batch.rows(); ++r) {
            auto h = truth.biases[1];
            for (std::size_t j = 0; j != h.size(); ++j) {
                for (std::size_t i = 0; i != batch.row(r).size(); ++i) { h[j] += batch.row(r)[i] * rbm.weights(0, 1)(i, j); }
                h[j] = nbm::sigmoid(h[j]);
            }
            add(batch.row(r), h, 1.0 / double(batch.rows()));
        }
        return 0.0;
    }
};

/// log sum over h of exp(-E(x, h)) - log Z, mean over rows x, of an RBM in which the visible layer (m = 2) or the hidden layer
/// (k = 2) is there twice. Written from the tied parameters alone.
auto tied_log_likelihood(const std::vector<double>& a, const std::vector<double>& c, const Rows& w, std::size_t m, std::size_t k,
                         const Rows& data) -> double {
    const auto n = a.size();
    const auto unnormalised = [&](const std::vector<double>& v) {  // the sum of the copies of the visible layer
        auto sum = 0.0;
        for (std::size_t i = 0; i != n; ++i) { sum += a[i] * v[i]; }
        for (std::size_t j = 0; j != c.size(); ++j) {
            auto z = c[j];
            for (std::size_t i = 0; i != n; ++i) { z += v[i] * w(i, j); }
            sum += double(k) * std::log(1.0 + std::exp(z));
        }
        return sum;
    };
    auto z = 0.0;
    for (std::size_t s = 0; s != std::size_t{1} << (m * n); ++s) {
        auto v = std::vector<double>(n, 0.0);
        for (std::size_t i = 0; i != m * n; ++i) { v[i % n] += double(s >> i & 1U); }
        z += std::exp(unnormalised(v));
    }
    auto mean = 0.0;
    for (std::size_t r = 0; r != data.shape(0); ++r) {
        auto v = std::vector<double>(n);
        for (std::size_t i = 0; i != n; ++i) { v[i] = double(m) * data(r, i); }
        mean += unnormalised(v) / double(data.shape(0));
    }
    return mean - std::log(z);
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(copies_stay_equal_bit_for_bit, T, decltype(std::tuple<float, double>{})) {
    const auto data = nbm::bars_and_stripes<T>(3);  // 9 units; 11 and 7 fill no register
    auto dbm = nbm::DBM<T>({9, 11, 7});
    nbm::initialise(dbm, data.train, {.seed = 2});
    const auto run = [&](auto trainer) {
        auto watches = std::vector<TieWatch<T>>(2);
        auto copy = dbm;
        nbm::pretrain(copy, data.train, trainer,
                      nbm::SGD<T>({.learning_rate = 0.3, .momentum = 0.9, .nesterov = true, .decay = 0.01}),
                      {.epochs = 20, .batch_size = 5, .penalty = {.l1 = 1e-3, .l2 = 1e-3, .bias_l2 = 1e-3}},
                      [&](const nbm::PretrainedRBM& part) {
                          auto& watch = watches[part.index];
                          watch.visible = part.doubled_visible;
                          watch.hidden = part.doubled_hidden;
                          return nbm::CallbackList(nbm::GradientClip({.value = 0.2, .norm = 1.0}), watch);
                      });
        BOOST_TEST((watches[0].visible && !watches[0].hidden && !watches[1].visible && watches[1].hidden));
        for (const auto& watch : watches) {
            BOOST_TEST(watch.tied);
            BOOST_TEST(watch.updates == 60U);
        }
        BOOST_TEST(watches[0].gradients_that_differ == 60U);  // so that there was something to tie
    };
    run(nbm::CD<T>({.steps = 2}));
    run(nbm::PCD<T>({.steps = 1, .chains = 6}));
}

BOOST_AUTO_TEST_CASE(copies_get_the_mean_of_their_gradients) {
    // Every entry of the gradient is another number.
    struct Numbers {
        void begin(const Machine&, const Rows&, std::size_t, std::uint64_t, bool) {}
        auto evaluate(const Machine&, const Rows&) -> double { return 0.0; }
        auto gradient(const Machine& rbm, nbm::MatrixView<const double>, nbm::Gradient<double>& g) -> double {
            auto number = 0.0;
            for (std::size_t l = 0; l != 2; ++l) {
                for (auto& x : g.biases[l]) { x = number += 1.0; }
            }
            for (std::size_t i = 0; i != rbm.size(0); ++i) {
                for (std::size_t j = 0; j != rbm.size(1); ++j) { g.weights[0](i, j) = double(100 * (i + 1) + j); }
            }
            return 0.0;
        }
    };
    auto keeper = Keeper<double>{};
    auto dbm = random_machine({3, 2, 2});
    nbm::pretrain(dbm, small_data(), Numbers{}, nbm::SGD<double>({.learning_rate = 1.0}), {.epochs = 1}, keeper);
    const auto step = [&](std::size_t rbm, std::size_t i, std::size_t j) {
        return keeper.trained[rbm].weights(0, 1)(i, j) - keeper.begun[rbm].weights(0, 1)(i, j);
    };
    constexpr auto close = 1e-12;
    BOOST_TEST(std::abs(step(0, 1, 1) - (201.0 + 501.0) / 2.0) < close);  // rows 1 and 4
    BOOST_TEST(std::abs(step(0, 4, 1) - (201.0 + 501.0) / 2.0) < close);
    BOOST_TEST(std::abs(step(1, 1, 0) - (200.0 + 202.0) / 2.0) < close);  // columns 0 and 2
    BOOST_TEST(std::abs(step(1, 1, 2) - (200.0 + 202.0) / 2.0) < close);
    const auto bias_step = [&](std::size_t rbm, std::size_t l, std::size_t k) {
        return keeper.trained[rbm].bias(l)[k] - keeper.begun[rbm].bias(l)[k];
    };
    BOOST_TEST(std::abs(bias_step(0, 0, 0) - (1.0 + 4.0) / 2.0) < close);
    BOOST_TEST(std::abs(bias_step(0, 1, 1) - 8.0) < close);  // its own
    BOOST_TEST(std::abs(bias_step(1, 0, 1) - 2.0) < close);
    BOOST_TEST(std::abs(bias_step(1, 1, 3) - (4.0 + 6.0) / 2.0) < close);
}

BOOST_AUTO_TEST_CASE(a_step_climbs_the_log_likelihood_of_the_tied_model) {
    // Three RBMs: visible doubled, ordinary, hidden doubled. One step of rate 1 with exact expectations is the derivative, half of
    // it for parameters that there are two copies of.
    auto dbm = random_machine({3, 2, 3, 2});
    auto keeper = Keeper<double>{};
    nbm::pretrain(dbm, small_data(), Exact{}, nbm::SGD<double>({.learning_rate = 1.0}), {.epochs = 1, .batch_size = 4}, keeper);
    BOOST_REQUIRE(keeper.trained.size() == 3U);
    for (std::size_t rbm = 0; rbm != 3; ++rbm) {
        const auto m = std::size_t{rbm == 0 ? 2U : 1U};
        const auto k = std::size_t{rbm == 2 ? 2U : 1U};
        const auto& before = keeper.begun[rbm];
        const auto& after = keeper.trained[rbm];
        const auto visible = before.size(0) / m;
        const auto hidden = before.size(1) / k;
        BOOST_REQUIRE(visible == dbm.size(rbm));
        BOOST_REQUIRE(hidden == dbm.size(rbm + 1));
        auto a = std::vector<double>(before.bias(0).begin(), before.bias(0).begin() + std::ptrdiff_t(visible));
        auto c = std::vector<double>(before.bias(1).begin(), before.bias(1).begin() + std::ptrdiff_t(hidden));
        auto w = nbm::zero_matrix<double>(visible, hidden);
        for (std::size_t i = 0; i != visible; ++i) {
            for (std::size_t j = 0; j != hidden; ++j) { w(i, j) = before.weights(0, 1)(i, j); }
        }
        auto data = nbm::zero_matrix<double>(4, visible);
        for (std::size_t r = 0; r != 4; ++r) {
            for (std::size_t i = 0; i != visible; ++i) { data(r, i) = keeper.data[rbm](r, i); }
        }
        constexpr auto h = 1e-5;
        const auto check = [&](double& parameter, double step, std::size_t copies) {
            const auto start = parameter;
            parameter = start + h;
            const auto up = tied_log_likelihood(a, c, w, m, k, data);
            parameter = start - h;
            const auto down = tied_log_likelihood(a, c, w, m, k, data);
            parameter = start;
            BOOST_TEST(std::abs((up - down) / (2.0 * h) - double(copies) * step) < 1e-8);
        };
        for (std::size_t i = 0; i != visible; ++i) {
            check(a[i], after.bias(0)[i] - before.bias(0)[i], m);
            for (std::size_t j = 0; j != hidden; ++j) {
                check(w(i, j), after.weights(0, 1)(i, j) - before.weights(0, 1)(i, j), m * k);
            }
        }
        for (std::size_t j = 0; j != hidden; ++j) { check(c[j], after.bias(1)[j] - before.bias(1)[j], k); }
    }
}

namespace {

auto check_data_of_rbms(std::vector<std::size_t> sizes) -> void {
    auto dbm = random_machine(std::move(sizes));
    auto keeper = Keeper<double>{};
    const auto v = small_data();
    nbm::pretrain(dbm, v, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.5}), {.epochs = 2}, keeper);
    for (std::size_t r = 0; r != 4; ++r) {
        for (std::size_t i = 0; i != 6; ++i) { BOOST_TEST(keeper.data[0](r, i) == v(r, i % 3)); }
        for (std::size_t rbm = 0; rbm + 1 != keeper.trained.size(); ++rbm) {
            const auto& below = keeper.trained[rbm];
            for (std::size_t j = 0; j != below.size(1); ++j) {
                auto z = below.bias(1)[j];
                for (std::size_t i = 0; i != below.size(0); ++i) { z += keeper.data[rbm](r, i) * below.weights(0, 1)(i, j); }
                BOOST_TEST(std::abs(keeper.data[rbm + 1](r, j) - nbm::sigmoid(z)) < 1e-14);
            }
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_data_of_an_rbm_are_the_hidden_probabilities_of_the_one_below) { check_data_of_rbms({3, 2, 3, 2}); }

/// As in the machine 784-500-500-1000 of the literature.
BOOST_AUTO_TEST_CASE(neighbours_of_equal_size_have_data_of_their_own) { check_data_of_rbms({3, 2, 2, 2, 3}); }

BOOST_AUTO_TEST_CASE(composition_halves_the_weights_between_and_averages_shared_biases) {
    const auto rbm = [](std::vector<double> a, std::vector<double> c, Rows w) {
        auto machine = Machine(nbm::Topology({a.size(), c.size()}));
        std::ranges::copy(a, machine.bias(0).begin());
        std::ranges::copy(c, machine.bias(1).begin());
        machine.weights(0, 1) = std::move(w);
        return machine;
    };
    const auto first = rbm({1, 2}, {3}, Rows({{10}, {20}}));
    const auto second = rbm({5}, {6, 7}, Rows({{30, 40}}));
    const auto third = rbm({8, 11}, {12}, Rows({{50}, {60}}));
    const auto three = nbm::compose_dbm(std::vector{first, second});
    BOOST_TEST((three.topology() == nbm::Topology{2, 1, 2}));
    BOOST_TEST((three.weights(0, 1) == Rows({{10}, {20}})));
    BOOST_TEST((three.weights(1, 2) == Rows({{30, 40}})));
    BOOST_TEST((three.bias(0) == nbm::Vector<double>({1, 2})));
    BOOST_TEST((three.bias(1) == nbm::Vector<double>({4})));
    BOOST_TEST((three.bias(2) == nbm::Vector<double>({6, 7})));
    const auto four = nbm::compose_dbm(std::vector{first, second, third});
    BOOST_TEST((four.topology() == nbm::Topology{2, 1, 2, 1}));
    BOOST_TEST((four.weights(0, 1) == Rows({{10}, {20}})));
    BOOST_TEST((four.weights(1, 2) == Rows({{15, 20}})));
    BOOST_TEST((four.weights(2, 3) == Rows({{50}, {60}})));
    BOOST_TEST((four.bias(1) == nbm::Vector<double>({4})));
    BOOST_TEST((four.bias(2) == nbm::Vector<double>({7, 9})));
    BOOST_TEST((four.bias(3) == nbm::Vector<double>({12})));
    BOOST_TEST(same_weights(nbm::compose_dbm(std::vector{first}), first));
    BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::compose_dbm(std::vector{first, third}); }),
                   "machine 1 is 2-1; an RBM with 1 visible units"));
    BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::compose_dbm(std::vector{three}); }), "machine 0 is 2-1-2"));
    BOOST_CHECK_THROW(nbm::compose_dbm(std::vector<Machine>{}), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(the_field_of_a_hidden_layer_is_the_mean_of_the_two_models_of_it) {
    for (const auto& sizes : {std::vector<std::size_t>{3, 4, 2}, {3, 4, 2, 3}, {3, 2, 4, 2, 3}}) {
        auto dbm = random_machine(sizes);
        auto keeper = Keeper<double>{};
        nbm::pretrain(dbm, small_data(), nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.5}), {.epochs = 5}, keeper);
        auto states = dbm.make_states(8);
        const auto truth = oracle::Machine(dbm);
        for (std::size_t r = 0; r != 8; ++r) { oracle::put(truth.state((r * 7919 + 11) % truth.state_count()), states, r); }
        // The states of a layer of the deep machine, as often as an RBM has them.
        const auto as_often = [](const Rows& x, std::size_t units) {
            auto result = nbm::zero_matrix<double>(x.shape(0), units);
            for (std::size_t r = 0; r != x.shape(0); ++r) {
                for (std::size_t k = 0; k != units; ++k) { result(r, k) = x(r, k % x.shape(1)); }
            }
            return result;
        };
        const auto field_in = [&](std::size_t rbm, std::size_t side) {
            const auto& machine = keeper.trained[rbm];
            auto field = Rows{};
            machine.field(side, {as_often(states[rbm], machine.size(0)), as_often(states[rbm + 1], machine.size(1))}, field);
            return field;
        };
        auto field = Rows{};
        for (std::size_t l = 0; l != sizes.size(); ++l) {
            dbm.field(l, states, field);
            const auto from_below = l == 0 ? field_in(0, 0) : field_in(l - 1, 1);
            const auto from_above = l + 1 == sizes.size() ? from_below : field_in(l, 0);
            for (std::size_t r = 0; r != 8; ++r) {
                for (std::size_t k = 0; k != sizes[l]; ++k) {
                    BOOST_TEST(std::abs(field(r, k) - (from_below(r, k) + from_above(r, k)) / 2.0) < 1e-12);
                }
            }
        }
    }
}
