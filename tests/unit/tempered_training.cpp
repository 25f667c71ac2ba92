// The trainer with parallel tempering, and the callback that watches its exchanges.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "helpers.hpp"

import nbm;

#include "moments.hpp"
#include "resume.hpp"

namespace {

std::atomic<std::size_t> allocations = 0;

auto allocate(std::size_t size) -> void* {
    ++allocations;
    if (auto* p = std::malloc(size == 0 ? 1 : size)) { return p; }
    throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }

namespace {

using Rows = nbm::Matrix<double>;
using Reals = std::tuple<float, double>;

auto machine(nbm::Topology topology, double sd = 1.0) -> nbm::DBM<double> {
    auto dbm = nbm::DBM<double>(std::move(topology));
    oracle::randomise(dbm, 51, sd);
    return dbm;
}

auto bits() -> Rows { return {{1, 0, 1}, {1, 1, 0}, {0, 0, 1}, {1, 1, 1}}; }

template <class Trainer>
auto state_of(const Trainer& trainer) -> nbm::State {
    auto state = nbm::State();
    trainer.save_state(state);
    return state;
}

/// Copies the ladder at the end of each epoch.
struct Watch {
    std::vector<nbm::Ladder> ladders;
    void on_epoch_end(auto& context) { ladders.push_back(context.trainer.ladder()); }
};

auto lists_of(const nbm::History& history, const std::string& name) -> std::vector<std::vector<double>> {
    auto result = std::vector<std::vector<double>>{};
    for (std::size_t m = 0; m != history.metrics().size(); ++m) {
        if (history.metrics()[m].name != name) { continue; }
        for (const auto& row : history.rows()) { result.push_back(row.lists[m]); }
    }
    return result;
}

/// A training with everything that remembers something: the ladder moves after every second update, the last batch is smaller.
template <class T>
struct Job {
    nbm::Matrix<T> train = nbm::bars_and_stripes<T>(3).train;
    nbm::PT<T> trainer = nbm::PT<T>(
        {.steps = 2, .chains = 7, .temperatures = 4, .lowest = 0.1, .adapt_every = 2, .gradient = {.centring = {.on = true}}});
    nbm::DBM<T> dbm = nbm::DBM<T>({9, 6, 4});

    template <class... More>
    auto run(const std::filesystem::path& resume, More&&... more) -> nbm::History {
        nbm::initialise(dbm, train, {.seed = 1});
        return nbm::fit(dbm, train, trainer, nbm::SGD<T>({.learning_rate = 0.2, .momentum = 0.5}),
                        {.epochs = 4, .batch_size = 5, .validation = &train, .resume = resume, .on_warning = {}},
                        nbm::CallbackList(nbm::TemperingMonitor(), nbm::ChainMonitor(), std::forward<More>(more)...));
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_gradient_equals_the_exact_one_within_its_error) {
    // The last of 31 gradients of the same machine (it swaps the machine's own chains), from 100,000 independent chains that began
    // at the data. A mean of numbers between 0 and 1 deviates by at most 5 * 0.5 / sqrt(100,000) = 0.008.
    constexpr std::size_t count = 100000;
    for (const auto& topology : {nbm::Topology({3, 3}), nbm::Topology({3, 2, 2})}) {
        const auto dbm = machine(topology, 1.2);
        const auto data = bits();
        auto pt = nbm::PT<double>({.chains = count, .temperatures = 3, .adapt_every = 5});
        pt.begin(dbm, data, 4, 7, false);
        auto gradient = nbm::zero_parameters(dbm);
        auto cost = 0.0;
        for (int i = 0; i != 31; ++i) { cost = pt.gradient(dbm, data, gradient); }
        BOOST_TEST(pt.ladder().swap_rates[0] > 0.3);  // enough exchanges to notice what they would do wrong
        BOOST_TEST(pt.ladder().updates == 31U);

        auto positive = nbm::PositivePhase<double>();
        positive.reserve(dbm, 4);
        const auto data_free_energy = positive.run(dbm, data) / 4.0;
        const auto model = oracle::model_moments(dbm).sums;
        const auto& means = positive.means();
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
            for (std::size_t k = 0; k != dbm.size(l); ++k) {
                auto expected = -model.biases[l][k];
                for (std::size_t r = 0; r != 4; ++r) { expected += means[l](r, k) / 4.0; }
                BOOST_TEST(std::abs(gradient.biases[l][k] - expected) < 0.008);
            }
        }
        for (std::size_t s = 0; s != gradient.weights.size(); ++s) {
            const auto edge = dbm.synapses()[s].edge;
            for (std::size_t i = 0; i != dbm.size(edge.lower); ++i) {
                for (std::size_t j = 0; j != dbm.size(edge.upper); ++j) {
                    auto expected = -model.weights[s](i, j);
                    for (std::size_t r = 0; r != 4; ++r) { expected += means[edge.lower](r, i) * means[edge.upper](r, j) / 4.0; }
                    BOOST_TEST(std::abs(gradient.weights[s](i, j) - expected) < 0.008);
                }
            }
        }
        // The chains' part of the cost is their free energy as it is now.
        auto model_free_energy = 0.0;
        for (const auto f : dbm.free_energy(pt.chains().states, nbm::Parity::odd)) { model_free_energy += f / double(count); }
        BOOST_TEST(std::abs(cost - (data_free_energy - model_free_energy)) < 1e-9);
        BOOST_TEST(std::abs(pt.evaluate(dbm, data) - cost) < 1e-9);
    }
}

BOOST_AUTO_TEST_CASE(weights_and_rules_act_as_in_pcd) {
    const auto dbm = machine({3, 2});
    const auto data = bits();
    auto run = [&](std::vector<double> weights, nbm::GradientOptions rules) {
        auto pt = nbm::PT<double>({.chains = 5, .temperatures = 3, .gradient = rules});
        pt.begin(dbm, data, 4, 3, false);
        auto gradient = nbm::zero_parameters(dbm);
        const auto cost = pt.gradient(dbm, data, gradient, weights);
        return std::pair(cost, gradient);
    };
    const auto [cost, gradient] = run({}, {});
    const auto [half_cost, half] = run({0.5, 0.5, 0.5, 0.5}, {});
    BOOST_TEST(half_cost == 0.5 * cost, boost::test_tools::tolerance(1e-12));
    for (std::size_t i = 0; i != 6; ++i) {
        BOOST_TEST(std::abs(half.weights[0].data()[i] - 0.5 * gradient.weights[0].data()[i]) < 1e-14);
    }
    // Sparsity adds strength (target - q) to a hidden bias, q being the mean of the first batch.
    const auto [same_cost, sparse] = run({}, {.sparsity = {.target = 0.25, .strength = 2.0}});
    BOOST_TEST(same_cost == cost);
    const auto hidden = dbm.propup(data)[1];
    for (std::size_t j = 0; j != 2; ++j) {
        auto q = 0.0;
        for (std::size_t r = 0; r != 4; ++r) { q += hidden(r, j) / 4.0; }
        BOOST_TEST(std::abs(sparse.biases[1][j] - gradient.biases[1][j] - 2.0 * (0.25 - q)) < 1e-12);
    }
}

BOOST_AUTO_TEST_CASE(chains_begin_at_rows_of_the_data_and_the_hottest_are_its_base_rates) {
    auto data = nbm::zero_matrix<double>(8, 3);
    for (std::size_t r = 0; r != 8; ++r) {
        data(r, 0) = 1.0;
        data(r, 2) = r % 4 == 0 ? 1.0 : 0.0;
    }
    const auto dbm = machine({3, 2});
    constexpr std::size_t count = 40000;
    auto pt = nbm::PT<double>({.chains = count, .temperatures = 2});
    pt.begin(dbm, data, 8, 3, false);
    const auto mean = [&](std::size_t temperature, std::size_t unit) {
        auto sum = 0.0;
        for (std::size_t c = 0; c != count; ++c) { sum += pt.replicas().chains[temperature].states[0](c, unit) / double(count); }
        return sum;
    };
    for (const std::size_t k : {0, 1}) {
        BOOST_TEST(mean(k, 0) == 1.0, boost::test_tools::tolerance(1e-9));
        BOOST_TEST(mean(k, 1) == 0.0);
        BOOST_TEST(std::abs(mean(k, 2) - 0.25) < 2.5 / std::sqrt(double(count)));
    }
    BOOST_TEST(pt.replicas().chains[0].states[0] != pt.replicas().chains[1].states[0]);
    const auto base = nbm::base_rate_bias(data);
    for (std::size_t k = 0; k != 3; ++k) { BOOST_TEST(pt.replicas().reference[k] == base[k]); }
    auto gradient = nbm::zero_parameters(dbm);
    for (int i = 0; i != 40; ++i) { pt.gradient(dbm, data, gradient); }
    for (std::size_t k = 0; k != 3; ++k) {
        BOOST_TEST(std::abs(mean(1, k) - nbm::sigmoid(base[k])) < 2.5 / std::sqrt(double(count)));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(resumed_trainings_end_as_if_they_had_not_been_interrupted, T, Reals) {
    const auto folder = Temporary();
    auto whole = Job<T>();
    auto watch = Watch();
    const auto history = whole.run({}, watch);
    // Everything that must be restored has changed.
    BOOST_TEST((watch.ladders.front().betas != watch.ladders.back().betas));
    BOOST_TEST((whole.trainer.ladder().betas != nbm::Ladder::linear(4, 0.1).betas));
    BOOST_TEST(whole.trainer.ladder().round_trips > 0U);
    for (const std::size_t threads : {1, 2, 5}) {
        nbm::set_threads(threads);
        for (std::size_t step = 0; step != 12; ++step) {
            const auto path = folder / (std::to_string(step) + ".ckpt");
            auto first = Job<T>();
            first.run({}, SaveAt{step, path});
            BOOST_REQUIRE((state_of(first.trainer) == state_of(whole.trainer)));
            auto resumed = Job<T>();
            const auto again = resumed.run(path);
            BOOST_TEST(same_weights(resumed.dbm, whole.dbm), "weights, resumed after step " << step);
            BOOST_TEST(same_history(again, history), "history, resumed after step " << step);
            BOOST_TEST((lists_of(again, "swap_rates") == lists_of(history, "swap_rates")));
            BOOST_TEST((lists_of(again, "swap_betas") == lists_of(history, "swap_betas")));
            BOOST_TEST((state_of(resumed.trainer) == state_of(whole.trainer)), "replicas, resumed after step " << step);
        }
    }
    nbm::set_threads(0);
}

BOOST_AUTO_TEST_CASE(a_training_that_goes_on_in_memory_keeps_its_replicas) {
    const auto dbm = machine({3, 2});
    const auto data = bits();
    auto pt = nbm::PT<double>({.temperatures = 3, .adapt_every = 2});
    auto gradient = nbm::zero_parameters(dbm);
    pt.begin(dbm, data, 4, 3, false);
    for (int i = 0; i != 5; ++i) { pt.gradient(dbm, data, gradient); }
    const auto before = state_of(pt);
    pt.begin(dbm, data, 4, 3, true);
    BOOST_TEST((state_of(pt) == before));
    pt.begin(dbm, data, 4, 3, false);
    BOOST_TEST((state_of(pt) != before));
    BOOST_TEST(pt.ladder().updates == 0U);
}

BOOST_AUTO_TEST_CASE(evaluation_advances_nothing) {
    const auto dbm = machine({3, 2, 2});
    const auto data = bits();
    auto pt = nbm::PT<double>({.temperatures = 3});
    auto gradient = nbm::zero_parameters(dbm);
    pt.begin(dbm, data, 4, 3, false);
    pt.gradient(dbm, data, gradient);
    const auto before = state_of(pt);
    const auto cost = pt.evaluate(dbm, Rows{{1, 1, 1}, {0, 1, 0}, {1, 0, 0}, {0, 0, 0}, {1, 1, 0}});
    BOOST_TEST((state_of(pt) == before));
    BOOST_TEST(pt.evaluate(dbm, Rows{{1, 1, 1}, {0, 1, 0}, {1, 0, 0}, {0, 0, 0}, {1, 1, 0}}) == cost);
}

BOOST_AUTO_TEST_CASE(an_update_allocates_nothing_but_what_the_positive_phase_does) {
    nbm::set_threads(1);
    const auto data = bits();
    for (const auto& topology : {nbm::Topology({3, 2}), nbm::Topology({3, 2, 2})}) {
        const auto dbm = machine(topology);
        auto positive = nbm::PositivePhase<double>();
        positive.reserve(dbm, 4);
        auto pt = nbm::PT<double>({.chains = 130, .temperatures = 4, .adaptive = false});
        auto gradient = nbm::zero_parameters(dbm);
        pt.begin(dbm, data, 4, 3, false);
        const auto allocated_by = [&](const auto& f) {
            f();
            const auto before = allocations.load();
            for (int i = 0; i != 10; ++i) { f(); }
            return allocations.load() - before;
        };
        BOOST_TEST(allocated_by([&] { pt.gradient(dbm, data, gradient); }) == allocated_by([&] { positive.run(dbm, data); }));
    }
    BOOST_TEST(allocations.load() > 0U);
    nbm::set_threads(0);
}

BOOST_AUTO_TEST_CASE(states_of_other_trainings_are_refused) {
    const auto dbm = machine({3, 2});
    const auto data = bits();
    const auto begun = [&](auto trainer) {
        trainer.begin(dbm, data, 4, 3, false);
        return trainer;
    };
    const auto state = state_of(begun(nbm::PT<double>({.temperatures = 3})));
    const auto refusal = [&](auto trainer, const nbm::State& from) {
        return message_of<nbm::InputError>([&] { begun(trainer).load_state(from); });
    };
    BOOST_TEST(has(refusal(nbm::PT<double>({.temperatures = 4}), state), "has 3 temperatures; this training has 4"));
    BOOST_TEST(has(refusal(nbm::PT<double>({.chains = 5, .temperatures = 3}), state), "has 4 chains; this training has 5"));
    BOOST_TEST(has(refusal(nbm::PCD<double>(), state), "'pt'"));
    BOOST_TEST(has(refusal(nbm::PT<double>({.temperatures = 3}), state_of(begun(nbm::PCD<double>()))), "'pcd'"));
    auto damaged = state;
    damaged.child("ladder").put("betas", std::vector<double>{1.0, 0.2, 0.5});
    BOOST_TEST(has(refusal(nbm::PT<double>({.temperatures = 3}), damaged), "must decrease"));
    damaged = state;
    damaged.put("ends", std::vector<std::uint64_t>{1});
    BOOST_TEST(has(refusal(nbm::PT<double>({.temperatures = 3}), damaged), "1 replicas"));
    BOOST_CHECK_THROW(nbm::PT<double>({.steps = 0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::PT<double>({.temperatures = 1}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::PT<double>({.lowest = 1.5}), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(the_monitor_logs_what_the_ladder_holds) {
    auto job = Job<double>();
    auto watch = Watch();
    const auto history = job.run({}, watch);
    const auto rates = lists_of(history, "swap_rates");
    const auto betas = lists_of(history, "swap_betas");
    for (std::size_t e = 0; e != 4; ++e) {
        const auto& ladder = watch.ladders[e];
        BOOST_TEST((rates[e] == ladder.swap_rates));
        BOOST_TEST((betas[e] == ladder.betas));
        BOOST_TEST(history.column("swap_rate_min")[e].value() == *std::min_element(rates[e].begin(), rates[e].end()));
        BOOST_TEST(history.column("swap_rate_mean")[e].value() == (rates[e][0] + rates[e][1] + rates[e][2]) / 3.0,
                   boost::test_tools::tolerance(1e-12));
        BOOST_TEST(history.column("round_trips")[e].value() == double(ladder.round_trips));
    }
    // One update has tried every other pair only: there is no rate yet.
    const auto fit_one = [](auto trainer, auto&& list, std::size_t epochs) {
        auto dbm = machine({3, 2});
        return nbm::fit(dbm, bits(), trainer, nbm::SGD<double>(), {.epochs = epochs, .on_warning = {}}, list);
    };
    const auto short_history =
        fit_one(nbm::PT<double>({.temperatures = 3}), nbm::CallbackList(nbm::TemperingMonitor({.name = "x"})), 2);
    BOOST_TEST(!short_history.column("swap_rate_min_x")[0].has_value());
    BOOST_TEST(short_history.column("swap_rate_min_x")[1].has_value());
    BOOST_TEST(short_history.column("round_trips_x")[0].value() == 0.0);

    const auto configured = [&](auto trainer) {
        const auto config = nbm::parse_config("[[callbacks]]\ntype = 'tempering_monitor'\nname = 'y'\n", "test.toml");
        auto list = nbm::make_callbacks(nbm::builtin_callbacks<double>(), config, ".");
        return fit_one(trainer, list, 3);
    };
    BOOST_TEST(configured(nbm::PT<double>({.temperatures = 3})).last("swap_rate_mean_y").has_value());
    BOOST_TEST(has(message_of<nbm::Error>([&] { configured(nbm::PCD<double>()); }), "this trainer has no replicas"));
}

BOOST_AUTO_TEST_CASE(a_metric_of_a_diverged_machine_is_not_a_number) {
    auto dbm = machine({3, 2});
    dbm.weights(0, 1)(0, 0) = std::nan("");
    const auto history = nbm::fit(dbm, bits(), nbm::PT<double>({.temperatures = 3}), nbm::SGD<double>(),
                                  {.epochs = 2, .on_warning = {}}, nbm::CallbackList(nbm::TemperingMonitor()));
    BOOST_TEST(std::isnan(history.last("swap_rate_min").value()));
    BOOST_TEST(std::isnan(history.last("swap_rate_mean").value()));
}
