#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "helpers.hpp"
#include "oracle.hpp"

import nbm;

#include "machines.hpp"

namespace {

using boost::test_tools::tolerance;

constexpr auto infinity = std::numeric_limits<double>::infinity();
const auto not_a_number = std::nan("");

/// Log weights of many runs whose mean weight is 1.
using Draw = std::function<std::vector<double>(std::mt19937_64&, std::size_t)>;

auto log_normal(double variance) -> Draw {
    return [=](std::mt19937_64& engine, std::size_t runs) {
        auto normal = std::normal_distribution<double>(-variance / 2.0, std::sqrt(variance));
        auto x = std::vector<double>(runs);
        for (auto& value : x) { value = normal(engine); }
        return x;
    };
}
auto gamma_weights(double variance) -> Draw {
    return [=](std::mt19937_64& engine, std::size_t runs) {
        auto weight = std::gamma_distribution<double>(1.0 / variance, variance);
        auto x = std::vector<double>(runs);
        for (auto& value : x) { value = std::log(weight(engine)); }
        return x;
    };
}

/// What becomes of the estimates of many seeds.
struct Coverage {
    int below = 0;  // the truth is below the 3-sigma interval
    int above = 0;
    int bootstrap_misses = 0;
    int trusted = 0;
    int trusted_misses = 0;
    double squares = 0.0;  // of (value - truth) / standard_error, their mean
    double bias = 0.0;     // mean of value - truth

    auto add(const nbm::LogZ& z, double truth, int seeds) -> void {
        below += truth < z.low ? 1 : 0;
        above += truth > z.high ? 1 : 0;
        bootstrap_misses += truth < z.bootstrap.low || truth > z.bootstrap.high ? 1 : 0;
        const auto yes = bool(z.trustworthy());
        trusted += yes ? 1 : 0;
        trusted_misses += yes && (truth < z.low || truth > z.high) ? 1 : 0;
        squares += std::pow((z.value - truth) / z.standard_error, 2) / seeds;
        bias += (z.value - truth) / seeds;
    }
};

/// The cheapest bootstrap where it is not looked at.
constexpr auto hardly = nbm::BootstrapOptions{.level = 0.5, .replicates = 3};

auto coverage(const Draw& draw, std::size_t runs, int seeds, nbm::BootstrapOptions options = hardly, bool reverse = false)
    -> Coverage {
    auto result = Coverage{};
    auto engine = std::mt19937_64(runs);
    for (auto seed = 0; seed != seeds; ++seed) {
        const auto weights = draw(engine, runs);
        options.seed = std::uint64_t(seed);
        result.add(
            reverse ? nbm::estimate_from_reverse_weights(weights, 3.0, options) : nbm::estimate_from_weights(weights, 3.0, options),
            3.0, seeds);
    }
    return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(three_sigma_intervals_cover_at_their_rate_and_no_more) {
    // 300 runs of nearly normal weights: the interval misses with probability 0.0029, here 58 of 20,000. A binomial variable
    // leaves [22, 95] with a probability below 2e-6; bars of 2.6 or 3.5 standard errors would give 186 or 9.
    for (const auto& draw : {log_normal(0.01), gamma_weights(0.01)}) {
        for (const auto reverse : {false, true}) {
            const auto c = coverage(draw, 300, 20'000, hardly, reverse);
            BOOST_TEST(c.below + c.above >= 22);
            BOOST_TEST(c.below + c.above <= 95);
            // Each side has half of them: outside [5, 60] with a probability below 1e-6, skewness of the mean (0.02) included.
            BOOST_TEST(std::min(c.below, c.above) >= 5);
            BOOST_TEST(std::max(c.below, c.above) <= 60);
            BOOST_TEST(std::abs(c.squares - 1.0) < 0.05);  // 5 standard deviations of a mean square of 20,000
            BOOST_TEST(c.trusted == 20'000);
        }
    }
}

BOOST_AUTO_TEST_CASE(bootstrap_intervals_cover_at_their_rate_and_no_more) {
    // 95 %; the simulation behind TrustLimits gives 5 to 6.5 % misses for these weights. Of 2,000, outside [54, 182] has a
    // probability below 2e-6; a level of 90 or 98 % would give 200 or 40.
    for (const auto& draw : {log_normal(0.1), gamma_weights(0.1)}) {
        for (const auto reverse : {false, true}) {
            const auto c = coverage(draw, 100, 2'000, {.replicates = 400}, reverse);
            BOOST_TEST(c.bootstrap_misses >= 54);
            BOOST_TEST(c.bootstrap_misses <= 182);
        }
    }
}

BOOST_AUTO_TEST_CASE(intervals_of_ais_cover_the_exact_log_z) {
    auto dbm = nbm::DBM<double>({4, 3});
    oracle::randomise(dbm, 12, 1.0);
    const auto truth = oracle::Machine(dbm).log_z();
    auto c = Coverage{};
    const auto seeds = 1'000;
    for (auto seed = 0; seed != seeds; ++seed) {
        auto ais = nbm::AIS<double>(dbm, nbm::zero_matrix<double>(1, 4), {.runs = 200, .betas = 40, .seed = std::uint64_t(seed)});
        c.add(ais.run_log_z(), truth, seeds);
    }
    // 3-sigma: 3 to 10 expected; more than 30 have a probability below 1e-6. The scores' mean square of 1 tells that the bars are
    // not too wide: its standard deviation is 0.045. Bootstrap: 50 to 70 expected, outside [20, 110] below 1e-6.
    BOOST_TEST(c.below + c.above <= 30);
    BOOST_TEST(std::abs(c.squares - 1.0) < 0.25);
    BOOST_TEST(c.bootstrap_misses >= 20);
    BOOST_TEST(c.bootstrap_misses <= 110);
    BOOST_TEST(c.trusted == seeds);
}

BOOST_AUTO_TEST_CASE(what_is_trusted_is_seldom_wrong_and_what_is_good_is_trusted) {
    // Intervals of trusted estimates miss in at most 2.5 % of all cases; of 1,000 more than 51 then have a probability below 1e-6.
    for (const auto variance : {0.25, 1.0, 1.5, 2.0, 3.0, 6.0, 12.0}) {
        for (const std::size_t runs : {20, 50, 100, 300}) {
            const auto c = coverage(log_normal(variance), runs, 1'000);
            BOOST_TEST(c.trusted_misses <= 51);
            if (variance <= 0.25 && runs >= 100) { BOOST_TEST(c.trusted >= 950); }
            if (variance >= 6.0 || runs < 50) { BOOST_TEST(c.trusted == 0); }
        }
    }
    // Why: without the verdict, a third of the intervals would miss.
    const auto wild = coverage(log_normal(6.0), 50, 1'000);
    BOOST_TEST(wild.above >= 250);
    BOOST_TEST(wild.below == 0);
}

BOOST_AUTO_TEST_CASE(estimates_are_stochastic_bounds) {
    // log is concave: E log mean(w) < log E w, by about var / 2M = 0.016 here; 5,000 seeds know the mean to 0.0025.
    BOOST_TEST(coverage(log_normal(0.5), 20, 5'000).bias < -0.005);
    BOOST_TEST(coverage(log_normal(0.5), 20, 5'000, hardly, true).bias > 0.005);
}

BOOST_AUTO_TEST_CASE(reverse_estimates_mirror_forward_ones) {
    auto engine = std::mt19937_64(3);
    for (const std::size_t runs : {1, 2, 7, 300}) {
        for (const auto variance : {0.1, 4.0}) {
            const auto weights = log_normal(variance)(engine, runs);
            const auto forward = nbm::estimate_from_weights(weights, 0.0);
            const auto z = nbm::estimate_from_reverse_weights(weights, 7.0);
            const auto same = [](double a, double b) { return a == b || std::abs(a - b) < 1e-12; };
            BOOST_TEST(same(z.value, 7.0 - forward.value));
            BOOST_TEST(same(z.low, 7.0 - forward.high));
            BOOST_TEST(same(z.high, 7.0 - forward.low));
            BOOST_TEST(same(z.bootstrap.low, 7.0 - forward.bootstrap.high));
            BOOST_TEST(same(z.bootstrap.high, 7.0 - forward.bootstrap.low));
            BOOST_TEST(same(z.standard_error, forward.standard_error));
            BOOST_TEST(z.effective_sample_size == forward.effective_sample_size);
            BOOST_TEST(z.largest_weight_share == forward.largest_weight_share);
            BOOST_TEST(z.low <= z.value);
            BOOST_TEST(z.value <= z.high);
        }
    }
    // Z = Z_A / mean(w): w = 1, 2, 3 and Z_A = 10 give 5, between 10 / 3.73 and 10 / 0.268.
    const auto z = nbm::estimate_from_reverse_weights(std::vector{0.0, std::log(2.0), std::log(3.0)}, std::log(10.0));
    BOOST_TEST(z.value == std::log(5.0), tolerance(1e-14));
    BOOST_TEST(z.low == std::log(10.0 / (2.0 + std::sqrt(3.0))), tolerance(1e-13));
    BOOST_TEST(z.high == std::log(10.0 / (2.0 - std::sqrt(3.0))), tolerance(1e-13));
    BOOST_TEST(nbm::estimate_from_reverse_weights(std::vector{0.0, 0.0, 50.0}, 0.0).high == infinity);
}

BOOST_AUTO_TEST_CASE(parts_of_an_estimate_follow_their_definitions) {
    const auto weights = std::vector{std::log(1.0), std::log(2.0), std::log(3.0)};
    const auto z = nbm::estimate_from_weights(weights, 5.0);
    BOOST_TEST(z.standard_error == 1.0 / 2.0 / std::sqrt(3.0), tolerance(1e-13));
    BOOST_TEST(z.largest_weight_share == 0.5, tolerance(1e-13));
    const auto mean = std::log(6.0) / 3.0;
    const auto variance = (mean * mean + std::pow(std::log(2.0) - mean, 2) + std::pow(std::log(3.0) - mean, 2)) / 2.0;
    BOOST_TEST(z.log_weight_variance == variance, tolerance(1e-13));
    BOOST_TEST(z.runs == 3U);
    // Runs of weight 0 count in everything but the variance of the log weights: w = 0, 0, 1, 3.
    const auto some = nbm::estimate_from_weights(std::vector{-infinity, 0.0, -infinity, std::log(3.0)}, 2.0);
    BOOST_TEST(some.value == 2.0, tolerance(1e-14));
    BOOST_TEST(some.effective_sample_size == 1.6, tolerance(1e-13));
    BOOST_TEST(some.largest_weight_share == 0.75, tolerance(1e-13));
    BOOST_TEST(some.standard_error == std::sqrt(6.0 / 3.0 / 4.0), tolerance(1e-13));
    BOOST_TEST(some.log_weight_variance == std::pow(std::log(3.0), 2) / 2.0, tolerance(1e-13));
    BOOST_TEST(some.bootstrap.low == -infinity);  // 6 % of the replicates have zeros only
    BOOST_TEST(some.bootstrap.high < 2.0 + std::log(3.0) + 1e-12);
    const auto exact = nbm::exactly(1.5);
    BOOST_TEST((exact.value == 1.5 && exact.low == 1.5 && exact.high == 1.5 && exact.standard_error == 0.0));
}

BOOST_AUTO_TEST_CASE(the_bootstrap_draws_with_replacement_and_evenly) {
    // Two weights: replicates have the mean 1, 2 or 3 with the probabilities 1/4, 1/2, 1/4.
    const auto interval = [](double level) {
        return nbm::estimate_from_weights(std::vector{0.0, std::log(3.0)}, 0.0, {.level = level}).bootstrap;
    };
    BOOST_TEST(interval(0.4).low == std::log(2.0), tolerance(1e-13));
    BOOST_TEST(interval(0.4).high == std::log(2.0), tolerance(1e-13));
    BOOST_TEST(std::abs(interval(0.6).low) < 1e-13);
    BOOST_TEST(interval(0.6).high == std::log(3.0), tolerance(1e-13));
    // Many nearly normal weights: +- 1.96 standard errors; 2,000 replicates know these ends to 4 %.
    auto engine = std::mt19937_64(1);
    const auto weights = log_normal(0.01)(engine, 1001);
    const auto z = nbm::estimate_from_weights(weights, 1e3);
    BOOST_TEST((z.value - z.bootstrap.low) / z.standard_error == 1.96, tolerance(0.2));
    BOOST_TEST((z.bootstrap.high - z.value) / z.standard_error == 1.96, tolerance(0.2));
    // The same for the same seed and any number of threads; scaling of the weights shifts it.
    nbm::set_threads(1);
    const auto again = nbm::estimate_from_weights(weights, 1e3);
    nbm::set_threads(0);
    BOOST_TEST(again.bootstrap.low == z.bootstrap.low);
    BOOST_TEST(again.bootstrap.high == z.bootstrap.high);
    BOOST_TEST(nbm::estimate_from_weights(weights, 1e3, {.seed = 2}).bootstrap.low != z.bootstrap.low);
    BOOST_TEST(nbm::estimate_from_weights(weights, 0.0).bootstrap.low + 1e3 == z.bootstrap.low, tolerance(1e-12));
    const auto estimate = [&](double level, std::size_t replicates) {
        return message_of<nbm::InputError>(
            [&] { nbm::estimate_from_weights(weights, 0.0, {.level = level, .replicates = replicates}); });
    };
    BOOST_TEST(has(estimate(1.0, 100), "between 0 and 1"));
    BOOST_TEST(has(estimate(not_a_number, 100), "between 0 and 1"));
    BOOST_TEST(has(estimate(0.95, 38), "at least 39"));
    BOOST_TEST(estimate(0.95, 39) == "nothing was thrown");
}

BOOST_AUTO_TEST_CASE(weights_that_are_no_finite_numbers_are_never_trusted) {
    const auto with = [](double odd, std::size_t count) {
        auto weights = std::vector<double>(100, 0.5);
        std::fill_n(weights.begin(), count, odd);
        return nbm::estimate_from_weights(weights, 1.0);
    };
    for (const auto& z :
         {with(not_a_number, 1), with(not_a_number, 100), with(infinity, 1), with(-infinity, 100), with(infinity, 100)}) {
        BOOST_TEST(!std::isfinite(z.value));
        BOOST_TEST(z.low == -infinity);
        BOOST_TEST(z.high == infinity);
        BOOST_TEST(z.bootstrap.low == -infinity);
        BOOST_TEST(z.bootstrap.high == infinity);
        BOOST_TEST(z.standard_error == infinity);
        BOOST_TEST(z.effective_sample_size == 0.0);
        BOOST_TEST(!z.trustworthy());
    }
    BOOST_TEST(has(with(not_a_number, 1).trustworthy().reason, "not a number"));
    BOOST_TEST(has(with(infinity, 1).trustworthy().reason, "infinite"));
    BOOST_TEST(with(-infinity, 100).value == -infinity);
    BOOST_TEST(bool(with(-infinity, 10).trustworthy()));  // 10 runs of weight 0 among 100 are no defect
    BOOST_TEST(nbm::estimate_from_reverse_weights(std::vector(100, -infinity), 0.0).value == infinity);
}

BOOST_AUTO_TEST_CASE(verdicts_name_the_reason) {
    const auto verdict = [](std::vector<double> weights, const nbm::TrustLimits& limits = {}) {
        return nbm::estimate_from_weights(weights, 0.0).trustworthy(limits);
    };
    const auto equal = [](std::size_t runs) { return std::vector<double>(runs, 1.0); };
    BOOST_TEST(has(verdict(equal(1)).reason, "1 run is too few"));
    BOOST_TEST(has(verdict(equal(49)).reason, "use at least 50"));
    BOOST_TEST(bool(verdict(equal(50))));
    BOOST_TEST(has(verdict(equal(50)).reason, "50 runs are worth 50.0 independent samples"));
    auto one = equal(99);
    one.push_back(30.0);
    BOOST_TEST(has(verdict(one).reason, "reaches below 0"));
    one.back() = 1.0 + std::log(0.2 / 0.8 * 99.0);
    BOOST_TEST(has(verdict(one).reason, "a single one of 100 runs carries 20 % of the weight"));
    BOOST_TEST(has(verdict(one).reason, "more inverse temperatures"));
    auto some = equal(70);  // 10 of 70 runs carry nearly all of the weight, none of them more than a tenth
    std::fill_n(some.begin(), 12, 6.0);
    BOOST_TEST(has(verdict(some).reason, "70 runs are worth only"));
    auto alternating = equal(1000);
    for (std::size_t i = 0; i < 1000; i += 2) { alternating[i] = -3.0; }
    BOOST_TEST(has(verdict(alternating).reason, "log weights have the variance 4.00"));
    BOOST_TEST(bool(verdict(alternating, {.log_weight_variance = 4.01})));
    for (const auto& v : {verdict(one), verdict(some), verdict(alternating), verdict(equal(2))}) { BOOST_TEST(!v.yes); }
}

namespace {

/// The effective sample sizes of AIS against runs that end at each position: of the machine there, whose parameters are as many
/// times as large as the position says, with the same random numbers.
template <class T>
auto check_effective_sizes(const nbm::DBM<T>& dbm, std::size_t runs, double error) -> void {
    const auto betas = std::vector<double>{0.0, 0.1, 0.2, 0.35, 0.5, 0.6, 0.8, 0.9, 1.0};
    auto ais = nbm::AIS<T>(dbm, {.runs = runs, .betas = nbm::Betas(betas), .base = nbm::Base::uniform});
    const auto log_z = ais.run_log_z();
    const auto& sizes = ais.effective_sample_sizes();
    BOOST_TEST(sizes.positions == betas, boost::test_tools::per_element());
    BOOST_TEST_REQUIRE(sizes.values.size() == betas.size());
    BOOST_TEST(sizes.values.front() == double(runs));
    BOOST_TEST(sizes.values.back() == log_z.effective_sample_size);
    BOOST_TEST(sizes.values.back() < 0.95 * double(runs));
    for (std::size_t k = 1; k != betas.size(); ++k) {
        auto there = dbm;
        for (auto& layer : there.layers()) {
            for (auto& b : layer.bias) { b = T(betas[k] * double(b)); }
        }
        for (auto& synapse : there.synapses()) {
            for (auto& w : synapse.weights) { w = T(betas[k] * double(w)); }
        }
        auto so_far = std::vector<double>{};
        for (std::size_t i = 0; i <= k; ++i) { so_far.push_back(betas[i] / betas[k]); }
        auto part = nbm::AIS<T>(there, {.runs = runs, .betas = nbm::Betas(so_far), .base = nbm::Base::uniform});
        part.run_log_z();
        const auto largest = std::ranges::max(part.log_weights());
        auto sum = 0.0;
        auto squares = 0.0;
        for (const auto x : part.log_weights()) {
            sum += std::exp(x - largest);
            squares += std::exp(2.0 * (x - largest));
        }
        BOOST_TEST(sizes.values[k] == sum * sum / squares, tolerance(error));
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(effective_sample_sizes_are_those_of_the_weights_so_far) {
    check_effective_sizes(machine({7, 5}, 61, 1.5), 300, 1e-9);
    check_effective_sizes(machine({4, 3, 3}, 62, 1.5), 70, 1e-9);
    check_effective_sizes(machine({30, 20}, 63, 20.0), 200, 1e-6);  // weights that overflow
    check_effective_sizes(machine<float>({8, 6}, 64, 1.5), 700, 1e-3);
}

BOOST_AUTO_TEST_CASE(effective_sample_sizes_are_at_most_200_and_no_matter_of_threads) {
    const auto dbm = machine<float>({8, 6}, 65, 1.0);
    for (const std::size_t count : {2, 3, 200, 201, 1000}) {
        const auto betas = nbm::linear(count);
        auto reference = std::vector<double>{};
        for (const std::size_t threads : {1, 2, 5}) {
            nbm::set_threads(threads);
            auto ais = nbm::AIS<float>(dbm, {.runs = 1100, .betas = betas, .base = nbm::Base::uniform});
            const auto log_z = ais.run_log_z();
            const auto& sizes = ais.effective_sample_sizes();
            BOOST_TEST(sizes.values.back() == log_z.effective_sample_size);
            BOOST_TEST(sizes.positions.size() == std::min<std::size_t>(count, 200));
            for (const auto x : sizes.positions) { BOOST_TEST((std::ranges::find(betas.values(), x) != betas.values().end())); }
            BOOST_TEST(sizes.positions.front() == 0.0);
            BOOST_TEST(sizes.positions.back() == 1.0);
            for (std::size_t i = 0; i != sizes.positions.size(); ++i) {
                const auto even = double(i) / double(sizes.positions.size() - 1);
                BOOST_TEST(std::abs(sizes.positions[i] - even) < 1.0 / double(count - 1));
            }
            if (reference.empty()) { reference = sizes.values; }
            BOOST_TEST((sizes.values == reference));
        }
    }
    nbm::set_threads(0);
}

BOOST_AUTO_TEST_CASE(effective_sample_sizes_of_reverse_and_of_broken_runs) {
    const auto dbm = machine({4, 3}, 66, 1.0);
    auto ais = nbm::AIS<double>(dbm, {.runs = 50, .betas = 20, .base = nbm::Base::uniform});
    const auto log_z = ais.run_reverse_log_z(nbm::exact_samples(dbm, 50, 1));
    const auto& sizes = ais.effective_sample_sizes();
    BOOST_TEST(sizes.positions.front() == 1.0);
    BOOST_TEST(sizes.positions.back() == 0.0);
    BOOST_TEST(sizes.values.front() == 50.0);
    BOOST_TEST(sizes.values.back() == log_z.effective_sample_size);
    auto broken = dbm;
    broken.bias(0)[0] = not_a_number;
    auto none = nbm::AIS<double>(broken, {.runs = 50, .betas = 20, .base = nbm::Base::uniform});
    none.run_log_z();
    BOOST_TEST(none.effective_sample_sizes().values.front() == 50.0);
    for (std::size_t i = 1; i != 20; ++i) { BOOST_TEST(none.effective_sample_sizes().values[i] == 0.0); }
}
