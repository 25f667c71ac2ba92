#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "helpers.hpp"

import nbm;

namespace {

using nbm::Flow;
using nbm::Stage;
using Log = std::vector<std::string>;

/// Writes its name and the hook into a log; may answer, stop or throw in one hook.
template <Stage S>
struct Recorder {
    static constexpr auto stage = S;
    std::string name;
    Log* log;
    std::string throws_in = "";
    Flow answer = Flow::proceed;

    auto id() const -> const std::string& { return name; }
    void note(const std::string& hook) const {
        log->push_back(name + "." + hook);
        if (hook == throws_in) { throw std::runtime_error("out of ink"); }
    }
    void set_params(const nbm::FitParams&) { note("set_params"); }
    void set_model(const nbm::DBM<double>&) { note("set_model"); }
    void setup(const nbm::SetupInfo&) { note("setup"); }
    void on_train_begin(const nbm::TrainInfo&) { note("train_begin"); }
    void on_epoch_begin(const nbm::EpochInfo&) { note("epoch_begin"); }
    void on_batch_begin(const nbm::BatchInfo&) { note("batch_begin"); }
    void on_gradient(const nbm::GradientInfo<double>&) { note("gradient"); }
    void on_batch_end(const nbm::BatchInfo&) { note("batch_end"); }
    void on_validation_begin(const nbm::EpochInfo&) { note("validation_begin"); }
    void on_validation_end(const nbm::EpochInfo&) { note("validation_end"); }
    auto on_epoch_end(const nbm::EpochInfo& info) -> Flow {
        note("epoch_end");
        return answer == Flow::stop ? info.stop("enough") : answer;
    }
    void on_finalise(const nbm::TrainInfo&) { note("finalise"); }
    void on_train_end(const nbm::TrainInfo&) { note("train_end"); }
    void on_exception(const nbm::TrainInfo&) { note("exception"); }
    void teardown(const nbm::TrainInfo&) { note("teardown"); }
};

template <class List>
auto train(std::size_t epochs, List&& list, Log& log) -> nbm::History {
    const auto data = nbm::bars_and_stripes<double>(2);
    auto dbm = nbm::DBM<double>({4, 2});
    log.clear();
    return nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(),
                    {.epochs = epochs, .batch_size = 3, .validation = &data.valid, .on_warning = {}}, list);
}

/// Five recorders, one of each stage, in an order of places that is not the one of stages.
auto static_list(Log& log, const std::string& throws_in = "", Flow answer = Flow::proceed) {
    return nbm::CallbackList(Recorder<Stage::persist>{"p", &log}, Recorder<Stage::record>{"r", &log, throws_in},
                             Recorder<Stage::schedule>{"s", &log}, Recorder<Stage::produce>{"q", &log, "", answer},
                             Recorder<Stage::control>{"c", &log});
}

auto dynamic_list(Log& log, const std::string& throws_in = "", Flow answer = Flow::proceed) -> nbm::DynamicCallbackList<double> {
    auto list = nbm::DynamicCallbackList<double>();
    list.append(Recorder<Stage::persist>{"p", &log});
    list.append(Recorder<Stage::record>{"r", &log, throws_in});
    list.append(Recorder<Stage::schedule>{"s", &log});
    list.append(Recorder<Stage::produce>{"q", &log, "", answer});
    list.append(Recorder<Stage::control>{"c", &log});
    return list;
}

/// The same five, some of them in lists within the list.
auto static_in_dynamic(Log& log, const std::string& throws_in = "", Flow answer = Flow::proceed)
    -> nbm::DynamicCallbackList<double> {
    auto list = nbm::DynamicCallbackList<double>();
    list.append(Recorder<Stage::persist>{"p", &log});
    list.append(nbm::CallbackList(Recorder<Stage::record>{"r", &log, throws_in}, Recorder<Stage::schedule>{"s", &log}));
    auto inner = nbm::DynamicCallbackList<double>();
    inner.append(Recorder<Stage::produce>{"q", &log, "", answer});
    inner.append(Recorder<Stage::control>{"c", &log});
    list.append(std::move(inner));
    return list;
}

auto dynamic_in_static(Log& log, const std::string& throws_in = "", Flow answer = Flow::proceed) {
    auto inner = nbm::DynamicCallbackList<double>();
    inner.append(Recorder<Stage::record>{"r", &log, throws_in});
    inner.append(Recorder<Stage::schedule>{"s", &log});
    inner.append(Recorder<Stage::produce>{"q", &log, "", answer});
    return nbm::CallbackList(Recorder<Stage::persist>{"p", &log}, std::move(inner),
                             nbm::CallbackList(Recorder<Stage::control>{"c", &log}));
}

/// Two records that must come in the order of the list, on both sides of a nested list.
auto merged(Log& log) {
    auto inner = nbm::DynamicCallbackList<double>();
    inner.append(Recorder<Stage::record>{"b", &log});
    inner.append(Recorder<Stage::produce>{"x", &log});
    return nbm::CallbackList(Recorder<Stage::record>{"a", &log}, std::move(inner), Recorder<Stage::record>{"c", &log});
}

struct MoveOnly {
    std::unique_ptr<int> count = std::make_unique<int>(0);
    void on_batch_end(const nbm::BatchInfo&) { ++*count; }
};

struct Stateful {
    std::size_t seen = 0;
    void on_batch_end(const nbm::BatchInfo&) { ++seen; }
    void save_state(nbm::State& state) const { state.put("seen", seen); }
    void load_state(const nbm::State& state) { seen = state.get<std::size_t>("seen"); }
};

struct Writer {
    nbm::MetricId metric = {};
    void setup(nbm::SetupInfo& info) { metric = info.logs().declare({"size"}); }
    void on_epoch_end(auto& context) {
        context.logs().set(metric,
                           double(context.model.size(1)) + context.optimiser.learning_rate() + double(context.train.shape(0)));
    }
};

static_assert(nbm::Callback<nbm::DynamicCallbackList<float>>);
static_assert(nbm::CallbackFor<nbm::DynamicCallbackList<double>, nbm::Run<double, nbm::SGD<double>, nbm::CD<double>>>);
static_assert(nbm::CallbackFor<Recorder<Stage::control>, nbm::Run<double, nbm::SGD<double>, nbm::CD<double>>>);
static_assert(
    !nbm::CallbackFor<Recorder<Stage::control>, nbm::Run<float, nbm::SGD<float>, nbm::CD<float>>>);  // the model is another

}  // namespace

BOOST_AUTO_TEST_CASE(lists_of_every_kind_call_the_same_hooks_in_the_same_order) {
    auto expected = Log{};
    auto log = Log{};
    train(2, static_list(expected), expected);
    BOOST_REQUIRE(expected.size() > 60U);
    BOOST_TEST(expected[0] == "s.set_params");
    BOOST_TEST(expected[4] == "p.set_params");
    train(2, dynamic_list(log), log);
    BOOST_TEST(log == expected, boost::test_tools::per_element());
    train(2, static_in_dynamic(log), log);
    BOOST_TEST(log == expected, boost::test_tools::per_element());
    train(2, dynamic_in_static(log), log);
    BOOST_TEST(log == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(lists_of_every_kind_do_the_same_after_a_stop) {
    auto expected = Log{};
    auto log = Log{};
    const auto history = train(4, static_list(expected, "", Flow::stop), expected);
    BOOST_TEST((history.outcome() == nbm::Outcome::stopped));
    BOOST_TEST(history.stop_reason() == "q: enough");
    BOOST_TEST(history.rows().size() == 1U);
    for (int kind = 0; kind != 3; ++kind) {
        const auto other = kind == 0   ? train(4, dynamic_list(log, "", Flow::stop), log)
                           : kind == 1 ? train(4, static_in_dynamic(log, "", Flow::stop), log)
                                       : train(4, dynamic_in_static(log, "", Flow::stop), log);
        BOOST_TEST(log == expected, boost::test_tools::per_element());
        BOOST_TEST(other.stop_reason() == "q: enough");
    }
}

BOOST_AUTO_TEST_CASE(lists_of_every_kind_do_the_same_after_an_exception) {
    for (const std::string hook :
         {"set_params", "setup", "train_begin", "epoch_begin", "batch_begin", "gradient", "batch_end", "validation_begin",
          "validation_end", "epoch_end", "finalise", "train_end", "exception", "teardown"}) {
        auto expected = Log{};
        auto log = Log{};
        const auto message = message_of<nbm::CallbackError>([&] { train(2, static_list(expected, hook), expected); });
        if (hook == "exception" || hook == "teardown") {
            BOOST_TEST(message == "nothing was thrown");
        } else {
            BOOST_TEST(has(message, "callback 'r', "));
            BOOST_TEST(has(message, hook));
            BOOST_TEST(has(message, "out of ink"));
        }
        const auto train_dynamic = [&] { train(2, dynamic_list(log, hook), log); };
        BOOST_TEST(message_of<nbm::CallbackError>(train_dynamic) == message);
        BOOST_TEST(log == expected, boost::test_tools::per_element());
        BOOST_TEST(message_of<nbm::CallbackError>([&] { train(2, static_in_dynamic(log, hook), log); }) == message);
        BOOST_TEST(log == expected, boost::test_tools::per_element());
        BOOST_TEST(message_of<nbm::CallbackError>([&] { train(2, dynamic_in_static(log, hook), log); }) == message);
        BOOST_TEST(log == expected, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(only_callbacks_that_were_set_up_are_torn_down) {
    for (const auto dynamic : {false, true}) {
        auto log = Log{};
        const auto message = message_of<nbm::CallbackError>([&] {
            if (dynamic) {
                train(2, dynamic_list(log, "setup"), log);
            } else {
                train(2, static_list(log, "setup"), log);
            }
        });
        BOOST_TEST(has(message, "callback 'r', setup: out of ink"));
        const auto expected = Log{"s.setup",     "q.setup",     "c.setup",    "r.setup",    "c.exception",
                                  "q.exception", "s.exception", "c.teardown", "q.teardown", "s.teardown"};
        BOOST_TEST(Log(log.end() - 10, log.end()) == expected, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(an_error_names_epoch_and_batch) {
    auto log = Log{};
    auto list = nbm::CallbackList(Recorder<Stage::record>{"r", &log, "batch_end"});
    try {
        train(2, list, log);
        BOOST_TEST(false);
    } catch (const nbm::CallbackError& error) {
        BOOST_TEST(std::string(error.what()) == "callback 'r', on_batch_end, epoch 1, batch 1: out of ink");
        BOOST_TEST(error.callback() == "r");
        BOOST_TEST(error.hook() == "on_batch_end");
        BOOST_CHECK_THROW(error.rethrow_nested(), std::runtime_error);
    }
}

BOOST_AUTO_TEST_CASE(nested_lists_are_merged_by_stage_and_not_run_as_a_block) {
    auto log = Log{};
    auto list = merged(log);
    train(1, list, log);
    auto order = Log{};
    for (const auto& line : log) {
        if (line.ends_with(".epoch_end") || line.ends_with(".teardown")) { order.push_back(line); }
    }
    const auto expected =
        Log{"x.epoch_end", "a.epoch_end", "b.epoch_end", "c.epoch_end", "c.teardown", "b.teardown", "a.teardown", "x.teardown"};
    BOOST_TEST(order == expected, boost::test_tools::per_element());
    const auto plan = list.describe();
    BOOST_TEST(has(plan, "on_epoch_end         produce: x; record: a, b, c\n"));
    BOOST_TEST(plan.find("set_params") < plan.find("on_epoch_end"));
}

BOOST_AUTO_TEST_CASE(the_plan_is_the_same_for_lists_of_every_kind) {
    auto log = Log{};
    const auto plan = static_list(log).describe();
    BOOST_TEST(has(plan, "on_gradient          schedule: s; produce: q; control: c; record: r; persist: p\n"));
    BOOST_TEST(dynamic_list(log).describe() == plan);
    BOOST_TEST(static_in_dynamic(log).describe() == plan);
    BOOST_TEST(dynamic_in_static(log).describe() == plan);
    BOOST_TEST(nbm::CallbackList(nbm::CSVLogger("h.csv")).describe() ==
               "setup                record: csv_logger\nload_state           record: csv_logger\non_train_begin       record: "
               "csv_logger\n"
               "on_epoch_end         record: csv_logger\nsave_state           record: csv_logger\nteardown             record: "
               "csv_logger\n");
}

BOOST_AUTO_TEST_CASE(values_are_owned_and_lvalues_referred_to) {
    auto log = Log{};
    auto mine = MoveOnly{};
    auto list = nbm::DynamicCallbackList<double>();
    list.append(mine);
    auto& owned = list.append(MoveOnly{}, "owned");
    auto moved = std::move(list);
    train(2, moved, log);
    BOOST_TEST(*mine.count == 4);
    BOOST_TEST(*owned.count == 4);
    BOOST_TEST(moved.size() == 2U);
    BOOST_TEST(moved[0].id() == "MoveOnly");
    BOOST_TEST(moved[1].id() == "owned");
}

BOOST_AUTO_TEST_CASE(callbacks_see_machine_optimiser_and_data_through_a_dynamic_list) {
    auto log = Log{};
    auto list = nbm::DynamicCallbackList<double>();
    list.append(Writer{});
    const auto history = train(1, list, log);
    BOOST_TEST(history.last("size").value() == 2.0 + 0.01 + 6.0);
    BOOST_TEST(history.metrics().back().producer == "Writer");
}

BOOST_AUTO_TEST_CASE(states_are_kept_by_id) {
    auto log = Log{};
    auto all = nbm::State{};
    auto list = nbm::DynamicCallbackList<double>();
    auto& first = list.append(Stateful{});
    auto& second = list.append(nbm::CallbackList(nbm::Named("other", Stateful{})));
    train(3, list, log);
    list.save_states(all);
    BOOST_TEST(all.children() == (std::vector<std::string>{"Stateful", "other"}), boost::test_tools::per_element());
    first.seen = 0;
    second.get<0>().callback().seen = 0;
    auto session = nbm::Session{};
    list.load_states(all, session);
    BOOST_TEST(first.seen == 6U);
    BOOST_TEST(second.get<0>().callback().seen == 6U);
    BOOST_TEST(session.warnings().empty());
    list.append(Stateful{}, "new");
    list.load_states(all, session);
    BOOST_REQUIRE(session.warnings().size() == 1U);
    BOOST_TEST(has(session.warnings()[0], "'new'"));
    list.append(Stateful{});
    auto again = nbm::State{};
    BOOST_TEST(has(message_of<nbm::InputError>([&] { list.save_states(again); }), "id 'Stateful'"));
}

BOOST_AUTO_TEST_CASE(an_optimiser_without_a_learning_rate_is_known_at_run_time) {
    struct Plain {
        void update(nbm::DBM<double>&, const nbm::Gradient<double>&) {}
    };
    auto plain = Plain{};
    auto any = nbm::AnyOptimiser(plain);
    BOOST_TEST(!any.has(nbm::Hyper::learning_rate));
    BOOST_TEST(!any.is_stateful());
    BOOST_TEST(has(message_of<nbm::InputError>([&] { any.set_learning_rate(0.1); }), "no learning rate"));
    auto sgd = nbm::SGD<double>({.learning_rate = 0.5, .momentum = 0.25});
    auto known = nbm::AnyOptimiser(sgd);
    known.set_learning_rate(0.125);
    known.set_momentum(0.75);
    BOOST_TEST(sgd.learning_rate() == 0.125);
    BOOST_TEST(sgd.momentum() == 0.75);
    BOOST_TEST(known.effective_momentum() == sgd.effective_momentum());
}
