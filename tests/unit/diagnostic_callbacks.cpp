// Callbacks that measure likelihoods and reconstructions, and the estimators behind them, against enumeration.
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

namespace {

using Rows = nbm::Matrix<double>;
using boost::test_tools::tolerance;

auto entropy_of(double q) -> double { return q <= 0.0 || q >= 1.0 ? 0.0 : -q * std::log(q) - (1.0 - q) * std::log(1.0 - q); }

/// The last of these rows is grey.
auto some_rows() -> Rows { return Rows({{1, 0, 1}, {0, 0, 0}, {1, 1, 1}, {0, 1, 0}, {0.3, 1, 0.8}}); }

auto row_of(const Rows& v, std::size_t r) -> std::vector<double> {
    auto row = std::vector<double>(v.shape(1));
    for (std::size_t i = 0; i != row.size(); ++i) { row[i] = v(r, i); }
    return row;
}

auto rows_of(const Rows& v, const std::vector<std::size_t>& chosen) -> Rows {
    auto result = Rows::from_shape({chosen.size(), v.shape(1)});
    for (std::size_t r = 0; r != chosen.size(); ++r) {
        for (std::size_t i = 0; i != v.shape(1); ++i) { result(r, i) = v(chosen[r], i); }
    }
    return result;
}

/// -log sum over all hidden states of exp(-E(v, h)).
auto free_energy(const oracle::Machine& machine, const std::vector<double>& v) -> double {
    auto sum = 0.0;
    for (std::size_t n = 0; n < machine.state_count(); n += std::size_t{1} << v.size()) {
        auto x = machine.state(n);
        x[0] = v;
        sum += std::exp(-machine.energy(x));
    }
    return -std::log(sum);
}

auto mean_free_energy(const oracle::Machine& machine, const Rows& v) -> double {
    auto sum = 0.0;
    for (std::size_t r = 0; r != v.shape(0); ++r) { sum += free_energy(machine, row_of(v, r)); }
    return sum / double(v.shape(0));
}

/// v_i log p(v_i = 1 | others) + (1 - v_i) log p(v_i = 0 | others).
auto log_conditional(const oracle::Machine& machine, std::vector<double> v, std::size_t i) -> double {
    const auto value = v[i];
    v[i] = 1.0;
    const auto on = std::exp(-free_energy(machine, v));
    v[i] = 0.0;
    const auto off = std::exp(-free_energy(machine, v));
    return value * std::log(on / (on + off)) + (1.0 - value) * std::log(off / (on + off));
}

auto pseudo_likelihood(const oracle::Machine& machine, const Rows& v) -> double {
    auto sum = 0.0;
    for (std::size_t r = 0; r != v.shape(0); ++r) {
        for (std::size_t i = 0; i != v.shape(1); ++i) { sum += log_conditional(machine, row_of(v, r), i); }
    }
    return sum / double(v.shape(0));
}

auto random_machine(nbm::Topology topology, std::uint64_t seed = 3) -> nbm::DBM<double> {
    auto dbm = nbm::DBM<double>(std::move(topology));
    oracle::randomise(dbm, seed, 1.0);
    return dbm;
}

/// What a callback logs for a machine as it is, at the end of an epoch.
template <class C>
auto measure(C& callback, nbm::DBM<double>& dbm, const Rows& train, const Rows* validation, std::size_t epoch = 0) -> nbm::Logs {
    struct Nothing {
    } nothing;
    auto logs = nbm::Logs();
    const auto run = nbm::Run<double, Nothing, Nothing>{dbm, train, validation, nothing, nothing};
    auto setup = nbm::ModelContext<nbm::SetupInfo, double>(nbm::SetupInfo(logs), run);
    setup.has_validation = validation != nullptr;
    callback.setup(setup);
    auto end = nbm::ModelContext<nbm::EpochInfo, double>(nbm::EpochInfo(logs), run);
    end.epoch = epoch;
    callback.on_epoch_end(end);
    return logs;
}

struct Mean {
    double sum = 0.0;
    double squares = 0.0;
    double count = 0.0;
    auto add(double x) -> void {
        sum += x;
        squares += x * x;
        ++count;
    }
    auto value() const -> double { return sum / count; }
    auto error() const -> double { return std::sqrt((squares / count - value() * value()) / count); }
};

}  // namespace

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

BOOST_AUTO_TEST_CASE(exact_free_energies_equal_enumeration) {
    const auto v = some_rows();
    const auto topologies = std::vector<nbm::Topology>{
        {3, 4}, {3, 4, 2}, {3, 2, 4}, {3, 2, 3, 2}, nbm::Topology({3, 2, 3, 2}, {{0, 1}, {0, 3}, {1, 2}, {2, 3}})};
    for (const auto& topology : topologies) {
        BOOST_TEST_CONTEXT(topology.describe()) {
            const auto dbm = random_machine(topology);
            const auto machine = oracle::Machine(dbm);
            const auto f = nbm::exact_free_energy(dbm, v);
            for (std::size_t r = 0; r != v.shape(0); ++r) {
                BOOST_TEST(f[r] == free_energy(machine, row_of(v, r)), tolerance(1e-12));
            }
        }
    }
    BOOST_TEST(nbm::enumerated_hidden({3, 4}) == 0U);
    BOOST_TEST(nbm::enumerated_hidden({3, 4, 2}) == 2U);
    BOOST_TEST(nbm::enumerated_hidden({3, 2, 4}) == 2U);
    // Sides of more than one block of states; the sum over v is Z.
    const auto large = random_machine({2, 13, 12});
    auto terms = std::vector<double>{};
    for (const auto f : nbm::exact_free_energy(large, Rows({{0, 0}, {0, 1}, {1, 0}, {1, 1}}))) { terms.push_back(-f); }
    BOOST_TEST(nbm::log_sum_exp(terms) == nbm::exact_log_z(large), tolerance(1e-12));
    BOOST_CHECK_THROW(nbm::exact_free_energy(large, v), nbm::ShapeError);
    BOOST_CHECK_THROW(nbm::exact_free_energy(nbm::DBM<double>({2, 31, 32}), Rows({{0, 1}})), nbm::InputError);
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

BOOST_AUTO_TEST_CASE(reconstructions_have_the_expected_error) {
    const auto v = some_rows();
    for (const auto& topology : {nbm::Topology({3, 2}), nbm::Topology({3, 2, 2})}) {
        for (const auto measured : {nbm::ReconstructionMeasure::squared, nbm::ReconstructionMeasure::cross_entropy}) {
            auto dbm = random_machine(topology);
            auto means = dbm.propup(v);
            nbm::MeanField({.steps = 1000, .tolerance = 1e-12}).run(dbm, means);
            const auto& w = dbm.weights(0, 1);
            if (dbm.layer_count() == 2) {
                BOOST_TEST(means[1](4, 1) == nbm::sigmoid(dbm.bias(1)[1] + 0.3 * w(0, 1) + w(1, 1) + 0.8 * w(2, 1)),
                           tolerance(1e-12));
            }
            auto expected = 0.0;
            for (std::size_t r = 0; r != v.shape(0); ++r) {
                for (const auto& h : {std::pair(0, 0), std::pair(0, 1), std::pair(1, 0), std::pair(1, 1)}) {
                    const auto [a, b] = h;
                    const auto probability =
                        (a != 0 ? means[1](r, 0) : 1 - means[1](r, 0)) * (b != 0 ? means[1](r, 1) : 1 - means[1](r, 1));
                    for (std::size_t i = 0; i != 3; ++i) {
                        const auto p = 1.0 / (1.0 + std::exp(-(dbm.bias(0)[i] + a * w(i, 0) + b * w(i, 1))));
                        expected += probability / double(v.shape(0)) *
                                    (measured == nbm::ReconstructionMeasure::squared
                                         ? (v(r, i) - p) * (v(r, i) - p)
                                         : -v(r, i) * std::log(p) - (1 - v(r, i)) * std::log(1 - p));
                    }
                }
            }
            auto callback = nbm::ReconstructionError({.measure = measured, .seed = 4});
            auto mean = Mean{};
            for (std::size_t epoch = 0; epoch != 20000; ++epoch) {
                mean.add(measure(callback, dbm, v, nullptr, epoch).get("recon").value());
            }
            // Mean field of the callback stops at a tolerance of 1e-4.
            BOOST_TEST(std::abs(mean.value() - expected) < 5.0 * mean.error() + 3e-4);
            BOOST_TEST(mean.error() < 0.005);
        }
    }
}

BOOST_AUTO_TEST_CASE(reconstructions_of_many_rows_are_those_of_each) {
    // More rows than are worked on at a time: without hidden influence the reconstruction is the visible bias alone.
    auto dbm = nbm::DBM<double>({2, 1});
    dbm.bias(0)[0] = 2.0;
    auto v = nbm::zero_matrix<double>(2500, 2);
    for (std::size_t r = 0; r != 2500; ++r) { v(r, 0) = r < 1200 ? 1.0 : 0.0; }
    auto callback = nbm::ReconstructionError();
    const auto p = 1.0 / (1.0 + std::exp(-2.0));
    const auto expected = 0.25 + (1200 * (1 - p) * (1 - p) + 1300 * p * p) / 2500;
    const auto logs = measure(callback, dbm, v, &v);
    BOOST_TEST(logs.get("recon").value() == expected, tolerance(1e-12));
    BOOST_TEST(logs.get("val_recon").value() == expected, tolerance(1e-12));
    // With hidden influence each row of a large split has random numbers of its own.
    dbm.weights(0, 1)(0, 0) = 8.0;
    auto constant = nbm::zero_matrix<double>(4096, 2);
    const auto error = measure(callback, dbm, constant, nullptr).get("recon").value();
    const auto on = 1.0 / (1.0 + std::exp(-10.0));
    const auto mean = 0.25 + 0.5 * (p * p + on * on);
    BOOST_TEST(std::abs(error - mean) < 5.0 * 0.5 * (on * on - p * p) / 64.0);
    BOOST_TEST(error != mean);
    dbm.bias(0)[0] = 1000.0;
    auto cross = nbm::ReconstructionError({.measure = nbm::ReconstructionMeasure::cross_entropy});
    BOOST_TEST(measure(cross, dbm, Rows({{0, 1}}), nullptr).get("recon").value() >= 1000.0);
    BOOST_TEST(std::isfinite(measure(cross, dbm, Rows({{0, 1}}), nullptr).get("recon").value()));
}

BOOST_AUTO_TEST_CASE(the_free_energy_gap_is_that_of_enumeration_or_its_bound) {
    const auto train = some_rows();
    const auto valid = rows_of(train, {3, 4});
    auto dbm = random_machine({3, 4});
    const auto machine = oracle::Machine(dbm);
    auto callback = nbm::FreeEnergyGap();
    auto logs = measure(callback, dbm, train, &valid);
    BOOST_TEST(
        logs.get("free_energy_gap").value() == mean_free_energy(machine, valid) - mean_free_energy(machine, rows_of(train, {0, 2})),
        tolerance(1e-12));
    auto one = nbm::FreeEnergyGap({.rows = 1, .name = "one"});
    logs = measure(one, dbm, train, &valid);
    BOOST_TEST(logs.get("free_energy_gap_one").value() ==
                   mean_free_energy(machine, rows_of(valid, {0})) - mean_free_energy(machine, rows_of(train, {0})),
               tolerance(1e-12));
    // More validation rows than training rows.
    const auto two = rows_of(train, {1, 4});
    BOOST_TEST(measure(callback, dbm, two, &train).get("free_energy_gap").value() ==
                   mean_free_energy(machine, train) - mean_free_energy(machine, two),
               tolerance(1e-12));
    BOOST_TEST(has(message_of<nbm::InputError>([&] { measure(callback, dbm, train, nullptr); }), "no validation rows"));

    auto deep = random_machine({3, 2, 2});
    const auto deep_oracle = oracle::Machine(deep);
    const auto bound = [&](const Rows& v) {
        auto means = deep.propup(v);
        nbm::MeanField({.steps = 1000, .tolerance = 1e-13}).run(deep, means);
        auto sum = 0.0;
        for (std::size_t r = 0; r != v.shape(0); ++r) {
            const auto x = oracle::State{row_of(means[0], r), row_of(means[1], r), row_of(means[2], r)};
            auto f = deep_oracle.energy(x);  // linear in each unit, so that of the means is the mean
            for (std::size_t l = 1; l != 3; ++l) {
                for (const auto q : x[l]) { f -= entropy_of(q); }
            }
            BOOST_TEST(f >= free_energy(deep_oracle, row_of(v, r)));
            sum += f;
        }
        return sum / double(v.shape(0));
    };
    BOOST_TEST(std::abs(measure(callback, deep, train, &valid).get("free_energy_gap").value() -
                        (bound(valid) - bound(rows_of(train, {0, 2})))) < 1e-6);
}

BOOST_AUTO_TEST_CASE(exact_log_likelihoods_are_those_of_enumeration) {
    const auto train = some_rows();
    const auto valid = rows_of(train, {4, 0});
    for (const auto& topology : {nbm::Topology({3, 4}), nbm::Topology({3, 2, 3})}) {
        auto dbm = random_machine(topology);
        const auto machine = oracle::Machine(dbm);
        auto callback = nbm::ExactLogLikelihood();
        const auto logs = measure(callback, dbm, train, &valid);
        BOOST_TEST(logs.get("exact_logz").value() == machine.log_z(), tolerance(1e-12));
        BOOST_TEST(logs.get("exact_prob").value() == -mean_free_energy(machine, train) - machine.log_z(), tolerance(1e-12));
        BOOST_TEST(logs.get("val_exact_prob").value() == -mean_free_energy(machine, valid) - machine.log_z(), tolerance(1e-12));
        auto some = nbm::ExactLogLikelihood({.rows = 1});
        BOOST_TEST(measure(some, dbm, train, nullptr).get("exact_prob").value() ==
                       -free_energy(machine, row_of(train, 0)) - machine.log_z(),
                   tolerance(1e-12));
    }
    auto callback = nbm::ExactLogLikelihood();
    auto wide = nbm::DBM<double>({31, 31});
    const auto v = nbm::zero_matrix<double>(1, 31);
    BOOST_TEST(has(message_of<nbm::InputError>([&] { measure(callback, wide, v, nullptr); }), "31-31 has 31 units"));
    auto deep = nbm::DBM<double>({31, 32, 21});
    BOOST_TEST(has(message_of<nbm::InputError>([&] { measure(callback, deep, v, nullptr); }), "31-32-21 has 32 units"));
}

namespace {

/// History of a training with all of them: statically, in a dynamic list, or from a configuration. The machine is its result.
enum class How { none, statically, dynamically, configured };

auto train(How how, nbm::DBM<double>& dbm, const Rows& data, const Rows* valid) -> nbm::History {
    auto options = nbm::FitOptions<double>{.epochs = 3, .batch_size = 5, .validation = valid};
    const auto fit = [&](auto&& list) {
        return nbm::fit(dbm, data, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.1}), options, list);
    };
    if (how == How::none) { return fit(nbm::CallbackList<>()); }
    if (how == How::statically) {
        auto list =
            nbm::CallbackList(nbm::PseudoLikelihood({.exact = true}), nbm::PseudoLikelihood({.rows = 3, .seed = 9, .name = "s"}),
                              nbm::ReconstructionError({.measure = nbm::ReconstructionMeasure::cross_entropy, .rows = 4}),
                              nbm::Every(nbm::every(2), nbm::FreeEnergyGap({.rows = 6})), nbm::ExactLogLikelihood());
        fit(list);
        dbm = nbm::DBM<double>(dbm.topology());
        nbm::initialise(dbm, data, {.seed = 1});
        return fit(list);  // the objects serve again
    }
    if (how == How::dynamically) {
        auto list = nbm::DynamicCallbackList<double>();
        list.append(nbm::PseudoLikelihood({.exact = true}));
        list.append(nbm::PseudoLikelihood({.rows = 3, .seed = 9, .name = "s"}));
        list.append(nbm::ReconstructionError({.measure = nbm::ReconstructionMeasure::cross_entropy, .rows = 4}));
        list.append(nbm::Every(nbm::every(2), nbm::FreeEnergyGap({.rows = 6})));
        list.append(nbm::ExactLogLikelihood());
        return fit(list);
    }
    const auto config = nbm::parse_config(
        "[[callbacks]]\ntype = 'pseudo_likelihood'\nexact = true\n"
        "[[callbacks]]\ntype = 'pseudo_likelihood'\nrows = 3\nseed = 9\nname = 's'\n"
        "[[callbacks]]\ntype = 'reconstruction_error'\nmeasure = 'cross_entropy'\nrows = 4\n"
        "[[callbacks]]\ntype = 'free_energy_gap'\nrows = 6\nevery = 2\n"
        "[[callbacks]]\ntype = 'exact_log_likelihood'\n",
        "test.toml");
    auto list = nbm::make_callbacks(nbm::builtin_callbacks<double>(), config, ".");
    return fit(list);
}

}  // namespace

BOOST_AUTO_TEST_CASE(all_lists_log_the_same_and_leave_the_training_alone) {
    const auto data = nbm::bars_and_stripes<double>(3);
    const auto valid = rows_of(data.train, {1, 5, 9, 13, 2, 3, 4});
    auto reference = std::vector<std::pair<nbm::DBM<double>, nbm::History>>{};
    for (const auto how : {How::none, How::statically, How::dynamically, How::configured}) {
        auto dbm = nbm::DBM<double>({9, 4});
        nbm::initialise(dbm, data.train, {.seed = 1});
        auto history = train(how, dbm, data.train, &valid);
        if (how != How::none) {
            const auto machine = oracle::Machine(dbm);
            BOOST_TEST(history.last("pslike").value() == pseudo_likelihood(machine, data.train), tolerance(1e-10));
            BOOST_TEST(history.last("exact_prob").value() == -mean_free_energy(machine, data.train) - machine.log_z(),
                       tolerance(1e-10));
            BOOST_TEST(history.last("val_exact_prob").value() == -mean_free_energy(machine, valid) - machine.log_z(),
                       tolerance(1e-10));
            BOOST_TEST(!history.column("free_energy_gap")[0].has_value());
            BOOST_TEST(history.column("free_energy_gap")[1].has_value());
            BOOST_TEST(history.metrics().size() == 3U + 19U - 1U);
            if (reference.size() > 1) {
                for (const auto& metric : history.metrics()) {
                    if (metric.name != "seconds") {
                        BOOST_TEST((history.column(metric.name) == reference[1].second.column(metric.name)));
                    }
                }
            }
        }
        if (!reference.empty()) {
            BOOST_TEST((dbm.weights(0, 1) == reference[0].first.weights(0, 1)));
            BOOST_TEST((dbm.bias(0) == reference[0].first.bias(0)));
        }
        reference.emplace_back(std::move(dbm), std::move(history));
    }
}

BOOST_AUTO_TEST_CASE(one_row_is_enough) {
    const auto row = Rows({{0.5, 1, 0}});
    auto dbm = random_machine({3, 2});
    auto list =
        nbm::CallbackList(nbm::PseudoLikelihood(), nbm::ReconstructionError(), nbm::FreeEnergyGap(), nbm::ExactLogLikelihood());
    const auto history = nbm::fit(dbm, row, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 1, .validation = &row}, list);
    BOOST_TEST(history.last("free_energy_gap").value() == 0.0);
    for (const auto* name : {"pslike", "val_pslike", "recon", "val_recon", "exact_logz", "exact_prob", "val_exact_prob"}) {
        BOOST_TEST(std::isfinite(history.last(name).value()), name);
    }
}
