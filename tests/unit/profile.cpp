#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

#include "same.hpp"

namespace {

using Clock = std::chrono::steady_clock;

auto seconds_since(Clock::time_point begin) -> double { return std::chrono::duration<double>(Clock::now() - begin).count(); }

constexpr auto nap_seconds = 0.04;
auto nap() -> void { std::this_thread::sleep_for(std::chrono::duration<double>(nap_seconds)); }

auto rows() -> const nbm::Matrix<float>& {
    static const auto train = nbm::bars_and_stripes<float>(3).train;  // 14 rows of 9 units
    return train;
}

auto machine(std::initializer_list<std::size_t> sizes = {9, 5}) -> nbm::DBM<float> {
    auto dbm = nbm::DBM<float>(sizes);
    nbm::initialise(dbm, rows(), {.seed = 1});
    return dbm;
}

auto phases_of(const nbm::Profile& p) -> std::vector<double> {
    return {p.data, p.positive, p.negative, p.gradient, p.update, p.callbacks, p.validation};
}

/// A trainer that takes its time, and does nothing.
struct Slow {
    std::size_t gradients = 0;
    std::size_t evaluations = 0;
    void begin(const nbm::DBM<float>&, const nbm::Matrix<float>&, std::size_t, std::uint64_t, bool) { nap(); }
    auto gradient(const nbm::DBM<float>& dbm, nbm::MatrixView<const float>, nbm::Gradient<float>& gradient) -> double {
        gradient = nbm::zero_parameters(dbm);
        nap();
        ++gradients;
        return 0.0;
    }
    auto evaluate(const nbm::DBM<float>&, const nbm::Matrix<float>&) -> double {
        nap();
        ++evaluations;
        return 0.0;
    }
};

/// One that tells its phases apart, and is told by whom it was given which profiles.
struct Splitting : Slow {
    std::vector<nbm::Profile*> given;
    bool throws = false;
    auto gradient(const nbm::DBM<float>& dbm, nbm::MatrixView<const float> batch, nbm::Gradient<float>& gradient) -> double {
        if (throws) { throw std::runtime_error("broken"); }
        const auto begin = Clock::now();
        const auto cost = Slow::gradient(dbm, batch, gradient);
        if (!given.empty() && given.back() != nullptr) { given.back()->negative += seconds_since(begin); }
        return cost;
    }
    void profile_into(nbm::Profile* profile) { given.push_back(profile); }
};

struct SlowOptimiser {
    std::size_t updates = 0;
    void update(nbm::DBM<float>&, const nbm::Gradient<float>&) {
        nap();
        ++updates;
    }
};

/// Sleeps in each hook.
struct Sleeper {
    std::filesystem::path checkpoint;
    mutable std::size_t naps = 0;
    void sleep() const {
        nap();
        ++naps;
    }
    void on_train_begin(const nbm::TrainInfo&) { sleep(); }
    void on_epoch_begin(const nbm::EpochInfo&) { sleep(); }
    void on_batch_begin(const nbm::BatchInfo&) { sleep(); }
    void on_gradient(const nbm::GradientInfo<float>&) { sleep(); }
    void on_batch_end(nbm::BatchInfo& info) {
        sleep();
        if (info.step == 1) { info.request_checkpoint(checkpoint, "test"); }
    }
    void on_validation_begin(const nbm::EpochInfo&) { sleep(); }
    void on_validation_end(const nbm::EpochInfo&) { sleep(); }
    void on_epoch_end(const nbm::EpochInfo&) { sleep(); }
    void on_checkpoint(const nbm::CheckpointInfo&) { sleep(); }
    void on_finalise(const nbm::TrainInfo&) { sleep(); }
    void on_train_end(const nbm::TrainInfo&) { sleep(); }
    void save_state(nbm::State&) const { sleep(); }
    void load_state(const nbm::State&) {}
};

/// Copies the trainer in the midst of the training.
template <class TrainerType>
struct Copier {
    std::optional<TrainerType>& copy;
    bool throws;
    void on_batch_end(auto& context) {
        copy = context.trainer;
        if (throws) { throw std::runtime_error("broken"); }
    }
};

using Trainers = std::tuple<nbm::CD<float>, nbm::PCD<float>, nbm::PT<float>, nbm::Exact<float>>;

template <class TrainerType>
auto trains_with(nbm::Profile* profile, std::size_t epochs, nbm::DBM<float>& dbm) -> nbm::History {
    return nbm::fit(
        dbm, rows(), TrainerType(), nbm::SGD<float>({.learning_rate = 0.1, .momentum = 0.5}),
        {.epochs = epochs, .batch_size = 5, .validation = &rows(), .penalty = {.l2 = 0.001}, .max_norm = 2.0, .profile = profile});
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(the_phases_explain_the_time, T, Trainers) {
    auto epochs = std::size_t{50};
    auto explained = 0.0;
    // Another process may take the processor between two phases, but not in each of the trainings.
    for (auto trainings = 0; trainings != 8 && explained < 0.95;) {
        auto profile = nbm::Profile{};
        auto dbm = machine({9, 6, 4});
        const auto begin = Clock::now();
        trains_with<T>(&profile, epochs, dbm);
        const auto wall = seconds_since(begin);
        BOOST_REQUIRE(profile.updates == 3 * epochs);
        BOOST_REQUIRE(profile.rows == 14 * epochs);
        for (const auto seconds : phases_of(profile)) { BOOST_TEST(seconds > 0.0); }
        BOOST_TEST(profile.sum() <= profile.total);
        BOOST_TEST(profile.total <= wall);
        auto sum = 0.0;
        for (const auto seconds : phases_of(profile)) { sum += seconds; }
        BOOST_TEST(std::abs(sum - profile.sum()) < 1e-9 * sum);
        if (wall < 0.3) {
            epochs *= 2;
            continue;
        }
        BOOST_TEST(profile.total >= 0.7 * wall);
        explained = std::max(explained, profile.sum() / profile.total);
        ++trainings;
    }
    BOOST_TEST(explained >= 0.95);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_profile_changes_no_result, T, Trainers) {
    for (const auto deep : {false, true}) {
        auto profile = nbm::Profile{};
        auto with = deep ? machine({9, 6, 4}) : machine();
        auto without = with;
        const auto history = trains_with<T>(&profile, 5, with);
        const auto plain = trains_with<T>(nullptr, 5, without);
        BOOST_TEST(same_weights(with, without));
        BOOST_TEST(same_history(history, plain));
        BOOST_TEST(!same_weights(with, deep ? machine({9, 6, 4}) : machine()));
    }
}

BOOST_AUTO_TEST_CASE(the_time_of_callbacks_is_theirs_alone) {
    const auto folder = Temporary();
    auto dbm = machine();
    auto profile = nbm::Profile{};
    auto sleeper = Sleeper{folder / "a.ckpt"};
    nbm::fit(dbm, rows(), nbm::CD<float>(), nbm::SGD<float>(),
             {.epochs = 2, .batch_size = 7, .validation = &rows(), .profile = &profile}, nbm::CallbackList(sleeper));
    // Of the training, of two epochs, of four batches, of a checkpoint.
    BOOST_TEST(sleeper.naps == 3U + 2U * 4U + 4U * 3U + 2U);
    BOOST_TEST(std::filesystem::exists(folder / "a.ckpt"));
    BOOST_TEST(profile.callbacks >= static_cast<double>(sleeper.naps) * nap_seconds);
    BOOST_TEST(profile.sum() - profile.callbacks < nap_seconds);
    BOOST_TEST(profile.sum() >= 0.95 * profile.total);
}

BOOST_AUTO_TEST_CASE(a_trainer_that_does_not_tell_its_phases_is_counted_as_gradient) {
    auto dbm = machine();
    auto profile = nbm::Profile{};
    auto trainer = Slow{};
    auto optimiser = SlowOptimiser{};
    nbm::fit(dbm, rows(), trainer, optimiser, {.epochs = 2, .batch_size = 5, .validation = &rows(), .profile = &profile});
    BOOST_TEST(trainer.gradients == 6U);
    BOOST_TEST(optimiser.updates == 6U);
    BOOST_TEST(trainer.evaluations == 2U);
    BOOST_TEST(profile.gradient >= 6 * nap_seconds);
    BOOST_TEST(profile.update >= 6 * nap_seconds);
    BOOST_TEST(profile.validation >= 2 * nap_seconds);
    BOOST_TEST(profile.positive == 0.0);
    BOOST_TEST(profile.negative == 0.0);
    // begin() is part of the set-up.
    BOOST_TEST(profile.data + profile.callbacks < nap_seconds);
    BOOST_TEST(profile.sum() >= 0.95 * profile.total);
    BOOST_TEST(profile.updates == 6U);
    BOOST_TEST(profile.rows == 28U);
}

BOOST_AUTO_TEST_CASE(a_trainer_that_tells_its_phases_is_given_the_profile_for_the_training) {
    static_assert(nbm::ProfiledTrainer<Splitting> && !nbm::ProfiledTrainer<Slow>);
    static_assert(nbm::ProfiledTrainer<nbm::CD<float>> && nbm::ProfiledTrainer<nbm::PCD<double>>);
    static_assert(nbm::ProfiledTrainer<nbm::PT<float>> && nbm::ProfiledTrainer<nbm::Exact<double>>);
    auto dbm = machine();
    auto profile = nbm::Profile{};
    auto trainer = Splitting{};
    const auto train = [&](nbm::Profile* into) {
        nbm::fit(dbm, rows(), trainer, nbm::SGD<float>(), {.epochs = 1, .batch_size = 5, .profile = into});
    };
    const auto once = std::vector<nbm::Profile*>{&profile, nullptr};
    train(&profile);
    BOOST_TEST((trainer.given == once));
    BOOST_TEST(profile.negative >= 3 * nap_seconds);
    BOOST_TEST(profile.gradient == 0.0);
    BOOST_TEST(profile.sum() >= 0.95 * profile.total);
    trainer.given.clear();
    train(nullptr);
    BOOST_TEST(trainer.given.empty());
    trainer.throws = true;
    BOOST_CHECK_THROW(train(&profile), std::runtime_error);
    BOOST_TEST((trainer.given == once));
    BOOST_TEST(profile.negative == 0.0);  // not that of the training before
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nothing_is_counted_after_the_training, T, Trainers) {
    auto profile = nbm::Profile{};
    auto dbm = machine();
    auto trainer = T();
    auto copy = std::optional<T>{};
    for (const auto throws : {false, true}) {
        const auto train = [&] {
            nbm::fit(dbm, rows(), trainer, nbm::SGD<float>(), {.epochs = 1, .batch_size = 14, .profile = &profile},
                     nbm::CallbackList(Copier<T>{copy, throws}));
        };
        if (throws) {
            BOOST_CHECK_THROW(train(), nbm::CallbackError);
        } else {
            train();
        }
        BOOST_TEST(profile.positive > 0.0);
        BOOST_TEST(profile.total > 0.0);
        BOOST_TEST(profile.sum() <= profile.total);
        const auto before = phases_of(profile);
        auto gradient = nbm::zero_parameters(dbm);
        trainer.gradient(dbm, rows(), gradient);
        copy->gradient(dbm, rows(), gradient);
        BOOST_TEST((phases_of(profile) == before));
    }
}

BOOST_AUTO_TEST_CASE(the_two_phases_are_told_apart) {
    const auto profile_of = [](nbm::DBM<float> dbm, auto trainer) {
        auto profile = nbm::Profile{};
        nbm::fit(dbm, rows(), trainer, nbm::SGD<float>({.learning_rate = 0.0}),
                 {.epochs = 100, .batch_size = 14, .profile = &profile});
        return profile;
    };
    const auto much = nbm::MeanFieldOptions{.steps = 200, .tolerance = -1.0};  // no change is that small
    const auto check = [](const nbm::Profile& short_negative, const nbm::Profile& long_negative) {
        BOOST_TEST(short_negative.positive > 4.0 * short_negative.negative);
        BOOST_TEST(long_negative.negative > 4.0 * long_negative.positive);
    };
    const auto deep = machine({9, 6, 4});
    profile_of(deep, nbm::CD<float>());  // makes the threads
    check(profile_of(deep, nbm::CD<float>({.mean_field = much})), profile_of(machine(), nbm::CD<float>({.steps = 100})));
    check(profile_of(deep, nbm::PCD<float>({.mean_field = much})), profile_of(machine(), nbm::PCD<float>({.steps = 100})));
    check(profile_of(deep, nbm::PT<float>({.temperatures = 2, .mean_field = much})),
          profile_of(machine(), nbm::PT<float>({.steps = 50})));
    // The model has 2^9 states of one side, each row a single one.
    const auto exact = profile_of(machine({9, 9}), nbm::Exact<float>());
    BOOST_TEST(exact.negative > 2.0 * exact.positive);
}

BOOST_AUTO_TEST_CASE(sweeps_of_mean_field_are_counted) {
    const auto sweeps = [](std::initializer_list<std::size_t> sizes, nbm::MeanFieldOptions mean_field) {
        auto dbm = machine(sizes);
        auto profile = nbm::Profile{};
        // The validation's sweeps do not count.
        nbm::fit(dbm, rows(), nbm::PCD<float>({.mean_field = mean_field}), nbm::SGD<float>(),
                 {.epochs = 3, .batch_size = 4, .validation = &rows(), .profile = &profile});
        return profile.mean_field_sweeps;
    };
    BOOST_TEST(sweeps({9, 5}, {}) == 0U);
    BOOST_TEST(sweeps({9, 5, 3}, {.steps = 7, .tolerance = -1.0}) == 7U * 14U * 3U);
    BOOST_TEST(sweeps({9, 5, 3}, {.steps = 7, .tolerance = 2.0}) == 14U * 3U);
    auto dbm = machine({9, 5, 3});
    for (const auto seen : {true, false}) {
        auto profile = nbm::Profile{};
        auto options = nbm::FitOptions<float>{.epochs = 1, .batch_size = 14, .profile = seen ? &profile : nullptr};
        const auto mean_field = nbm::MeanFieldOptions{.steps = 3, .tolerance = -1.0};
        nbm::fit(dbm, rows(), nbm::CD<float>({.mean_field = mean_field}), nbm::SGD<float>(), options);
        BOOST_TEST(profile.mean_field_sweeps == (seen ? 42U : 0U));
        nbm::fit(dbm, rows(), nbm::PT<float>({.mean_field = mean_field}), nbm::SGD<float>(), options);
        BOOST_TEST(profile.mean_field_sweeps == (seen ? 42U : 0U));
    }
}

BOOST_AUTO_TEST_CASE(a_resumed_training_counts_what_it_does_itself) {
    const auto folder = Temporary();
    auto dbm = machine();
    auto profile = nbm::Profile{};
    auto sleeper = Sleeper{folder / "a.ckpt"};  // after the second batch of five
    auto options = nbm::FitOptions<float>{.epochs = 2, .batch_size = 3, .profile = &profile};
    nbm::fit(dbm, rows(), nbm::PCD<float>(), nbm::SGD<float>(), options, nbm::CallbackList(sleeper));
    BOOST_TEST(profile.updates == 10U);
    options.resume = folder / "a.ckpt";
    auto other = machine();
    nbm::fit(other, rows(), nbm::PCD<float>(), nbm::SGD<float>(), options, nbm::CallbackList(Sleeper{folder / "b.ckpt"}));
    BOOST_TEST(same_weights(dbm, other));
    BOOST_TEST(profile.updates == 8U);
    BOOST_TEST(profile.rows == 8U + 14U);
    BOOST_TEST(profile.negative > 0.0);
    BOOST_TEST(profile.sum() <= profile.total);
    BOOST_TEST(profile.sum() >= 0.95 * profile.total);
}
