#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include "oracle.hpp"

import nbm;

BOOST_AUTO_TEST_CASE(philox_gives_its_published_test_vectors) {
    // Random123 1.09, kat_vectors, philox4x32 10.
    const auto zeros = nbm::philox4x32({0, 0, 0, 0}, {0, 0});
    BOOST_TEST((zeros == nbm::PhiloxCounter{0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U}));
    constexpr auto f = 0xffffffffU;
    BOOST_TEST((nbm::philox4x32({f, f, f, f}, {f, f}) == nbm::PhiloxCounter{0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU}));
    BOOST_TEST((nbm::philox4x32({0x243f6a88U, 0x85a308d3U, 0x13198a2eU, 0x03707344U}, {0xa4093822U, 0x299f31d0U}) ==
                nbm::PhiloxCounter{0xd16cfe09U, 0x94fdcceb, 0x5001e420U, 0x24126ea1U}));
}

BOOST_AUTO_TEST_CASE(streams_differ_in_each_part_of_the_address) {
    const auto s = nbm::Stream(1, nbm::Purpose::chains);
    BOOST_TEST(s.word(0, 0, 0) == s.word(0, 0, 0));
    BOOST_TEST(s.word(0, 0, 0) != s.word(1, 0, 0));
    BOOST_TEST(s.word(0, 0, 0) != s.word(0, 1, 0));
    BOOST_TEST(s.word(0, 0, 0) != s.word(0, 0, 1));
    BOOST_TEST(s.word(0, 0, 0) != s.word(0, 0, 4));
    BOOST_TEST(s.word(0, 0, 0) != s.word(std::uint64_t{1} << 32U, 0, 0));
    BOOST_TEST(s.word(0, 0, 0) != nbm::Stream(2, nbm::Purpose::chains).word(0, 0, 0));
    BOOST_TEST(s.word(0, 0, 0) != nbm::Stream(std::uint64_t{1} << 32U | 1U, nbm::Purpose::chains).word(0, 0, 0));
    BOOST_TEST(s.word(0, 0, 0) != nbm::Stream(1, nbm::Purpose::ais).word(0, 0, 0));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(vector_sampling_draws_the_addressed_numbers, T, decltype(std::tuple<float, double>{})) {
    const auto stream = nbm::Stream(12345678901234U, nbm::Purpose::chains);
    constexpr std::size_t cols = 203;
    auto logits = nbm::zero_matrix<T>(3, cols);
    for (std::size_t i = 0; i != logits.size(); ++i) { logits.data()[i] = static_cast<T>(3.0 * std::sin(double(i))); }
    auto samples = nbm::zero_matrix<T>(3, cols);
    nbm::sample_logits<T>(logits, samples, stream, 9, 40);
    auto in_place = logits;
    nbm::sample_logits<T>(in_place, in_place, stream, 9, 40);
    auto probabilities = logits;
    auto again = nbm::zero_matrix<T>(3, cols);
    nbm::activate_and_sample<T>(probabilities, again, stream, 9, 40);
    auto ones = 0;
    for (std::size_t r = 0; r != 3; ++r) {
        for (std::size_t c = 0; c != cols; ++c) {
            const auto word = stream.word(9, 40 + r, c);
            const auto u = sizeof(T) == 4 ? (double(word >> 9U) + 0.5) * 0x1p-23 : (word + 0.5) * 0x1p-32;
            const auto p = nbm::sigmoid(double(logits(r, c)));
            BOOST_REQUIRE(std::abs(double(probabilities(r, c)) - p) < 1e-6);
            if (std::abs(u - p) > 1e-6) { BOOST_REQUIRE(samples(r, c) == (u < p ? T{1} : T{0})); }
            BOOST_REQUIRE(samples(r, c) == in_place(r, c));
            BOOST_REQUIRE(samples(r, c) == again(r, c));
            ones += static_cast<int>(samples(r, c));
        }
    }
    BOOST_TEST(ones > 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(certain_units_are_certain, T, decltype(std::tuple<float, double>{})) {
    const auto stream = nbm::Stream(3, nbm::Purpose::binarisation);
    auto p = nbm::zero_matrix<T>(1000, 1000);
    for (std::size_t i = 0; i != p.size(); ++i) { p.data()[i] = i % 2 == 0 ? T{0} : T{1}; }
    auto out = p;
    for (std::uint64_t step = 0; step != 20; ++step) {
        nbm::sample_probabilities<T>(p, out, stream, step, 0);
        BOOST_REQUIRE(std::equal(out.begin(), out.end(), p.begin()));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(bernoulli_frequencies, T, decltype(std::tuple<float, double>{})) {
    // 200,000 draws of each of 8 probabilities; chi-square with 8 degrees of freedom at the level 1e-6.
    const auto stream = nbm::Stream(77, nbm::Purpose::user);
    constexpr std::size_t rows = 25000;
    auto logits = nbm::zero_matrix<T>(rows, 64);
    for (std::size_t i = 0; i != logits.size(); ++i) { logits.data()[i] = static_cast<T>(-4.0 + double(i % 8)); }
    auto out = logits;
    nbm::sample_logits<T>(logits, out, stream, 0, 0);
    auto statistic = 0.0;
    for (std::size_t k = 0; k != 8; ++k) {
        auto ones = 0.0;
        for (std::size_t r = 0; r != rows; ++r) {
            for (auto c = k; c < 64; c += 8) { ones += double(out(r, c)); }
        }
        const auto n = double(rows) * 8.0;
        const auto p = nbm::sigmoid(-4.0 + double(k));
        statistic += (ones - n * p) * (ones - n * p) / (n * p * (1.0 - p));
    }
    BOOST_TEST(statistic < oracle::chi_square_limit(8));
}

BOOST_AUTO_TEST_CASE(normal_numbers_have_the_moments_of_the_normal_distribution) {
    const auto stream = nbm::Stream(5, nbm::Purpose::user);
    constexpr auto n = 200000;
    auto m1 = 0.0;
    auto m2 = 0.0;
    auto m4 = 0.0;
    for (int i = 0; i != n; ++i) {
        const auto x = stream.normal(0, static_cast<std::size_t>(i) / 100, static_cast<std::size_t>(i) % 100);
        m1 += x / n;
        m2 += x * x / n;
        m4 += x * x * x * x / n;
    }
    // five standard errors: 1, sqrt 2, sqrt 96 over sqrt n
    BOOST_TEST(std::abs(m1) < 5.0 / std::sqrt(n));
    BOOST_TEST(std::abs(m2 - 1.0) < 5.0 * std::sqrt(2.0 / n));
    BOOST_TEST(std::abs(m4 - 3.0) < 5.0 * std::sqrt(96.0 / n));
}

BOOST_AUTO_TEST_CASE(permutations_are_uniform) {
    // All 24 orders of 4 over 24,000 steps: chi-square with 23 degrees of freedom at the level 1e-6.
    const auto stream = nbm::Stream(9, nbm::Purpose::shuffle);
    auto counts = std::map<std::vector<std::size_t>, int>{};
    for (std::uint64_t step = 0; step != 24000; ++step) { ++counts[nbm::permutation(stream, step, 4)]; }
    BOOST_TEST(counts.size() == 24U);
    auto statistic = 0.0;
    for (const auto& [order, count] : counts) { statistic += (count - 1000.0) * (count - 1000.0) / 1000.0; }
    BOOST_TEST(statistic < oracle::chi_square_limit(23));
}
