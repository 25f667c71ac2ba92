// Exact enumeration against the oracle and against sums written down directly. Tolerances are relative; chi-square tests fail by
// chance with probability 1e-6.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stop_token>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "oracle.hpp"

import nbm;

#include "machines.hpp"

namespace {

using boost::test_tools::tolerance;

constexpr auto infinity = std::numeric_limits<double>::infinity();

auto small_topologies() -> std::vector<nbm::Topology> {
    return {{5, 4}, {3, 6}, {1, 1}, {3, 3, 3}, {3, 2, 4}, {3, 4, 2}, nbm::Topology({4, 3, 2, 2}, {{0, 1}, {0, 3}, {1, 2}, {2, 3}})};
}

/// -F(v) of each visible state: a sum in logarithms over all states of the oracle, whatever the size of the energies.
auto log_sums_by_visible(const oracle::Machine& truth) -> std::vector<double> {
    const auto visible = std::size_t{1} << truth.biases[0].size();
    auto terms = std::vector<std::vector<double>>(visible);
    for (std::size_t n = 0; n != truth.state_count(); ++n) { terms[n % visible].push_back(-truth.energy(truth.state(n))); }
    auto result = std::vector<double>{};
    for (const auto& t : terms) { result.push_back(nbm::log_sum_exp(t)); }
    return result;
}

/// log Z of an RBM with few hidden units, each state's inputs summed afresh.
auto direct_log_z(const nbm::DBM<double>& rbm) -> double {
    auto terms = std::vector<double>{};
    for (std::size_t h = 0; h != std::size_t{1} << rbm.size(1); ++h) {
        auto term = 0.0;
        for (std::size_t k = 0; k != rbm.size(1); ++k) { term += (h >> k & 1U) != 0 ? rbm.bias(1)[k] : 0.0; }
        for (std::size_t i = 0; i != rbm.size(0); ++i) {
            auto z = rbm.bias(0)[i];
            for (std::size_t k = 0; k != rbm.size(1); ++k) { z += (h >> k & 1U) != 0 ? rbm.weights(0, 1)(i, k) : 0.0; }
            term += nbm::softplus(z);
        }
        terms.push_back(term);
    }
    return nbm::log_sum_exp(terms);
}

template <class F>
auto for_threads(F f) -> void {
    for (const std::size_t n : {1, 2, 5}) {
        nbm::set_threads(n);
        f();
    }
    nbm::set_threads(0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(log_z_and_log_probabilities_equal_the_oracle) {
    for (const auto& topology : small_topologies()) {
        for (const auto sd : {1.0, 3.0, 3000.0}) {  // the last one: inputs of 1e4, which exp() cannot hold
            BOOST_TEST_CONTEXT(topology.describe() << " sd " << sd) {
                const auto dbm = machine(topology, 21, sd);
                const auto sums = log_sums_by_visible(oracle::Machine(dbm));
                const auto log_z = nbm::log_sum_exp(sums);
                const auto v = all_visible(dbm.visible_size());
                BOOST_TEST(nbm::exact_log_z(dbm) == log_z, tolerance(1e-12));
                const auto f = nbm::exact_free_energy(dbm, v);
                const auto log_p = nbm::exact_log_probability(dbm, v);
                for (std::size_t n = 0; n != sums.size(); ++n) {
                    BOOST_TEST(f[n] == -sums[n], tolerance(1e-12));
                    BOOST_TEST(std::abs(log_p[n] - (sums[n] - log_z)) < 1e-12 * (std::abs(sums[n]) + std::abs(log_z)));
                }
                const auto single = machine<float>(topology, 21, sd);
                BOOST_TEST(nbm::exact_log_z(single) == nbm::log_sum_exp(log_sums_by_visible(oracle::Machine(single))),
                           tolerance(1e-12));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(many_columns_and_blocks_equal_the_direct_sum) {
    // 8 blocks of states, several runs of columns, with and without columns that exceed the range of exp() among them.
    for (const auto sd : {0.1, 1.0, 3.0, 30.0, 100.0}) {
        for (const auto largest : {0.0, 500.0, 1e4}) {
            auto rbm = machine({150, 13}, 22, sd);
            for (std::size_t i = 0; i < 150; i += 7) { rbm.bias(0)[i] = i % 2 == 0 ? largest : -largest; }
            BOOST_TEST(nbm::exact_log_z(rbm) == direct_log_z(rbm), tolerance(1e-12));
        }
    }
    // The logarithm alone: all factors 1 + exp(z) near 2^1000, or near 1.
    auto rbm = nbm::DBM<double>({70, 3});
    for (auto& b : rbm.bias(0)) { b = 599.0; }
    BOOST_TEST(nbm::exact_log_z(rbm) == direct_log_z(rbm), tolerance(1e-13));
    for (auto& b : rbm.bias(0)) { b = -30.0; }
    BOOST_TEST(nbm::exact_log_z(rbm) == 3.0 * std::log(2.0) + 70.0 * std::log1p(std::exp(-30.0)), tolerance(1e-13));
}

BOOST_AUTO_TEST_CASE(probabilities_of_large_machines_sum_to_1) {
    // Enumerated: odd hidden units (shared by the rows), even ones (anew for each), more than one block of each, inputs of up to
    // 1e4.
    for (const auto& topology : {nbm::Topology{3, 12, 13}, nbm::Topology{3, 13, 12}, nbm::Topology{3, 12, 13, 1}}) {
        for (const auto sd : {1.0, 3.0, 1000.0}) {
            const auto dbm = machine(topology, 23, sd);
            auto sum = 0.0;
            for (const auto x : nbm::exact_log_probability(dbm, all_visible(3))) { sum += std::exp(x); }
            BOOST_TEST(sum == 1.0, tolerance(sd > 10.0 ? 1e-8 : 1e-11));
        }
    }
}

BOOST_AUTO_TEST_CASE(what_must_not_change_does_not) {
    const auto dbm = machine({4, 3, 5}, 24, 2.0);
    const auto v = all_visible(4);
    const auto log_z = nbm::exact_log_z(dbm);
    const auto log_p = nbm::exact_log_probability(dbm, v);
    // Hidden units 0 and 2 of layer 1 change names.
    auto swapped = dbm;
    std::swap(swapped.bias(1)[0], swapped.bias(1)[2]);
    for (std::size_t i = 0; i != 4; ++i) { std::swap(swapped.weights(0, 1)(i, 0), swapped.weights(0, 1)(i, 2)); }
    for (std::size_t j = 0; j != 5; ++j) { std::swap(swapped.weights(1, 2)(0, j), swapped.weights(1, 2)(2, j)); }
    BOOST_TEST(nbm::exact_log_z(swapped) == log_z, tolerance(1e-13));
    // A hidden unit without weights multiplies Z and exp(-F) by 1 + exp(b): a constant in the energy of all visible states.
    for (const auto b : {-3.0, 0.5, 900.0}) {
        auto wider = nbm::DBM<double>({4, 3, 6});
        for (const std::size_t l : {0, 1}) { wider.bias(l) = dbm.bias(l); }
        std::ranges::copy(dbm.bias(2), wider.bias(2).begin());
        wider.bias(2)[5] = b;
        wider.weights(0, 1) = dbm.weights(0, 1);
        for (std::size_t i = 0; i != 3; ++i) {
            for (std::size_t j = 0; j != 5; ++j) { wider.weights(1, 2)(i, j) = dbm.weights(1, 2)(i, j); }
        }
        BOOST_TEST(nbm::exact_log_z(wider) == log_z + nbm::softplus(b), tolerance(1e-13));
        const auto same = nbm::exact_log_probability(wider, v);
        const auto renamed = nbm::exact_log_probability(swapped, v);
        for (std::size_t n = 0; n != 16; ++n) {
            BOOST_TEST(std::abs(same[n] - log_p[n]) < 1e-11);
            BOOST_TEST(std::abs(renamed[n] - log_p[n]) < 1e-12);
        }
    }
}

BOOST_AUTO_TEST_CASE(expectations_equal_the_oracle) {
    for (const auto& topology : small_topologies()) {
        for (const auto sd : {1.0, 3.0}) {
            BOOST_TEST_CONTEXT(topology.describe() << " sd " << sd) {
                const auto dbm = machine(topology, 25, sd);
                const auto truth = oracle::Machine(dbm);
                const auto z = std::exp(truth.log_z());
                const auto found = nbm::exact_moments(dbm);
                for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
                    for (std::size_t k = 0; k != dbm.size(l); ++k) {
                        auto mean = 0.0;
                        truth.for_each(1.0, [&](const oracle::State& x, double p) { mean += p / z * x[l][k]; });
                        BOOST_TEST(found.biases[l][k] == mean, tolerance(1e-10));
                    }
                }
                for (std::size_t s = 0; s != truth.edges.size(); ++s) {
                    const auto& [lower, upper, w] = truth.edges[s];
                    for (std::size_t i = 0; i != w.size(); ++i) {
                        for (std::size_t j = 0; j != w[0].size(); ++j) {
                            auto mean = 0.0;
                            truth.for_each(1.0,
                                           [&](const oracle::State& x, double p) { mean += p / z * x[lower][i] * x[upper][j]; });
                            BOOST_TEST(found.weights[s](i, j) == mean, tolerance(1e-10));
                        }
                    }
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(expectations_are_the_derivatives_of_log_z) {
    // Units of the registers, of the Gray code and of the blocks; one visible unit beyond the range of exp().
    auto rbm = machine({70, 13}, 26, 0.5);
    rbm.bias(0)[69] = -650.0;
    rbm.weights(0, 1)(69, 2) = 651.0;
    const auto moments = nbm::exact_moments(rbm);
    const auto check = [&](double& parameter, double derivative) {
        constexpr auto h = 1e-4;
        const auto before = parameter;
        parameter = before + h;
        const auto up = direct_log_z(rbm);
        parameter = before - h;
        const auto down = direct_log_z(rbm);
        parameter = before;
        BOOST_TEST(std::abs((up - down) / (2.0 * h) - derivative) < 1e-8);
    };
    for (const std::size_t k : {0, 4, 5, 9, 10, 12}) {
        check(rbm.bias(1)[k], moments.biases[1][k]);
        for (const std::size_t i : {0, 63, 64, 69}) { check(rbm.weights(0, 1)(i, k), moments.weights[0](i, k)); }
    }
    for (const std::size_t i : {0, 63, 64, 69}) { check(rbm.bias(0)[i], moments.biases[0][i]); }
}

BOOST_AUTO_TEST_CASE(samples_have_the_model_distribution) {
    constexpr std::size_t count = 200000;
    for (const auto& topology : small_topologies()) {
        for (const auto sd : {1.0, 3.0}) {
            BOOST_TEST_CONTEXT(topology.describe() << " sd " << sd) {
                const auto dbm = machine(topology, 27, sd);
                const auto truth = oracle::Machine(dbm);
                const auto z = std::exp(truth.log_z());
                const auto states = nbm::exact_samples(dbm, count, 28);
                auto found = std::vector<double>(truth.state_count(), 0.0);
                for (std::size_t c = 0; c != count; ++c) {
                    auto number = std::size_t{0};
                    auto place = std::size_t{0};
                    for (const auto& layer : states) {
                        for (std::size_t k = 0; k != layer.shape(1); ++k) { number |= std::size_t(layer(c, k)) << place++; }
                    }
                    found[number] += 1.0;
                }
                // States that are expected fewer than 10 times count as one.
                auto chi_square = 0.0;
                auto cells = 0.0;
                auto rest = std::pair(0.0, 0.0);
                const auto add = [&](double observed, double expected) {
                    chi_square += (observed - expected) * (observed - expected) / expected;
                    cells += 1.0;
                };
                for (std::size_t n = 0; n != found.size(); ++n) {
                    const auto expected = double(count) * std::exp(-truth.energy(truth.state(n))) / z;
                    if (expected >= 10.0) {
                        add(found[n], expected);
                    } else {
                        rest.first += found[n];
                        rest.second += expected;
                    }
                }
                if (rest.second > 1.0) { add(rest.first, rest.second); }
                BOOST_TEST(chi_square < oracle::chi_square_limit(std::max(1.0, cells - 1.0)));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(samples_of_many_blocks_are_independent) {
    // 8 blocks. Means of single units and of a unit times that of the next sample: within 5.5 standard errors (4e-8 each).
    constexpr std::size_t count = 100000;
    const auto rbm = machine<float>({30, 13}, 29, 0.5);
    const auto moments = nbm::exact_moments(rbm);
    const auto states = nbm::exact_samples(rbm, count, 30);
    for (const std::size_t l : {0, 1}) {
        for (std::size_t k = 0; k != rbm.size(l); ++k) {
            const auto p = moments.biases[l][k];
            auto mean = 0.0;
            auto product = 0.0;
            for (std::size_t c = 0; c != count; ++c) {
                mean += states[l](c, k) / double(count);
                product += (states[l](c, k) - p) * (states[l]((c + 1) % count, k) - p) / double(count);
            }
            BOOST_TEST(std::abs(mean - p) < 5.5 * std::sqrt(p * (1.0 - p) / double(count)));
            BOOST_TEST(std::abs(product) < 5.5 * p * (1.0 - p) / std::sqrt(double(count)));
        }
    }
    BOOST_TEST((nbm::exact_samples(rbm, 100, 30)[1] == nbm::exact_samples(rbm, 100, 30)[1]));
    BOOST_TEST((nbm::exact_samples(rbm, 100, 30)[1] != nbm::exact_samples(rbm, 100, 31)[1]));
    BOOST_TEST(nbm::exact_samples(rbm, 0, 1)[0].shape(0) == 0U);
}

BOOST_AUTO_TEST_CASE(results_do_not_depend_on_the_number_of_threads) {
    const auto rbm = machine({40, 14}, 31, 1.0);
    const auto shared = machine({4, 12, 13}, 32, 1.0);
    const auto separate = machine({4, 13, 12}, 33, 1.0);
    const auto v = all_visible(4);
    nbm::set_threads(1);
    const auto log_z = nbm::exact_log_z(rbm);
    const auto moments = nbm::exact_moments(rbm);
    const auto samples = nbm::exact_samples(rbm, 1000, 34);
    const auto f_shared = nbm::exact_free_energy(shared, v);
    const auto f_separate = nbm::exact_free_energy(separate, v);
    for_threads([&] {
        BOOST_TEST(nbm::exact_log_z(rbm) == log_z);
        BOOST_TEST((nbm::exact_moments(rbm).weights == moments.weights));
        BOOST_TEST((nbm::exact_samples(rbm, 1000, 34) == samples));
        BOOST_TEST((nbm::exact_free_energy(shared, v) == f_shared));
        BOOST_TEST((nbm::exact_free_energy(separate, v) == f_separate));
    });
}

BOOST_AUTO_TEST_CASE(progress_rises_to_1_and_a_stop_ends_the_enumeration) {
    const auto watched = [](auto f) {
        auto told = std::vector<double>{};
        f(nbm::Control{.progress = [&](double x) { told.push_back(x); }});
        BOOST_TEST(std::ranges::is_sorted(told));
        BOOST_TEST_REQUIRE(told.size() > 0U);
        BOOST_TEST(told.front() < 1.0);
        BOOST_TEST(told.back() == 1.0);
    };
    const auto rbm = machine({40, 14}, 35, 1.0);
    const auto v = all_visible(4);
    watched([&](const nbm::Control& c) { nbm::exact_log_z(rbm, c); });
    watched([&](const nbm::Control& c) { nbm::exact_moments(rbm, c); });
    watched([&](const nbm::Control& c) { nbm::exact_samples(rbm, 10, 1, c); });
    watched([&](const nbm::Control& c) { nbm::exact_free_energy(machine({4, 12, 13}, 1, 1.0), v, c); });
    watched([&](const nbm::Control& c) { nbm::exact_free_energy(machine({4, 13, 12}, 1, 1.0), v, c); });
    watched([&](const nbm::Control& c) { nbm::exact_log_probability(machine({4, 12, 13}, 1, 1.0), v, c); });
    watched([&](const nbm::Control& c) { nbm::pseudo_likelihood(machine({4, 12}, 1, 1.0), v, c); });

    // 2^30 states would take minutes; the stop comes after a thousandth, or before anything.
    const auto stopped = [](double when, auto f) {
        auto source = std::stop_source();
        auto last = 0.0;
        auto control = nbm::Control{.stop = source.get_token(), .progress = [&](double x) {
                                        last = x;
                                        if (x >= when) { source.request_stop(); }
                                    }};
        if (when == 0.0) { source.request_stop(); }
        BOOST_CHECK_THROW(f(control), nbm::Cancelled);
        BOOST_TEST(last < 0.1);
    };
    const auto large = machine({200, 30}, 36, 1.0);
    for (const auto when : {0.0, 0.001}) {
        stopped(when, [&](const nbm::Control& c) { nbm::exact_log_z(large, c); });
        stopped(when, [&](const nbm::Control& c) { nbm::exact_log_probability(large, nbm::zero_matrix<double>(3, 200), c); });
        stopped(when, [&](const nbm::Control& c) { nbm::exact_free_energy(machine({4, 30, 60}, 1, 1.0), v, c); });
        stopped(when, [&](const nbm::Control& c) { nbm::exact_free_energy(machine({4, 60, 30}, 1, 1.0), v, c); });
    }
    stopped(0.0, [&](const nbm::Control& c) { nbm::exact_moments(large, c); });
    stopped(0.0, [&](const nbm::Control& c) { nbm::exact_samples(large, 10, 1, c); });
    stopped(0.0, [&](const nbm::Control& c) { nbm::pseudo_likelihood(machine({4, 12}, 1, 1.0), v, c); });
}

BOOST_AUTO_TEST_CASE(bad_machines_are_refused_or_give_nan) {
    const auto large = nbm::DBM<double>({31, 31});
    BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::exact_log_z(large); }), "31 units, at most 30"));
    BOOST_CHECK_THROW(nbm::exact_moments(large), nbm::InputError);
    BOOST_CHECK_THROW(nbm::exact_samples(large, 1, 1), nbm::InputError);
    BOOST_CHECK_THROW(nbm::exact_free_energy(nbm::DBM<double>({2, 31, 32}), all_visible(2)), nbm::InputError);
    BOOST_CHECK_THROW(nbm::exact_log_probability(large, all_visible(2)), nbm::ShapeError);
    for (const auto bad : {std::numeric_limits<double>::quiet_NaN(), infinity}) {
        auto rbm = machine({6, 4}, 37, 1.0);
        rbm.weights(0, 1)(3, 2) = bad;
        BOOST_TEST(!std::isfinite(nbm::exact_log_z(rbm)));
        BOOST_CHECK_THROW(nbm::exact_samples(rbm, 5, 1), nbm::InputError);
    }
}
