#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>
#include <vector>

#include "helpers.hpp"

import nbm;

#include "resume.hpp"

namespace {

using Kind = nbm::ScheduleKind;
constexpr auto tolerance = 1e-14;

auto values_of(const nbm::Schedule& schedule, std::vector<std::size_t> epochs, double initial = 1.0) -> std::vector<double> {
    auto values = std::vector<double>{};
    for (const auto e : epochs) { values.push_back(schedule(e, initial)); }
    return values;
}

auto column(const nbm::History& history, const std::string& name) -> std::vector<double> {
    auto values = std::vector<double>{};
    for (const auto& value : history.column(name)) { values.push_back(value.value()); }
    return values;
}

auto check_close(const std::vector<double>& a, const std::vector<double>& b) -> void {
    BOOST_REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i != a.size(); ++i) { BOOST_TEST(a[i] == b[i], boost::test_tools::tolerance(tolerance)); }
}

auto problem(nbm::ScheduleOptions options) -> std::string {
    return message_of<nbm::InputError>([&] { nbm::Schedule{options}; });
}

/// Plain ascent with a learning rate only, with a momentum only, and with nothing to set.
struct RateOnly {
    double rate = 0.1;
    auto learning_rate() const -> double { return rate; }
    auto set_learning_rate(double r) -> void { rate = r; }
    auto update(nbm::DBM<double>& dbm, const nbm::Gradient<double>& g) -> void { dbm.bias(0) += rate * g.biases[0]; }
};
struct MomentumOnly {
    double m = 0.25;
    auto momentum() const -> double { return m; }
    auto set_momentum(double x) -> void { m = x; }
    auto update(nbm::DBM<double>&, const nbm::Gradient<double>&) -> void {}
};
struct Nothing {
    auto update(nbm::DBM<double>&, const nbm::Gradient<double>&) -> void {}
};

template <class O, class List>
auto train_with(O&& optimiser, List&& list, std::size_t epochs = 3) -> nbm::History {
    const auto data = nbm::bars_and_stripes<double>(2);
    auto dbm = nbm::DBM<double>({4, 2});
    return nbm::fit(dbm, data.train, nbm::CD<double>(), optimiser, {.epochs = epochs, .batch_size = 3}, list);
}

}  // namespace

BOOST_AUTO_TEST_CASE(schedules_follow_their_formulas) {
    check_close(values_of(nbm::Schedule({.initial = 0.3}), {0, 7}), {0.3, 0.3});
    check_close(values_of(nbm::Schedule(), {0, 7}, 0.4), {0.4, 0.4});
    check_close(values_of(nbm::Schedule({.kind = Kind::step, .rate = 0.5, .period = 3}), {0, 2, 3, 5, 6}), {1, 1, 0.5, 0.5, 0.25});
    check_close(values_of(nbm::Schedule({.kind = Kind::exponential, .rate = 0.25, .period = 2}), {0, 1, 2, 3}),
                {1, 0.5, 0.25, 0.125});
    check_close(values_of(nbm::Schedule({.kind = Kind::inverse_time, .rate = 1.0, .period = 2}), {0, 1, 2, 6}),
                {1, 1 / 1.5, 0.5, 0.25});
    check_close(values_of(nbm::Schedule({.kind = Kind::linear, .final = 0.2, .epochs = 4}), {0, 1, 4, 9}), {1, 0.8, 0.2, 0.2});
    check_close(values_of(nbm::Schedule({.kind = Kind::cosine, .initial = 2.0, .final = 1.0, .epochs = 4}), {0, 1, 2, 4, 9}),
                {2, 1 + (1 + std::cos(std::numbers::pi / 4)) / 2, 1.5, 1, 1});
    check_close(
        values_of(nbm::Schedule({.kind = Kind::table, .table_epochs = {2, 5}, .table_values = {0.5, 3.0}}), {0, 1, 3, 4, 99}),
        {1, 0.5, 0.5, 3, 3});
    // The bound, from above and from below.
    check_close(values_of(nbm::Schedule({.kind = Kind::exponential, .final = 0.3, .rate = 0.5}), {1, 2, 3}), {0.5, 0.3, 0.3});
    check_close(values_of(nbm::Schedule({.kind = Kind::step, .final = 3.0, .rate = 2.0}), {0, 1, 2}), {1, 2, 3});
}

BOOST_AUTO_TEST_CASE(schedules_refuse_what_their_kind_does_not_know) {
    BOOST_TEST(has(problem({.kind = Kind::step}), "the kind 'step' needs rate"));
    BOOST_TEST(has(problem({.kind = Kind::linear, .final = 0.1}), "the kind 'linear' needs epochs"));
    BOOST_TEST(has(problem({.kind = Kind::cosine, .epochs = 3}), "the kind 'cosine' needs final"));
    BOOST_TEST(has(problem({.rate = 0.5}), "rate has no meaning for the kind 'constant'"));
    BOOST_TEST(has(problem({.initial = -1.0}), "initial is -1"));
    BOOST_TEST(has(problem({.kind = Kind::step, .rate = std::nan("")}), "rate is nan"));
    BOOST_TEST(has(problem({.kind = Kind::step, .rate = 0.5, .period = 0}), "period is 0"));
    BOOST_TEST(has(problem({.kind = Kind::table}), "needs table_epochs"));
    BOOST_TEST(has(problem({.kind = Kind::table, .table_epochs = {1, 2}, .table_values = {1.0}}), "has 2 entries, table_values 1"));
    BOOST_TEST(has(problem({.kind = Kind::table, .table_epochs = {0}, .table_values = {1.0}}), "counted from 1"));
    BOOST_TEST(has(problem({.kind = Kind::table, .table_epochs = {3, 3}, .table_values = {1.0, 2.0}}), "3 is followed by 3"));
    BOOST_TEST(has(problem({.kind = Kind::table, .table_epochs = {3}, .table_values = {HUGE_VAL}}), "is inf"));
}

BOOST_AUTO_TEST_CASE(a_final_value_lies_in_the_direction_of_the_schedule) {
    BOOST_TEST(
        has(problem({.kind = Kind::step, .initial = 1.0, .final = 0.5, .rate = 2.0}), "'step' rises from 1; it must be at least"));
    BOOST_TEST(has(problem({.kind = Kind::exponential, .initial = 1.0, .final = 2.0, .rate = 0.5}), "final is 2"));
    BOOST_TEST(
        has(problem({.kind = Kind::inverse_time, .initial = 1.0, .final = 2.0, .rate = 3.0}), "falls from 1; it must be at most"));
    BOOST_TEST(problem({.kind = Kind::exponential, .initial = 1.0, .final = 2.0, .rate = 1.0}) == "nothing was thrown");
    BOOST_TEST(problem({.kind = Kind::inverse_time, .initial = 1.0, .final = 2.0, .rate = 0.0}) == "nothing was thrown");
    check_close(values_of(nbm::Schedule({.kind = Kind::step, .final = 1.0, .rate = 2.0}), {0, 3}), {1, 1});
    check_close(values_of(nbm::Schedule({.kind = Kind::exponential, .final = 2.0, .rate = 1.0}), {0, 3}), {1, 1});
    // From the optimiser's own value: found out in the set-up.
    auto schedule = nbm::LearningRateScheduler({.kind = Kind::exponential, .final = 0.5, .rate = 0.9});
    auto updates = 0;
    const auto train_from = [&](double rate) {
        auto count = nbm::Lambda{.on_batch_begin = [&](const nbm::BatchInfo&) { ++updates; }};
        return message_of<nbm::Error>(
            [&] { TinyRun().fit(1, nbm::CallbackList(schedule, count), {}, nbm::SGD<double>({.learning_rate = rate})); });
    };
    BOOST_TEST(has(train_from(0.25), "final is 0.5, but with rate 0.9 the kind 'exponential' falls from 0.25"));
    BOOST_TEST(updates == 0);
    BOOST_TEST(train_from(0.75) == "nothing was thrown");
}

BOOST_AUTO_TEST_CASE(a_scheduled_rate_is_the_one_that_updates_use) {
    const auto rate = [](std::size_t epoch) { return 0.1 / double(epoch + 1); };
    const auto momentum = [](std::size_t epoch, double present) { return epoch == 0 ? 0.5 : present + 0.1; };
    auto scheduled = TinyRun();
    scheduled.fit(4, nbm::CallbackList(nbm::OptimizerSpy(), nbm::LearningRateScheduler(rate), nbm::MomentumRateScheduler(momentum)),
                  {}, nbm::SGD<double>({.learning_rate = 7.0}));
    // The same by hand, an epoch at a time.
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = nbm::DBM<double>({9, 5});
    nbm::initialise(dbm, data.train, {.seed = 1});
    auto trainer = nbm::PCD<double>({.chains = 10});
    auto sgd = nbm::SGD<double>({.learning_rate = 7.0});
    auto m = 0.5;
    for (std::size_t e = 0; e != 4; ++e) {
        sgd.set_learning_rate(rate(e));
        if (e != 0) { m += 0.1; }
        sgd.set_momentum(m);
        nbm::fit(dbm, data.train, trainer, sgd, {.epochs = e + 1, .batch_size = 5, .initial_epoch = e});
    }
    BOOST_TEST(same_weights(scheduled.dbm, dbm));
    check_close(column(scheduled.history, "learning_rate"), {0.1, 0.1 / 2, 0.1 / 3, 0.1 / 4});
    check_close(column(scheduled.history, "momentum"), {0.5, 0.6, 0.7, 0.8});
    // The same in a dynamic list.
    auto list = nbm::DynamicCallbackList<double>();
    list.append(nbm::LearningRateScheduler(rate));
    list.append(nbm::OptimizerSpy());
    list.append(nbm::MomentumRateScheduler(momentum));
    auto dynamic = TinyRun();
    dynamic.fit(4, list, {}, nbm::SGD<double>({.learning_rate = 7.0}));
    BOOST_TEST(same_weights(dynamic.dbm, dbm));
    check_close(column(dynamic.history, "learning_rate"), column(scheduled.history, "learning_rate"));
}

BOOST_AUTO_TEST_CASE(a_wrong_rate_names_its_epoch) {
    const auto train = [](auto scheduler) {
        return message_of<nbm::Error>([&] { TinyRun().fit(5, nbm::CallbackList(scheduler)); });
    };
    const auto nan_later = [](std::size_t epoch) { return epoch == 2 ? std::nan("") : 0.1; };
    BOOST_TEST(has(train(nbm::LearningRateScheduler(nan_later)), "gives nan for epoch 3"));
    BOOST_TEST(has(train(nbm::LearningRateScheduler([](std::size_t) { return -0.1; })), "gives -0.1 for epoch 1"));
    BOOST_TEST(has(train(nbm::MomentumRateScheduler([](std::size_t e) { return 0.5 * double(e); })), "gives 1 for epoch 3"));
    // A configured one is found out before anything is trained.
    const auto late = nbm::MomentumRateScheduler({.kind = Kind::table, .table_epochs = {4}, .table_values = {1.5}});
    BOOST_TEST(has(train(late), "setup"));
    BOOST_TEST(has(train(late), "gives 1.5 for epoch 4"));
}

BOOST_AUTO_TEST_CASE(what_the_optimiser_lacks_is_refused) {
    const auto refusal = [](auto optimiser, auto callback) {
        auto list = nbm::DynamicCallbackList<double>();
        list.append(std::move(callback));
        return message_of<nbm::Error>([&] { train_with(optimiser, list); });
    };
    const auto half = [](std::size_t) { return 0.5; };
    BOOST_TEST(has(refusal(MomentumOnly{}, nbm::LearningRateScheduler(half)), "has no learning rate that can be set"));
    BOOST_TEST(has(refusal(RateOnly{}, nbm::MomentumRateScheduler(half)), "has no momentum that can be set"));
    BOOST_TEST(has(refusal(Nothing{}, nbm::OptimizerSpy()), "neither a learning rate nor a momentum"));
    BOOST_TEST(refusal(RateOnly{}, nbm::LearningRateScheduler(half)) == "nothing was thrown");
}

BOOST_AUTO_TEST_CASE(the_spy_logs_the_effective_values_of_the_last_update) {
    const auto ramp = nbm::MomentumRamp{.decay = 2.0};
    auto run = TinyRun();
    run.fit(3, nbm::CallbackList(nbm::OptimizerSpy()), {},
            nbm::SGD<double>({.learning_rate = 0.1, .momentum = 0.9, .decay = 0.5, .momentum_ramp = ramp}));
    auto rates = std::vector<double>{};
    auto momenta = std::vector<double>{};
    for (const auto t : {2.0, 5.0, 8.0}) {  // three updates an epoch
        rates.push_back(0.1 / (1.0 + 0.5 * t));
        momenta.push_back(0.9 * (1.0 - 0.5 * std::pow(0.96, 2.0 * t)));
    }
    check_close(column(run.history, "learning_rate"), rates);
    check_close(column(run.history, "momentum"), momenta);
    auto unseen = TinyRun();
    unseen.fit(3, nbm::CallbackList(), {},
               nbm::SGD<double>({.learning_rate = 0.1, .momentum = 0.9, .decay = 0.5, .momentum_ramp = ramp}));
    BOOST_TEST(same_weights(run.dbm, unseen.dbm));
}

BOOST_AUTO_TEST_CASE(the_spy_needs_only_one_of_them) {
    const auto rate = train_with(RateOnly{}, nbm::CallbackList(nbm::OptimizerSpy()));
    check_close(column(rate, "learning_rate"), {0.1, 0.1, 0.1});
    BOOST_CHECK_THROW(rate.column("momentum"), nbm::InputError);
    auto list = nbm::DynamicCallbackList<double>();
    list.append(nbm::OptimizerSpy());
    const auto momentum = train_with(MomentumOnly{}, list);
    check_close(column(momentum, "momentum"), {0.25, 0.25, 0.25});
    BOOST_CHECK_THROW(momentum.column("learning_rate"), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(an_epoch_without_an_update_has_no_rate) {
    auto skip = nbm::Lambda{
        .on_epoch_begin = [](const nbm::EpochInfo& info) { return info.epoch == 1 ? nbm::Flow::end_epoch : nbm::Flow::proceed; }};
    const auto history = train_with(RateOnly{}, nbm::CallbackList(nbm::OptimizerSpy(), skip));
    BOOST_TEST(history.column("learning_rate")[0].has_value());
    BOOST_TEST(!history.column("learning_rate")[1].has_value());
    BOOST_TEST(history.column("learning_rate")[2].has_value());
}

BOOST_AUTO_TEST_CASE(schedules_resume_from_the_rate_that_the_training_began_with) {
    const auto append = [](auto& list) {
        list.append(nbm::LearningRateScheduler({.kind = Kind::exponential, .rate = 0.5}));
        list.append(nbm::MomentumRateScheduler([](std::size_t, double present) { return 0.9 * present; }));
        list.append(nbm::OptimizerSpy());
    };
    check_resume(4, append);
    check_resume(4, append, nbm::SGD<double>({.learning_rate = 0.7, .momentum = 0.1, .decay = 0.01}));
}

BOOST_AUTO_TEST_CASE(schedules_are_configured_in_toml) {
    const auto run = [](const std::string& text) {
        auto list = nbm::make_callbacks(nbm::builtin_callbacks<double>(), nbm::parse_config(text, "c.toml"), ".");
        auto tiny = TinyRun();
        tiny.fit(4, list, {}, nbm::SGD<double>({.learning_rate = 0.1, .momentum = 0.5}));
        return tiny.history;
    };
    const auto history = run(R"(
[[callbacks]]
type = "learning_rate_scheduler"
kind = "table"
table_epochs = [2, 4]
table_values = [0.05, 1]
[[callbacks]]
type = "momentum_rate_scheduler"
kind = "linear"
final = 0
epochs = 2
[[callbacks]]
type = "optimizer_spy"
)");
    check_close(column(history, "learning_rate"), {0.1, 0.05, 0.05, 1.0});
    check_close(column(history, "momentum"), {0.5, 0.25, 0.0, 0.0});
    const auto wrong = [&](const std::string& line) {
        return message_of<nbm::Error>([&] { run("[[callbacks]]\ntype = \"learning_rate_scheduler\"\n" + line); });
    };
    BOOST_TEST(has(wrong("kind = \"cosin\""), "did you mean 'cosine'"));
    BOOST_TEST(has(wrong("table_values = [\"a\"]"), "expected list of numbers"));
    BOOST_TEST(has(wrong("kind = \"step\""), "needs rate"));
}
