#include <boost/test/unit_test.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <stop_token>
#include <vector>

import nbm;

#include "same.hpp"

namespace {

auto small_data() -> nbm::Matrix<double> {
    return nbm::Matrix<double>({{1, 0, 1, 0}, {1, 1, 0, 0}, {0, 0, 1, 0.3}, {1, 1, 1, 0}, {0.2, 0, 1, 1}});
}

/// Counts what it sees.
struct Counter {
    std::size_t batches = 0;
    std::size_t rows = 0;
    std::size_t epochs = 0;
    std::vector<std::size_t> sizes;
    void on_batch_end(const nbm::BatchInfo& info) {
        ++batches;
        rows += info.size;
        sizes.push_back(info.size);
    }
    void on_epoch_end(const nbm::EpochInfo&) { ++epochs; }
};

/// Keeps one number of the gradient of the third batch.
struct Last {
    double gradient = 0.0;
    void on_gradient(auto& context) {
        if (context.batch == 2) { gradient = context.gradient.biases[0][1]; }
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(training_does_not_depend_on_threads_or_observers, T, decltype(std::tuple<float, double>{})) {
    const auto data = nbm::digits<T>({.train = 250, .valid = 70, .test = 0, .seed = 3});
    auto reference = std::vector<nbm::DBM<T>>{};
    for (const std::size_t threads : {1, 2, 5}) {
        nbm::set_threads(threads);
        for (const auto observed : {false, true}) {
            auto dbm = nbm::DBM<T>({784, 40});
            nbm::initialise(dbm, data.train, {.seed = 5});
            auto options = nbm::FitOptions<T>{.epochs = 3, .batch_size = 100, .validation = &data.valid, .seed = 6};
            if (observed) {
                nbm::fit(dbm, data.train, nbm::PCD<T>({.steps = 2}), nbm::SGD<T>({.momentum = 0.5}), options,
                         nbm::CallbackList(nbm::AISCallback({.runs = 5, .betas = 10}), Counter{}));
            } else {
                options.validation = nullptr;
                nbm::fit(dbm, data.train, nbm::PCD<T>({.steps = 2}), nbm::SGD<T>({.momentum = 0.5}), options);
            }
            if (reference.empty()) { reference.push_back(dbm); }
            BOOST_TEST(same_weights(dbm, reference.front()));
        }
    }
    nbm::set_threads(0);
}

BOOST_AUTO_TEST_CASE(every_row_is_visited_once_an_epoch_and_the_last_batch_is_smaller) {
    const auto data = nbm::digits<double>({.train = 23, .valid = 0, .test = 0});
    auto dbm = nbm::DBM<double>({784, 2});
    auto counter = Counter{};
    auto options = nbm::FitOptions<double>{.epochs = 2, .batch_size = 10};
    nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(), options, nbm::CallbackList(counter));
    BOOST_TEST((counter.sizes == std::vector<std::size_t>{10, 10, 3, 10, 10, 3}));
    // A batch larger than the data is the data.
    options.batch_size = 1000;
    auto large = Counter{};
    nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(), options, nbm::CallbackList(large));
    BOOST_TEST((large.sizes == std::vector<std::size_t>{23, 23}));
    BOOST_TEST(large.epochs == 2U);
}

BOOST_AUTO_TEST_CASE(all_rows_enter_the_gradient) {
    // Only the last, short batch holds the row that is on: the bias of its unit must move.
    auto v = nbm::zero_matrix<double>(5, 2);
    v(4, 1) = 1.0;
    auto dbm = nbm::DBM<double>({2, 1});
    auto last = Last{};
    dbm.bias(0)[1] = -20.0;  // chains stay off
    nbm::fit(dbm, v, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 1, .batch_size = 2, .shuffle = false},
             nbm::CallbackList(last));
    BOOST_TEST(last.gradient == 1.0);
}

BOOST_AUTO_TEST_CASE(shuffling_depends_on_seed_and_epoch) {
    const auto a = nbm::permutation(nbm::Stream(1, nbm::Purpose::shuffle), 0, 50);
    const auto b = nbm::permutation(nbm::Stream(1, nbm::Purpose::shuffle), 1, 50);
    BOOST_TEST((a != b));
    BOOST_TEST((std::set<std::size_t>(a.begin(), a.end()).size() == 50U));
}

BOOST_AUTO_TEST_CASE(a_training_in_two_parts_equals_one) {
    const auto data = nbm::bars_and_stripes<double>(3);
    auto run = [&](std::vector<std::size_t> ends) {
        auto dbm = nbm::DBM<double>({9, 5});
        nbm::initialise(dbm, data.train, {.seed = 1});
        auto pcd = nbm::PCD<double>({.chains = 10});
        auto sgd = nbm::SGD<double>({.momentum = 0.9, .decay = 0.01});
        auto begin = std::size_t{0};
        for (const auto end : ends) {
            nbm::fit(dbm, data.train, pcd, sgd, {.epochs = end, .batch_size = 5, .initial_epoch = begin});
            begin = end;
        }
        return dbm;
    };
    BOOST_TEST(same_weights(run({6}), run({2, 6})));
    BOOST_TEST(!same_weights(run({6}), run({5})));
}

BOOST_AUTO_TEST_CASE(a_stop_request_ends_the_training_after_the_batch) {
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = nbm::DBM<double>({9, 5});
    auto source = std::stop_source();
    struct Stopper {
        std::stop_source& source;
        std::size_t seen = 0;
        void on_batch_end(const nbm::BatchInfo& info) {
            ++seen;
            if (info.step == 4) { source.request_stop(); }
        }
    };
    auto stopper = Stopper{source};
    const auto history = nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(),
                                  {.epochs = 10, .batch_size = 5, .stop = source.get_token()}, nbm::CallbackList(stopper));
    BOOST_TEST(stopper.seen == 5U);
    BOOST_TEST((history.outcome() == nbm::Outcome::cancelled));
    BOOST_TEST(history.rows().size() == 2U);
}

BOOST_AUTO_TEST_CASE(the_largest_batch_is_all_rows) {
    auto dbm = nbm::DBM<double>({4, 3});
    auto counter = Counter{};
    nbm::fit(dbm, small_data(), nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 1, .batch_size = static_cast<std::size_t>(-1)},
             nbm::CallbackList(counter));
    BOOST_TEST(counter.rows == 5U);
}

BOOST_AUTO_TEST_CASE(wrong_arguments_are_refused_before_training) {
    auto dbm = nbm::DBM<double>({4, 3});
    auto v = small_data();
    const auto train = [&](const nbm::Matrix<double>& data, nbm::FitOptions<double> options) {
        nbm::fit(dbm, data, nbm::CD<double>(), nbm::SGD<double>(), options);
    };
    BOOST_CHECK_THROW(train(v, {.epochs = 0}), nbm::InputError);
    BOOST_CHECK_THROW(train(v, {.batch_size = 0}), nbm::InputError);
    BOOST_CHECK_THROW(train(v, {.epochs = 3, .initial_epoch = 3}), nbm::InputError);
    BOOST_CHECK_THROW(train(v, {.penalty = {.l2 = -1.0}}), nbm::InputError);
    BOOST_CHECK_THROW(train(nbm::zero_matrix<double>(3, 5), {}), nbm::ShapeError);
    BOOST_CHECK_THROW(train(nbm::zero_matrix<double>(0, 4), {}), nbm::InputError);
    v(2, 1) = std::nan("");
    BOOST_CHECK_THROW(train(v, {}), nbm::InputError);
    v(2, 1) = 1.5;
    BOOST_CHECK_THROW(train(v, {}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::CD<double>({.steps = 0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::PCD<double>({.steps = 0}), nbm::InputError);
}
