// Parallel tempering against the exact tempered distributions of machines small enough to enumerate.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "oracle.hpp"

import nbm;

#include "machines.hpp"

namespace {

template <class T>
auto machine(nbm::Topology topology, double sd = 1.0) -> nbm::DBM<T> {
    auto dbm = nbm::DBM<T>(std::move(topology));
    oracle::randomise(dbm, 5, sd);
    return dbm;
}

/// The biases of the reference: far from those of the machine, so that one in the place of the other is noticed.
template <class T>
auto reference(std::size_t size) -> nbm::Vector<T> {
    auto a = nbm::zero_vector<T>(size);
    for (std::size_t k = 0; k != size; ++k) { a[k] = T(k % 2 == 0 ? 0.9 : -1.3); }
    return a;
}

/// p_beta of all joint states, from exp(-(1 - beta) E_A - beta E_B).
struct Exact {
    template <class T>
    Exact(const nbm::DBM<T>& dbm, const nbm::Vector<T>& a) : truth(dbm), bias(a.begin(), a.end()) {}

    auto energy_a(const oracle::State& x) const -> double {
        auto e = 0.0;
        for (std::size_t k = 0; k != bias.size(); ++k) { e -= bias[k] * x[0][k]; }
        return e;
    }
    auto energy(std::size_t n, double beta) const -> double {
        const auto x = truth.state(n);
        return (1.0 - beta) * energy_a(x) + beta * truth.energy(x);
    }
    auto probabilities(double beta) const -> std::vector<double> {
        auto p = std::vector<double>{};
        for (std::size_t n = 0; n != truth.state_count(); ++n) { p.push_back(std::exp(-energy(n, beta))); }
        const auto z = std::accumulate(p.begin(), p.end(), 0.0);
        for (auto& value : p) { value /= z; }
        return p;
    }
    /// The probability that x at beta and y at beta_below change places, by Metropolis' rule for the joint distribution.
    auto acceptance(std::size_t x, std::size_t y, double beta, double beta_below) const -> double {
        return std::min(1.0, std::exp(energy(x, beta) + energy(y, beta_below) - energy(y, beta) - energy(x, beta_below)));
    }

    oracle::Machine truth;
    std::vector<double> bias;
};

/// Whether counts fit probabilities, by chi-square at the level 1e-6; cells with an expected count below 5 are pooled.
auto fits(const std::vector<double>& counts, const std::vector<double>& p) -> bool {
    const auto total = std::accumulate(counts.begin(), counts.end(), 0.0);
    auto statistic = 0.0;
    auto cells = 0.0;
    auto pooled = 0.0;
    auto pooled_expected = 0.0;
    const auto add = [&](double count, double expected) {
        statistic += (count - expected) * (count - expected) / expected;
        cells += 1.0;
    };
    for (std::size_t n = 0; n != counts.size(); ++n) {
        if (total * p[n] < 5.0) {
            pooled += counts[n];
            pooled_expected += total * p[n];
        } else {
            add(counts[n], total * p[n]);
        }
    }
    if (pooled_expected > 0.0) { add(pooled, pooled_expected); }
    BOOST_REQUIRE(cells > 8.0);
    return statistic < oracle::chi_square_limit(cells - 1.0);
}

template <class T>
auto counts_of(const nbm::States<T>& states, std::size_t state_count) -> std::vector<double> {
    auto counts = std::vector<double>(state_count, 0.0);
    for (std::size_t r = 0; r != states[0].shape(0); ++r) { ++counts[number_of(states, r)]; }
    return counts;
}

template <class T>
auto same(const nbm::Replicas<T>& a, const nbm::Replicas<T>& b) -> bool {
    auto equal = a.ladder.betas == b.ladder.betas && a.ladder.swap_rates == b.ladder.swap_rates && a.ends == b.ends &&
                 a.ladder.rejections == b.ladder.rejections && a.ladder.round_trips == b.ladder.round_trips &&
                 a.ladder.updates == b.ladder.updates;
    for (std::size_t k = 0; equal && k != a.chains.size(); ++k) {
        for (std::size_t l = 0; l != a.chains[k].states.size(); ++l) {
            equal = equal && a.chains[k].states[l] == b.chains[k].states[l];
        }
    }
    return equal;
}

using Reals = std::tuple<float, double>;

/// All on and all off are the two modes of 6 + 6 units; `tilt` in each visible unit's field favours all on.
auto two_modes(double tilt) -> nbm::DBM<double> {
    auto dbm = nbm::DBM<double>({6, 6});
    constexpr auto w = 3.0;
    for (auto& weight : dbm.weights(0, 1)) { weight = w; }
    for (auto& b : dbm.bias(0)) { b = -3.0 * w + tilt; }
    for (auto& b : dbm.bias(1)) { b = -3.0 * w; }
    return dbm;
}

auto in_upper_mode(const nbm::States<double>& states, std::size_t r) -> bool {
    auto on = 0.0;
    for (std::size_t k = 0; k != 12; ++k) { on += states[k / 6](r, k % 6); }
    return on > 6.0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(swaps_are_accepted_as_detailed_balance_of_the_joint_distribution_demands) {
    // The labels of the ends travel with the replicas, which tells the states before the exchange of the middle pair.
    constexpr std::size_t count = 20000;
    for (const auto& topology : {nbm::Topology({3, 2}), nbm::Topology({2, 1, 2})}) {
        const auto dbm = machine<double>(topology, 1.5);
        const auto a = reference<double>(dbm.visible_size());
        const auto exact = Exact(dbm, a);
        auto all = nbm::make_replicas(dbm, count, {.temperatures = 4}, 3, a);
        all.ladder.betas = {1.0, 0.7, 0.4, 0.1};
        const auto sampler = nbm::Tempering({.adaptive = false});
        auto p = std::vector<std::vector<double>>(2, std::vector<double>(count));
        auto swapped = p;
        auto pairs = std::vector<bool>(1024, false);
        for (const std::size_t round : {0, 1}) {
            sampler.run(dbm, all);  // the other pairs
            std::fill_n(all.ends.begin() + count, count, std::uint8_t{1});
            std::fill_n(all.ends.begin() + 2 * count, count, std::uint8_t{2});
            sampler.run(dbm, all);
            for (std::size_t c = 0; c != count; ++c) {
                swapped[round][c] = all.ends[2 * count + c] == 1 ? 1.0 : 0.0;
                BOOST_REQUIRE(all.ends[count + c] == (swapped[round][c] == 1.0 ? 2 : 1));
                auto x = number_of(all.chains[1].states, c);
                auto y = number_of(all.chains[2].states, c);
                if (swapped[round][c] == 1.0) { std::swap(x, y); }
                p[round][c] = exact.acceptance(x, y, 0.7, 0.4);
                BOOST_REQUIRE(std::abs(all.acceptance(1, c) - p[round][c]) < 1e-12);
                pairs[32 * x + y] = true;
                // What is known of the states goes with them.
                for (const std::size_t k : {0, 1, 2, 3}) {
                    const auto state = exact.truth.state(number_of(all.chains[k].states, c));
                    BOOST_REQUIRE(std::abs(all.differences(k, c) - (exact.energy_a(state) - exact.truth.energy(state))) < 1e-12);
                }
            }
        }
        BOOST_TEST(std::count(pairs.begin(), pairs.end(), true) > 500);
        // So many swap, and so many twice: chance is new each time. 5 standard deviations.
        auto excess = std::vector<double>(3, 0.0);
        auto variance = excess;
        for (std::size_t c = 0; c != count; ++c) {
            const auto add = [&](std::size_t i, double found, double expected) {
                excess[i] += found - expected;
                variance[i] += expected * (1.0 - expected);
            };
            add(0, swapped[0][c], p[0][c]);
            add(1, swapped[1][c], p[1][c]);
            add(2, swapped[0][c] * swapped[1][c], p[0][c] * p[1][c]);
        }
        for (const std::size_t i : {0, 1, 2}) {
            BOOST_TEST(std::abs(excess[i]) < 5.0 * std::sqrt(variance[i]));
            BOOST_TEST(variance[i] > 1000.0);
        }
        for (const std::size_t k : {0, 1, 2, 3}) {
            auto z = nbm::Matrix<double>::from_shape({1, 1});
            dbm.field(1, all.chains[k].states, z);
            BOOST_TEST(xt::allclose(z, all.fields[k][1], 1e-12, 1e-12));
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(all_replicas_reach_their_exact_joint_distributions, T, Reals) {
    // 60,000 independent chains after 40 updates, after which one more has swapped the colder pair, then the hotter one. Each test
    // is at the level 1e-6.
    constexpr std::size_t count = 60000;
    for (const auto& topology : {nbm::Topology({3, 2}), nbm::Topology({2, 2, 2})}) {
        const auto dbm = machine<T>(topology);
        const auto a = reference<T>(dbm.visible_size());
        const auto exact = Exact(dbm, a);
        const auto states = exact.truth.state_count();
        const auto betas = std::vector<double>{1.0, 0.55, 0.0};
        auto all = nbm::make_replicas(dbm, count, {.temperatures = 3}, 11, a);
        all.ladder.betas = betas;
        const auto sampler = nbm::Tempering({.adaptive = false});
        sampler.run(dbm, all, 40);
        for (const std::size_t pair : {0, 1}) {
            sampler.run(dbm, all);
            for (const std::size_t k : {0, 1, 2}) {
                const auto counts = counts_of(all.chains[k].states, states);
                BOOST_TEST(fits(counts, exact.probabilities(betas[k])), "beta " << betas[k]);
                // The test would notice another temperature, or another reference.
                BOOST_TEST(!fits(counts, exact.probabilities(0.75)));
                if (k != 0) { BOOST_TEST(!fits(counts, Exact(dbm, nbm::zero_vector<T>(a.size())).probabilities(betas[k]))); }
            }
            // Neighbours are independent of each other, the more notable as they have just been exchanged.
            auto joint = std::vector<double>(states * states, 0.0);
            auto product = joint;
            auto rate = 0.0;
            const auto p = exact.probabilities(betas[pair]);
            const auto q = exact.probabilities(betas[pair + 1]);
            for (std::size_t c = 0; c != count; ++c) {
                joint[number_of(all.chains[pair].states, c) * states + number_of(all.chains[pair + 1].states, c)] += 1.0;
            }
            for (std::size_t x = 0; x != states; ++x) {
                for (std::size_t y = 0; y != states; ++y) {
                    product[x * states + y] = p[x] * q[y];
                    rate += p[x] * q[y] * exact.acceptance(x, y, betas[pair], betas[pair + 1]);
                }
            }
            BOOST_TEST(fits(joint, product));
            // The mean over chains of a number between 0 and 1 deviates by at most 5 * 0.5 / sqrt(count).
            auto mean = 0.0;
            for (std::size_t c = 0; c != count; ++c) { mean += all.acceptance(pair, c) / double(count); }
            BOOST_TEST(std::abs(mean - rate) < 2.5 / std::sqrt(double(count)));
            BOOST_TEST(std::abs(all.ladder.swap_rates[pair] - rate) < 0.05);  // its mean began with random states
            BOOST_TEST(all.ladder.swaps[pair] == 21U);
        }
    }
}

BOOST_AUTO_TEST_CASE(tempering_visits_both_modes_where_gibbs_sampling_stays_in_one) {
    // All chains and replicas begin in the lower mode. The chains are independent of each other, so the number of those in the
    // upper mode after 300 updates is binomial: within 5 standard deviations of its mean.
    constexpr std::size_t count = 400;
    for (const auto tilt : {0.0, 0.2}) {
        const auto dbm = two_modes(tilt);
        const auto truth = oracle::Machine(dbm);
        auto upper = 0.0;
        auto between = 0.0;
        truth.for_each(1.0, [&](const oracle::State& x, double p) {
            const auto on = std::accumulate(x[1].begin(), x[1].end(), std::accumulate(x[0].begin(), x[0].end(), 0.0));
            upper += on > 6.0 ? p : 0.0;
            between += on > 2.0 && on < 10.0 ? p : 0.0;
        });
        upper /= std::exp(truth.log_z());
        BOOST_REQUIRE(between / std::exp(truth.log_z()) < 1e-4);
        BOOST_REQUIRE(std::abs(upper - 1.0 / (1.0 + std::exp(-6.0 * tilt))) < 0.01);

        auto all = nbm::make_replicas(dbm, count, {}, 7);
        auto chains = nbm::make_chains(dbm, count, 7);
        for (std::size_t l = 0; l != 2; ++l) {
            chains.states[l].fill(0.0);
            for (auto& replicas : all.chains) { replicas.states[l].fill(0.0); }
        }
        const auto sampler = nbm::Tempering({.adapt_every = 20});
        auto changes = std::vector<int>(count, 0);
        auto time = 0.0;
        auto before = std::vector<bool>(count, false);
        for (int update = 0; update != 600; ++update) {
            sampler.run(dbm, all);
            for (std::size_t c = 0; c != count; ++c) {
                const auto now = in_upper_mode(all.cold().states, c);
                changes[c] += now != before[c] ? 1 : 0;
                before[c] = now;
                time += update >= 300 && now ? 1.0 / 300.0 : 0.0;
            }
        }
        const auto limit = 5.0 * std::sqrt(double(count) * upper * (1.0 - upper));
        BOOST_TEST(std::abs(double(std::count(before.begin(), before.end(), true)) - double(count) * upper) < limit);
        // A mean over times of the same expectation varies less, however correlated they are.
        BOOST_TEST(std::abs(time - double(count) * upper) < limit);
        BOOST_TEST(*std::min_element(changes.begin(), changes.end()) > 0);
        BOOST_TEST(all.ladder.round_trips > 10 * count);

        nbm::Gibbs({.steps = 6000}).run(dbm, chains);  // as many sweeps as all replicas together
        auto left = 0;
        for (std::size_t c = 0; c != count; ++c) { left += in_upper_mode(chains.states, c) ? 1 : 0; }
        BOOST_TEST(left == 0);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(replicas_do_not_depend_on_threads_nor_on_how_updates_are_grouped, T, Reals) {
    const auto dbm = machine<T>(nbm::Topology({37, 21, 10, 5}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}}));
    const auto sampler = nbm::Tempering({.steps = 2, .adapt_every = 4});
    const auto run = [&](std::uint64_t seed, std::vector<std::size_t> groups) {
        auto all = nbm::make_replicas(dbm, 133, {.temperatures = 5}, seed, reference<T>(37));
        for (const auto updates : groups) { sampler.run(dbm, all, updates); }
        return all;
    };
    const auto once = run(4, {11});
    BOOST_TEST(once.cold().sweeps == 23U);
    for (const std::size_t threads : {1, 2, 5}) {
        nbm::set_threads(threads);
        BOOST_TEST(same(run(4, {11}), once));
        BOOST_TEST(same(run(4, {2, 1, 0, 8}), once));
    }
    nbm::set_threads(0);
    BOOST_TEST(!same(run(5, {11}), once));
}
