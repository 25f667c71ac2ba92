#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "oracle.hpp"

import nbm;

#include "machines.hpp"

namespace {

using nbm::Parity;

auto skip_machine() -> nbm::DBM<double> {
    auto dbm = nbm::DBM<double>(nbm::Topology({3, 2, 2, 2}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}}));
    oracle::randomise(dbm, 5, 1.0);
    return dbm;
}

template <class T>
auto equal(const nbm::States<T>& a, const nbm::States<T>& b) -> bool {
    for (std::size_t l = 0; l != a.size(); ++l) {
        if (!(a[l] == b[l])) { return false; }
    }
    return a.size() == b.size();
}

/// Chi-square statistic of the chains' joint states against the exact distribution at beta, restricted to states for which
/// allowed(n); states with an expected count below 5 are pooled. Returns statistic and degrees of freedom.
template <class T, class F>
auto chi_square(const nbm::DBM<T>& dbm, const nbm::States<T>& states, double beta, F allowed) -> std::pair<double, double> {
    const auto truth = oracle::Machine(dbm);
    auto counts = std::vector<double>(truth.state_count(), 0.0);
    const auto chains = states[0].shape(0);
    for (std::size_t r = 0; r != chains; ++r) { counts[number_of(states, r)] += 1.0; }
    auto z = 0.0;
    for (std::size_t n = 0; n != counts.size(); ++n) { z += allowed(n) ? std::exp(-beta * truth.energy(truth.state(n))) : 0.0; }
    auto statistic = 0.0;
    auto cells = 0.0;
    auto pooled_expected = 0.0;
    auto pooled_count = 0.0;
    for (std::size_t n = 0; n != counts.size(); ++n) {
        if (!allowed(n)) {
            BOOST_REQUIRE(counts[n] == 0.0);
            continue;
        }
        const auto expected = double(chains) * std::exp(-beta * truth.energy(truth.state(n))) / z;
        if (expected < 5.0) {
            pooled_expected += expected;
            pooled_count += counts[n];
            continue;
        }
        statistic += (counts[n] - expected) * (counts[n] - expected) / expected;
        cells += 1.0;
    }
    if (pooled_expected > 0.0) {
        statistic += (pooled_count - pooled_expected) * (pooled_count - pooled_expected) / pooled_expected;
        cells += 1.0;
    }
    return {statistic, cells - 1.0};
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(gibbs_chains_reach_the_exact_joint_distribution, T, decltype(std::tuple<float, double>{})) {
    // 200,000 independent chains after 60 sweeps; chi-square at the level 1e-6 for each beta.
    auto dbm = nbm::DBM<T>(skip_machine().topology());
    oracle::randomise(dbm, 5, 1.0);
    for (const auto beta : {1.0, 0.5}) {
        auto chains = nbm::make_chains(dbm, 200000, 11);
        nbm::Gibbs({.steps = 60, .beta = beta}).run(dbm, chains);
        const auto [statistic, degrees] = chi_square(dbm, chains.states, beta, [](std::size_t) { return true; });
        BOOST_TEST(statistic < oracle::chi_square_limit(degrees));
        BOOST_TEST(degrees > 20.0);
        // The same states cannot fit another temperature: the test would notice a sampler that ignores beta.
        const auto [wrong, wrong_degrees] = chi_square(dbm, chains.states, 1.5 - beta, [](std::size_t) { return true; });
        BOOST_TEST(wrong > oracle::chi_square_limit(wrong_degrees));
    }
}

BOOST_AUTO_TEST_CASE(clamped_chains_reach_the_exact_conditional_distribution) {
    const auto dbm = skip_machine();
    auto chains = nbm::make_chains(dbm, 100000, 12);
    for (std::size_t r = 0; r != chains.count(); ++r) {
        chains.states[0](r, 0) = 1.0;
        chains.states[0](r, 1) = 0.0;
        chains.states[0](r, 2) = 1.0;
    }
    nbm::Gibbs({.steps = 60, .clamped = {0}, .first = Parity::even}).run(dbm, chains);
    const auto [statistic, degrees] = chi_square(dbm, chains.states, 1.0, [](std::size_t n) { return (n & 7U) == 5U; });
    BOOST_TEST(statistic < oracle::chi_square_limit(degrees));
}

BOOST_AUTO_TEST_CASE(probabilities_belong_to_the_samples_of_the_other_parity) {
    const auto dbm = skip_machine();
    auto chains = nbm::make_chains(dbm, 500, 13);
    auto plain = chains;
    auto probabilities = nbm::States<double>{};
    nbm::GibbsProb({.steps = 3, .first = Parity::even}).run(dbm, chains, probabilities);
    nbm::Gibbs({.steps = 3, .first = Parity::even}).run(dbm, plain);
    BOOST_TEST(equal(chains.states, plain.states));
    for (const std::size_t l : {1, 3}) {
        auto p = nbm::Matrix<double>::from_shape({1, 1});
        dbm.conditional(l, chains.states, p);
        BOOST_TEST(xt::allclose(p, probabilities[l], 1e-12, 1e-12));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(samplers_do_not_depend_on_threads, T, decltype(std::tuple<float, double>{})) {
    auto dbm = nbm::DBM<T>(nbm::Topology({37, 21, 10, 5}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}}));
    oracle::randomise(dbm, 3, 1.0);
    auto reference = std::vector<nbm::States<T>>{};
    for (const std::size_t threads : {1, 2, 5}) {
        nbm::set_threads(threads);
        auto chains = nbm::make_chains(dbm, 333, 4);
        nbm::Gibbs({.steps = 7}).run(dbm, chains);
        auto probabilities = nbm::States<T>{};
        nbm::GibbsProb({.steps = 2, .beta = 0.7}).run(dbm, chains, probabilities);
        auto means = chains.states;
        nbm::MeanField({.steps = 9}).run(dbm, means);
        auto all = std::vector{chains.states, probabilities, means};
        if (reference.empty()) { reference = all; }
        for (std::size_t i = 0; i != 3; ++i) { BOOST_TEST(equal(all[i], reference[i])); }
    }
    nbm::set_threads(0);
}

BOOST_AUTO_TEST_CASE(chains_are_the_same_in_one_run_or_two) {
    const auto dbm = skip_machine();
    auto once = nbm::make_chains(dbm, 100, 4);
    auto twice = once;
    nbm::Gibbs({.steps = 5}).run(dbm, once);
    nbm::Gibbs({.steps = 2}).run(dbm, twice);
    nbm::Gibbs({.steps = 3}).run(dbm, twice);
    BOOST_TEST(equal(once.states, twice.states));
    auto other = nbm::make_chains(dbm, 100, 5);
    nbm::Gibbs({.steps = 5}).run(dbm, other);
    BOOST_TEST(!equal(once.states, other.states));
}

BOOST_AUTO_TEST_CASE(mean_field_ends_at_a_fixed_point_and_is_exact_for_an_rbm) {
    const auto dbm = skip_machine();
    auto means = dbm.propup(nbm::Matrix<double>({{1.0, 0.0, 1.0}, {0.0, 0.0, 0.5}}));
    const auto v = means[0];
    const auto result = nbm::MeanField({.steps = 5000, .tolerance = 1e-13}).run(dbm, means);
    BOOST_TEST(result.converged);
    BOOST_TEST(result.steps > 2U);
    BOOST_TEST((means[0] == v));
    for (const std::size_t l : {1, 2, 3}) {
        auto p = nbm::Matrix<double>::from_shape({1, 1});
        dbm.conditional(l, means, p);
        BOOST_TEST(xt::allclose(p, means[l], 1e-10, 1e-10));
    }
    auto broken = dbm.make_states(1);
    broken[0](0, 0) = std::nan("");
    BOOST_TEST(!nbm::MeanField({.steps = 3}).run(dbm, broken).converged);
    auto rbm = nbm::DBM<double>({4, 3});
    oracle::randomise(rbm, 6, 1.0);
    auto states = rbm.make_states(2);
    states[0] = nbm::Matrix<double>({{1, 0, 1, 1}, {0, 0, 0, 1}});
    BOOST_TEST(nbm::MeanField().run(rbm, states).steps == 1U);
    auto p = nbm::Matrix<double>::from_shape({1, 1});
    rbm.conditional(1, states, p);
    BOOST_TEST(xt::allclose(p, states[1], 1e-12, 1e-12));
}

BOOST_AUTO_TEST_CASE(wrong_arguments_are_refused) {
    const auto dbm = skip_machine();
    auto chains = nbm::make_chains(dbm, 2, 1);
    BOOST_CHECK_THROW(nbm::make_chains(dbm, 0, 1), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Gibbs({.clamped = {4}}).run(dbm, chains), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Gibbs({.beta = std::nan("")}).run(dbm, chains), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Gibbs().run(nbm::DBM<double>({3, 2}), chains), nbm::ShapeError);
}

BOOST_AUTO_TEST_CASE(mean_field_leaves_each_row_when_it_stays_and_where_it_was) {
    auto dbm = nbm::DBM<double>(nbm::Topology({9, 7, 5, 3}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}}));
    oracle::randomise(dbm, 5, 2.0);
    const auto options = nbm::MeanFieldOptions{.steps = 1000, .tolerance = 1e-3};
    const auto start = nbm::make_chains(dbm, 300, 6).states;
    auto together = start;
    const auto result = nbm::MeanField(options).run(dbm, together);
    BOOST_TEST(result.converged);
    auto most = std::size_t{0};
    auto sum = std::size_t{0};
    for (std::size_t r = 0; r != 300; ++r) {
        auto alone = dbm.make_states(1);
        for (std::size_t l = 0; l != 4; ++l) {
            for (std::size_t k = 0; k != dbm.size(l); ++k) { alone[l](0, k) = start[l](r, k); }
        }
        const auto steps = nbm::MeanField(options).run(dbm, alone).steps;
        most = std::max(most, steps);
        sum += steps;
        for (std::size_t l = 0; l != 4; ++l) {
            for (std::size_t k = 0; k != dbm.size(l); ++k) { BOOST_TEST(std::abs(together[l](r, k) - alone[l](0, k)) < 1e-12); }
        }
    }
    BOOST_TEST(result.steps == most);
    BOOST_TEST(result.row_steps == sum);
    BOOST_TEST(sum < 300 * most);
}
