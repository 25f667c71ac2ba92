#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "helpers.hpp"

import nbm;

namespace {

using nbm::Flow;

struct Seen {
    std::vector<std::size_t> begins;
    std::vector<std::size_t> batches;
    std::vector<std::size_t> gradients;
    std::vector<std::size_t> validations;
    std::vector<std::size_t> ends;
    std::size_t setups = 0;
    std::size_t teardowns = 0;
    void setup(const nbm::SetupInfo&) { ++setups; }
    void on_epoch_begin(const nbm::EpochInfo& info) { begins.push_back(info.epoch + 1); }
    void on_batch_end(const nbm::BatchInfo& info) { batches.push_back(info.epoch + 1); }
    void on_gradient(const nbm::GradientInfo<double>& info) { gradients.push_back(info.epoch + 1); }
    void on_validation_end(const nbm::EpochInfo& info) { validations.push_back(info.epoch + 1); }
    void on_epoch_end(const nbm::EpochInfo& info) { ends.push_back(info.epoch + 1); }
    void teardown(const nbm::TrainInfo&) { ++teardowns; }
};

struct Saver : Seen {
    static constexpr auto stage = nbm::Stage::persist;
};

struct StopAt {
    std::size_t epoch;
    auto on_epoch_end(const nbm::EpochInfo& info) -> Flow { return info.epoch + 1 == epoch ? Flow::stop : Flow::proceed; }
};

struct Fails {
    static constexpr std::string_view kind = "fails";
    bool in_setup = false;
    std::size_t calls = 0;
    void setup(const nbm::SetupInfo&) {
        if (in_setup) { throw std::runtime_error("no"); }
    }
    void on_epoch_end(const nbm::EpochInfo&) {
        ++calls;
        throw std::runtime_error("no more paper");
    }
};

struct Slow {
    static constexpr std::string_view kind = "slow";
    double milliseconds = 2.0;
    void on_batch_end(const nbm::BatchInfo&) {
        std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(milliseconds));
    }
};
struct Quick {
    static constexpr std::string_view kind = "quick";
    void on_batch_end(const nbm::BatchInfo&) {}
    void on_epoch_end(const nbm::EpochInfo&) {}
};

template <class List>
auto train(std::size_t epochs, List&& list) -> nbm::History {
    const auto data = nbm::bars_and_stripes<double>(2);
    auto dbm = nbm::DBM<double>({4, 2});
    return nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(),
                    {.epochs = epochs, .batch_size = 3, .validation = &data.valid, .on_warning = {}}, list);
}

/// The epochs, counted from 1, that a choice holds of the first n, none of which is the last.
auto chosen(const nbm::Epochs& epochs, std::size_t n = 10) -> std::vector<std::size_t> {
    auto result = std::vector<std::size_t>{};
    for (std::size_t i = 0; i != n; ++i) {
        if (epochs.contains(i, false)) { result.push_back(i + 1); }
    }
    return result;
}

using Numbers = std::vector<std::size_t>;

}  // namespace

BOOST_AUTO_TEST_CASE(epochs_are_chosen_by_every_kind_of_rule) {
    BOOST_TEST(chosen(nbm::Epochs()).size() == 10U);
    BOOST_TEST(chosen(nbm::every(4)) == (Numbers{4, 8}), boost::test_tools::per_element());
    BOOST_TEST(chosen(nbm::every(0)).empty());
    BOOST_TEST(chosen(nbm::once(3)) == (Numbers{3}), boost::test_tools::per_element());
    BOOST_TEST(chosen(nbm::before(3)) == (Numbers{1, 2}), boost::test_tools::per_element());
    BOOST_TEST(chosen(nbm::after(8)) == (Numbers{9, 10}), boost::test_tools::per_element());
    BOOST_TEST(chosen(nbm::at({2, 5, 99})) == (Numbers{2, 5}), boost::test_tools::per_element());
    BOOST_TEST(chosen(nbm::at_end()).empty());
    BOOST_TEST(nbm::at_end().contains(6, true));
    BOOST_TEST(!nbm::every(4).contains(4, true));
    BOOST_TEST(chosen({.every = 3, .after = 2}) == (Numbers{5, 8}), boost::test_tools::per_element());
    BOOST_TEST(chosen({.every = 3, .at = {1}}) == (Numbers{1, 3, 6, 9}), boost::test_tools::per_element());
    BOOST_TEST(chosen({.every = 3, .once = true}) == (Numbers{3}), boost::test_tools::per_element());
    BOOST_TEST(chosen({.after = 3, .before = 6}) == (Numbers{4, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_calls_the_hooks_of_chosen_epochs_and_all_others) {
    auto seen = Seen{};
    train(5, nbm::CallbackList(nbm::Every(nbm::every(2), seen)));
    const auto two = Numbers{2, 4};
    BOOST_TEST(seen.begins == two, boost::test_tools::per_element());
    BOOST_TEST(seen.ends == two, boost::test_tools::per_element());
    BOOST_TEST(seen.validations == two, boost::test_tools::per_element());
    BOOST_TEST(seen.batches == (Numbers{2, 2, 4, 4}), boost::test_tools::per_element());
    BOOST_TEST(seen.gradients == (Numbers{2, 2, 4, 4}), boost::test_tools::per_element());
    BOOST_TEST(seen.setups == 1U);
    BOOST_TEST(seen.teardowns == 1U);
}

BOOST_AUTO_TEST_CASE(the_last_epoch_is_known_when_it_ends_even_after_a_stop) {
    auto seen = Seen{};
    train(9, nbm::CallbackList(nbm::Every(nbm::at_end(), seen), StopAt{3}));
    // Both are of the produce stage: the stop came after it was called.
    BOOST_TEST(seen.ends.empty());
    auto saver = Saver{};
    train(9, nbm::CallbackList(nbm::Every(nbm::at_end(), saver), StopAt{3}));
    BOOST_TEST(saver.ends == (Numbers{3}), boost::test_tools::per_element());
    BOOST_TEST(saver.batches.size() == 6U);  // any epoch may turn out to be the last
}

BOOST_AUTO_TEST_CASE(best_effort_turns_errors_into_warnings) {
    auto fails = Fails{};
    const auto history = train(3, nbm::CallbackList(nbm::BestEffort(fails)));
    BOOST_TEST(fails.calls == 3U);
    BOOST_TEST((history.outcome() == nbm::Outcome::completed));
    BOOST_REQUIRE(history.warnings().size() == 3U);
    BOOST_TEST(history.warnings()[0] == "callback 'fails', on_epoch_end: no more paper");
    auto once = Fails{};
    BOOST_TEST(train(3, nbm::CallbackList(nbm::BestEffort(once, nbm::OnError::disable))).warnings().size() == 1U);
    BOOST_TEST(once.calls == 1U);
    auto list = nbm::CallbackList(nbm::BestEffort(once, nbm::OnError::disable));
    train(1, list);
    train(1, list);
    BOOST_TEST(once.calls == 3U);  // a second training tries again
    auto wrong = Fails{.in_setup = true};
    BOOST_CHECK_THROW(train(1, nbm::CallbackList(nbm::BestEffort(wrong))), nbm::CallbackError);
    BOOST_CHECK_THROW(train(1, nbm::CallbackList(nbm::BestEffort(fails, nbm::OnError::propagate))), nbm::CallbackError);
}

BOOST_AUTO_TEST_CASE(names_are_used_in_messages) {
    const auto message = message_of<nbm::CallbackError>([] { train(1, nbm::CallbackList(nbm::Named("printer", Fails{}))); });
    BOOST_TEST(message == "callback 'printer', on_epoch_end, epoch 1: no more paper");
}

BOOST_AUTO_TEST_CASE(timing_counts_calls_and_names_the_slow_callback_once) {
    for (const auto kind : {0, 1, 2}) {
        auto timing = nbm::Timing({.queue_length = 4, .warn_share = 0.5});
        auto slow = Slow{};
        auto quick = Quick{};
        auto history = nbm::History{};
        if (kind == 0) {
            history = train(4, nbm::CallbackList(quick, timing, slow));
        } else if (kind == 1) {
            auto list = nbm::DynamicCallbackList<double>();
            list.append(quick);
            list.append(slow);
            list.append(timing);
            history = train(4, list);
        } else {  // the outer list's timing measures the members of the inner one
            auto inner = nbm::DynamicCallbackList<double>();
            inner.append(slow);
            history = train(4, nbm::CallbackList(timing, nbm::CallbackList(quick), inner));
        }
        const auto entry = [&](const std::string& callback, const std::string& hook) -> const nbm::Timing::Entry& {
            const auto all = timing.entries();
            return *std::find_if(all.begin(), all.end(), [&](const auto& e) { return e.callback == callback && e.hook == hook; });
        };
        BOOST_TEST(timing.entries().size() == 3U);
        const auto& slow_entry = entry("slow", "on_batch_end");
        BOOST_TEST(slow_entry.calls == 8U);
        BOOST_TEST(slow_entry.total >= 8 * 0.002);
        BOOST_TEST(slow_entry.recent.size() == 4U);
        BOOST_TEST(slow_entry.recent_mean() >= 0.002);
        BOOST_TEST(slow_entry.longest >= slow_entry.recent_mean());
        BOOST_TEST(entry("quick", "on_epoch_end").calls == 4U);
        BOOST_TEST(timing.share("slow") > 0.5);
        BOOST_TEST(timing.share("slow") <= 1.0);
        BOOST_TEST(timing.share("quick") < 0.5);
        BOOST_TEST(has(timing.report(), "slow"));
        BOOST_REQUIRE(history.warnings().size() == 1U);
        BOOST_TEST(history.warnings()[0].starts_with("callback 'slow' takes "));
        BOOST_TEST(has(history.warnings()[0], "on_batch_end"));
        BOOST_TEST(has(message_of<nbm::InputError>([&] { timing.share("slwo"); }), "did you mean 'slow'"));
    }
    BOOST_CHECK_THROW(nbm::Timing({.queue_length = 0}), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(timing_forgets_an_earlier_training) {
    auto timing = nbm::Timing();
    auto list = nbm::CallbackList(timing, Quick{});
    train(3, list);
    train(1, list);
    BOOST_TEST(timing.entries()[0].calls == 2U);
}
