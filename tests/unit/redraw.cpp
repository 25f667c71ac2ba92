#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

#include "same.hpp"

// Training rows that each epoch draws anew.

namespace {

/// A trainer that learns nothing and keeps the rows it gets, batch after batch.
template <class T>
struct Recorder {
    std::vector<nbm::Matrix<T>> batches;
    void begin(const nbm::DBM<T>&, const nbm::Matrix<T>&, std::size_t, std::size_t, bool) {}
    double gradient(const nbm::DBM<T>& dbm, nbm::MatrixView<const T> batch, nbm::Gradient<T>& g) {
        g = nbm::zero_parameters(dbm);
        auto copy = nbm::zero_matrix<T>(batch.rows(), batch.cols());
        for (std::size_t r = 0; r != batch.rows(); ++r) {
            for (std::size_t k = 0; k != batch.cols(); ++k) { copy(r, k) = batch(r, k); }
        }
        batches.push_back(std::move(copy));
        return 0.0;
    }
    double evaluate(const nbm::DBM<T>&, const nbm::Matrix<T>&) { return 0.0; }
};

constexpr std::size_t rows = 40;
constexpr std::size_t units = 5;
constexpr double probability[] = {0.0, 0.1, 0.5, 0.8, 1.0};

template <class T>
auto grey() -> nbm::Matrix<T> {
    auto result = nbm::zero_matrix<T>(rows, units);
    for (std::size_t r = 0; r != rows; ++r) {
        for (std::size_t k = 0; k != units; ++k) { result(r, k) = static_cast<T>(probability[k]); }
    }
    return result;
}

template <class T>
auto recorded(std::size_t epochs, const nbm::FitOptions<T>& more) {
    auto dbm = nbm::DBM<T>({units, 2});
    auto recorder = Recorder<T>{};
    auto options = more;
    options.epochs = epochs;
    options.batch_size = 15;
    nbm::fit(dbm, nbm::zero_matrix<T>(rows, units), recorder, nbm::SGD<T>(), options);
    return recorder.batches;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(rows_are_drawn_anew_with_their_probabilities, T, decltype(std::tuple<float, double>{})) {
    constexpr std::size_t epochs = 500;
    const auto probabilities = grey<T>();
    const auto batches = recorded<T>(epochs, {.redraw = &probabilities, .seed = 3});
    BOOST_TEST(batches.size() == 3 * epochs);
    auto ones = std::vector<double>(units);
    auto repeated = std::vector<double>(units);
    for (std::size_t b = 0; b != batches.size(); ++b) {
        for (std::size_t r = 0; r != batches[b].shape(0); ++r) {
            for (std::size_t k = 0; k != units; ++k) {
                const auto x = batches[b](r, k);
                BOOST_REQUIRE((x == T{0} || x == T{1}));
                ones[k] += double(x);
                if (b >= 3) { repeated[k] += double(x == batches[b - 3](r, k)); }
            }
        }
    }
    // Five sigma of a binomial; neighbouring epochs are independent, so that units agree as often as two draws do.
    const auto count = double(rows * epochs);
    for (std::size_t k = 0; k != units; ++k) {
        const auto p = probability[k];
        BOOST_TEST(std::abs(ones[k] - count * p) <= 5.0 * std::sqrt(count * p * (1.0 - p)),
                   "unit " << k << ": " << ones[k] / count);
        const auto same = p * p + (1.0 - p) * (1.0 - p);
        const auto pairs = double(rows * (epochs - 1));
        BOOST_TEST(std::abs(repeated[k] - pairs * same) <= 5.0 * std::sqrt(pairs), "unit " << k << ": " << repeated[k] / pairs);
    }
}

BOOST_AUTO_TEST_CASE(each_row_is_drawn_from_its_own_probabilities) {
    auto identity = nbm::zero_matrix<double>(rows, rows);
    for (std::size_t r = 0; r != rows; ++r) { identity(r, r) = 1.0; }
    auto dbm = nbm::DBM<double>({rows, 2});
    auto recorder = Recorder<double>{};
    nbm::fit(dbm, nbm::zero_matrix<double>(rows, rows), recorder, nbm::SGD<double>(),
             {.epochs = 2, .batch_size = 7, .redraw = &identity, .shuffle = false});
    for (std::size_t b = 0; b != 12; ++b) {
        const auto first = b % 6 * 7;
        for (std::size_t r = 0; r != recorder.batches[b].shape(0); ++r) {
            for (std::size_t k = 0; k != rows; ++k) { BOOST_TEST(recorder.batches[b](r, k) == (k == first + r ? 1.0 : 0.0)); }
        }
    }
}

BOOST_AUTO_TEST_CASE(probabilities_of_0_and_1_are_the_rows_themselves) {
    const auto data = nbm::bars_and_stripes<float>(3).train;
    const auto other = nbm::zero_matrix<float>(data.shape(0), data.shape(1));
    const auto trained = [&](const nbm::Matrix<float>& train, const nbm::Matrix<float>* redraw) {
        auto dbm = nbm::DBM<float>({9, 4});
        nbm::initialise(dbm, data, {.seed = 2});
        nbm::fit(dbm, train, nbm::CD<float>(), nbm::SGD<float>({.learning_rate = 0.1}),
                 {.epochs = 5, .batch_size = 4, .redraw = redraw, .seed = 3});
        return dbm;
    };
    BOOST_TEST(same_weights(trained(other, &data), trained(data, nullptr)));
}

BOOST_AUTO_TEST_CASE(draws_depend_on_the_seed_and_not_on_threads) {
    const auto probabilities = grey<float>();
    const auto drawn = [&](std::size_t threads, std::uint64_t seed) {
        nbm::set_threads(threads);
        auto batches = recorded<float>(3, {.redraw = &probabilities, .shuffle = false, .seed = seed});
        nbm::set_threads(0);
        return batches;
    };
    BOOST_TEST((drawn(1, 5) == drawn(3, 5)));
    BOOST_TEST((drawn(1, 5) != drawn(1, 6)));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_drawn_from_is_refused) {
    const auto refused = [](const nbm::Matrix<double>& probabilities) {
        return message_of<nbm::Error>([&] { recorded<double>(1, {.redraw = &probabilities}); });
    };
    BOOST_TEST(has(refused(nbm::zero_matrix<double>(rows - 1, units)), "probabilities of 39, but there are 40 training rows"));
    BOOST_TEST(has(refused(nbm::zero_matrix<double>(rows, units + 1)), "probabilities of the training data have 6 values a row"));
    auto outside = nbm::zero_matrix<double>(rows, units);
    outside(3, 2) = 1.5;
    BOOST_TEST(has(refused(outside), "1.5"));
}

BOOST_AUTO_TEST_CASE(the_program_draws_from_the_grey_values_of_a_data_set) {
    const auto folder = Temporary();
    const auto ok = [&](const std::string& arguments) {
        const auto answer = run_program(folder, arguments);
        BOOST_TEST(answer.status == 0, arguments << ": " << answer.err);
    };
    auto grey_rows = nbm::digits<float>({.train = 60, .valid = 0, .test = 0, .seed = 3}).train;
    for (auto& x : grey_rows) { x = 0.2F + 0.6F * x; }
    nbm::write_npz<float>(folder / "grey.npz", {{"train.data", grey_rows}});
    ok("data grey.npz --binarise sample --seed 4 --output binary.npz");
    const auto train =
        std::string("train --hidden 4 --epochs 2 --batch-size 30 --ais-runs 2 --ais-betas 4 --seed 4 --no-pictures ");
    const auto weights = [&](const std::string& run) { return nbm::load_weights<float>(folder / (run + "/weights/final.h5")); };
    ok(train + "--data binary.npz --output once");
    ok(train + "--data binary.npz --redraw grey.npz --output anew");
    ok(train + "--data grey.npz --redraw data --output own");
    BOOST_TEST(same_weights(weights("anew"), weights("own")));
    BOOST_TEST(!same_weights(weights("anew"), weights("once")));
    // Goes on in another folder as if it had not been interrupted.
    ok(train + "--data binary.npz --redraw grey.npz --epochs 1 --output part");
    std::filesystem::create_directory(folder / "elsewhere");
    BOOST_TEST(
        std::system(("cd " + (folder / "elsewhere").string() + " && " NBM_PROGRAM " resume ../part --epochs 2 --quiet").c_str()) ==
        0);
    BOOST_TEST(same_weights(weights("part"), weights("anew")));

    const auto refuse = [&](const std::string& arguments, const std::vector<std::string>& parts) {
        refuse_program(folder, train + "--output bad " + arguments, parts);
        BOOST_TEST(!std::filesystem::exists(folder / "bad"));
    };
    refuse("--data binary.npz --redraw data", {"--redraw binary.npz", "no grey values"});
    refuse("--data binary.npz --redraw gray.npz", {"gray.npz"});
    refuse("--data grey.npz --redraw data --binarise grey", {"--redraw", "found --binarise grey"});
    refuse("--data binary.npz --redraw digits", {"--redraw digits", "training row"});
    refuse("--data bars-and-stripes:3 --redraw grey.npz", {"60 rows of 784 values", "14 rows of 9"});
}
