// Callbacks that watch chains and weights, against direct computation.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "oracle.hpp"
#include "temporary.hpp"

import nbm;

namespace {

using Rows = nbm::Matrix<double>;
using boost::test_tools::tolerance;

/// Independent chains x_t = phi x_(t-1) + noise in equilibrium, plus a drift that all share: tau = (1 + phi) / (1 - phi).
auto autoregressive(double phi, std::size_t times, std::size_t chains, double drift = 0.0) -> Rows {
    auto engine = std::mt19937_64(5);
    auto normal = std::normal_distribution<double>();
    auto series = Rows::from_shape({times, chains});
    for (std::size_t c = 0; c != chains; ++c) {
        auto x = normal(engine) / std::sqrt(1.0 - phi * phi);
        for (std::size_t t = 0; t != times; ++t) {
            series(t, c) = x + drift * double(t);
            x = phi * x + normal(engine);
        }
    }
    return series;
}

/// Copies what the chains do in each epoch.
struct Watch {
    std::vector<Rows> before;
    std::vector<Rows> after;
    std::vector<nbm::Vector<double>> free_energies;
    std::vector<Rows> weights_before;
    std::vector<Rows> weights_after;
    void on_epoch_begin(const nbm::EpochInfo&) { *this = {}; }
    void on_batch_begin(auto& context) {
        before.push_back(context.trainer.chains().states[0]);
        weights_before.push_back(context.model.weights(0, 1));
    }
    void on_batch_end(auto& context) {
        after.push_back(context.trainer.chains().states[0]);
        free_energies.push_back(context.model.free_energy(context.trainer.chains().states, nbm::Parity::odd));
        weights_after.push_back(context.model.weights(0, 1));
    }
};

auto norm(const Rows& w) -> double {
    auto sum = 0.0;
    for (const auto x : w) { sum += x * x; }
    return std::sqrt(sum);
}

auto average(const nbm::Vector<double>& x) -> double {
    auto sum = 0.0;
    for (const auto value : x) { sum += value; }
    return sum / double(x.size());
}

auto grey_data() -> Rows {
    auto v = nbm::bars_and_stripes<double>(3).train;
    v(3, 3) = 0.4;
    v(8, 0) = 0.7;
    return v;
}

auto machine_for(const Rows& v, nbm::Topology topology) -> nbm::DBM<double> {
    auto dbm = nbm::DBM<double>(std::move(topology));
    nbm::initialise(dbm, v, {.seed = 1});
    return dbm;
}

auto same_machine(const nbm::DBM<double>& a, const nbm::DBM<double>& b) -> bool {
    auto same = true;
    for (std::size_t l = 0; l != a.layer_count(); ++l) { same = same && a.bias(l) == b.bias(l); }
    for (std::size_t s = 0; s != a.synapses().size(); ++s) { same = same && a.synapses()[s].weights == b.synapses()[s].weights; }
    return same;
}

/// Every value of every metric but the time.
auto check_same(const nbm::History& a, const nbm::History& b) -> void {
    BOOST_REQUIRE(a.rows().size() == b.rows().size());
    for (std::size_t m = 0; m != a.metrics().size(); ++m) {
        if (a.metrics()[m].name == "seconds") { continue; }
        for (std::size_t r = 0; r != a.rows().size(); ++r) {
            BOOST_TEST((a.rows()[r].values[m] == b.rows()[r].values[m]), a.metrics()[m].name << " in epoch " << r);
            BOOST_TEST((a.rows()[r].lists[m] == b.rows()[r].lists[m]), a.metrics()[m].name << " in epoch " << r);
        }
    }
}

/// The list-valued metric in the last epoch.
auto last_list(const nbm::History& history, const std::string& name) -> std::vector<double> {
    for (std::size_t m = 0; m != history.metrics().size(); ++m) {
        if (history.metrics()[m].name == name) { return history.rows().back().lists[m]; }
    }
    return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(autocorrelation_times_of_known_processes) {
    for (const auto phi : {0.0, 0.5, 0.9, -0.5}) {
        const auto expected = (1.0 + phi) / (1.0 - phi);
        BOOST_TEST(nbm::autocorrelation_time(autoregressive(phi, 20000, 100)).value() == expected, tolerance(0.02));
        BOOST_TEST(nbm::autocorrelation_time(autoregressive(phi, 20000, 100, 0.01)).value() == expected, tolerance(0.02));
        BOOST_TEST(nbm::autocorrelation_time(autoregressive(phi, 200000, 1)).value() == expected, tolerance(0.05));
    }
    // Short series of many chains have no bias: centring each by its own mean would give less than 4 here.
    BOOST_TEST(nbm::autocorrelation_time(autoregressive(0.7, 40, 20000)).value() == 1.7 / 0.3, tolerance(0.03));
    // Few chains: the mean over chains takes the same part of all covariances.
    auto sum = 0.0;
    for (int i = 0; i != 10; ++i) { sum += nbm::autocorrelation_time(autoregressive(0.5, 100000, 2)).value() / 10.0; }
    BOOST_TEST(sum == 3.0, tolerance(0.03));
}

BOOST_AUTO_TEST_CASE(autocorrelation_times_of_chains_that_are_stuck_or_too_short) {
    auto stuck = Rows::from_shape({100, 3});
    for (std::size_t t = 0; t != 100; ++t) {
        for (std::size_t c = 0; c != 3; ++c) { stuck(t, c) = double(c); }
    }
    BOOST_TEST(nbm::autocorrelation_time(stuck).value() == 101.0, tolerance(1e-12));
    BOOST_TEST(!nbm::autocorrelation_time(nbm::zero_matrix<double>(100, 3)).has_value());
    BOOST_TEST(!nbm::autocorrelation_time(autoregressive(0.5, 3, 10)).has_value());
    BOOST_TEST(nbm::autocorrelation_time(autoregressive(0.5, 4, 10)).has_value());
    BOOST_TEST(!nbm::autocorrelation_time(Rows::from_shape({10, 0})).has_value());
    stuck(4, 1) = std::nan("");
    BOOST_TEST(std::isnan(nbm::autocorrelation_time(stuck).value()));
    // Strictly alternating: 1 - 2 + 2 - 2, which is no time.
    auto alternating = Rows::from_shape({6, 2});
    for (std::size_t t = 0; t != 6; ++t) {
        alternating(t, 0) = t % 2 == 0 ? 1.0 : -1.0;
        alternating(t, 1) = -alternating(t, 0);
    }
    BOOST_TEST(!nbm::autocorrelation_time(alternating).has_value());
    // What varies is a matter of the size of the values: rounding errors of means of large ones do not, small values do.
    for (const auto chains : {std::size_t{1}, std::size_t{3}}) {
        auto constant = Rows::from_shape({1000, chains});
        for (auto& x : constant) { x = -1234567.1; }
        BOOST_TEST(!nbm::autocorrelation_time(constant).has_value());
    }
    auto small = autoregressive(0.5, 1000, 10);
    const auto tau = nbm::autocorrelation_time(small).value();
    for (auto& x : small) { x *= 1e-100; }
    BOOST_TEST(nbm::autocorrelation_time(small).value() == tau, tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(chains_are_monitored_as_counted_directly) {
    const auto data = grey_data();
    for (const auto& topology : {nbm::Topology({9, 4}), nbm::Topology({9, 4, 3})}) {
        for (const std::size_t every : {1, 2, 3}) {
            auto dbm = machine_for(data, topology);
            auto pcd = nbm::PCD<double>({.chains = 6});
            auto watch = Watch{};
            auto monitor = nbm::ChainMonitor({.every_batches = every, .rows = 5});
            auto list = nbm::CallbackList(watch, monitor);
            const auto history =
                nbm::fit(dbm, data, pcd, nbm::SGD<double>({.learning_rate = 0.1}), {.epochs = 3, .batch_size = 1}, list);
            auto flips = 0.0;
            auto looked = std::vector<std::size_t>{};
            for (auto b = every - 1; b < 14; b += every) { looked.push_back(b); }
            auto series = Rows::from_shape({looked.size(), 6});
            for (std::size_t k = 0; k != looked.size(); ++k) {
                for (std::size_t i = 0; i != 54; ++i) {
                    flips += watch.before[looked[k]].data()[i] != watch.after[looked[k]].data()[i]
                                 ? 1.0 / 54.0 / double(looked.size())
                                 : 0.0;
                }
                for (std::size_t c = 0; c != 6; ++c) { series(k, c) = watch.free_energies[looked[k]][c]; }
            }
            BOOST_TEST(flips > 0.0);
            BOOST_TEST(history.last("chain_flip_rate").value() == flips, tolerance(1e-12));
            const auto tau = nbm::autocorrelation_time(series);
            const auto logged = history.column("chain_autocorrelation").back();
            BOOST_REQUIRE(logged.has_value() == tau.has_value());
            if (tau) { BOOST_TEST(logged.value() == double(every) * *tau, tolerance(1e-12)); }
            if (topology.is_rbm()) {
                auto some = Rows::from_shape({5, 9});
                for (std::size_t r = 0; r != 5; ++r) {
                    for (std::size_t i = 0; i != 9; ++i) { some(r, i) = data(r * 14 / 5, i); }
                }
                BOOST_TEST(history.last("chain_free_energy_gap").value() ==
                               average(dbm.free_energy(watch.after.back())) - average(dbm.free_energy(some)),
                           tolerance(1e-12));
            } else {
                // Chains and data are measured alike: against themselves the gap is 0.
                auto single = machine_for(data, topology);
                auto all = nbm::ChainMonitor({.rows = 0});
                const auto h =
                    nbm::fit(single, pcd.chains().states[0], nbm::PCD<double>({.chains = 1}),
                             nbm::SGD<double>({.learning_rate = 0.0}), {.epochs = 1, .batch_size = 6}, nbm::CallbackList(all));
                BOOST_TEST(std::isfinite(h.last("chain_free_energy_gap").value()));
                BOOST_TEST(!h.last("chain_autocorrelation").has_value());  // one update
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(constant_chains_have_no_gap_to_equal_data) {
    // Units that are always on: chains and data are the same row, in a machine with two hidden layers.
    const auto ones = Rows({{1, 1, 1}, {1, 1, 1}});
    auto dbm = nbm::DBM<double>({3, 2, 2});
    oracle::randomise(dbm, 2, 0.5);
    for (auto& b : dbm.bias(0)) { b = 100.0; }
    const auto history = nbm::fit(dbm, ones, nbm::PCD<double>({.chains = 3}), nbm::SGD<double>({.learning_rate = 0.0}),
                                  {.epochs = 1, .batch_size = 1}, nbm::CallbackList(nbm::ChainMonitor()));
    BOOST_TEST(std::abs(history.last("chain_free_energy_gap").value()) < 1e-10);
    BOOST_TEST(history.last("chain_flip_rate").value() == 0.0);
}

BOOST_AUTO_TEST_CASE(a_monitor_needs_chains_and_a_number_of_batches) {
    const auto data = grey_data();
    auto dbm = machine_for(data, {9, 4});
    auto list = nbm::DynamicCallbackList<double>();
    list.append(nbm::ChainMonitor());
    BOOST_TEST(has(message_of<nbm::Error>([&] { nbm::fit(dbm, data, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 1}, list); }),
                   "this trainer keeps no chains"));
    BOOST_TEST(has(message_of<nbm::InputError>([] { nbm::ChainMonitor({.every_batches = 0}); }), "every_batches is 0"));
    BOOST_TEST(nbm::ChainMonitor({.name = "x"}).id() == "chain_monitor_x");
    // A list on its own is as good as one in a static list.
    const auto history =
        nbm::fit(dbm, data, nbm::PCD<double>(), nbm::SGD<double>(), {.epochs = 2, .batch_size = 2}, nbm::CallbackList(list));
    BOOST_TEST(history.last("chain_flip_rate").has_value());
}

BOOST_AUTO_TEST_CASE(weights_are_measured_as_computed_directly) {
    const auto data = grey_data();
    auto dbm = machine_for(data, {9, 4});
    auto watch = Watch{};
    auto list = nbm::CallbackList(watch, nbm::WeightStatistics({.rows = 0}));
    const auto history =
        nbm::fit(dbm, data, nbm::PCD<double>(), nbm::SGD<double>({.learning_rate = 0.1}), {.epochs = 2, .batch_size = 4}, list);
    BOOST_TEST(history.last("weights_norm").value() == norm(dbm.weights(0, 1)), tolerance(1e-12));
    auto change = watch.weights_after.back();
    for (std::size_t i = 0; i != change.size(); ++i) { change.data()[i] -= watch.weights_before.back().data()[i]; }
    BOOST_TEST(norm(change) > 0.0);
    BOOST_TEST(history.last("update_ratio").value() == norm(change) / norm(dbm.weights(0, 1)), tolerance(1e-12));
    BOOST_TEST(history.last("hidden_dead").value() == 0.0);
    BOOST_TEST(history.last("hidden_saturated").value() == 0.0);
}

BOOST_AUTO_TEST_CASE(dead_and_saturated_units_are_told_by_their_mean) {
    auto v = nbm::zero_matrix<double>(10, 2);
    v(7, 0) = 1.0;  // in a tenth of the rows
    auto dbm = nbm::DBM<double>({2, 5});
    dbm.bias(1)[0] = -50.0;  // dead
    dbm.bias(1)[1] = 50.0;   // saturated
    dbm.bias(1)[2] = -50.0;  // on in a tenth of the rows
    dbm.weights(0, 1)(0, 2) = 100.0;
    dbm.bias(1)[3] = std::log(0.04 / 0.96);  // 0.04 throughout
    const auto measured = [&](nbm::WeightStatisticsOptions options) {
        auto copy = dbm;
        return nbm::fit(copy, v, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.0}), {.epochs = 1},
                        nbm::CallbackList(nbm::WeightStatistics(options)));
    };
    const auto tight = measured({.threshold = 0.03});
    BOOST_TEST(tight.last("hidden_dead").value() == 0.2);
    BOOST_TEST(tight.last("hidden_saturated").value() == 0.2);
    BOOST_TEST(tight.last("update_ratio").value() == 0.0);
    BOOST_TEST(measured({.threshold = 0.05}).last("hidden_dead").value() == 0.4);
    BOOST_TEST(measured({.threshold = 0.11}).last("hidden_dead").value() == 0.6);
    BOOST_TEST(measured({.threshold = 0.05, .rows = 5}).last("hidden_dead").value() == 0.6);  // row 7 is not among 0, 2, 4, 6, 8
    dbm.bias(1)[4] = std::nan("");                                                            // is neither, and no good sign
    BOOST_TEST(std::isnan(measured({}).last("hidden_dead").value()));
    BOOST_TEST(std::isnan(measured({}).last("hidden_saturated").value()));
    for (const auto wrong : {0.0, 0.5, -1.0, std::nan("")}) {
        BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::WeightStatistics({.threshold = wrong}); }), "above 0 and below 0.5"));
    }
}

BOOST_AUTO_TEST_CASE(deep_machines_have_lists_and_partial_epochs_no_ratio) {
    const auto data = grey_data();
    auto dbm = machine_for(data, {9, 4, 3});
    for (auto& b : dbm.bias(2)) { b = -60.0; }
    const auto history = nbm::fit(dbm, data, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.01}),
                                  {.epochs = 1, .batch_size = 5}, nbm::CallbackList(nbm::WeightStatistics()));
    BOOST_TEST(!history.last("weights_norm").has_value());
    BOOST_TEST(last_list(history, "weights_norm") == (std::vector<double>{norm(dbm.weights(0, 1)), norm(dbm.weights(1, 2))}),
               tolerance(1e-12) << boost::test_tools::per_element());
    BOOST_TEST(last_list(history, "update_ratio").size() == 2U);
    BOOST_TEST((last_list(history, "hidden_dead") == std::vector<double>{0.0, 1.0}));
    BOOST_TEST((last_list(history, "hidden_saturated") == std::vector<double>{0.0, 0.0}));
    struct Stopper {
        auto on_batch_end(const nbm::BatchInfo& info) -> nbm::Flow { return info.step == 4 ? nbm::Flow::stop : nbm::Flow::proceed; }
    };
    auto rbm = machine_for(data, {9, 4});
    const auto partial = nbm::fit(rbm, data, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 3, .batch_size = 5},
                                  nbm::CallbackList(Stopper{}, nbm::WeightStatistics()));
    BOOST_REQUIRE(partial.rows().size() == 2U);
    BOOST_TEST(partial.column("update_ratio")[0].has_value());
    BOOST_TEST(!partial.column("update_ratio")[1].has_value());
    BOOST_TEST(partial.column("weights_norm")[1].has_value());
}

BOOST_AUTO_TEST_CASE(a_training_resumed_at_any_batch_goes_on_identically) {
    const auto data = grey_data();
    for (const auto& topology : {nbm::Topology({9, 4}), nbm::Topology({9, 4, 3})}) {
        const auto folder = Temporary();
        const auto train = [&](bool observed, std::size_t every, const std::filesystem::path& resume) {
            auto dbm = machine_for(data, topology);
            auto options = nbm::FitOptions<double>{.epochs = 3, .batch_size = 2, .validation = &data, .resume = resume};
            auto pcd = nbm::PCD<double>({.chains = 5});
            auto sgd = nbm::SGD<double>({.learning_rate = 0.1});
            if (!observed) {
                auto history = nbm::fit(dbm, data, pcd, sgd, options);
                return std::pair(std::move(dbm), std::move(history));
            }
            auto list = nbm::CallbackList(nbm::ChainMonitor(), nbm::ChainMonitor({.every_batches = 2, .name = "two"}),
                                          nbm::WeightStatistics(), nbm::ReconstructionError(), nbm::FreeEnergyGap(),
                                          nbm::Checkpoint({.path = folder / ("{epoch}-" + std::to_string(every) + ".ckpt"),
                                                           .every_epochs = 0,
                                                           .every_batches = every,
                                                           .on_end = false,
                                                           .keep = 0}));
            auto history = nbm::fit(dbm, data, pcd, sgd, options, list);
            return std::pair(std::move(dbm), std::move(history));
        };
        const auto [plain, ignored] = train(false, 1, {});
        const auto [whole, history] = train(true, 1000, {});
        BOOST_TEST(same_machine(plain, whole));
        BOOST_TEST(history.last("chain_flip_rate").has_value());
        // 7 batches an epoch; a file has the last of its epoch's checkpoints: after 3, 6 | 9, 12 | ... or after 7 | 14.
        for (const std::size_t every : {3, 4, 5, 7}) {
            train(true, every, {});
            for (const auto& epoch : {"1", "2"}) {
                const auto path = folder / (std::string(epoch) + "-" + std::to_string(every) + ".ckpt");
                BOOST_REQUIRE(std::filesystem::exists(path));
                const auto [resumed, resumed_history] = train(true, 1000, path);
                BOOST_TEST(same_machine(whole, resumed));
                check_same(history, resumed_history);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(configured_monitors_log_what_static_ones_do_and_serve_again) {
    const auto data = grey_data();
    const auto fit = [&](auto& list) {
        auto dbm = machine_for(data, {9, 4});
        return nbm::fit(dbm, data, nbm::PCD<double>({.chains = 5}), nbm::SGD<double>(), {.epochs = 3, .batch_size = 2}, list);
    };
    auto statically =
        nbm::CallbackList(nbm::ChainMonitor({.every_batches = 2, .rows = 3}), nbm::WeightStatistics({.threshold = 0.1}),
                          nbm::Every(nbm::every(2), nbm::ChainMonitor({.name = "even"})));
    const auto first = fit(statically);
    check_same(first, fit(statically));
    BOOST_TEST(!first.column("chain_flip_rate_even")[0].has_value());
    BOOST_TEST(first.column("chain_autocorrelation_even")[1].has_value());
    const auto config = nbm::parse_config(
        "[[callbacks]]\ntype = 'chain_monitor'\nevery_batches = 2\nrows = 3\n"
        "[[callbacks]]\ntype = 'weight_statistics'\nthreshold = 0.1\n"
        "[[callbacks]]\ntype = 'chain_monitor'\nname = 'even'\nevery = 2\n",
        "test.toml");
    auto configured = nbm::make_callbacks(nbm::builtin_callbacks<double>(), config, ".");
    check_same(first, fit(configured));
    BOOST_TEST(has(message_of<nbm::InputError>([] {
                       nbm::make_callbacks(
                           nbm::builtin_callbacks<double>(),
                           nbm::parse_config("[[callbacks]]\ntype = 'chain_monitor'\nevery_batches = 0\n", "test.toml"), ".");
                   }),
                   "every_batches"));
}

BOOST_AUTO_TEST_CASE(one_row_and_one_chain_are_enough) {
    const auto row = Rows({{0.5, 1, 0}});
    auto dbm = nbm::DBM<double>({3, 2});
    oracle::randomise(dbm, 1, 1.0);
    const auto history = nbm::fit(dbm, row, nbm::PCD<double>(), nbm::SGD<double>(), {.epochs = 2},
                                  nbm::CallbackList(nbm::ChainMonitor(), nbm::WeightStatistics()));
    BOOST_TEST(std::isfinite(history.last("chain_free_energy_gap").value()));
    BOOST_TEST(history.last("chain_flip_rate").has_value());
    BOOST_TEST(!history.last("chain_autocorrelation").has_value());
}
