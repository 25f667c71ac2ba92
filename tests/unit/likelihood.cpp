#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "oracle.hpp"

import nbm;

#include "machines.hpp"

namespace {

using boost::test_tools::tolerance;

constexpr auto infinity = std::numeric_limits<double>::infinity();
const auto to_the_end = nbm::MeanFieldOptions{.steps = 100'000, .tolerance = 1e-14};

auto topologies() -> std::vector<nbm::Topology> {
    return {nbm::Topology{3, 3, 3}, nbm::Topology({4, 3, 2, 2}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}})};
}

auto number_of(const std::vector<double>& bits) -> std::size_t {
    auto n = std::size_t{0};
    for (std::size_t k = 0; k != bits.size(); ++k) { n |= static_cast<std::size_t>(bits[k]) << k; }
    return n;
}

/// log p(v) of every visible state, by enumeration of all states.
auto exact_log_probabilities(const oracle::Machine& truth) -> std::vector<double> {
    auto p = std::vector<double>(std::size_t{1} << truth.biases[0].size(), 0.0);
    truth.for_each(1.0, [&](const oracle::State& x, double weight) { p[number_of(x[0])] += weight; });
    for (auto& value : p) { value = std::log(value) - truth.log_z(); }
    return p;
}

auto entropy(double p) -> double { return p <= 0.0 || p >= 1.0 ? 0.0 : -p * std::log(p) - (1.0 - p) * std::log1p(-p); }

/// E_q[E] - H(q) for the distribution q of independent units with the means of row r. E is linear in each layer, so that its
/// expectation is its value at the means.
auto free_energy_of(const oracle::Machine& truth, const nbm::States<double>& means, std::size_t r) -> double {
    auto x = oracle::State{};
    auto sum = 0.0;
    for (std::size_t l = 0; l != means.size(); ++l) {
        x.emplace_back();
        for (std::size_t k = 0; k != means[l].shape(1); ++k) {
            x.back().push_back(means[l](r, k));
            if (l != 0) { sum -= entropy(means[l](r, k)); }
        }
    }
    return sum + truth.energy(x);
}

/// Means of mean field until its fixed point; of several, the one that sweeps with even layers first reach from the upward pass.
auto fixed_point(const nbm::DBM<double>& dbm, const nbm::Matrix<double>& v) -> nbm::States<double> {
    auto means = dbm.propup(v);
    for (std::size_t l = 2; l < dbm.layer_count(); l += 2) { dbm.conditional(l, means, means[l]); }
    BOOST_REQUIRE(nbm::MeanField(to_the_end).run(dbm, means).converged);
    return means;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_bound_is_never_above_the_exact_value_and_misses_it_by_the_divergence) {
    auto largest_gap = 0.0;
    auto most_steps = std::size_t{0};
    for (const auto& topology : topologies()) {
        for (const auto sd : {1.0, 2.0, 3.0}) {
            for (std::uint64_t seed = 0; seed != 30; ++seed) {
                const auto dbm = machine(topology, 100 + seed, sd);
                const auto truth = oracle::Machine(dbm);
                const auto log_z = nbm::exactly(truth.log_z());
                const auto exact = exact_log_probabilities(truth);
                const auto v = all_visible(topology.size(0));
                const auto bounds = nbm::variational_bounds(dbm, v, log_z, to_the_end);
                const auto means = fixed_point(dbm, v);
                auto mean = 0.0;
                for (std::size_t n = 0; n != exact.size(); ++n) {
                    const auto gap = exact[n] - bounds[n];
                    BOOST_TEST(gap >= -1e-12 * std::abs(exact[n]));
                    // With every energy and every entropy: E_q[-E] + H(q) - log Z.
                    BOOST_TEST(bounds[n] == -free_energy_of(truth, means, n) - log_z.value, tolerance(1e-10));
                    largest_gap = std::max(largest_gap, gap);
                    mean += bounds[n] / double(exact.size());
                }
                const auto bound = nbm::variational_bound(dbm, v, log_z);
                BOOST_TEST(bound.value == mean, tolerance(1e-9));
                BOOST_TEST(bound.converged);
                BOOST_TEST(bound.change <= 1e-6);
                most_steps = std::max(most_steps, bound.mean_field_steps);
            }
        }
    }
    BOOST_TEST(largest_gap > 0.1);  // the bound is a bound, not the value,
    BOOST_TEST(most_steps > 25U);   // and training's 25 steps would not have been enough
}

BOOST_AUTO_TEST_CASE(the_bound_is_exact_where_the_posterior_factorises) {
    for (const auto sd : {0.5, 2.0}) {
        for (const auto& topology : topologies()) {
            // Without weights between hidden layers, a hidden layer that does not see v has its biases alone: its entropy counts.
            auto dbm = machine(topology, 7, sd);
            for (auto& [edge, weights] : dbm.synapses()) {
                if (edge.lower != 0) { weights.fill(0.0); }
            }
            const auto truth = oracle::Machine(dbm);
            const auto exact = exact_log_probabilities(truth);
            const auto bounds = nbm::variational_bounds(dbm, all_visible(topology.size(0)), nbm::exactly(truth.log_z()));
            for (std::size_t n = 0; n != exact.size(); ++n) { BOOST_TEST(bounds[n] == exact[n], tolerance(1e-12)); }
        }
        const auto rbm = machine({4, 3}, 8, sd);
        const auto truth = oracle::Machine(rbm);
        const auto log_z = nbm::exactly(truth.log_z());
        const auto exact = exact_log_probabilities(truth);
        const auto v = all_visible(4);
        const auto bounds = nbm::variational_bounds(rbm, v, log_z);
        const auto values = nbm::log_probabilities(rbm, v, log_z);
        auto mean = 0.0;
        for (std::size_t n = 0; n != exact.size(); ++n) {
            BOOST_TEST(bounds[n] == exact[n], tolerance(1e-12));
            BOOST_TEST(values[n] == exact[n], tolerance(1e-12));
            mean += exact[n] / double(exact.size());
        }
        BOOST_TEST(nbm::mean_log_probability(rbm, v, log_z).value == mean, tolerance(1e-12));
        const auto bound = nbm::variational_bound(rbm, v, log_z);
        BOOST_TEST(bound.value == mean, tolerance(1e-12));
        BOOST_TEST(bound.converged);
        BOOST_TEST(bound.mean_field_steps == 0U);
    }
}

BOOST_AUTO_TEST_CASE(mean_field_lowers_its_free_energy_at_every_half_step) {
    for (const auto& topology : topologies()) {
        for (const auto sd : {1.0, 3.0}) {
            const auto dbm = machine(topology, 9, sd);
            const auto truth = oracle::Machine(dbm);
            const auto v = all_visible(topology.size(0));
            auto means = dbm.propup(v);
            auto before = std::vector<double>(v.shape(0), infinity);
            const auto lower = [&](const nbm::MeanFieldOptions& options) {
                nbm::MeanField(options).run(dbm, means);
                auto drop = 0.0;
                for (std::size_t r = 0; r != before.size(); ++r) {
                    const auto now = free_energy_of(truth, means, r);
                    BOOST_TEST(now <= before[r] + 1e-12 * std::abs(now));
                    drop = std::max(drop, before[r] - now);
                    before[r] = now;
                }
                return drop;
            };
            const auto odd = nbm::MeanFieldOptions{.steps = 1, .clamped = {0, 2}};
            const auto even = nbm::MeanFieldOptions{
                .steps = 1,
                .clamped = topology.layer_count() == 3 ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{0, 1, 3}};
            lower(odd);
            BOOST_TEST(lower(even) > 1e-3);
            for (auto step = 0; step != 200; ++step) {
                lower(odd);
                lower(even);
            }
            lower(odd);
            // 200 sweeps by halves are 200 sweeps, and end at the bound.
            const auto bounds = nbm::variational_bounds(dbm, v, nbm::exactly(0.0), {.steps = 201, .tolerance = 0.0});
            for (std::size_t r = 0; r != before.size(); ++r) { BOOST_TEST(bounds[r] == -before[r], tolerance(1e-12)); }
        }
    }
}

BOOST_AUTO_TEST_CASE(fewer_steps_bound_less_tightly_and_say_so) {
    const auto dbm = machine({3, 3, 3}, 10, 3.0);
    const auto v = all_visible(3);
    const auto log_z = nbm::exactly(oracle::Machine(dbm).log_z());
    const auto whole = nbm::variational_bound(dbm, v, log_z);
    auto before = -infinity;
    for (const std::size_t steps : {0, 1, 2, 4}) {
        const auto bound = nbm::variational_bound(dbm, v, log_z, {.steps = steps, .tolerance = 1e-6});
        BOOST_TEST(bound.mean_field_steps == steps);
        BOOST_TEST(!bound.converged);
        BOOST_TEST((steps == 0 || bound.change > 1e-6));
        BOOST_TEST(bound.value >= before);
        BOOST_TEST(bound.value <= whole.value + 1e-12);
        before = bound.value;
    }
    BOOST_TEST(before < whole.value);
    // Training's positive phase is the same computation.
    const auto options = nbm::MeanFieldOptions{.steps = 4, .tolerance = 1e-6};
    auto positive = nbm::PositivePhase<double>(options);
    positive.reserve(dbm, 8);
    BOOST_TEST(-positive.run(dbm, v) / 8.0 - log_z.value == before, tolerance(1e-13));
    // NaN in the first of 200 rows, that is, in the first of 4 blocks, does not pass for convergence, stays, and spoils no other
    // row.
    auto some = nbm::zero_matrix<double>(200, 3);
    some(0, 1) = std::nan("");
    const auto lost = nbm::variational_bound(dbm, some, log_z);
    BOOST_TEST(!lost.converged);
    BOOST_TEST(std::isnan(lost.change));
    BOOST_TEST(std::isnan(lost.value));
    const auto rows = nbm::variational_bounds(dbm, some, log_z);
    BOOST_TEST(std::isnan(rows[0]));
    BOOST_TEST(std::isfinite(rows[1]));
    BOOST_TEST(std::isfinite(rows[199]));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(bounds_do_not_depend_on_threads, T, decltype(std::tuple<float, double>{})) {
    const auto dbm = machine<T>(nbm::Topology({9, 7, 5, 3}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}}), 11, 1.0);
    const auto v = all_visible<T>(9);
    auto reference = nbm::Vector<double>();
    for (const std::size_t threads : {1, 2, 5}) {
        nbm::set_threads(threads);
        const auto bounds = nbm::variational_bounds(dbm, v, nbm::exactly(1.0));
        if (threads == 1) { reference = bounds; }
        BOOST_TEST((bounds == reference));
        const auto bound = nbm::variational_bound(dbm, v, nbm::exactly(1.0));
        BOOST_TEST(bound.converged);
        BOOST_TEST(bound.rows == 512U);
    }
    nbm::set_threads(0);
    // Rows are bounded one by one.
    auto row = nbm::zero_matrix<T>(1, 9);
    for (std::size_t k = 0; k != 9; ++k) { row(0, k) = v(300, k); }
    BOOST_TEST(nbm::variational_bounds(dbm, row, nbm::exactly(1.0))[0] == reference[300],
               tolerance(std::is_same_v<T, float> ? 1e-5 : 1e-10));
}

BOOST_AUTO_TEST_CASE(errors_of_data_and_log_z_add_up_in_quadrature) {
    const auto dbm = machine({4, 3}, 12, 1.0);
    const auto v = all_visible(4);
    auto log_z = nbm::LogZ{};
    log_z.value = 2.0;
    log_z.low = 1.7;
    log_z.high = 2.2;
    log_z.standard_error = 0.08;
    const auto rows = nbm::log_probabilities(dbm, v, log_z);
    const auto p = nbm::mean_log_probability(dbm, v, log_z);
    auto mean = 0.0;
    auto squares = 0.0;
    for (const auto x : rows) { mean += x / 16.0; }
    for (const auto x : rows) { squares += (x - mean) * (x - mean); }
    BOOST_TEST(p.value == mean, tolerance(1e-12));
    BOOST_TEST(p.low == mean - 0.2, tolerance(1e-12));
    BOOST_TEST(p.high == mean + 0.3, tolerance(1e-12));
    BOOST_TEST(p.rows == 16U);
    BOOST_TEST(p.data_error == std::sqrt(squares / 15.0 / 16.0), tolerance(1e-12));
    BOOST_TEST(p.standard_error == std::sqrt(p.data_error * p.data_error + 0.08 * 0.08), tolerance(1e-12));
    BOOST_TEST(p.value - p.population_low == std::sqrt(9.0 * p.data_error * p.data_error + 0.04), tolerance(1e-12));
    BOOST_TEST(p.population_high - p.value == std::sqrt(9.0 * p.data_error * p.data_error + 0.09), tolerance(1e-12));
    const auto exact = nbm::mean_log_probability(dbm, v, nbm::exactly(2.0));
    BOOST_TEST(exact.low == exact.value);
    BOOST_TEST(exact.high == exact.value);
    BOOST_TEST(exact.standard_error == exact.data_error);
    BOOST_TEST(exact.population_high - exact.value == 3.0 * exact.data_error, tolerance(1e-12));
    log_z.low = -infinity;
    const auto open = nbm::mean_log_probability(dbm, v, log_z);
    BOOST_TEST(open.high == infinity);
    BOOST_TEST(open.population_high == infinity);
    BOOST_TEST(std::isfinite(open.population_low));
    BOOST_TEST(nbm::mean_log_probability(dbm, nbm::zero_matrix<double>(1, 4), log_z).data_error == infinity);
}

BOOST_AUTO_TEST_CASE(population_intervals_cover_the_expectation) {
    // Data sets of 100 rows drawn from one distribution, each with an estimate of log Z of its own, by weights of known mean.
    const auto dbm = machine({4, 3}, 13, 1.0);
    const auto truth = oracle::Machine(dbm);
    const auto log_z = truth.log_z();
    const auto exact = exact_log_probabilities(truth);
    auto engine = std::mt19937_64(14);
    auto pick = std::uniform_int_distribution<std::size_t>(0, 15);
    auto normal = std::normal_distribution<double>(-0.25, std::sqrt(0.5));
    auto expected = 0.0;
    for (const auto x : exact) { expected += x / 16.0; }
    constexpr auto sets = 4'000;
    auto misses = 0;
    auto squares = 0.0;
    auto parts = std::pair(0.0, 0.0);
    for (auto set = 0; set != sets; ++set) {
        auto v = nbm::zero_matrix<double>(100, 4);
        for (std::size_t r = 0; r != 100; ++r) {
            const auto n = pick(engine);
            for (std::size_t k = 0; k != 4; ++k) { v(r, k) = double(n >> k & 1U); }
        }
        auto weights = std::vector<double>(100);
        for (auto& w : weights) { w = normal(engine); }
        const auto z = nbm::estimate_from_weights(weights, log_z, {.level = 0.5, .replicates = 3});
        const auto p = nbm::mean_log_probability(dbm, v, z);
        misses += expected < p.population_low || expected > p.population_high ? 1 : 0;
        squares += std::pow((p.value - expected) / p.standard_error, 2) / sets;
        parts.first += p.data_error / sets;
        parts.second += z.standard_error / sets;
    }
    // Both parts matter here.
    BOOST_TEST(parts.first < 3.0 * parts.second);
    BOOST_TEST(parts.second < 3.0 * parts.first);
    // The scores' mean square is 1; 4,000 know it to 0.022, t-distribution and skewness of 100 weights add up to 0.06. 3-sigma
    // intervals miss in 0.3 to 0.8 %: more than 70 or fewer than 1 of 4,000 have a probability below 1e-4.
    BOOST_TEST(std::abs(squares - 1.0) < 0.15);
    BOOST_TEST(misses <= 70);
    BOOST_TEST(misses >= 1);
}

BOOST_AUTO_TEST_CASE(the_bound_can_be_watched_and_cancelled) {
    const auto dbm = machine({8, 5, 4}, 15, 1.0);
    const auto v = all_visible(8);
    auto told = std::vector<double>{};
    const auto control = nbm::Control{.stop = {}, .progress = [&](double done) { told.push_back(done); }};
    nbm::variational_bound(dbm, v, nbm::exactly(0.0), nbm::to_convergence(), control);
    BOOST_TEST((told == std::vector{0.25, 0.5, 0.75, 1.0}));
    auto source = std::stop_source();
    source.request_stop();
    BOOST_CHECK_THROW(nbm::variational_bound(dbm, v, nbm::exactly(0.0), nbm::to_convergence(), {.stop = source.get_token()}),
                      nbm::Cancelled);
    // A block under way is left, too: this one would never end.
    auto late = std::stop_source();
    auto thread = std::jthread([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        late.request_stop();
    });
    BOOST_CHECK_THROW(
        nbm::variational_bound(dbm, v, nbm::exactly(0.0), {.steps = std::numeric_limits<std::size_t>::max(), .tolerance = -1.0},
                               {.stop = late.get_token()}),
        nbm::Cancelled);
}

BOOST_AUTO_TEST_CASE(wrong_arguments_are_refused) {
    const auto deep = machine({4, 3, 2}, 16, 1.0);
    const auto v = all_visible(4);
    const auto z = nbm::exactly(0.0);
    BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::mean_log_probability(deep, v, z); }), "variational_bound()"));
    BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::log_probabilities(deep, v, z); }), "4-3-2"));
    BOOST_CHECK_THROW(nbm::variational_bound(deep, all_visible(3), z), nbm::ShapeError);
    BOOST_CHECK_THROW(nbm::variational_bound(deep, nbm::zero_matrix<double>(0, 4), z), nbm::InputError);
    BOOST_TEST(nbm::variational_bounds(deep, nbm::zero_matrix<double>(0, 4), z).size() == 0U);
    BOOST_CHECK_THROW(nbm::variational_bound(deep, v, z, {.beta = 0.5}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::variational_bound(deep, v, z, {.clamped = {}}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::variational_bound(deep, v, z, {.clamped = {0, 1}}), nbm::InputError);
}
