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

#include "diagnostics.hpp"

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
