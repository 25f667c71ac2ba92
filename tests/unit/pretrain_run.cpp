// What pretraining does for a deep machine, and how it is called.
#include <boost/test/unit_test.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "helpers.hpp"

import nbm;

#include "same.hpp"

namespace {

using Machine = nbm::DBM<double>;
using Rows = nbm::Matrix<double>;

/// mean log p(v), by enumeration.
auto log_likelihood(const Machine& dbm, const Rows& v) -> double {
    auto sum = 0.0;
    for (const auto f : nbm::exact_free_energy(dbm, v)) { sum -= f / double(v.shape(0)); }
    return sum - nbm::exact_log_z(dbm);
}

/// The same machine by RBMs that do not know of a layer on the other side.
auto pretrain_undoubled(Machine& dbm, const Rows& train, std::size_t epochs, double rate) -> void {
    auto data = train;
    auto rbms = std::vector<Machine>{};
    for (std::size_t l = 0; l + 1 != dbm.layer_count(); ++l) {
        auto rbm = Machine(nbm::Topology{dbm.size(l), dbm.size(l + 1)});
        rbm.weights(0, 1) = dbm.weights(l, l + 1);
        if (l == 0) { rbm.bias(0) = dbm.bias(0); }
        nbm::fit(rbm, data, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = rate, .momentum = 0.5}),
                 {.epochs = epochs, .batch_size = 14, .seed = 3});
        data = Rows(rbm.propup(data)[1]);
        rbms.push_back(rbm);
    }
    dbm = nbm::compose_dbm(rbms);
}

/// What the callbacks of each RBM can know.
struct Notes {
    std::vector<std::uint64_t> seeds;
    std::vector<std::size_t> rows;
    std::vector<std::size_t> widths;
    std::vector<std::size_t> validation_widths;
    void set_params(const nbm::FitParams& params) {
        seeds.push_back(params.seed);
        rows.push_back(params.rows);
    }
    void on_train_begin(const nbm::ModelContext<nbm::TrainInfo, double>& context) {
        widths.push_back(context.model.visible_size());
        if (context.validation != nullptr) { validation_widths.push_back(context.validation->shape(1)); }
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(pretraining_raises_the_likelihood_and_doubling_is_why) {
    // 3 x 3 bars and stripes; a machine with small random weights has about -6.26 nats. Here and now the smallest differences of
    // all cases are 1.66 and 1.13 nats; a trajectory that rounds otherwise may differ.
    const auto data = nbm::bars_and_stripes<double>(3);
    for (const auto& sizes : {std::vector<std::size_t>{9, 8, 6}, std::vector<std::size_t>{9, 8, 6, 4}}) {
        for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {
            auto start = Machine(nbm::Topology(sizes));
            nbm::initialise(start, data.train, {.seed = seed, .weights = nbm::Weights::normal, .scale = 0.1});
            auto dbm = start;
            nbm::pretrain(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.05, .momentum = 0.5}),
                          {.epochs = 1000, .batch_size = 14, .seed = seed});
            auto undoubled = start;
            pretrain_undoubled(undoubled, data.train, 1000, 0.05);
            const auto reached = log_likelihood(dbm, data.train);
            BOOST_TEST(reached > log_likelihood(start, data.train) + 1.2);
            BOOST_TEST(reached > log_likelihood(undoubled, data.train) + 0.7);
            BOOST_TEST(reached < -std::log(14.0));
        }
    }
}

BOOST_AUTO_TEST_CASE(longer_training_drives_only_the_undoubled_composition_below_its_start) {
    // Each hidden layer of it gets its input twice: once from below, once from above.
    const auto data = nbm::bars_and_stripes<double>(3);
    auto start = Machine({9, 8, 6});
    nbm::initialise(start, data.train, {.seed = 1, .weights = nbm::Weights::normal, .scale = 0.1});
    auto dbm = start;
    nbm::pretrain(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.1, .momentum = 0.5}),
                  {.epochs = 2000, .batch_size = 14});
    auto undoubled = start;
    pretrain_undoubled(undoubled, data.train, 2000, 0.1);
    const auto before = log_likelihood(start, data.train);
    BOOST_TEST(log_likelihood(dbm, data.train) > before + 0.8);
    BOOST_TEST(log_likelihood(undoubled, data.train) < before - 0.8);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_machine_of_two_layers_is_simply_trained, T, decltype(std::tuple<float, double>{})) {
    const auto data = nbm::bars_and_stripes<T>(3);
    auto dbm = nbm::DBM<T>({9, 5});
    nbm::initialise(dbm, data.train, {.seed = 1});
    auto fitted = dbm;
    const auto pcd = nbm::PCD<T>({.steps = 2, .chains = 4});
    const auto sgd = nbm::SGD<T>({.learning_rate = 0.1, .momentum = 0.9});
    const auto histories = nbm::pretrain(
        dbm, data.train, pcd, sgd, {.epochs = 6, .batch_size = 5, .validation = &data.valid, .penalty = {.l2 = 0.01}, .seed = 8});
    auto trainer = pcd;
    auto optimiser = sgd;
    const auto history = nbm::fit(fitted, data.train, trainer, optimiser,
                                  {.epochs = 6, .batch_size = 5, .validation = &data.valid, .penalty = {.l2 = 0.01}, .seed = 8});
    BOOST_TEST(same_weights(dbm, fitted));
    BOOST_REQUIRE(histories.size() == 1U);
    BOOST_TEST(same_history(histories[0], history));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pretraining_depends_on_the_seed_but_not_on_threads, T, decltype(std::tuple<float, double>{})) {
    const auto data = nbm::digits<T>({.train = 230, .valid = 0, .test = 0, .seed = 3});
    const auto run = [&](std::size_t threads, std::uint64_t seed) {
        nbm::set_threads(threads);
        auto dbm = nbm::DBM<T>({784, 30, 21, 10});
        nbm::initialise(dbm, data.train, {.seed = 5});
        nbm::pretrain(dbm, data.train, nbm::CD<T>(), nbm::SGD<T>({.learning_rate = 0.05, .momentum = 0.5}),
                      {.epochs = 2, .batch_size = 100, .seed = seed});
        nbm::set_threads(0);
        return dbm;
    };
    const auto reference = run(1, 6);
    BOOST_TEST(same_weights(run(2, 6), reference));
    BOOST_TEST(same_weights(run(5, 6), reference));
    BOOST_TEST(!same_weights(run(1, 7), reference));
}

BOOST_AUTO_TEST_CASE(each_rbm_has_a_trainer_an_optimiser_and_random_numbers_of_its_own) {
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = Machine({9, 5, 4, 3});
    nbm::initialise(dbm, data.train);
    auto notes = Notes{};
    const auto sgd = nbm::SGD<double>({.learning_rate = 0.1, .momentum = 0.5});
    const auto valid = Rows({{1, 1, 1, 0, 0, 0, 0, 0, 0}});
    const auto histories = nbm::pretrain(dbm, data.train, nbm::CD<double>(), sgd,
                                         {.epochs = 3, .batch_size = 5, .validation = &valid, .seed = 4}, notes);
    BOOST_TEST(notes.widths == (std::vector<std::size_t>{18, 5, 4}), boost::test_tools::per_element());
    BOOST_TEST(notes.validation_widths == notes.widths, boost::test_tools::per_element());
    BOOST_TEST(notes.rows == (std::vector<std::size_t>{14, 14, 14}), boost::test_tools::per_element());
    BOOST_TEST(notes.seeds[0] != 4U);
    BOOST_TEST((notes.seeds[1] != notes.seeds[0] && notes.seeds[2] != notes.seeds[1] && notes.seeds[2] != notes.seeds[0]));
    BOOST_TEST(sgd.iterations() == 0U);
    BOOST_REQUIRE(histories.size() == 3U);
    for (const auto& history : histories) {
        BOOST_TEST(history.rows().size() == 3U);
        BOOST_TEST(history.last("val_cost").has_value());
    }
}

BOOST_AUTO_TEST_CASE(what_trains_an_rbm_can_be_made_for_it) {
    const auto data = nbm::bars_and_stripes<double>(2);
    auto dbm = Machine({4, 3, 2, 2});
    nbm::initialise(dbm, data.train);
    auto fixed = dbm;
    auto calls = std::string{};
    const auto describe = [](const nbm::PretrainedRBM& part) {
        return std::to_string(part.edge.lower) + (part.doubled_visible ? "d-" : "-") + std::to_string(part.edge.upper) +
               (part.doubled_hidden ? "d " : " ") + std::to_string(part.index) + "/" + std::to_string(part.count) + "; ";
    };
    nbm::pretrain(
        dbm, data.train, [](const nbm::PretrainedRBM& part) { return nbm::CD<double>({.steps = part.index + 1}); },
        [](const nbm::PretrainedRBM& part) { return nbm::SGD<double>({.learning_rate = part.doubled_hidden ? 0.0 : 0.2}); },
        {.epochs = 2, .batch_size = 2},
        [&](const nbm::PretrainedRBM& part) {
            calls += describe(part);
            return nbm::CallbackList();
        });
    BOOST_TEST(calls == "0d-1 0/3; 1-2 1/3; 2-3d 2/3; ");
    BOOST_TEST((dbm.weights(2, 3) == fixed.weights(2, 3)));  // rate 0
    BOOST_TEST((dbm.weights(0, 1) != fixed.weights(0, 1)));
    nbm::pretrain(fixed, data.train, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.2}), {.epochs = 2, .batch_size = 2});
    BOOST_TEST((dbm.weights(0, 1) == fixed.weights(0, 1)));  // the same there
    BOOST_TEST((dbm.weights(1, 2) != fixed.weights(1, 2)));  // another number of steps
}

BOOST_AUTO_TEST_CASE(a_stop_request_leaves_the_machine_as_it_was) {
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = Machine({9, 5, 4});
    nbm::initialise(dbm, data.train);
    const auto before = dbm;
    for (const std::size_t rbm : {0, 1}) {
        auto source = std::stop_source();
        struct Stopper {
            std::stop_source* source;
            void on_batch_end(const nbm::BatchInfo& info) const {
                if (source != nullptr && info.step == 4) { source->request_stop(); }
            }
        };
        const auto message = message_of<nbm::Cancelled>([&] {
            nbm::pretrain(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.1}),
                          {.epochs = 3, .batch_size = 5, .stop = source.get_token()},
                          [&](const nbm::PretrainedRBM& part) { return Stopper{part.index == rbm ? &source : nullptr}; });
        });
        BOOST_TEST(has(message, "training " + std::to_string(rbm + 1) + " of 2"));
        BOOST_TEST(same_weights(dbm, before));
    }
}

BOOST_AUTO_TEST_CASE(a_training_that_diverges_is_an_error_and_leaves_the_machine_as_it_was) {
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = Machine({9, 5, 4});
    nbm::initialise(dbm, data.train);
    const auto before = dbm;
    for (const std::size_t rbm : {0, 1}) {
        const auto rates = [&](const nbm::PretrainedRBM& part) {
            return nbm::SGD<double>({.learning_rate = part.index == rbm ? 1e308 : 0.1, .momentum = 0.9});
        };
        const auto message =
            message_of<nbm::InputError>([&] { nbm::pretrain(dbm, data.train, nbm::CD<double>(), rates, {.epochs = 5}); });
        BOOST_TEST(has(message, "diverged in its training " + std::to_string(rbm + 1) + " of 2"));
        BOOST_TEST(same_weights(dbm, before));
    }
}

BOOST_AUTO_TEST_CASE(a_callback_that_stops_ends_the_training_of_its_rbm_only) {
    struct StopFirst {
        std::size_t index;
        auto on_epoch_end(const nbm::EpochInfo& info) const -> nbm::Flow {
            return index == 0 && info.epoch == 1 ? info.stop("enough") : nbm::Flow::proceed;
        }
    };
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = Machine({9, 5, 4});
    nbm::initialise(dbm, data.train);
    const auto histories = nbm::pretrain(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 4},
                                         [](const nbm::PretrainedRBM& part) { return StopFirst{part.index}; });
    BOOST_REQUIRE(histories.size() == 2U);
    BOOST_TEST(histories[0].rows().size() == 2U);
    BOOST_TEST(histories[1].rows().size() == 4U);
}

BOOST_AUTO_TEST_CASE(wrong_arguments_are_refused_and_change_nothing) {
    const auto data = Rows({{1, 0, 1}, {1, 1, 0}});
    const auto refused = [](Machine dbm, const Rows& train, nbm::PretrainOptions<double> options = {}) {
        nbm::initialise(dbm, nbm::zero_matrix<double>(1, dbm.visible_size()));
        const auto before = dbm;
        const auto message = message_of<nbm::InputError>(
            [&] { nbm::pretrain(dbm, train, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 1.0}), options); });
        BOOST_TEST(same_weights(dbm, before));
        return message;
    };
    BOOST_TEST(has(refused(Machine(nbm::Topology({3, 2, 2, 2}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}})), data),
                   "needs a chain of layers, each connected to the next only, not 3-2-2-2 with edges 0-1 0-3 1-2 2-3"));
    BOOST_TEST(has(refused(Machine({4, 2, 2}), data), "the training data have 3 values a row; the machine 4-2-2 has 4"));
    BOOST_TEST(has(refused(Machine({3, 2, 2}), data, {.epochs = 0}), "0 epochs"));
    BOOST_TEST(has(refused(Machine({3, 2, 2}), data, {.batch_size = 0}), "batch size is 0"));
    BOOST_TEST(has(refused(Machine({3, 2, 2}), data, {.penalty = {.l1 = -1.0}}), "-1"));
    const auto wide = nbm::zero_matrix<double>(2, 4);
    BOOST_TEST(has(refused(Machine({3, 2, 2}), data, {.validation = &wide}), "the validation data have 4 values a row"));
    BOOST_TEST(has(refused(Machine({3, 2, 2}), Rows({{1, 0, 2}})), "2"));
    BOOST_TEST(has(refused(Machine({3, 2, 2}), nbm::zero_matrix<double>(0, 3)), "no rows"));
}
