// The temperatures of parallel tempering, round trips, and what is refused.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "oracle.hpp"

import nbm;

namespace {

auto machine(nbm::Topology topology, double sd = 1.0) -> nbm::DBM<double> {
    auto dbm = nbm::DBM<double>(std::move(topology));
    oracle::randomise(dbm, 5, sd);
    return dbm;
}

}  // namespace

BOOST_AUTO_TEST_CASE(rejections_become_equal_where_the_barrier_is_known) {
    using List = std::vector<double>;
    const auto moved = nbm::equal_rejection(List{1.0, 0.5, 0.0}, List{0.6, 0.2});
    BOOST_TEST(std::abs(moved[1] - 2.0 / 3.0) < 1e-12);
    BOOST_TEST((nbm::equal_rejection(List{1.0, 0.9, 0.3, 0.1}, List{0.3, 0.3, 0.3})[2]) == 0.3,
               boost::test_tools::tolerance(1e-12));
    for (const auto& rejections : {List{0.0, 0.0}, List{0.1, std::nan("")}, List{0.1, HUGE_VAL}}) {
        BOOST_TEST((nbm::equal_rejection(List{1.0, 0.4, 0.2}, rejections) == List{1.0, 0.4, 0.2}));
    }
    const auto lopsided = nbm::equal_rejection(List{1.0, 0.7, 0.4, 0.2}, List{0.0, 0.9, 0.0});
    for (std::size_t k = 1; k != 4; ++k) { BOOST_TEST(lopsided[k] < lopsided[k - 1]); }
    BOOST_CHECK_THROW(nbm::equal_rejection(List{1.0, 0.0}, List{0.1, 0.1}), nbm::InputError);
    // With the cumulative rejection beta^3 the fixed point is known.
    auto betas = nbm::Ladder::linear(6, 0.0).betas;
    for (int round = 0; round != 60; ++round) {
        auto rejections = List{};
        for (std::size_t k = 0; k != 5; ++k) { rejections.push_back(std::pow(betas[k], 3.0) - std::pow(betas[k + 1], 3.0)); }
        betas = nbm::equal_rejection(betas, rejections);
    }
    for (std::size_t k = 0; k != 6; ++k) { BOOST_TEST(std::abs(betas[k] - std::cbrt(1.0 - double(k) / 5.0)) < 1e-6); }
}

BOOST_AUTO_TEST_CASE(an_adaptive_ladder_makes_all_swap_rates_equal) {
    const auto dbm = machine({20, 12}, 1.5);
    for (const auto lowest : {0.0, 0.2}) {
        const auto spread_of = [&](nbm::Ladder ladder) {
            // The rates of a ladder that stays, over the last 100 swaps of 200 chains each.
            auto all = nbm::make_replicas(dbm, 200, {.temperatures = 8, .lowest = lowest}, 4);
            all.ladder.betas = ladder.betas;
            nbm::Tempering({.adaptive = false}).run(dbm, all, 800);
            BOOST_TEST((all.ladder.betas == ladder.betas));
            const auto [low, high] = std::minmax_element(all.ladder.swap_rates.begin(), all.ladder.swap_rates.end());
            return *high - *low;
        };
        auto all = nbm::make_replicas(dbm, 200, {.temperatures = 8, .lowest = lowest}, 3);
        BOOST_TEST(spread_of(all.ladder) > 0.2);
        for (int i = 0; i != 20; ++i) {
            nbm::Tempering({.adapt_every = 50}).run(dbm, all, 50);
            all.ladder.check();
            BOOST_TEST(all.ladder.betas.front() == 1.0);
            BOOST_TEST(all.ladder.betas.back() == lowest);
        }
        BOOST_TEST(spread_of(all.ladder) < 0.04);
    }
}

BOOST_AUTO_TEST_CASE(replicas_that_always_swap_travel_round_and_round) {
    const auto dbm = nbm::DBM<double>({3, 2});  // D = 0
    for (const auto& [temperatures, updates, least, most] :
         {std::tuple(2, 3, 0, 0), std::tuple(2, 5, 1, 1), std::tuple(2, 11, 4, 4), std::tuple(4, 100, 40, 50)}) {
        auto all = nbm::make_replicas(dbm, 9, {.temperatures = std::size_t(temperatures)}, 1);
        nbm::Tempering({.adapt_every = 2}).run(dbm, all, std::size_t(updates));
        BOOST_TEST(all.ladder.round_trips >= 9U * unsigned(least));
        BOOST_TEST(all.ladder.round_trips <= 9U * unsigned(most));
        for (const auto rate : all.ladder.swap_rates) { BOOST_TEST(rate == 1.0); }
        BOOST_TEST((all.ladder.betas == nbm::Ladder::linear(std::size_t(temperatures), 0.0).betas));
    }
}

BOOST_AUTO_TEST_CASE(a_diverged_machine_swaps_nothing_and_says_so) {
    auto dbm = machine({3, 2});
    dbm.weights(0, 1)(0, 0) = std::nan("");
    auto all = nbm::make_replicas(dbm, 5, {.temperatures = 3}, 1);
    nbm::Tempering({.adapt_every = 2}).run(dbm, all, 6);
    BOOST_TEST(std::isnan(all.ladder.swap_rates[0]));
    BOOST_TEST(all.ladder.round_trips == 0U);
    BOOST_TEST((all.ladder.betas == nbm::Ladder::linear(3, 0.0).betas));
}

BOOST_AUTO_TEST_CASE(wrong_arguments_are_refused) {
    const auto dbm = machine({3, 2});
    const auto refusal = [&](const nbm::TemperingOptions& options) {
        return message_of<nbm::InputError>([&] { nbm::Tempering{options}; });
    };
    BOOST_TEST(has(refusal({.steps = 0}), "0 sweeps"));
    BOOST_TEST(has(refusal({.temperatures = 1}), "1 temperatures are too few"));
    BOOST_TEST(has(refusal({.lowest = 1.0}), "below 1"));
    BOOST_TEST(has(refusal({.lowest = -0.1}), "at least 0"));
    BOOST_TEST(has(refusal({.lowest = std::nan("")}), "nan"));
    BOOST_TEST(has(refusal({.adapt_every = 1}), "adapt_every is 1"));
    BOOST_CHECK_THROW(nbm::make_replicas(dbm, 0, {}, 1), nbm::InputError);
    BOOST_CHECK_THROW(nbm::make_replicas(dbm, 2, {}, 1, nbm::zero_vector<double>(2)), nbm::ShapeError);
    auto all = nbm::make_replicas(dbm, 2, {.temperatures = 3}, 1);
    const auto broken = [&](const auto& damage) {
        auto copy = all;
        damage(copy);
        BOOST_CHECK_THROW(nbm::Tempering().run(dbm, copy), nbm::Error);
    };
    for (const auto& betas : std::vector<std::vector<double>>{{1.0, 0.3, 0.3}, {0.9, 0.3, 0.1}, {1.0, 0.3, -0.1}, {1.0, 0.3}}) {
        broken([&](auto& r) { r.ladder.betas = betas; });
    }
    broken([](auto& r) { r.ladder.swaps.pop_back(); });
    broken([](auto& r) { r.chains.pop_back(); });
    broken([](auto& r) { r.ends.clear(); });
    broken([&](auto& r) { r.chains[1] = nbm::make_chains(dbm, 3, 1); });
    broken([](auto& r) { r.fields[1][1] = nbm::zero_matrix<double>(2, 3); });
    BOOST_CHECK_THROW(nbm::Tempering().run(machine({2, 2}), all), nbm::ShapeError);
}
