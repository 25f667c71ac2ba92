#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "oracle.hpp"

import nbm;

#include "machines.hpp"

namespace {

using nbm::Parity;

constexpr auto infinity = std::numeric_limits<double>::infinity();

}  // namespace

BOOST_AUTO_TEST_CASE(exact_log_z_equals_enumeration) {
    for (auto topology : {nbm::Topology{5, 4}, nbm::Topology{3, 6}, nbm::Topology{1, 1}, nbm::Topology{13, 2},
                          nbm::Topology{3, 4, 3}, nbm::Topology({3, 2, 2, 3}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}})}) {
        for (const auto sd : {1.0, 3.0}) {
            const auto dbm = machine(topology, 21, sd);
            BOOST_TEST(nbm::exact_log_z(dbm) == oracle::Machine(dbm).log_z(), boost::test_tools::tolerance(1e-12));
        }
    }
}

BOOST_AUTO_TEST_CASE(exact_log_z_crosses_its_blocks) {
    // 13 enumerated units are 8 blocks. Without weights log Z has a closed form; with weights both sides must give the same.
    auto dbm = machine({14, 13}, 22, 1.0);
    const auto one_side = nbm::exact_log_z(dbm);
    auto mirrored = nbm::DBM<double>({13, 14});
    mirrored.bias(0) = dbm.bias(1);
    mirrored.bias(1) = dbm.bias(0);
    for (std::size_t i = 0; i != 14; ++i) {
        for (std::size_t j = 0; j != 13; ++j) { mirrored.weights(0, 1)(j, i) = dbm.weights(0, 1)(i, j); }
    }
    BOOST_TEST(nbm::exact_log_z(mirrored) == one_side, boost::test_tools::tolerance(1e-12));
    for (auto& w : dbm.weights(0, 1)) { w = 0.0; }
    auto closed = 0.0;
    for (const std::size_t l : {0, 1}) {
        for (const auto b : dbm.bias(l)) { closed += nbm::softplus(b); }
    }
    BOOST_TEST(nbm::exact_log_z(dbm) == closed, boost::test_tools::tolerance(1e-12));
    BOOST_CHECK_THROW(nbm::exact_log_z(nbm::DBM<double>({31, 31})), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(ais_error_bars_cover_the_exact_value) {
    // 3-sigma bars miss with probability 0.0027 for normal means; the weights' skewness adds to that. Over 200 seeds more than 8
    // misses have a probability below 1e-6 even at 0.005.
    for (const auto summed : {Parity::even, Parity::odd}) {
        const auto dbm = machine({8, 6}, 41, 1.0);
        const auto truth = nbm::exact_log_z(dbm);
        auto misses = 0;
        auto mean = 0.0;
        auto width = 0.0;
        for (std::uint64_t seed = 0; seed != 200; ++seed) {
            auto ais = nbm::AIS<double>(dbm, some_data(8), {.runs = 200, .betas = 200, .seed = seed, .summed = summed});
            const auto z = ais.run_log_z();
            misses += truth < z.low || truth > z.high ? 1 : 0;
            mean += std::exp(z.value - truth) / 200.0;
            width += (z.high - z.low) / 200.0;
        }
        BOOST_TEST(misses <= 8);
        // All seeds together: the mean estimate of Z is unbiased, its standard error a sixth of the mean bar over sqrt(200).
        BOOST_TEST(std::abs(mean - 1.0) < 5.0 * width / 6.0 / std::sqrt(200.0));
        // The bars are not simply huge.
        BOOST_TEST(width < 0.5);
    }
}

BOOST_AUTO_TEST_CASE(ais_of_the_base_model_itself_is_exact) {
    auto dbm = nbm::DBM<double>({6, 4});
    dbm.bias(0) = nbm::base_rate_bias(some_data(6));
    auto ais = nbm::AIS<double>(dbm, some_data(6), {.runs = 10, .betas = 5});
    const auto z = ais.run_log_z();
    for (const auto w : ais.log_weights()) { BOOST_TEST(std::abs(w) < 1e-13); }
    BOOST_TEST(z.value == nbm::exact_log_z(dbm), boost::test_tools::tolerance(1e-13));
    BOOST_TEST(z.effective_sample_size == 10.0, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(z.high - z.low < 1e-12);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ais_does_not_depend_on_threads, T, decltype(std::tuple<float, double>{})) {
    const auto dbm = machine<T>({30, 17}, 42, 0.5);
    auto data = nbm::zero_matrix<T>(1, 30);
    auto reference = std::vector<double>{};
    for (const std::size_t threads : {1, 2, 5}) {
        nbm::set_threads(threads);
        auto ais = nbm::AIS<T>(dbm, data, {.runs = 150, .betas = 50, .seed = 3});
        ais.run_log_z();
        const auto weights = std::vector<double>(ais.log_weights().begin(), ais.log_weights().end());
        if (reference.empty()) { reference = weights; }
        BOOST_TEST((weights == reference));
    }
    nbm::set_threads(0);
}

BOOST_AUTO_TEST_CASE(float_and_double_agree_on_log_z) {
    const auto exact = machine<double>({40, 12}, 43, 0.6);
    auto single = nbm::DBM<float>({40, 12});
    for (const std::size_t l : {0, 1}) {
        for (std::size_t k = 0; k != exact.size(l); ++k) { single.bias(l)[k] = static_cast<float>(exact.bias(l)[k]); }
    }
    for (std::size_t i = 0; i != exact.weights(0, 1).size(); ++i) {
        single.weights(0, 1).data()[i] = static_cast<float>(exact.weights(0, 1).data()[i]);
    }
    BOOST_TEST(nbm::exact_log_z(single) == nbm::exact_log_z(exact), boost::test_tools::tolerance(1e-6));
    auto ais = nbm::AIS<float>(single, nbm::zero_matrix<float>(1, 40), {.runs = 500, .betas = 2000});
    const auto z = ais.run_log_z();
    BOOST_TEST(z.low < nbm::exact_log_z(exact));
    BOOST_TEST(z.high > nbm::exact_log_z(exact));
    BOOST_TEST(z.high - z.low < 0.2);
}

BOOST_AUTO_TEST_CASE(estimates_from_weights_follow_their_definitions) {
    // w = 1, 2, 3: mean 2, sample standard deviation 1; 3 / sqrt(3) = 1.732
    const auto weights = std::vector{std::log(1.0), std::log(2.0), std::log(3.0)};
    const auto z = nbm::estimate_from_weights(weights, 5.0);
    BOOST_TEST(z.value == 5.0 + std::log(2.0), boost::test_tools::tolerance(1e-14));
    BOOST_TEST(z.low == 5.0 + std::log(2.0 - std::sqrt(3.0)), boost::test_tools::tolerance(1e-12));
    BOOST_TEST(z.high == 5.0 + std::log(2.0 + std::sqrt(3.0)), boost::test_tools::tolerance(1e-12));
    BOOST_TEST(z.effective_sample_size == 36.0 / 14.0, boost::test_tools::tolerance(1e-12));
    // One weight dominates: the bar of Z reaches below 0.
    const auto wild = nbm::estimate_from_weights(std::vector{0.0, 0.0, 0.0, 50.0}, 0.0);
    BOOST_TEST(wild.low == -infinity);
    BOOST_TEST(std::isfinite(wild.high));
    // Scaling of the weights shifts everything.
    const auto huge = nbm::estimate_from_weights(std::vector{1e4 + weights[0], 1e4 + weights[1], 1e4 + weights[2]}, 5.0);
    BOOST_TEST(huge.value == 1e4 + z.value, boost::test_tools::tolerance(1e-14));
    BOOST_TEST(huge.low == 1e4 + z.low, boost::test_tools::tolerance(1e-14));
    BOOST_TEST(nbm::estimate_from_weights(std::vector{1.0}, 0.0).low == -infinity);
    BOOST_CHECK_THROW(nbm::estimate_from_weights(std::vector<double>{}, 0.0), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(log_probabilities_of_all_rows_sum_to_one) {
    const auto dbm = machine({4, 3}, 44, 1.5);
    const auto log_z = nbm::exact_log_z(dbm);
    auto sum = 0.0;
    for (std::size_t n = 0; n != 16; ++n) {
        auto v = nbm::zero_matrix<double>(1, 4);
        for (std::size_t k = 0; k != 4; ++k) { v(0, k) = double(n >> k & 1U); }
        const auto p = nbm::mean_log_probability(dbm, v, {.value = log_z, .low = log_z - 0.1, .high = log_z + 0.3});
        BOOST_TEST(p.low == p.value - 0.3, boost::test_tools::tolerance(1e-12));
        BOOST_TEST(p.high == p.value + 0.1, boost::test_tools::tolerance(1e-12));
        sum += std::exp(p.value);
    }
    BOOST_TEST(sum == 1.0, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(three_pieces_have_their_proportions) {
    const auto betas = nbm::three_piece(14501);
    BOOST_TEST(betas.size() == 14501U);
    BOOST_TEST(betas.values()[500] == 0.5);
    BOOST_TEST(betas.values()[4500] == 0.9, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(betas.values()[14500] == 1.0);
    for (std::size_t n = 4; n != 200; ++n) { BOOST_TEST(nbm::three_piece(n).size() == n); }
    BOOST_CHECK_THROW(nbm::three_piece(3), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(wrong_arguments_are_refused) {
    const auto dbm = machine({4, 3}, 45, 1.0);
    BOOST_CHECK_THROW(nbm::linear(1), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Betas(std::vector<double>{0.1, 1.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Betas(std::vector<double>{0.0, 0.9}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Betas(std::vector<double>{0.0, 0.5, 0.5, 1.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Betas(std::vector<double>{0.0, std::nan(""), 1.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, some_data(4), {.runs = 0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, some_data(5)), nbm::ShapeError);
    BOOST_CHECK_THROW(nbm::AIS<double>(dbm, some_data(4)).estimate_log_error_z(), nbm::InputError);
}
