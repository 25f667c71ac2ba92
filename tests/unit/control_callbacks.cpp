#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "helpers.hpp"

import nbm;

#include "resume.hpp"

namespace {

using nbm::Better;
using Values = std::vector<std::optional<double>>;
constexpr auto none = std::nullopt;
constexpr auto inf = std::numeric_limits<double>::infinity();
const auto nan_value = std::nan("");

/// Logs "score" with given values, one for each epoch, and an error bar of given half width.
struct Script {
    Values values;
    Better better = Better::higher;
    std::vector<double> errors = {};
    nbm::MetricId score = {};
    nbm::MetricId low = {};
    nbm::MetricId high = {};
    void setup(nbm::SetupInfo& info) {
        const auto bar = !errors.empty();
        score = info.logs().declare(
            {.name = "score", .better = better, .low = bar ? "score_low" : "", .high = bar ? "score_high" : ""});
        if (bar) {
            low = info.logs().declare({"score_low"});
            high = info.logs().declare({"score_high"});
        }
    }
    void on_epoch_end(nbm::EpochInfo& info) {
        if (info.epoch >= values.size() || !values[info.epoch]) { return; }
        info.logs().set(score, *values[info.epoch]);
        if (errors.empty()) { return; }
        info.logs().set(low, *values[info.epoch] - errors[info.epoch]);
        info.logs().set(high, *values[info.epoch] + errors[info.epoch]);
    }
};

/// Epochs until the training was stopped; 0 when it was not.
auto stopped_after(Script script, nbm::EarlyStoppingOptions options) -> std::size_t {
    options.monitor = "score";
    auto run = TinyRun();
    run.fit(script.values.size(), nbm::CallbackList(script, nbm::EarlyStopping(options)));
    return run.history.outcome() == nbm::Outcome::stopped ? run.history.rows().size() : 0;
}

auto problem(Script script, nbm::EarlyStoppingOptions options) -> std::string {
    return message_of<nbm::Error>([&] { TinyRun().fit(2, nbm::CallbackList(script, nbm::EarlyStopping(options))); });
}

auto learning_rates(Script script, nbm::ReduceOnPlateauOptions options) -> std::vector<double> {
    options.monitor = "score";
    auto run = TinyRun();
    run.fit(script.values.size(), nbm::CallbackList(script, nbm::ReduceOnPlateau(options), nbm::OptimizerSpy()), {},
            nbm::SGD<double>({.learning_rate = 1.0}));
    auto rates = std::vector<double>{};
    for (const auto& rate : run.history.column("learning_rate")) { rates.push_back(*rate); }
    return rates;
}

}  // namespace

BOOST_AUTO_TEST_CASE(patience_counts_observations_without_improvement) {
    const auto values = Values{1, 2, 1.5, 1.6, 2.0, 1, 1, 1};
    BOOST_TEST(stopped_after({values}, {.patience = 3}) == 5U);
    BOOST_TEST(stopped_after({values}, {.patience = 2}) == 4U);
    BOOST_TEST(stopped_after({values}, {.patience = 1}) == 3U);
    BOOST_TEST(stopped_after({values}, {.patience = 0}) == 3U);
    BOOST_TEST(stopped_after({values}, {.patience = 7}) == 0U);
    BOOST_TEST(stopped_after({{5, 4, 3, 2}}, {.patience = 0}) == 2U);  // never at the first observation
    BOOST_TEST(stopped_after({{1, none, none, 0.5, none, 0.4, 9}}, {.patience = 2}) == 6U);
    BOOST_TEST(stopped_after({{1, 0, 2, 1, 0}}, {.patience = 2}) == 5U);  // an improvement begins anew
    BOOST_TEST(stopped_after({{1, 2, 3}, Better::lower}, {.patience = 1}) == 2U);
    BOOST_TEST(stopped_after({{1, 2, 3}, Better::lower}, {.mode = nbm::MonitorMode::higher, .patience = 1}) == 0U);
    BOOST_TEST(stopped_after({{1, 2, 3}, Better::neither}, {.mode = nbm::MonitorMode::lower, .patience = 1}) == 2U);
}

BOOST_AUTO_TEST_CASE(small_steps_add_up_or_do_not) {
    const auto creeping = Values{1.0, 1.375, 1.75, 2.125, 2.5, 2.875};
    BOOST_TEST(stopped_after({creeping}, {.patience = 3, .min_delta = 0.5, .cumulative = true}) == 0U);
    BOOST_TEST(stopped_after({creeping}, {.patience = 3, .min_delta = 0.5, .cumulative = false}) == 4U);
    // Exactly min_delta is not more than it; relative to the value that is to be improved on.
    BOOST_TEST(stopped_after({{1.0, 1.5}}, {.patience = 1, .min_delta = 0.5}) == 2U);
    BOOST_TEST(stopped_after({{-8, -5, -3}}, {.patience = 1, .min_delta = 0.25, .threshold_mode = nbm::ThresholdMode::relative}) ==
               0U);
    BOOST_TEST(stopped_after({{-8, -7, -3}}, {.patience = 1, .min_delta = 0.25, .threshold_mode = nbm::ThresholdMode::relative}) ==
               2U);
    BOOST_TEST(stopped_after({{8, 7, 3}, Better::lower},
                             {.patience = 1, .min_delta = 0.25, .threshold_mode = nbm::ThresholdMode::relative}) == 2U);
}

BOOST_AUTO_TEST_CASE(baselines_thresholds_and_a_later_start) {
    BOOST_TEST(stopped_after({{1, 2, 3, 4, 5}}, {.patience = 3, .baseline = 10.0}) == 3U);
    BOOST_TEST(stopped_after({{1, 2, 3, 4, 5}}, {.patience = 1, .baseline = 10.0}) == 2U);
    BOOST_TEST(stopped_after({{1, 2, 13, 14, 15}}, {.patience = 3, .baseline = 10.0}) == 0U);
    // The first value fails the baseline and is therefore nothing that the second one has to improve on by min_delta.
    const auto rising = Values{11.5, 12.5, 12.625};
    BOOST_TEST(stopped_after({rising}, {.patience = 2, .min_delta = 2.0, .baseline = 10.0}) == 0U);
    BOOST_TEST(stopped_after({rising}, {.patience = 2, .min_delta = 2.0, .cumulative = false, .baseline = 10.0}) == 2U);
    BOOST_TEST(stopped_after({{9, 1, 2, 3, 2}}, {.patience = 1, .start_epoch = 2}) == 5U);
    BOOST_TEST(stopped_after({{nan_value, 1, 2, 3}}, {.start_epoch = 2}) == 0U);
    BOOST_TEST(stopped_after({{1, 2, 3, 4}}, {.stopping_threshold = 3.0}) == 3U);
    BOOST_TEST(stopped_after({{4, 3, 2, 1}, Better::lower}, {.stopping_threshold = 2.5}) == 3U);
    BOOST_TEST(stopped_after({{1, -5, -6}}, {.divergence_threshold = -5.0}) == 3U);
    BOOST_TEST(stopped_after({{1, 5, 6}, Better::lower}, {.divergence_threshold = 5.5}) == 3U);
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_never_becomes_best) {
    for (const auto bad : {nan_value, inf, -inf}) {
        const auto values = Values{bad, 1, 2, bad, bad, 3};
        BOOST_TEST(stopped_after({values}, {}) == 1U);
        BOOST_TEST(stopped_after({values}, {.patience = 2, .on_nonfinite = nbm::OnNonFinite::count}) == 5U);
        BOOST_TEST(stopped_after({values}, {.patience = 1, .on_nonfinite = nbm::OnNonFinite::ignore}) == 0U);
        auto stopping = nbm::EarlyStopping({.monitor = "score", .on_nonfinite = nbm::OnNonFinite::count});
        TinyRun().fit(6, nbm::CallbackList(Script{values}, stopping));
        BOOST_TEST(stopping.best().value() == 3.0);
        BOOST_TEST(stopping.best_epoch().value() == 5U);
    }
}

BOOST_AUTO_TEST_CASE(an_improvement_within_the_noise_does_not_count) {
    // Half widths are 3 standard errors: at one standard error, 0.1 is taken off.
    const auto noisy = Script{{1.0, 1.0625, 1.125, 1.1875}, Better::higher, {0.3, 0.3, 0.3, 0.3}};
    BOOST_TEST(stopped_after(noisy, {.patience = 1}) == 0U);
    BOOST_TEST(stopped_after(noisy, {.patience = 2, .significance = 1.0}) == 0U);  // the third is 0.125 beyond the first
    BOOST_TEST(stopped_after(noisy, {.patience = 2, .significance = 1.5}) == 3U);
    const auto falling = Script{{1.0, 0.8, 0.6}, Better::lower, {0.3, 0.3, 0.3}};
    BOOST_TEST(stopped_after(falling, {.patience = 1, .significance = 1.5}) == 0U);
    BOOST_TEST(stopped_after(falling, {.patience = 1, .significance = 2.5}) == 2U);
    const auto unknown = Script{{1, 5, 9}, Better::higher, {0.3, inf, inf}};
    BOOST_TEST(stopped_after(unknown, {.patience = 2, .significance = 0.5}) == 3U);
    BOOST_TEST(has(problem({{1, 2}}, {.monitor = "score", .significance = 1.0}), "metric 'score' has no error bar"));
}

BOOST_AUTO_TEST_CASE(wrong_monitors_are_refused_in_the_set_up) {
    BOOST_TEST(has(problem({{1, 2}}, {.monitor = "socre"}), "did you mean 'score'"));
    BOOST_TEST(has(problem({{1, 2}}, {.monitor = "socre"}), "EarlyStopping"));
    BOOST_TEST(has(problem({{1, 2}, Better::neither}, {.monitor = "score"}), "set mode"));
    BOOST_TEST(has(problem({{1, 2}}, {}), "monitor is empty"));
    BOOST_TEST(has(problem({{1, 2}}, {.monitor = "score", .min_delta = -1.0}), "min_delta is -1"));
    BOOST_TEST(has(problem({{1, 2}}, {.monitor = "score", .baseline = nan_value}), "baseline is nan"));
    auto run = TinyRun();
    run.fit(2, nbm::CallbackList(Script{{none, none}}, nbm::EarlyStopping({.monitor = "score"})));
    BOOST_REQUIRE(run.history.warnings().size() == 1U);
    BOOST_TEST(has(run.history.warnings()[0], "'score' had no value in any epoch"));
}

BOOST_AUTO_TEST_CASE(the_reason_names_metric_values_and_counts) {
    auto run = TinyRun();
    run.fit(9, nbm::CallbackList(Script{{1, 2.5, 2, 2.25, 3}}, nbm::EarlyStopping({.monitor = "score", .patience = 2})));
    BOOST_TEST(
        run.history.stop_reason() ==
        "early_stopping: score has not improved in 2 observations; the last one, of epoch 4, is 2.25, the best one, of epoch 2, "
        "2.5");
}

BOOST_AUTO_TEST_CASE(the_best_machine_comes_back_however_the_training_ends) {
    const auto values = Values{1, 3, 2, 3, 1};
    auto keeper = Keeper();
    auto stopping = nbm::EarlyStopping({.monitor = "score", .patience = 2, .restore_best = true});
    auto list = nbm::CallbackList(keeper, Script{values}, stopping);
    auto stopped = TinyRun();
    stopped.fit(5, list);
    BOOST_TEST((stopped.history.outcome() == nbm::Outcome::stopped));
    BOOST_TEST(same_weights(stopped.dbm, keeper.epochs.at(1)));
    BOOST_TEST(!same_weights(stopped.dbm, keeper.epochs.back()));
    // Again, with the same object: nothing is left of the first training.
    auto completed = TinyRun();
    auto second = nbm::CallbackList(Script{{2, 0}}, stopping);
    completed.fit(2, second);
    BOOST_TEST((completed.history.outcome() == nbm::Outcome::completed));
    BOOST_TEST(stopping.best().value() == 2.0);
    BOOST_TEST(stopping.waited() == 1U);
    BOOST_TEST(same_weights(completed.dbm, keeper.epochs.at(0)));
    // Cancelled in the middle of the third epoch.
    auto source = std::stop_source();
    auto cancel = nbm::Lambda{.on_batch_begin = [&](const nbm::BatchInfo& info) {
        if (info.step == 7) { source.request_stop(); }
    }};
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = nbm::DBM<double>({9, 5});
    nbm::initialise(dbm, data.train, {.seed = 1});
    auto third = nbm::DynamicCallbackList<double>();
    third.append(cancel);
    third.append(Script{values});
    third.append(stopping);
    const auto history = nbm::fit(dbm, data.train, nbm::PCD<double>({.chains = 10}),
                                  nbm::SGD<double>({.learning_rate = 0.1, .momentum = 0.5, .decay = 0.01}),
                                  {.epochs = 5, .batch_size = 5, .validation = &data.valid, .stop = source.get_token()}, third);
    BOOST_TEST((history.outcome() == nbm::Outcome::cancelled));
    BOOST_TEST(same_weights(dbm, keeper.epochs.at(1)));
}

BOOST_AUTO_TEST_CASE(float_machines_come_back_too) {
    const auto data = nbm::bars_and_stripes<float>(3);
    auto dbm = nbm::DBM<float>({9, 5});
    auto best = std::optional<nbm::DBM<float>>();
    struct Grab {
        std::optional<nbm::DBM<float>>& best;
        void on_epoch_end(const nbm::ModelContext<nbm::EpochInfo, float>& context) {
            if (context.epoch == 1) { best = context.model; }
        }
    };
    auto stopping = nbm::EarlyStopping({.monitor = "score", .restore_best = true});
    nbm::fit(dbm, data.train, nbm::CD<float>(), nbm::SGD<float>({.learning_rate = 0.1}), {.epochs = 3},
             nbm::CallbackList(Script{{1, 3, 2}}, stopping, Grab{best}));
    BOOST_TEST(same_weights(dbm, *best));
}

BOOST_AUTO_TEST_CASE(early_stopping_resumes_where_it_was) {
    check_resume(6, [](auto& list) {
        list.append(Script{{1, 3, 2, none, 2.5, 2.75}});
        list.append(nbm::EarlyStopping({.monitor = "score", .patience = 3, .restore_best = true}));
    });
    check_resume(5, [](auto& list) {
        list.append(Script{{1, 1.375, 1.75, nan_value, 2.125}});
        list.append(
            nbm::EarlyStopping({.monitor = "score", .patience = 2, .min_delta = 0.5, .on_nonfinite = nbm::OnNonFinite::count}));
    });
}

BOOST_AUTO_TEST_CASE(another_metric_or_direction_begins_afresh_on_resuming) {
    const auto folder = Temporary();
    const auto values = Values{1, 9, 3, 4, 5, 6};
    for (const auto& before :
         {nbm::EarlyStoppingOptions{.monitor = "score", .restore_best = true},
          nbm::EarlyStoppingOptions{.monitor = "val_cost", .mode = nbm::MonitorMode::lower, .restore_best = true},
          nbm::EarlyStoppingOptions{.monitor = "score", .mode = nbm::MonitorMode::lower, .restore_best = true}}) {
        const auto path = folder / "some.ckpt";
        TinyRun().fit(6, nbm::CallbackList(Script{values}, nbm::EarlyStopping(before), SaveAt{11, path}));
        auto keeper = Keeper();
        auto stopping =
            nbm::EarlyStopping({.monitor = "score", .mode = nbm::MonitorMode::lower, .patience = 9, .restore_best = true});
        auto resumed = TinyRun();
        resumed.fit(6, nbm::CallbackList(keeper, Script{values}, stopping), path);
        BOOST_REQUIRE(keeper.epochs.size() == 3U);
        const auto same = before.monitor == "score" && before.mode == nbm::MonitorMode::lower;
        BOOST_TEST(stopping.best().value() == (same ? 1.0 : 4.0));
        BOOST_TEST(stopping.best_epoch().value() == (same ? 0U : 3U));
        BOOST_TEST(stopping.waited() == (same ? 5U : 2U));
        BOOST_TEST(same_weights(resumed.dbm, keeper.epochs[0]) == !same);
    }
}

BOOST_AUTO_TEST_CASE(the_rate_is_lowered_on_a_plateau) {
    const auto flat = Values{1, 1, 1, 1, 1, 1, 1};
    const auto rates = [](auto... x) { return std::vector<double>{double(x)...}; };
    BOOST_TEST(learning_rates({flat}, {.factor = 0.5, .patience = 2}) == rates(1, 1, 1, 0.5, 0.5, 0.25, 0.25),
               boost::test_tools::per_element());
    BOOST_TEST(learning_rates({flat}, {.factor = 0.5, .patience = 1, .cooldown = 2}) == rates(1, 1, 0.5, 0.5, 0.5, 0.25, 0.25),
               boost::test_tools::per_element());
    BOOST_TEST(
        learning_rates({flat}, {.factor = 0.5, .patience = 0, .min_learning_rate = 0.3}) == rates(1, 1, 0.5, 0.3, 0.3, 0.3, 0.3),
        boost::test_tools::per_element());
    BOOST_TEST(learning_rates({{1, none, 0, none, 0, 2, 3}}, {.factor = 0.5, .patience = 2}) == rates(1, 1, 1, 1, 1, 0.5, 0.5),
               boost::test_tools::per_element());
    BOOST_TEST(learning_rates({{nan_value, 1, 2, nan_value, 3}}, {.factor = 0.5, .patience = 1}) == rates(1, 1, 1, 1, 0.5),
               boost::test_tools::per_element());
    const auto noisy = Script{{1, 1.1, 1.2}, Better::higher, {0.6, 0.6, 0.6}};
    BOOST_TEST(learning_rates(noisy, {.factor = 0.5, .patience = 1, .significance = 1.0}) == rates(1, 1, 0.5),
               boost::test_tools::per_element());
    BOOST_CHECK_THROW(nbm::ReduceOnPlateau({.monitor = "score", .factor = 1.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::ReduceOnPlateau({.monitor = "score", .factor = 0.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::ReduceOnPlateau({.monitor = "score", .min_learning_rate = nan_value}), nbm::InputError);
    // A second training with the same object counts from nothing.
    auto plateau = nbm::ReduceOnPlateau({.monitor = "score", .factor = 0.5, .patience = 3});
    for (int repeat = 0; repeat != 2; ++repeat) {
        TinyRun().fit(4, nbm::CallbackList(Script{flat}, plateau));
        BOOST_TEST(plateau.reductions() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(plateaus_resume_where_they_were) {
    check_resume(7, [](auto& list) {
        list.append(Script{{1, 2, 1, 1, 1, 1, 1}});
        list.append(nbm::ReduceOnPlateau({.monitor = "score", .factor = 0.5, .patience = 2, .cooldown = 1}));
        list.append(nbm::OptimizerSpy());
    });
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_end_the_training) {
    /// Breaks a parameter after some update.
    struct Break {
        std::size_t step;
        bool weight = false;
        void on_batch_end(const nbm::ModelContext<nbm::BatchInfo, double>& context) {
            if (context.step != step) { return; }
            if (weight) {
                context.model.weights(0, 1)(3, 2) = nan_value;
            } else {
                context.model.bias(1)[0] = -inf;
            }
        }
    };
    const auto reason = [](Break b, nbm::TerminateOnNonFiniteOptions options) {
        auto run = TinyRun();
        run.fit(3, nbm::CallbackList(b, nbm::TerminateOnNonFinite(options)));
        return run.history.stop_reason();
    };
    const auto prefix = std::string("terminate_on_non_finite: ");
    BOOST_TEST(reason({4, true}, {.every_batches = 1}) == prefix + "a weight of h0-1 has the value nan in epoch 2, batch 2");
    BOOST_TEST(reason({4}, {.every_batches = 2}) == prefix + "a bias of h1 has the value -inf in epoch 2, batch 3");
    BOOST_TEST(reason({5}, {.every_batches = 0}) == prefix + "a bias of h1 has the value -inf in the end of epoch 2");
    BOOST_TEST(reason({99}, {.every_batches = 1}).empty());
    const auto thrown = message_of<nbm::Error>([&] {
        auto list = nbm::DynamicCallbackList<double>();
        list.append(Break{4, true});
        list.append(nbm::TerminateOnNonFinite({.every_batches = 1, .action = nbm::NonFiniteAction::raise}));
        TinyRun().fit(3, list);
    });
    BOOST_TEST(has(thrown, "a weight of h0-1 has the value nan in epoch 2, batch 2"));
    // The cost, whatever the parameters are.
    auto logs = nbm::Logs();
    auto batch = nbm::BatchInfo(logs);
    batch.cost = nan_value;
    batch.epoch = 1;
    auto dbm = nbm::DBM<double>({2, 2});
    const auto data = nbm::zero_matrix<double>(1, 2);
    auto sgd = nbm::SGD<double>();
    auto cd = nbm::CD<double>();
    using Run = nbm::Run<double, nbm::SGD<double>, nbm::CD<double>>;
    const auto context = nbm::ModelContext<nbm::BatchInfo, double>(batch, Run{dbm, data, nullptr, sgd, cd});
    BOOST_TEST((nbm::TerminateOnNonFinite().on_batch_end(context) == nbm::Flow::stop));
    BOOST_TEST(has(
        message_of<nbm::Error>([&] { nbm::TerminateOnNonFinite({.action = nbm::NonFiniteAction::raise}).on_batch_end(context); }),
        "the cost has the value nan in epoch 2, batch 1"));
}

BOOST_AUTO_TEST_CASE(a_time_budget_ends_the_training_and_survives_a_resume) {
    const auto sleep =
        nbm::Lambda{.on_batch_begin = [](const nbm::BatchInfo&) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }};
    auto budget = nbm::TimeBudget({.seconds = 0.2});
    const auto folder = Temporary();
    const auto path = folder / "c.ckpt";
    auto run = TinyRun();
    run.fit(100, nbm::CallbackList(sleep, budget, SaveAt{1, path}));
    BOOST_TEST((run.history.outcome() == nbm::Outcome::stopped));
    BOOST_TEST(has(run.history.stop_reason(), "time_budget: the budget of 0.2 seconds is used up after 0."));
    BOOST_TEST(run.history.rows().size() <= 4U);  // at most 10 batches of 20 ms
    BOOST_TEST(budget.elapsed() >= 0.2);
    const auto finished = budget.elapsed();
    BOOST_TEST(budget.elapsed() == finished);  // the clock stands still
    // Two batches were done before the checkpoint: a smaller budget is spent already, and nothing is trained.
    auto counted = std::size_t{0};
    auto count = nbm::Lambda{.on_batch_end = [&](const nbm::BatchInfo&) { ++counted; }};
    auto spent = nbm::TimeBudget({.seconds = 0.039});
    auto resumed = TinyRun();
    resumed.fit(100, nbm::CallbackList(spent, count), path);
    BOOST_TEST(counted == 0U);
    BOOST_TEST(spent.elapsed() >= 0.04);
    BOOST_TEST((resumed.history.outcome() == nbm::Outcome::stopped));
    // A training that begins anew has all of it.
    auto again = TinyRun();
    again.fit(1, nbm::CallbackList(budget, count));
    BOOST_TEST(counted == 3U);
    for (const auto seconds : {0.0, -1.0, nan_value, inf}) {
        BOOST_CHECK_THROW(nbm::TimeBudget({.seconds = seconds}), nbm::InputError);
    }
}

BOOST_AUTO_TEST_CASE(controllers_are_configured_in_toml) {
    const auto make = [](const std::string& text) {
        return nbm::make_callbacks(nbm::builtin_callbacks<double>(), nbm::parse_config(text, "c.toml"), ".");
    };
    auto list = make(R"(
[[callbacks]]
type = "early_stopping"
monitor = "score"
patience = 2
mode = "auto"
threshold_mode = "rel"
restore_best = true
on_nonfinite = "count"
stopping_threshold = 100
[[callbacks]]
type = "reduce_on_plateau"
monitor = "score"
factor = 0.5
patience = 1
[[callbacks]]
type = "terminate_on_non_finite"
action = "throw"
[[callbacks]]
type = "time_budget"
seconds = 1000
[[callbacks]]
type = "gradient_clip"
norm = 5
[[callbacks]]
type = "weight_average"
final = false
decay = 0.5
[[callbacks]]
type = "optimizer_spy"
)");
    auto keeper = Keeper();
    list.append(Script{{2, 1, 1, 1}});
    list.append(keeper);
    auto run = TinyRun();
    run.fit(4, list);
    BOOST_TEST(has(run.history.stop_reason(), "early_stopping: score has not improved in 2 observations"));
    BOOST_TEST(run.history.rows().size() == 3U);
    BOOST_TEST(same_weights(run.dbm, keeper.epochs.at(0)));
    const auto wrong = [&](const std::string& text) { return message_of<nbm::Error>([&] { make("[[callbacks]]\n" + text); }); };
    BOOST_TEST(has(wrong("type = \"early_stopping\""), "monitor"));
    BOOST_TEST(has(wrong("type = \"early_stoping\""), "did you mean 'early_stopping'"));
    BOOST_TEST(has(wrong("type = \"time_budget\""), "seconds"));
    BOOST_TEST(has(wrong("type = \"gradient_clip\""), "both 0"));
    BOOST_TEST(has(wrong("type = \"weight_average\"\ndecay = 1.5"), "from 0 to 1"));
}
