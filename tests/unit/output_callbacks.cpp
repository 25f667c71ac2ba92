#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "event_reader.hpp"
#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

#include "output_helpers.hpp"

namespace {

namespace fs = std::filesystem;

/// Metrics with hostile names and values: NaN, infinities, absent in even epochs, a list.
struct Producer {
    std::string odd = "odd \"name\"\\\n\x01\xC3\xA9\xFF";
    std::vector<nbm::MetricId> ids = {};
    void setup(nbm::SetupInfo& info) {
        ids.clear();
        for (const auto& name : {std::string("nan"), std::string("inf"), std::string("sometimes"), std::string("list"), odd}) {
            ids.push_back(info.logs().declare({name}));
        }
    }
    void on_epoch_end(nbm::EpochInfo& info) {
        info.logs().set(ids[0], std::nan(""));
        info.logs().set(ids[1], (info.epoch == 0 ? 1 : -1) * std::numeric_limits<double>::infinity());
        if (info.epoch % 2 == 0) { info.logs().set(ids[2], 0.1); }
        info.logs().set(ids[3], {1.0, 2.5, std::nan("")});
        info.logs().set(ids[4], 1e300);
    }
};

struct Crash {
    std::size_t step;
    void on_batch_end(const nbm::BatchInfo& info) const {
        if (info.step == step) { throw std::runtime_error("crash"); }
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(json_lines_hold_each_metric_exactly) {
    const auto folder = Temporary();
    const auto path = folder / "sub/h.jsonl";
    const auto [dbm, history] =
        train({4, 2}, {.epochs = 2}, nbm::CallbackList(nbm::JSONLLogger({.filename = path, .times = false}), Producer{}));
    const auto lines = lines_of(path);
    BOOST_REQUIRE(lines.size() == 2U);
    BOOST_TEST(contents(path).ends_with("}\n"));
    const auto end = std::string(R"(,"list":[1,2.5,"NaN"],"odd \"name\"\\\u000a\u0001)") + "\xC3\xA9" + R"(\ufffd":1e+300})";
    const auto begin = std::string(R"({"epoch":1,"step":2,"cost":)");
    BOOST_TEST(lines[0].starts_with(begin));
    BOOST_TEST(std::stod(lines[0].substr(begin.size())) == history.column("cost")[0].value());  // to the last bit
    BOOST_TEST(lines[0].ends_with(R"(,"nan":"NaN","inf":"Infinity","sometimes":0.1)" + end));
    BOOST_TEST(lines[1].starts_with(R"({"epoch":2,"step":4,"cost":)"));
    BOOST_TEST(lines[1].ends_with(R"(,"nan":"NaN","inf":"-Infinity")" + end));
}

BOOST_AUTO_TEST_CASE(json_lines_have_the_time_and_are_replaced_or_appended_to) {
    const auto folder = Temporary();
    const auto path = folder / "h.jsonl";
    auto list = nbm::CallbackList(nbm::JSONLLogger({.filename = path}));
    train({4, 2}, {.epochs = 3}, list);
    train({4, 2}, {.epochs = 2}, list);
    const auto lines = lines_of(path);
    BOOST_REQUIRE(lines.size() == 2U);
    const auto form = std::regex(
        R"re(\{"epoch":2,"step":4,"time":"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\dZ","cost":[-+.e0-9]+,"seconds":[-.e0-9]+\})re");
    BOOST_TEST(std::regex_match(lines[1], form));
    std::ofstream(path, std::ios::app) << R"({"epoch":3,"st)";  // a run that was killed
    train({4, 2}, {.epochs = 1}, nbm::CallbackList(nbm::JSONLLogger({.filename = path, .append = true})));
    const auto more = lines_of(path);
    BOOST_REQUIRE(more.size() == 4U);
    BOOST_TEST(more[0] == lines[0]);
    BOOST_TEST(more[2] == R"({"epoch":3,"st)");
    BOOST_TEST(more[3].starts_with(R"({"epoch":1,"step":2,)"));
}

BOOST_AUTO_TEST_CASE(json_lines_refuse_what_would_be_lost) {
    BOOST_TEST(has(message_of<nbm::InputError>([] { nbm::JSONLLogger({.filename = ""}); }), "filename is empty"));
    const auto folder = Temporary();
    auto producer = Producer{.odd = "step"};
    auto taken = nbm::CallbackList(producer, nbm::JSONLLogger({.filename = folder / "h"}));
    BOOST_TEST(has(message_of<nbm::Error>([&] { train({4, 2}, {.epochs = 1}, taken); }), "the metric 'step'"));
    BOOST_TEST(!fs::exists(folder / "h"));
    auto nowhere = nbm::CallbackList(nbm::JSONLLogger({.filename = "/proc/none/h"}));
    BOOST_TEST(has(message_of<nbm::Error>([&] { train({4, 2}, {.epochs = 1}, nowhere); }), "/proc/none"));
}

BOOST_AUTO_TEST_CASE(a_resumed_training_leaves_the_same_json_lines) {
    const auto folder = Temporary();
    const auto whole = folder / "whole.jsonl";
    const auto parts = folder / "parts.jsonl";
    train({4, 2}, {.epochs = 4}, nbm::CallbackList(nbm::JSONLLogger({.filename = whole, .times = false})));
    const auto checkpoint = nbm::CheckpointOptions{
        .path = (folder / "c/{epoch}.ckpt").string(), .every_epochs = 0, .every_batches = 3, .on_end = false};
    auto crashing = nbm::CallbackList(nbm::JSONLLogger({.filename = parts, .times = false}), nbm::Checkpoint(checkpoint), Crash{4});
    BOOST_CHECK_THROW(train({4, 2}, {.epochs = 4}, crashing), nbm::CallbackError);
    BOOST_TEST(lines_of(parts).size() == 2U);
    const auto found = files_in(folder / "c");
    BOOST_REQUIRE(found.size() == 1U);  // after the third update, in the middle of epoch 2, whose line is written again
    auto list = nbm::DynamicCallbackList<double>();
    list.append(nbm::JSONLLogger({.filename = parts, .times = false}));
    list.append(nbm::Checkpoint(checkpoint));
    train({4, 2}, {.epochs = 4, .resume = found[0]}, list);
    BOOST_TEST(contents(parts) == contents(whole));
}

BOOST_AUTO_TEST_CASE(tensorboard_gets_each_metric_and_the_parameters) {
    const auto folder = Temporary();
    auto producer = Producer{.odd = "odd"};
    auto list = nbm::CallbackList(nbm::TensorBoard({.folder = folder / "tb", .histograms = 2}), producer);
    const auto [dbm, history] = train({4, 3, 2}, {.epochs = 3}, list);
    const auto found = files_in(folder / "tb");
    BOOST_REQUIRE(found.size() == 1U);
    const auto all = events::read_events(found[0]);
    BOOST_REQUIRE(all.size() > 2U);
    BOOST_TEST(all[1].session_status == 1U);
    BOOST_TEST(all[1].step == 1);
    auto costs = std::vector<float>{};
    auto tags = std::set<std::string>{};
    auto histogram_steps = std::set<std::int64_t>{};
    for (const auto& event : all) {
        for (const auto& value : event.values) {
            tags.insert(value.tag + (event.step == 2 ? "@2" : ""));
            if (value.tag == "cost") { costs.push_back(value.scalar.value()); }
            if (value.histogram) { histogram_steps.insert(event.step); }
            if (value.tag != "weights/h1-2" || event.step != 3) { continue; }
            auto sum = 0.0;
            for (const auto w : dbm.weights(1, 2)) { sum += w; }
            BOOST_TEST(value.histogram->num == 6.0);
            BOOST_TEST(value.histogram->sum == sum, boost::test_tools::tolerance(1e-12));
        }
    }
    BOOST_REQUIRE(costs.size() == 3U);
    for (std::size_t e = 0; e != 3; ++e) { BOOST_TEST(costs[e] == float(history.column("cost")[e].value())); }
    for (const auto* tag : {"list/0", "list/2@2", "sometimes", "bias/h0", "bias/h2@2", "weights/h0-1", "inf", "odd@2", "seconds"}) {
        BOOST_TEST(tags.contains(tag), tag);
    }
    BOOST_TEST(!tags.contains("sometimes@2"));  // absent
    BOOST_TEST((histogram_steps == std::set<std::int64_t>{2, 3}));
}

BOOST_AUTO_TEST_CASE(tensorboard_shows_filters_and_the_trainers_chains) {
    const auto folder = Temporary();
    const auto data = nbm::bars_and_stripes<double>(2);
    auto pictures = std::vector<std::string>{};
    for (const auto dynamic : {false, true}) {
        const auto place = folder / (dynamic ? "d" : "s");
        auto dbm = nbm::DBM<double>({4, 3, 2});
        nbm::initialise(dbm, data.train);
        auto trainer = nbm::PCD<double>();
        auto board = nbm::TensorBoard({.folder = place, .step = nbm::TensorBoardStep::update, .images = 2, .tiles = 2});
        const auto options = nbm::FitOptions<double>{.epochs = 4, .batch_size = 3};
        if (dynamic) {
            auto list = nbm::DynamicCallbackList<double>();
            list.append(board);
            nbm::fit(dbm, data.train, trainer, nbm::SGD<double>(), options, list);
        } else {
            nbm::fit(dbm, data.train, trainer, nbm::SGD<double>(), options, nbm::CallbackList(board));
        }
        auto probabilities = nbm::zero_matrix<double>(trainer.chains().count(), 4);
        dbm.conditional(0, trainer.chains().states, probabilities);
        const auto shown = nbm::slice(std::as_const(probabilities), {0, 2});
        auto steps = std::vector<std::int64_t>{};
        for (const auto& event : events::read_events(files_in(place).at(0))) {
            for (const auto& value : event.values) {
                if (!value.image) { continue; }
                steps.push_back(event.step);
                if (event.step != 8) { continue; }
                BOOST_TEST(
                    (value.image->png == (value.tag == "filters" ? bytes(nbm::tile_images<double>(transposed(dbm.weights(0, 1), 2),
                                                                                                  {2, 2}, 2, nbm::Grey::symmetric))
                                                                 : bytes(nbm::tile_images<double>(shown, {2, 2}, 2)))));
                pictures.push_back(value.image->png);
            }
        }
        BOOST_TEST(steps == (std::vector<std::int64_t>{4, 4, 8, 8}), boost::test_tools::per_element());  // updates
    }
    BOOST_REQUIRE(pictures.size() == 4U);
    BOOST_TEST((pictures[0] == pictures[2] && pictures[1] == pictures[3]));
}

BOOST_AUTO_TEST_CASE(tensorboard_goes_on_in_a_second_file) {
    const auto folder = Temporary();
    for (const auto step : {nbm::TensorBoardStep::epoch, nbm::TensorBoardStep::update}) {
        const auto place = folder / (step == nbm::TensorBoardStep::epoch ? "e" : "u");
        const auto options = nbm::TensorBoardOptions{.folder = place / "tb", .step = step, .images = 1, .tiles = 3, .sweeps = 5};
        const auto checkpoint = nbm::CheckpointOptions{
            .path = (place / "c/{epoch}.ckpt").string(), .every_epochs = 0, .every_batches = 5, .on_end = false};
        auto crashing = nbm::CallbackList(nbm::TensorBoard(options), nbm::Checkpoint(checkpoint), Crash{6});
        BOOST_CHECK_THROW(train({4, 2}, {.epochs = 4}, crashing), nbm::CallbackError);
        train({4, 2}, {.epochs = 4, .resume = files_in(place / "c").at(0)}, nbm::CallbackList(nbm::TensorBoard(options)));
        const auto found = files_in(place / "tb");
        BOOST_REQUIRE(found.size() == 2U);
        const auto first = events::read_events(found[0]);
        const auto second = events::read_events(found[1]);
        BOOST_TEST(first.at(1).step == 1);
        BOOST_TEST(second.at(1).session_status == 1U);
        BOOST_TEST(second.at(1).step == (step == nbm::TensorBoardStep::epoch ? 3 : 5));  // epoch 3 is under way
        BOOST_TEST(second.at(2).step == (step == nbm::TensorBoardStep::epoch ? 3 : 6));
        // What the crashed session wrote of epoch 3 comes again, the same.
        auto again = std::size_t{0};
        for (const auto& a : first) {
            for (const auto& b : second) {
                if (a.step != b.step || a.values.empty() || b.values.empty() || a.values[0].tag != b.values[0].tag) { continue; }
                ++again;
                if (a.values[0].tag == "cost") { BOOST_TEST(a.values[0].scalar.value() == b.values[0].scalar.value()); }
                if (a.values[0].image) { BOOST_TEST((a.values[0].image->png == b.values[0].image->png)); }
            }
        }
        BOOST_TEST(again == 4U);  // cost, seconds, filters, samples
    }
}
