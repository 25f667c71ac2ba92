// The pseudo-likelihood and its callback, against enumeration.
#include <boost/test/unit_test.hpp>

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

#include "diagnostics.hpp"

BOOST_AUTO_TEST_CASE(the_pseudo_likelihood_equals_enumeration) {
    for (const std::uint64_t seed : {1, 2, 3}) {
        auto dbm = random_machine({3, 4}, seed);
        const auto machine = oracle::Machine(dbm);
        const auto v = some_rows();
        BOOST_TEST(nbm::pseudo_likelihood(dbm, v) == pseudo_likelihood(machine, v), tolerance(1e-12));
        BOOST_TEST(nbm::pseudo_likelihood(dbm, rows_of(v, {4})) == pseudo_likelihood(machine, rows_of(v, {4})), tolerance(1e-12));
        auto single = nbm::DBM<float>({3, 4});
        oracle::randomise(single, seed, 1.0);
        BOOST_TEST(nbm::pseudo_likelihood(single, nbm::Matrix<float>(v)) == pseudo_likelihood(oracle::Machine(single), v),
                   tolerance(1e-5));
    }
}

BOOST_AUTO_TEST_CASE(the_pseudo_likelihood_survives_large_weights_and_refuses_what_it_cannot_do) {
    auto dbm = nbm::DBM<double>({2, 1});
    dbm.bias(0)[0] = 800.0;
    dbm.bias(0)[1] = -900.0;
    BOOST_TEST(nbm::pseudo_likelihood(dbm, Rows({{0, 1}})) == -1700.0);
    BOOST_TEST(nbm::pseudo_likelihood(dbm, Rows({{1, 0}})) == 0.0);
    dbm.weights(0, 1)(0, 0) = 1e5;
    dbm.bias(1)[0] = 1e5;
    BOOST_TEST(nbm::pseudo_likelihood(dbm, Rows({{0, 0}})) == -100800.0);
    BOOST_CHECK_THROW(nbm::pseudo_likelihood(dbm, Rows({{1, 0, 1}})), nbm::ShapeError);
    BOOST_CHECK_THROW(nbm::pseudo_likelihood(dbm, Rows::from_shape({0, 2})), nbm::InputError);
    BOOST_CHECK_THROW(nbm::pseudo_likelihood(nbm::DBM<double>({2, 1, 1}), Rows({{0, 1}})), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(the_sampled_pseudo_likelihood_is_unbiased_and_does_not_depend_on_threads) {
    auto dbm = random_machine({3, 4});
    const auto v = some_rows();
    const auto stream = nbm::Stream(7, nbm::Purpose::evaluation);
    auto mean = Mean{};
    for (std::uint64_t step = 0; step != 20000; ++step) { mean.add(nbm::pseudo_likelihood(dbm, v, stream, step)); }
    BOOST_TEST(std::abs(mean.value() - pseudo_likelihood(oracle::Machine(dbm), v)) < 5.0 * mean.error());
    BOOST_TEST(mean.error() < 0.02);
    const auto data = nbm::digits<double>({.train = 300, .valid = 0, .test = 0});
    auto large = nbm::DBM<double>({784, 20});
    nbm::initialise(large, data.train, {.seed = 1});
    nbm::set_threads(1);
    const auto one = std::pair(nbm::pseudo_likelihood(large, data.train), nbm::pseudo_likelihood(large, data.train, stream, 4));
    nbm::set_threads(3);
    BOOST_TEST((one == std::pair(nbm::pseudo_likelihood(large, data.train), nbm::pseudo_likelihood(large, data.train, stream, 4))));
    nbm::set_threads(0);
}

BOOST_AUTO_TEST_CASE(pseudo_likelihoods_are_logged_for_all_or_some_rows) {
    auto dbm = random_machine({3, 4});
    const auto machine = oracle::Machine(dbm);
    const auto train = some_rows();
    const auto valid = rows_of(train, {4, 2});
    auto exact = nbm::PseudoLikelihood({.exact = true});
    auto logs = measure(exact, dbm, train, &valid);
    BOOST_TEST(logs.get("pslike").value() == pseudo_likelihood(machine, train), tolerance(1e-12));
    BOOST_TEST(logs.get("val_pslike").value() == pseudo_likelihood(machine, valid), tolerance(1e-12));
    BOOST_TEST(logs.metrics()[0].unit == "nat");
    BOOST_TEST((logs.metrics()[1].better == nbm::Better::higher));
    // The error bar: from the rows one by one.
    BOOST_TEST(logs.metrics()[0].low == "pslike_low");
    BOOST_TEST(logs.metrics()[0].high == "pslike_high");
    auto rows = Mean{};
    for (std::size_t r = 0; r != 5; ++r) { rows.add(pseudo_likelihood(machine, rows_of(train, {r}))); }
    const auto error = rows.error() * std::sqrt(5.0 / 4.0);
    BOOST_TEST(logs.get("pslike_low").value() == rows.value() - 3.0 * error, tolerance(1e-12));
    BOOST_TEST(logs.get("pslike_high").value() == rows.value() + 3.0 * error, tolerance(1e-12));
    BOOST_TEST(logs.get("val_pslike_low").value() < logs.get("val_pslike").value());
    const auto one = rows_of(train, {0});
    BOOST_TEST(measure(exact, dbm, one, nullptr).get("pslike_low").value() == -HUGE_VAL);
    auto some = nbm::PseudoLikelihood({.exact = true, .rows = 2, .name = "some"});
    BOOST_TEST(some.id() == "pseudo_likelihood_some");
    logs = measure(some, dbm, train, nullptr);
    BOOST_TEST(logs.get("pslike_some").value() == pseudo_likelihood(machine, rows_of(train, {0, 2})), tolerance(1e-12));
    BOOST_CHECK_THROW(logs.find("val_pslike_some"), nbm::InputError);
    // The random units are the same in all epochs, but differ between the splits, and are unbiased.
    auto sampled = nbm::PseudoLikelihood({.seed = 5});
    BOOST_TEST((measure(sampled, dbm, train, nullptr, 3).get("pslike") == measure(sampled, dbm, train, nullptr, 4).get("pslike")));
    auto mean = Mean{};
    auto equal_splits = std::size_t{0};
    for (std::uint64_t seed = 0; seed != 3000; ++seed) {
        auto seeded = nbm::PseudoLikelihood({.seed = seed});
        logs = measure(seeded, dbm, train, &train);
        const auto stream = nbm::Stream(seed, nbm::Purpose::evaluation);
        if (seed < 100) {
            BOOST_TEST(logs.get("pslike").value() == nbm::pseudo_likelihood(dbm, train, stream, 0), tolerance(1e-12));
            BOOST_TEST(logs.get("val_pslike").value() == nbm::pseudo_likelihood(dbm, train, stream, 1), tolerance(1e-12));
        }
        mean.add(logs.get("pslike").value());
        equal_splits += logs.get("pslike") == logs.get("val_pslike") ? 1 : 0;
    }
    BOOST_TEST(std::abs(mean.value() - pseudo_likelihood(machine, train)) < 5.0 * mean.error());
    BOOST_TEST(equal_splits < 300U);
    // More rows than are worked on at a time; the error bar is that of the mean's spread over rows and units.
    auto many = Rows::from_shape({2500, 3});
    for (std::size_t r = 0; r != 2500; ++r) {
        for (std::size_t i = 0; i != 3; ++i) { many(r, i) = train((r * r + r / 7) % 5, i); }
    }
    logs = measure(sampled, dbm, many, nullptr);
    BOOST_TEST(logs.get("pslike").value() == nbm::pseudo_likelihood(dbm, many, nbm::Stream(5, nbm::Purpose::evaluation), 0),
               tolerance(1e-12));
    BOOST_TEST(logs.get("pslike_high").value() - logs.get("pslike").value() > 0.0);
    BOOST_TEST(std::abs(logs.get("pslike").value() - pseudo_likelihood(machine, many)) <
               5.0 / 3.0 * (logs.get("pslike_high").value() - logs.get("pslike").value()));
    auto deep = random_machine({3, 2, 2});
    BOOST_TEST(has(message_of<nbm::InputError>([&] { measure(sampled, deep, train, nullptr); }), "two layers, not 3-2-2"));
}
