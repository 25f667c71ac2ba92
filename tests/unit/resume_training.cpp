#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "helpers.hpp"

import nbm;

#include "resume.hpp"

namespace {

/// A training with everything that remembers something; its last batch is smaller.
template <class T, class TrainerType, class OptimiserType>
struct Job {
    using Number = T;
    nbm::Matrix<T> train = nbm::bars_and_stripes<T>(3).train;
    nbm::Vector<T> weights = [] {
        auto result = nbm::zero_vector<T>(nbm::bars_and_stripes<T>(3).train.shape(0));
        for (std::size_t r = 0; r != result.size(); ++r) { result[r] = static_cast<T>(r % 4); }
        return result;
    }();
    nbm::GradientOptions rules = {.centring = {.on = true, .rate = 0.1}, .sparsity = {.target = 0.2, .strength = 0.1}};
    bool weighted = true;
    nbm::Matrix<T> probabilities = [] {
        auto result = nbm::bars_and_stripes<T>(3).train;
        result *= T{0.7};
        return result;
    }();
    bool redrawn = true;

    auto trainer() const { return TrainerType({.steps = 2, .gradient = rules}); }
    auto options() const {
        return nbm::FitOptions<T>{.epochs = 4,
                                  .batch_size = 5,
                                  .validation = &train,
                                  .weights = weighted ? &weights : nullptr,
                                  .redraw = redrawn ? &probabilities : nullptr,
                                  .max_norm = 1.0,
                                  .on_warning = {}};
    }
    template <class... More>
    auto run(nbm::DBM<T>& dbm, const std::filesystem::path& resume, More&&... more) const -> nbm::History {
        nbm::initialise(dbm, train, {.seed = 1});
        auto all = options();
        all.resume = resume;
        return nbm::fit(dbm, train, trainer(), OptimiserType({.learning_rate = 0.03, .decay = 0.01}), all,
                        nbm::CallbackList(nbm::OptimizerSpy(), std::forward<More>(more)...));
    }
};

template <class T>
auto machine() -> nbm::DBM<T> {
    return nbm::DBM<T>({9, 6, 4});
}

using Jobs = std::tuple<Job<float, nbm::CD<float>, nbm::Adam<float>>, Job<double, nbm::PCD<double>, nbm::Nadam<double>>,
                        Job<float, nbm::PCD<float>, nbm::Adam<float>>, Job<double, nbm::CD<double>, nbm::SGD<double>>>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(resumed_trainings_end_as_if_they_had_not_been_interrupted, J, Jobs) {
    const auto folder = Temporary();
    const auto job = J{};
    auto whole = machine<typename J::Number>();
    const auto history = job.run(whole, {});
    for (const std::size_t threads : {1, 2}) {
        nbm::set_threads(threads);
        for (std::size_t step = 0; step != 12; ++step) {
            const auto path = folder / (std::to_string(step) + ".ckpt");
            auto first = machine<typename J::Number>();
            job.run(first, {}, SaveAt{step, path});
            auto resumed = machine<typename J::Number>();
            const auto again = job.run(resumed, path);
            BOOST_TEST(same_weights(resumed, whole), "weights, resumed after step " << step);
            BOOST_TEST(same_history(again, history), "history, resumed after step " << step);
        }
    }
    nbm::set_threads(0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_training_that_goes_on_in_memory_keeps_what_its_rules_remember, TrainerType,
                              decltype(std::tuple<nbm::CD<double>, nbm::PCD<double>>{})) {
    const auto job = Job<double, TrainerType, nbm::Adam<double>>{};
    const auto train = [&](std::vector<std::size_t> ends) {
        auto dbm = machine<double>();
        nbm::initialise(dbm, job.train, {.seed = 1});
        auto trainer = job.trainer();
        auto adam = nbm::Adam<double>({.learning_rate = 0.03});
        auto options = job.options();
        for (const auto end : ends) {
            options.epochs = end;
            nbm::fit(dbm, job.train, trainer, adam, options);
            options.initial_epoch = end;
        }
        return dbm;
    };
    BOOST_TEST(same_weights(train({4}), train({1, 3, 4})));
}

BOOST_AUTO_TEST_CASE(checkpoints_with_other_rules_or_weights_are_refused) {
    const auto folder = Temporary();
    using J = Job<double, nbm::PCD<double>, nbm::Adam<double>>;
    const auto job = J{};
    auto dbm = machine<double>();
    const auto save = [&](const J& saved, const std::string& name) {
        saved.run(dbm, {}, SaveAt{4, folder / name});
        return folder / name;
    };
    const auto refused = [&](const J& other, const std::filesystem::path& path) {
        return message_of<nbm::Error>([&] { other.run(dbm, path); });
    };
    auto no_weights = job;
    no_weights.weighted = false;
    auto other_weights = job;
    other_weights.weights[3] = 2.5;
    auto scaled = job;
    scaled.weights *= 2.0;
    auto no_centring = job;
    no_centring.rules.centring.on = false;
    auto no_sparsity = job;
    no_sparsity.rules.sparsity.strength = 0.0;
    auto no_redraw = job;
    no_redraw.redrawn = false;
    auto other_redraw = job;
    other_redraw.probabilities *= 0.5;
    const auto path = save(job, "all");
    BOOST_TEST(
        has(refused(no_redraw, path), "with probabilities to draw rows from; this one has no probabilities to draw rows from"));
    BOOST_TEST(has(refused(other_redraw, path), "with other probabilities to draw rows from; this one has probabilities"));
    BOOST_TEST(has(refused(job, save(no_redraw, "no_redraw")), "with no probabilities to draw rows from"));
    BOOST_TEST(has(refused(job, path), "nothing was thrown"));
    BOOST_TEST(has(refused(scaled, path), "nothing was thrown"));
    BOOST_TEST(has(refused(no_weights, path), "with weights of the rows; this one has no weights of the rows"));
    BOOST_TEST(has(refused(other_weights, path), "with other weights of the rows; this one has weights of the rows"));
    BOOST_TEST(has(refused(job, save(no_weights, "no_weights")), "with no weights of the rows; this one has weights of the rows"));
    BOOST_TEST(has(refused(no_centring, path), "was written with centring; this training is without it"));
    BOOST_TEST(has(refused(job, save(no_centring, "no_centring")), "was written without centring; this training is with it"));
    BOOST_TEST(has(refused(no_sparsity, path), "was written with sparsity"));
    BOOST_TEST(has(refused(job, save(no_sparsity, "no_sparsity")), "was written without sparsity"));
}
