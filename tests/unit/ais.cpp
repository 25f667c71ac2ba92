#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stop_token>
#include <tuple>
#include <utility>
#include <vector>

#include "oracle.hpp"

import nbm;

#include "machines.hpp"

namespace {

using nbm::Parity;

/// Samples that are exact, by inversion over all joint states.
auto samples_of(const nbm::DBM<double>& dbm, std::size_t count, std::uint64_t seed) -> nbm::States<double> {
    const auto truth = oracle::Machine(dbm);
    auto cumulative = std::vector<double>{};
    auto sum = 0.0;
    truth.for_each(1.0, [&](const oracle::State&, double p) { cumulative.push_back(sum += p); });
    auto states = dbm.make_states(count);
    const auto stream = nbm::Stream(seed, nbm::Purpose::user);
    for (std::size_t r = 0; r != count; ++r) {
        const auto at = std::ranges::lower_bound(cumulative, sum * stream.uniform(0, r, 0)) - cumulative.begin();
        oracle::put(truth.state(static_cast<std::size_t>(at)), states, r);
    }
    return states;
}

auto as_vector(std::span<const double> values) -> std::vector<double> { return {values.begin(), values.end()}; }

}  // namespace

BOOST_AUTO_TEST_CASE(every_base_and_path_agrees_with_the_exact_value) {
    // 3-sigma bars of 2,000 runs each; with 32 estimates one miss has a probability of 0.09, more than 2 one of 1e-4.
    for (const auto& dbm : {machine({8, 6}, 41, 1.0), machine({5, 4, 3}, 42, 1.0)}) {
        const auto truth = oracle::Machine(dbm).log_z();
        const auto data = some_data(dbm.visible_size());
        auto misses = 0;
        for (const auto base : {nbm::Base::data, nbm::Base::uniform, nbm::Base::own_biases, nbm::Base::mean_field}) {
            for (const auto path : {nbm::Path::geometric, nbm::Path::moments}) {
                for (const auto& betas : {nbm::linear(100), nbm::adaptive(100)}) {
                    auto ais = nbm::AIS<double>(
                        dbm, data,
                        {.runs = 2000, .betas = betas, .base = base, .path = path, .moments = {.knots = 4, .updates = 200}});
                    const auto z = ais.run_log_z();
                    misses += truth < z.low || truth > z.high ? 1 : 0;
                    BOOST_TEST(z.high - z.low < 0.4);
                }
            }
        }
        BOOST_TEST(misses <= 2);
    }
}

BOOST_AUTO_TEST_CASE(sandwich_holds_the_exact_value) {
    // Few betas make both estimates biased: over 40 seeds the mean of the one is below, of the other above.
    const auto dbm = machine({7, 6}, 43, 2.0);
    const auto truth = oracle::Machine(dbm).log_z();
    auto below = 0.0;
    auto above = 0.0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        auto ais = nbm::AIS<double>(dbm, some_data(7), {.runs = 20, .betas = 10, .seed = seed});
        const auto both = ais.run_sandwich(samples_of(dbm, 20, seed));
        below += both.below.value / 40.0;
        above += both.above.value / 40.0;
    }
    BOOST_TEST(below < truth);
    BOOST_TEST(above > truth);
    // Many betas close the gap.
    auto ais = nbm::AIS<double>(dbm, some_data(7), {.runs = 1000, .betas = 1000});
    const auto both = ais.run_sandwich(samples_of(dbm, 1000, 1));
    BOOST_TEST(both.below.value == truth, boost::test_tools::tolerance(0.05 / truth));
    BOOST_TEST(both.above.value == truth, boost::test_tools::tolerance(0.05 / truth));
}

BOOST_AUTO_TEST_CASE(annealing_from_another_machine) {
    const auto base = machine({6, 3}, 44, 1.0);
    auto dbm = machine({6, 4}, 45, 1.0);
    const auto truth = oracle::Machine(dbm).log_z();
    const auto log_z = oracle::Machine(base).log_z();
    for (const auto summed : {Parity::even, Parity::odd}) {
        auto ais = nbm::AIS<double>(dbm, base, {log_z, log_z, log_z, 0.0}, samples_of(base, 2000, 17),
                                    {.runs = 2000, .betas = 200, .seed = 3, .summed = summed});
        const auto z = ais.run_log_z();
        BOOST_TEST(z.low < truth);
        BOOST_TEST(z.high > truth);
        BOOST_TEST(z.high - z.low < 0.4);
        const auto reverse = ais.run_reverse_log_z(samples_of(dbm, 2000, 18));
        BOOST_TEST(reverse.low < truth);
        BOOST_TEST(reverse.high > truth);
        // The base's own uncertainty is in the bar.
        auto vague = nbm::AIS<double>(dbm, base, {log_z, log_z - 3.0, log_z + 3.0, 1.0}, samples_of(base, 2000, 17),
                                      {.runs = 2000, .betas = 200, .seed = 3, .summed = summed});
        const auto wide = vague.run_log_z();
        BOOST_TEST(wide.value == z.value);
        BOOST_TEST(wide.high - wide.value == std::hypot(3.0, z.high - z.value), boost::test_tools::tolerance(1e-12));
        BOOST_TEST(nbm::estimate_from_weights(vague.log_weights(), vague.log_z_base()).value == wide.value);
        BOOST_TEST(wide.bootstrap.high - wide.bootstrap.low > 3.9);
        BOOST_TEST(wide.standard_error == std::hypot(1.0, z.standard_error), boost::test_tools::tolerance(1e-12));
    }
    // From itself: nothing is left to weigh.
    auto same =
        nbm::AIS<double>(base, base, {log_z, log_z, log_z, 0.0}, samples_of(base, 50, 9), {.runs = 50, .betas = nbm::adaptive(20)});
    const auto z = same.run_log_z();
    BOOST_TEST(z.low < log_z);
    BOOST_TEST(z.high > log_z);
}

BOOST_AUTO_TEST_CASE(rows_of_a_deep_machine) {
    const auto dbm = machine({4, 3, 3}, 46, 1.5);
    const auto truth = oracle::Machine(dbm);
    const auto log_z = truth.log_z();
    auto v = nbm::zero_matrix<double>(16, 4);
    auto log_p = std::vector<double>(16);
    for (std::size_t n = 0; n != 16; ++n) {
        for (std::size_t k = 0; k != 4; ++k) { v(n, k) = double(n >> k & 1U); }
    }
    truth.for_each(1.0, [&](const oracle::State& x, double p) {
        auto n = std::size_t{0};
        for (std::size_t k = 0; k != 4; ++k) { n |= static_cast<std::size_t>(x[0][k]) << k; }
        log_p[n] += p;
    });
    auto mean = 0.0;
    for (auto& value : log_p) { mean += (value = std::log(value) - log_z) / 16.0; }
    for (const auto summed : {Parity::even, Parity::odd}) {
        for (const auto from_mean_field : {true, false}) {
            const auto rows = nbm::log_probability_by_ais<double>(
                dbm, v, {log_z, log_z, log_z, 0.0},
                {.runs = 300, .betas = 50, .summed = summed, .from_mean_field = from_mean_field});
            auto misses = 0;
            for (std::size_t n = 0; n != 16; ++n) { misses += log_p[n] < rows.rows[n].low || log_p[n] > rows.rows[n].high ? 1 : 0; }
            BOOST_TEST(misses <= 1);
            BOOST_TEST(rows.mean.low < mean);
            BOOST_TEST(rows.mean.high > mean);
            BOOST_TEST(rows.mean.high - rows.mean.low < 0.3);
        }
    }
    // RAISE with many betas comes near; single runs with few betas are below on average over the machine's own distribution.
    const auto gap = [&](const nbm::RAISEOptions& options) {
        const auto rows = nbm::raise_log_probability<double>(dbm, v, v, options);
        auto sum = 0.0;
        for (std::size_t n = 0; n != 16; ++n) { sum += std::exp(log_p[n]) * (rows.rows[n].value - log_p[n]); }
        return sum;
    };
    BOOST_TEST(std::abs(gap({.runs = 200, .betas = 1000})) < 0.05);
    auto few = 0.0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) { few += gap({.runs = 1, .betas = 5, .seed = seed}) / 200.0; }
    BOOST_TEST(few < -0.3);
}

BOOST_AUTO_TEST_CASE(a_machine_without_weights_has_weights_of_one) {
    const auto zero = nbm::DBM<double>({5, 4, 3});
    for (const auto base : {nbm::Base::uniform, nbm::Base::own_biases, nbm::Base::mean_field}) {
        auto ais = nbm::AIS<double>(zero, {.runs = 10, .betas = 5, .base = base});
        const auto z = ais.run_log_z();
        for (const auto w : ais.log_weights()) { BOOST_TEST(std::abs(w) < 1e-13); }
        BOOST_TEST(z.value == 12.0 * std::log(2.0), boost::test_tools::tolerance(1e-14));
    }
}

BOOST_AUTO_TEST_CASE(constant_energies_shift_log_z) {
    // Calling 0 what was 1, for all visible units, adds the sum of their biases to the energy. The chains are others, so that the
    // estimates agree within their errors only; the exact values agree to rounding.
    const auto dbm = machine({5, 4}, 47, 1.0);
    auto flipped = dbm;
    auto shift = 0.0;
    for (std::size_t i = 0; i != 5; ++i) {
        shift += dbm.bias(0)[i];
        flipped.bias(0)[i] = -dbm.bias(0)[i];
        for (std::size_t j = 0; j != 4; ++j) {
            flipped.weights(0, 1)(i, j) = -dbm.weights(0, 1)(i, j);
            flipped.bias(1)[j] += dbm.weights(0, 1)(i, j);
        }
    }
    BOOST_TEST(nbm::exact_log_z(dbm) == nbm::exact_log_z(flipped) + shift, boost::test_tools::tolerance(1e-13));
    const auto a = nbm::AIS<double>(dbm, {.runs = 2000, .betas = 200, .base = nbm::Base::uniform}).run_log_z();
    const auto b = nbm::AIS<double>(flipped, {.runs = 2000, .betas = 200, .base = nbm::Base::uniform}).run_log_z();
    BOOST_TEST(std::abs(a.value - b.value - shift) < 4.0 * std::hypot(a.standard_error, b.standard_error));
    BOOST_TEST(std::hypot(a.standard_error, b.standard_error) < 0.05);
    // Weights that all are scaled shift the estimate exactly.
    auto log_weights = std::vector<double>{0.3, -1.0, 2.0, 0.5};
    const auto before = nbm::estimate_from_weights(log_weights, 1.0);
    for (auto& w : log_weights) { w += 1e4; }
    BOOST_TEST(nbm::estimate_from_weights(log_weights, 1.0).value - before.value == 1e4, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(huge_fields_neither_overflow_nor_give_nan) {
    for (const auto base : {nbm::Base::data, nbm::Base::uniform, nbm::Base::own_biases, nbm::Base::mean_field}) {
        auto dbm = machine({6, 5, 4}, 48, 1.0);
        for (auto& synapse : dbm.synapses()) {
            for (auto& w : synapse.weights) { w *= 1e4; }
        }
        const auto data = some_data(6);
        auto ais = nbm::AIS<double>(dbm, data, {.runs = 20, .betas = nbm::adaptive(200), .base = base});
        BOOST_TEST(std::isfinite(ais.run_log_z().value));
        for (const auto w : ais.log_weights()) { BOOST_TEST(std::isfinite(w)); }
        auto single = nbm::DBM<float>(dbm.topology());
        for (std::size_t l = 0; l != 3; ++l) { std::ranges::copy(dbm.bias(l), single.bias(l).begin()); }
        for (std::size_t s = 0; s != 2; ++s) { std::ranges::copy(dbm.synapses()[s].weights, single.synapses()[s].weights.begin()); }
        auto rough = nbm::AIS<float>(single, nbm::zero_matrix<float>(1, 6), {.runs = 20, .betas = 200, .base = base});
        BOOST_TEST(std::isfinite(rough.run_log_z().value));
    }
}

BOOST_AUTO_TEST_CASE(adaptive_betas_lower_the_variance) {
    // A machine whose hard part lies in a small range of betas.
    auto dbm = machine({10, 8}, 49, 2.5);
    const auto variance = [&](nbm::Betas betas) {
        auto ais = nbm::AIS<double>(dbm, some_data(10), {.runs = 1000, .betas = std::move(betas)});
        return ais.run_log_z().log_weight_variance;
    };
    BOOST_TEST(variance(nbm::adaptive(60)) < 0.8 * variance(nbm::linear(60)));
    auto ais = nbm::AIS<double>(dbm, some_data(10), {.betas = nbm::adaptive(60)});
    BOOST_TEST(ais.positions().size() == 60U);
    BOOST_TEST(ais.positions().front() == 0.0);
    BOOST_TEST(ais.positions().back() == 1.0);
    BOOST_TEST(std::ranges::is_sorted(ais.positions(), std::ranges::less_equal{}));
}

BOOST_AUTO_TEST_CASE(knots_of_a_moment_path_have_averaged_moments) {
    const auto dbm = machine({5, 4}, 50, 0.8);
    const auto start = nbm::DBM<double>({5, 4});
    const auto path =
        nbm::moment_path(start, dbm, Parity::odd, some_data(5),
                         {.knots = 3, .chains = 2000, .burn_in = 200, .sweeps = 300, .updates = 1500, .learning_rate = 0.5});
    const auto visible_mean = [](const nbm::DBM<double>& m) {
        auto sum = 0.0;
        auto z = 0.0;
        oracle::Machine(m).for_each(1.0, [&](const oracle::State& x, double p) {
            z += p;
            for (std::size_t i = 0; i != 5; ++i) {
                for (std::size_t j = 0; j != 4; ++j) { sum += p * x[0][i] * x[1][j] * (1.0 + 0.1 * double(i) - 0.2 * double(j)); }
            }
        });
        return sum / z;
    };
    const auto wanted = 0.5 * (visible_mean(start) + visible_mean(dbm));
    auto geometric = dbm;
    for (auto& w : geometric.weights(0, 1)) { w *= 0.5; }
    for (const std::size_t l : {0, 1}) {
        for (auto& b : geometric.bias(l)) { b *= 0.5; }
    }
    BOOST_TEST(std::abs(visible_mean(path.knots()[1]) - wanted) < 0.03);
    BOOST_TEST(std::abs(visible_mean(geometric) - wanted) > 0.06);  // the geometric path goes elsewhere
}

BOOST_AUTO_TEST_CASE(threads_change_nothing) {
    const auto dbm = machine({9, 7, 5}, 51, 0.7);
    const auto data = some_data(9);
    const auto samples = samples_of(machine({9, 7, 5}, 51, 0.7), 150, 1);
    auto reference = std::vector<double>{};
    for (const std::size_t threads : {1, 2, 5}) {
        nbm::set_threads(threads);
        auto ais = nbm::AIS<double>(
            dbm, data,
            {.runs = 150, .betas = nbm::adaptive(30), .path = nbm::Path::moments, .moments = {.knots = 3, .updates = 20}});
        ais.run_log_z();
        auto all = as_vector(ais.log_weights());
        ais.run_reverse_log_z(samples);
        all.insert(all.end(), ais.log_weights().begin(), ais.log_weights().end());
        for (const auto& rows : {nbm::log_probability_by_ais<double>(dbm, data, {}, {.runs = 7, .betas = 10}),
                                 nbm::raise_log_probability<double>(dbm, data, data, {.runs = 7, .betas = 10})}) {
            for (const auto& row : rows.rows) { all.push_back(row.value); }
        }
        if (reference.empty()) { reference = all; }
        BOOST_TEST((all == reference));
    }
    nbm::set_threads(0);
}

BOOST_AUTO_TEST_CASE(runs_report_progress_and_can_be_cancelled) {
    const auto dbm = machine({6, 5}, 52, 1.0);
    const auto data = some_data(6);
    auto fractions = std::vector<double>{};
    auto ais = nbm::AIS<double>(dbm, data,
                                {.runs = 130, .betas = 100, .control = {.progress = [&](double f) { fractions.push_back(f); }}});
    ais.run_log_z();
    BOOST_TEST(fractions.size() > 3U);
    BOOST_TEST(std::ranges::is_sorted(fractions, std::ranges::less_equal{}));
    BOOST_TEST(fractions.back() == 1.0);

    // A stop in the last steps, too, ends in an exception or in the complete value.
    const auto complete = nbm::AIS<double>(dbm, data, {.runs = 10, .betas = 17}).run_log_z().value;
    auto late = std::stop_source();
    const auto stop_late = nbm::Control{.stop = late.get_token(), .progress = [&](double f) { f > 0.5 && late.request_stop(); }};
    auto ended = nbm::AIS<double>(dbm, data, {.runs = 10, .betas = 17, .control = stop_late});
    try {
        BOOST_TEST(ended.run_log_z().value == complete);
    } catch (const nbm::Cancelled&) { BOOST_TEST(late.stop_requested()); }

    auto stop = std::stop_source();
    auto calls = 0;
    const auto control = nbm::Control{.stop = stop.get_token(), .progress = [&](double) { ++calls, stop.request_stop(); }};
    auto cancelled = nbm::AIS<double>(dbm, data, {.runs = 100, .betas = 1'000'000, .control = control});
    BOOST_CHECK_THROW(cancelled.run_log_z(), nbm::Cancelled);
    BOOST_TEST(calls <= 3);
    BOOST_CHECK_THROW(cancelled.estimate_log_error_z(), nbm::InputError);
    BOOST_CHECK_THROW(nbm::raise_log_probability<double>(dbm, data, data, {.betas = 1'000'000, .control = control}),
                      nbm::Cancelled);
    BOOST_CHECK_THROW(nbm::log_probability_by_ais<double>(dbm, data, {}, {.betas = 1'000'000, .control = control}), nbm::Cancelled);
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, data, {.betas = nbm::adaptive(100), .control = control}).run_log_z(), nbm::Cancelled);
}

BOOST_AUTO_TEST_CASE(wrong_arguments_are_refused) {
    const auto dbm = machine({4, 3}, 53, 1.0);
    const auto data = some_data(4);
    const auto log_z = nbm::Estimate{};
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, data, {.runs = 0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, data, {.sweeps = 0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, some_data(5)), nbm::ShapeError);
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, data).estimate_log_error_z(), nbm::InputError);
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, {.base = nbm::Base::data}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, {.base = nbm::Base::uniform, .path = nbm::Path::moments}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, data, {.runs = 9}).run_reverse_log_z(samples_of(dbm, 8, 1)), nbm::InputError);
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, data, {.runs = 9}).run_reverse_log_z(samples_of(machine({4, 4}, 1, 1.0), 9, 1)),
                      nbm::ShapeError);
    BOOST_CHECK_THROW(
        nbm::AIS<double>(dbm, machine({5, 3}, 1, 1.0), log_z, samples_of(machine({5, 3}, 1, 1.0), 100, 1), {}).run_log_z(),
        nbm::ShapeError);
    BOOST_CHECK_THROW(nbm::adaptive(1), nbm::InputError);
    auto means = samples_of(dbm, 100, 1);
    means[1](3, 2) = 0.5;
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, data).run_reverse_log_z(means), nbm::InputError);
    auto raw = data;
    raw(2, 1) = 255.0;
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, raw), nbm::InputError);
    raw(2, 1) = std::nan("");
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, raw), nbm::InputError);
    BOOST_CHECK_THROW(nbm::log_probability_by_ais<double>(dbm, some_data(5), log_z), nbm::ShapeError);
    BOOST_CHECK_THROW(nbm::log_probability_by_ais<double>(dbm, data, log_z, {.runs = 0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::log_probability_by_ais<double>(dbm, data, log_z, {.betas = nbm::adaptive(9)}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::raise_log_probability<double>(dbm, data, some_data(5)), nbm::ShapeError);
}
