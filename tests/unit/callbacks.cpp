#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

using nbm::Flow;
using nbm::Stage;
using Log = std::vector<std::string>;

/// Writes its name and the hook into a log; may answer or throw.
template <Stage S>
struct Recorder {
    static constexpr auto stage = S;
    std::string name;
    Log* log;
    Flow answer = Flow::proceed;
    void setup(const nbm::SetupInfo&) { log->push_back(name + ".setup"); }
    void on_train_begin(const nbm::TrainInfo&) { log->push_back(name + ".train_begin"); }
    void on_epoch_begin(const nbm::EpochInfo&) { log->push_back(name + ".epoch_begin"); }
    auto on_epoch_end(const nbm::EpochInfo& info) -> Flow {
        log->push_back(name + ".epoch_end" + (info.partial ? ".partial" : "") + (info.last ? ".last" : ""));
        return answer;
    }
    void on_train_end(const nbm::TrainInfo&) { log->push_back(name + ".train_end"); }
    void on_exception(const nbm::TrainInfo&) { log->push_back(name + ".exception"); }
    void teardown(const nbm::TrainInfo&) { log->push_back(name + ".teardown"); }
};

struct Stopper {
    Flow answer = Flow::stop;
    std::size_t at = 1;
    auto on_batch_end(const nbm::BatchInfo& info) -> Flow { return info.step == at ? answer : Flow::proceed; }
};

struct Thrower {
    void on_epoch_end(const nbm::EpochInfo&) { throw std::runtime_error("no more paper"); }
};

struct MoveOnly {
    std::unique_ptr<int> count = std::make_unique<int>(0);
    void on_batch_end(const nbm::BatchInfo&) { ++*count; }
};

/// Declares metrics of any names; the second stays absent in odd epochs.
struct Producer {
    std::string first;
    std::string second;
    nbm::MetricId a = {};
    nbm::MetricId b = {};
    void setup(nbm::SetupInfo& info) {
        a = info.logs().declare({first});
        b = info.logs().declare({second});
    }
    void on_epoch_end(nbm::EpochInfo& info) {
        info.logs().set(a, 0.1 * double(info.epoch + 1));
        if (info.epoch % 2 == 0) { info.logs().set(b, std::nan("")); }
    }
};

struct NoHook {
    void on_epoch_ends(const nbm::EpochInfo&) {}
};
struct Inherited : Recorder<Stage::record> {};

static_assert(nbm::Callback<Stopper>);
static_assert(nbm::Callback<Inherited>);
static_assert(!nbm::Callback<NoHook>);
static_assert(!nbm::Callback<int>);
static_assert(nbm::HasHook<Producer, nbm::hook::EpochEnd, nbm::EpochInfo>);
static_assert(!nbm::HasHook<Producer, nbm::hook::EpochEnd, const nbm::EpochInfo>);  // a producer cannot write after its stage
static_assert(nbm::CallbackList<Stopper&, Producer>::has<nbm::hook::BatchEnd, nbm::BatchInfo>);
static_assert(!nbm::CallbackList<Producer>::has<nbm::hook::BatchEnd, nbm::BatchInfo>);
static_assert(nbm::stage_of<nbm::CSVLogger> == Stage::record);
static_assert(nbm::stage_of<Stopper> == Stage::produce);

/// Trains a tiny machine: `epochs` epochs of two batches.
template <class... Cs>
auto train(std::size_t epochs, nbm::CallbackList<Cs...>& list, bool validate = false) -> nbm::History {
    const auto data = nbm::bars_and_stripes<double>(2);
    auto dbm = nbm::DBM<double>({4, 2});
    return nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(),
                    {.epochs = epochs, .batch_size = 3, .validation = validate ? &data.valid : nullptr}, list);
}

}  // namespace

BOOST_AUTO_TEST_CASE(logs_know_absent_from_nan_and_refuse_double_names) {
    auto logs = nbm::Logs();
    const auto a = logs.declare({"val_prob", "nat", nbm::Better::higher});
    const auto b = logs.declare({"cost"});
    BOOST_CHECK_THROW(logs.declare({"cost"}), nbm::InputError);
    BOOST_CHECK_THROW(logs.declare({""}), nbm::InputError);
    BOOST_TEST(!logs.get(a).has_value());
    logs.set(b, std::nan(""));
    BOOST_TEST(std::isnan(logs.get(b).value()));
    BOOST_TEST(has(message_of<nbm::Error>([&] { logs.find("val_porb"); }), "did you mean 'val_prob'"));
    logs.clear();
    BOOST_TEST(!logs.get("cost").has_value());
    logs.freeze();
    BOOST_CHECK_THROW(logs.declare({"late"}), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(callbacks_run_by_stage_then_by_place_and_tear_down_in_reverse) {
    auto log = Log{};
    auto list = nbm::CallbackList(Recorder<Stage::persist>{"persist", &log}, Recorder<Stage::record>{"record1", &log},
                                  Recorder<Stage::schedule>{"schedule", &log}, Recorder<Stage::record>{"record2", &log},
                                  Recorder<Stage::produce>{"produce", &log}, Recorder<Stage::control>{"control", &log});
    train(1, list);
    const auto order = std::vector<std::string>{"schedule", "produce", "control", "record1", "record2", "persist"};
    auto expected = Log{};
    for (const auto* hook : {"setup", "train_begin", "epoch_begin", "epoch_end.last", "train_end"}) {
        for (const auto& name : order) { expected.push_back(name + "." + hook); }
    }
    for (auto i = order.size(); i-- > 0;) { expected.push_back(order[i] + ".teardown"); }
    BOOST_TEST(log == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_stop_keeps_no_callback_from_being_called) {
    auto log = Log{};
    auto list = nbm::CallbackList(Recorder<Stage::produce>{"stopper", &log, Flow::stop}, Recorder<Stage::produce>{"later", &log},
                                  Recorder<Stage::persist>{"saver", &log});
    const auto history = train(5, list);
    BOOST_TEST((history.outcome() == nbm::Outcome::stopped));
    BOOST_TEST(history.rows().size() == 1U);
    BOOST_TEST(std::count(log.begin(), log.end(), "later.epoch_end") == 1);
    BOOST_TEST(std::count(log.begin(), log.end(), "saver.epoch_end.last") == 1);  // it learns that no epoch follows
    BOOST_TEST(std::count(log.begin(), log.end(), "saver.epoch_begin") == 1);
    BOOST_TEST(std::count(log.begin(), log.end(), "saver.train_end") == 1);
}

BOOST_AUTO_TEST_CASE(batch_hooks_end_an_epoch_or_the_training) {
    for (const auto answer : {Flow::stop, Flow::end_epoch}) {
        auto log = Log{};
        auto list = nbm::CallbackList(Stopper{answer, 2}, Recorder<Stage::record>{"r", &log});
        const auto history = train(3, list, true);
        BOOST_TEST(std::count(log.begin(), log.end(), "r.epoch_end") == 1);
        BOOST_TEST(std::count(log.begin(), log.end(), answer == Flow::stop ? "r.epoch_end.partial.last" : "r.epoch_end.partial") ==
                   1);
        BOOST_TEST(history.rows().size() == (answer == Flow::stop ? 2U : 3U));
        // A partial epoch has no validation.
        BOOST_TEST(history.column("val_cost")[0].has_value());
        BOOST_TEST(!history.column("val_cost")[1].has_value());
    }
}

BOOST_AUTO_TEST_CASE(an_exception_names_its_hook_and_tears_everything_down) {
    auto log = Log{};
    auto list = nbm::CallbackList(Recorder<Stage::record>{"r", &log}, Thrower{}, Recorder<Stage::schedule>{"s", &log});
    auto caught = false;
    try {
        train(3, list);
    } catch (const nbm::CallbackError& error) {
        caught = true;
        BOOST_TEST(has(error.what(), "on_epoch_end"));
        BOOST_TEST(has(error.what(), "no more paper"));
        BOOST_CHECK_THROW(error.rethrow_nested(), std::runtime_error);
    }
    BOOST_TEST(caught);
    const auto expected = Log{"r.exception", "s.exception", "r.teardown", "s.teardown"};  // in exact reverse
    BOOST_TEST(Log(log.end() - 4, log.end()) == expected, boost::test_tools::per_element());
    BOOST_TEST(std::count(log.begin(), log.end(), "r.train_end") == 0);
}

BOOST_AUTO_TEST_CASE(lvalues_are_kept_by_reference_and_rvalues_by_value) {
    auto mine = MoveOnly{};
    auto list = nbm::CallbackList(mine, MoveOnly{});
    static_assert(std::is_same_v<decltype(list), nbm::CallbackList<MoveOnly&, MoveOnly>>);
    train(3, list);
    BOOST_TEST(*mine.count == 6);
    BOOST_TEST(*list.get<1>().count == 6);
    train(1, list);  // a second training goes on with the same objects
    BOOST_TEST(*mine.count == 8);
}

BOOST_AUTO_TEST_CASE(the_history_has_the_mean_cost_and_every_metric) {
    auto list = nbm::CallbackList(Producer{"a", "b"});
    const auto history = train(3, list, true);
    auto names = std::vector<std::string>{};
    for (const auto& metric : history.metrics()) { names.push_back(metric.name); }
    BOOST_TEST(names == (std::vector<std::string>{"cost", "val_cost", "seconds", "a", "b"}), boost::test_tools::per_element());
    BOOST_TEST(history.last("a").value() == 0.3, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(!history.column("b")[1].has_value());
    BOOST_TEST(std::isnan(history.column("b")[2].value()));
    BOOST_TEST(has(message_of<nbm::Error>([&] { history.column("csot"); }), "did you mean 'cost'"));
    BOOST_TEST((history.outcome() == nbm::Outcome::completed));
}

BOOST_AUTO_TEST_CASE(the_cost_is_weighted_by_rows) {
    auto logger = nbm::BaseLogger();
    auto logs = nbm::Logs();
    auto setup = nbm::SetupInfo(logs);
    logger.setup(setup);
    auto epoch = nbm::EpochInfo(logs);
    for (int repeat = 0; repeat != 2; ++repeat) {
        logger.on_epoch_begin(epoch);
        auto batch = nbm::BatchInfo(logs);
        batch.size = 10;
        batch.cost = 1.0;
        logger.on_batch_end(batch);
        batch.size = 5;
        batch.cost = 4.0;
        logger.on_batch_end(batch);
        logger.on_epoch_end(epoch);
        BOOST_TEST(logs.get("cost").value() == 2.0);
    }
}

BOOST_AUTO_TEST_CASE(csv_files_have_a_complete_header_and_empty_fields_for_absent_values) {
    const auto folder = Temporary();
    const auto path = folder / "sub/history.csv";
    auto list = nbm::CallbackList(nbm::CSVLogger(path), Producer{"a,\"b\"", "b"});
    train(2, list);
    const auto text = contents(path);
    const auto lines = [&] {
        auto result = std::vector<std::string>{};
        for (std::size_t at = 0; at < text.size();) {
            const auto end = text.find("\r\n", at);
            BOOST_REQUIRE(end != std::string::npos);
            result.push_back(text.substr(at, end - at));
            at = end + 2;
        }
        return result;
    }();
    BOOST_REQUIRE(lines.size() == 3U);
    BOOST_TEST(lines[0] == "epoch,cost,seconds,\"a,\"\"b\"\"\",b");
    BOOST_TEST(lines[1].starts_with("1,"));
    BOOST_TEST(lines[1].ends_with(",0.1,nan"));
    BOOST_TEST(lines[2].ends_with(",0.2,"));
}

BOOST_AUTO_TEST_CASE(csv_files_are_replaced_or_appended_to_with_the_same_header_only) {
    const auto folder = Temporary();
    const auto path = folder / "h.csv";
    auto once = nbm::CallbackList(nbm::CSVLogger(path, ';'));
    train(2, once);
    const auto first = contents(path);
    train(2, once);
    BOOST_TEST(std::count(first.begin(), first.end(), '\n') == 3);
    BOOST_TEST(first.starts_with("epoch;cost;seconds\r\n"));
    auto more = nbm::CallbackList(nbm::CSVLogger(path, ';', true));
    train(1, more);
    const auto appended = contents(path);
    BOOST_TEST(std::count(appended.begin(), appended.end(), '\n') == 4);
    auto other = nbm::CallbackList(nbm::CSVLogger(path, ';', true), Producer{"a", "b"});
    BOOST_TEST(has(message_of<nbm::Error>([&] { train(1, other); }), "another header"));
    BOOST_TEST(contents(path) == appended);
    auto nowhere = nbm::CallbackList(nbm::CSVLogger("/proc/none/h.csv"));
    BOOST_TEST(has(message_of<nbm::Error>([&] { train(1, nowhere); }), "/proc/none"));
}

BOOST_AUTO_TEST_CASE(ais_metrics_surround_the_exact_value) {
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = nbm::DBM<double>({9, 5});
    nbm::initialise(dbm, data.train, {.seed = 1});
    const auto history =
        nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.1}),
                 {.epochs = 4, .batch_size = 5, .validation = &data.valid},
                 nbm::CallbackList(nbm::Every(nbm::every(2), nbm::AISCallback({.runs = 100, .betas = 500, .exact = true})),
                                   nbm::Every(nbm::at({3}), nbm::AISCallback({.runs = 10, .betas = 10, .name = "quick"}))));
    for (const std::size_t epoch : {1, 3}) {
        const auto value = [&](const char* name) { return history.column(name)[epoch].value(); };
        BOOST_TEST(value("logz_low") < value("logz_exact"));
        BOOST_TEST(value("logz_exact") < value("logz_high"));
        BOOST_TEST(value("logz_high") - value("logz_low") < 0.2);
        BOOST_TEST(value("prob") == -value("free_energy") - value("logz"), boost::test_tools::tolerance(1e-12));
        BOOST_TEST(value("prob_low") == -value("free_energy") - value("logz_high"), boost::test_tools::tolerance(1e-12));
        BOOST_TEST(value("prob_high") == -value("free_energy") - value("logz_low"), boost::test_tools::tolerance(1e-12));
        BOOST_TEST(value("val_prob") == value("prob"), boost::test_tools::tolerance(1e-12));  // the same rows
        BOOST_TEST(value("logz_ess") > 50.0);
        BOOST_TEST(value("logz_share") < 0.1);
        BOOST_TEST(value("logz_weight_variance") < 1.0);
    }
    auto log_z = nbm::Estimate{};
    log_z.value = nbm::exact_log_z(dbm);
    BOOST_TEST(history.last("logz_exact").value() == log_z.value, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(!history.column("logz")[0].has_value());
    BOOST_TEST(!history.column("logz_quick")[1].has_value());
    BOOST_TEST(history.column("val_prob_quick")[2].has_value());
    auto twice = nbm::CallbackList(nbm::AISCallback(), nbm::AISCallback());
    BOOST_TEST(has(message_of<nbm::Error>([&] { train(1, twice); }), "'logz' is declared twice"));
}

BOOST_AUTO_TEST_CASE(ais_metrics_of_a_deep_machine_are_bounds) {
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = nbm::DBM<double>({9, 4, 3});
    nbm::initialise(dbm, data.train, {.seed = 1});
    const auto history =
        nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.3}),
                 {.epochs = 20, .batch_size = 5, .validation = &data.valid},
                 nbm::CallbackList(nbm::Every(nbm::at({20}), nbm::AISCallback({.runs = 100, .betas = 500, .exact = true}))));
    const auto value = [&](const char* name) { return history.last(name).value(); };
    const auto exact = nbm::exact_log_z(dbm);
    BOOST_TEST(value("logz_exact") == exact, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(value("logz_low") < exact);
    BOOST_TEST(exact < value("logz_high"));
    BOOST_TEST(value("logz_ess") > 50.0);
    BOOST_TEST(value("logz_ess") <= 100.0);
    BOOST_TEST(value("logz_share") >= 1.0 / value("logz_ess") / 100.0);
    BOOST_TEST(value("logz_share") < 0.1);
    BOOST_TEST(value("logz_weight_variance") > 0.0);
    BOOST_TEST(value("logz_weight_variance") < 1.0);
    const auto log_z = nbm::Estimate{.value = value("logz"), .low = value("logz_low"), .high = value("logz_high")};
    const auto bound = nbm::variational_bound(dbm, data.train, log_z);
    BOOST_TEST(value("prob") == bound.value, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(value("prob_low") == bound.low, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(value("prob_high") == bound.high, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(value("free_energy") == -bound.value - log_z.value, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(value("val_prob") == nbm::variational_bound(dbm, data.valid, log_z).value, boost::test_tools::tolerance(1e-12));
    // Below the exact value by what mean field misses.
    auto free_energy = 0.0;
    for (const auto f : nbm::exact_free_energy(dbm, data.train)) { free_energy += f / double(data.train.shape(0)); }
    BOOST_TEST(value("free_energy") > free_energy);
    // Exactly only where it can be.
    auto large = nbm::CallbackList(nbm::AISCallback({.exact = true}));
    auto wide = nbm::DBM<double>({9, 31, 22});
    BOOST_TEST(has(
        message_of<nbm::Error>([&] { nbm::fit(wide, data.train, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 1}, large); }),
        "at most 30 units; the smaller one of 9-31-22 has 31"));
}

BOOST_AUTO_TEST_CASE(weights_are_saved_in_the_chosen_epochs) {
    const auto folder = Temporary();
    auto list =
        nbm::CallbackList(nbm::Every(nbm::at({1, 3}), nbm::PeriodicSave({.weight_path = (folder / "w/{epoch:04d}.h5").string()})));
    train(3, list);
    BOOST_TEST(std::filesystem::exists(folder / "w/0001.h5"));
    BOOST_TEST(!std::filesystem::exists(folder / "w/0002.h5"));
    BOOST_TEST(nbm::load_weights<double>(folder / "w/0003.h5").topology().describe() == "4-2");
    BOOST_TEST(nbm::epoch_path("a-{epoch}.h5", 9).string() == "a-10.h5");
    auto wrong = nbm::CallbackList(nbm::PeriodicSave({.weight_path = (folder / "{epohc}.h5").string()}));
    BOOST_TEST(has(message_of<nbm::Error>([&] { train(1, wrong); }), "did you mean 'epoch'"));
}

BOOST_AUTO_TEST_CASE(epochs_are_counted_from_one) {
    BOOST_TEST(nbm::every(3).contains(2, false));
    BOOST_TEST(!nbm::every(3).contains(3, true));
    BOOST_TEST(!nbm::every(0).contains(0, true));
    BOOST_TEST(nbm::at_end().contains(7, true));
    BOOST_TEST(!nbm::at_end().contains(7, false));
    BOOST_TEST(nbm::Epochs().contains(5, false));
}

BOOST_AUTO_TEST_CASE(progress_is_one_plain_line_an_epoch_in_a_file) {
    const auto folder = Temporary();
    const auto path = folder / "out.txt";
    auto* const file = std::fopen(path.c_str(), "w");
    auto list = nbm::CallbackList(nbm::ProgressBar(file), Stopper{Flow::stop, 3});
    train(9, list);
    std::fclose(file);
    const auto text = contents(path);
    BOOST_TEST(std::count(text.begin(), text.end(), '\n') == 3);
    BOOST_TEST(text.starts_with("epoch 1/9  cost "));
    BOOST_TEST(has(text, "epoch 2/9  cost "));
    BOOST_TEST(has(text, "stopped after epoch 2"));
    BOOST_TEST(!has(text, "\r"));
    BOOST_TEST(!has(text, "\033"));
}
