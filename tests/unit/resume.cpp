#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

#include "same.hpp"

namespace {

namespace fs = std::filesystem;

/// A training of a few epochs, its last batch smaller, with all that has a state.
template <class T, class TrainerType>
struct Job {
    nbm::Matrix<T> train = nbm::digits<T>({.train = 230, .valid = 0, .test = 0, .seed = 3}).train;
    nbm::Matrix<T> valid = nbm::digits<T>({.train = 60, .valid = 0, .test = 0, .seed = 4}).train;
    std::size_t epochs = 3;
    std::stop_token stop = {};
    bool continue_after_stop = false;

    template <class... More>
    auto run(nbm::DBM<T>& dbm, const fs::path& folder, const fs::path& resume, nbm::CheckpointOptions options, More&&... more) const
        -> nbm::History {
        nbm::initialise(dbm, train, {.seed = 5});
        options.path = (folder / options.path).string();
        auto sgd = nbm::SGD<T>({.learning_rate = 0.05, .momentum = 0.8, .decay = 0.01, .momentum_ramp = nbm::MomentumRamp{}});
        return nbm::fit(
            dbm, train, TrainerType({.steps = 2}), sgd,
            {.epochs = epochs,
             .batch_size = 50,
             .validation = &valid,
             .seed = 6,
             .stop = stop,
             .resume = resume,
             .continue_after_stop = continue_after_stop,
             .on_warning = {}},
            nbm::CallbackList(nbm::CSVLogger({.filename = folder / "h.csv", .times = false}), nbm::Checkpoint(options),
                              nbm::Every(nbm::every(2), nbm::AISCallback({.runs = 5, .betas = 20})), std::forward<More>(more)...));
    }
};

template <class T>
auto machine() -> nbm::DBM<T> {
    return nbm::DBM<T>({784, 20});
}

using Jobs = std::tuple<Job<float, nbm::CD<float>>, Job<float, nbm::PCD<float>>, Job<double, nbm::PCD<double>>>;

auto files_in(const fs::path& folder) -> std::vector<std::string> {
    auto names = std::vector<std::string>{};
    for (const auto& entry : fs::directory_iterator(folder)) { names.push_back(entry.path().filename().string()); }
    std::ranges::sort(names);
    return names;
}

/// Stops after an epoch.
struct StopAfter {
    static constexpr auto stage = nbm::Stage::control;
    std::size_t epoch;
    auto on_epoch_end(const nbm::EpochInfo& info) const -> nbm::Flow {
        return info.epoch + 1 == epoch ? info.stop("that will do") : nbm::Flow::proceed;
    }
};

/// Stops, or ends the epoch, after an update.
struct StopInBatch {
    std::size_t step;
    nbm::Flow answer = nbm::Flow::stop;
    auto on_batch_end(const nbm::BatchInfo& info) const -> nbm::Flow { return info.step + 1 == step ? answer : nbm::Flow::proceed; }
};

/// Asks for a stop from outside while the end of the first epoch is measured.
struct StopWhileMeasuring {
    std::stop_source* source;
    nbm::MetricId id = {};
    void setup(nbm::SetupInfo& info) { id = info.logs().declare({"measured"}); }
    void on_epoch_end(nbm::EpochInfo& info) {
        if (source != nullptr && info.epoch == 0) { source->request_stop(); }
        if (!info.stop_token().stop_requested()) { info.logs().set(id, 1.0); }
    }
};

struct Stateful {
    void on_epoch_end(const nbm::EpochInfo&) {}
    void save_state(nbm::State&) const {}
    void load_state(const nbm::State&) {}
};

/// Asks for a stop from outside in a batch.
struct Interrupter {
    std::stop_source* source;
    std::size_t step;
    void on_batch_begin(const nbm::BatchInfo& info) const {
        if (info.step == step) { source->request_stop(); }
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_resumed_training_ends_as_if_it_had_not_been_interrupted, J, Jobs) {
    const auto folder = Temporary();
    const auto job = J{};
    auto whole = machine<typename decltype(job.train)::value_type>();
    const auto history = job.run(whole, folder / "whole", {}, {.path = "e{epoch}-{cost}.ckpt", .every_batches = 1, .keep = 0});
    const auto csv = contents(folder / "whole/h.csv");
    auto checkpoints = std::size_t{0};
    for (const std::size_t threads : {1, 2}) {
        nbm::set_threads(threads);
        // A checkpoint after each batch of each epoch: the same name within an epoch, so each resumption makes the next ones anew.
        for (std::size_t step = 1; step <= 15; step += threads == 1 ? 1 : 4) {
            const auto part = folder / ("part" + std::to_string(step));
            auto dbm = machine<typename decltype(job.train)::value_type>();
            auto interrupted = job;
            auto source = std::stop_source();
            interrupted.stop = source.get_token();
            // Cancelled in this batch: the checkpoint is the one of the cancellation.
            const auto first = interrupted.run(dbm, part, {}, {.path = "c.ckpt", .every_epochs = 0, .on_end = false},
                                               Interrupter{&source, step - 1});
            BOOST_TEST((first.outcome() == nbm::Outcome::cancelled));
            auto resumed = machine<typename decltype(job.train)::value_type>();
            const auto second = job.run(resumed, part, part / "c.ckpt", {.path = "d.ckpt"});
            BOOST_TEST(same_weights(resumed, whole));
            BOOST_TEST(same_history(second, history));
            BOOST_TEST(contents(part / "h.csv") == csv);
            ++checkpoints;
            fs::remove_all(part);
        }
    }
    nbm::set_threads(0);
    BOOST_TEST(checkpoints == 19U);
}

BOOST_AUTO_TEST_CASE(checkpoints_at_batches_resume_too) {
    const auto folder = Temporary();
    const auto job = Job<float, nbm::PCD<float>>{};
    auto whole = machine<float>();
    const auto history =
        job.run(whole, folder / "a", {}, {.path = "x.ckpt", .every_epochs = 0, .every_batches = 7, .on_end = false});
    BOOST_TEST(files_in(folder / "a") == (std::vector<std::string>{"h.csv", "x.ckpt"}), boost::test_tools::per_element());
    const auto csv = contents(folder / "a/h.csv");
    auto resumed = machine<float>();
    const auto again = job.run(resumed, folder / "a", folder / "a/x.ckpt", {.path = "y.ckpt"});
    BOOST_TEST(same_weights(resumed, whole));
    BOOST_TEST(same_history(again, history));
    BOOST_TEST(contents(folder / "a/h.csv") == csv);
}

BOOST_AUTO_TEST_CASE(newest_and_best_checkpoints_stay) {
    const auto folder = Temporary();
    auto job = Job<float, nbm::CD<float>>{};
    job.epochs = 6;
    auto dbm = machine<float>();
    // The metric of epoch n is scores[n].
    struct Scores {
        std::vector<std::optional<double>> values;
        nbm::MetricId id = {};
        void setup(nbm::SetupInfo& info) { id = info.logs().declare({.name = "score", .better = nbm::Better::higher}); }
        void on_epoch_end(nbm::EpochInfo& info) {
            if (values[info.epoch]) { info.logs().set(id, *values[info.epoch]); }
        }
    };
    auto scores = Scores{{3.0, std::nan(""), 7.0, 5.0, std::nullopt, 1.0}};
    job.run(dbm, folder / "best", {}, {.path = "{epoch}.ckpt", .keep = 1, .monitor = "score", .keep_best = 2}, scores);
    BOOST_TEST(files_in(folder / "best") == (std::vector<std::string>{"3.ckpt", "4.ckpt", "6.ckpt", "h.csv"}),
               boost::test_tools::per_element());
    job.run(dbm, folder / "rare", {},
            {.path = "{epoch}.ckpt", .every_epochs = 4, .on_end = false, .monitor = "score", .keep_best = 1}, scores);
    BOOST_TEST(files_in(folder / "rare") == (std::vector<std::string>{"3.ckpt", "4.ckpt", "h.csv"}),
               boost::test_tools::per_element());
    job.run(dbm, folder / "all", {}, {.path = "{epoch}.ckpt", .keep = 0});
    BOOST_TEST(files_in(folder / "all").size() == 7U);
    BOOST_TEST(has(message_of<nbm::Error>([&] { job.run(dbm, folder / "no", {}, {.monitor = "scor", .keep_best = 1}, scores); }),
                   "did you mean 'score'"));
    BOOST_TEST(has(message_of<nbm::Error>([&] { job.run(dbm, folder / "no", {}, {.monitor = "cost", .keep_best = 1}, scores); }),
                   "whether smaller or larger is better"));
    BOOST_TEST(!fs::exists(folder / "no"));
    BOOST_CHECK_THROW(nbm::Checkpoint({.keep_best = 1}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Checkpoint({.every_epochs = 0, .on_cancel = false, .on_end = false}), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(a_stopped_training_goes_on_only_when_asked) {
    const auto folder = Temporary();
    auto job = Job<float, nbm::PCD<float>>{};
    auto whole = machine<float>();
    const auto history = job.run(whole, folder / "whole", {}, {.path = "{epoch}.ckpt"});
    auto dbm = machine<float>();
    const auto stopped = job.run(dbm, folder / "part", {}, {.path = "{epoch}.ckpt"}, StopAfter{2});
    BOOST_TEST(stopped.stop_reason() == "StopAfter: that will do");
    const auto csv = contents(folder / "part/h.csv");
    auto resumed = machine<float>();
    const auto still = job.run(resumed, folder / "part", folder / "part/2.ckpt", {.path = "{epoch}.ckpt"});
    BOOST_TEST((still.outcome() == nbm::Outcome::stopped));
    BOOST_TEST(still.stop_reason() == "StopAfter: that will do");
    BOOST_TEST(same_weights(resumed, dbm));
    BOOST_TEST(same_history(still, stopped));
    BOOST_TEST(contents(folder / "part/h.csv") == csv);
    job.continue_after_stop = true;
    const auto done = job.run(resumed, folder / "part", folder / "part/2.ckpt", {.path = "{epoch}.ckpt"});
    BOOST_TEST((done.outcome() == nbm::Outcome::completed));
    BOOST_TEST(same_weights(resumed, whole));
    BOOST_TEST(same_history(done, history));
}

BOOST_AUTO_TEST_CASE(an_epoch_that_was_stopped_within_is_finished_when_the_training_goes_on) {
    const auto folder = Temporary();
    auto job = Job<float, nbm::PCD<float>>{};
    auto whole = machine<float>();
    const auto history = job.run(whole, folder / "whole", {}, {.path = "x.ckpt"});
    auto dbm = machine<float>();
    const auto stopped = job.run(dbm, folder / "part", {}, {.path = "x.ckpt"}, StopInBatch{7});
    BOOST_TEST(stopped.rows().size() == 2U);
    job.continue_after_stop = true;
    auto resumed = machine<float>();
    const auto done = job.run(resumed, folder / "part", folder / "part/x.ckpt", {.path = "x.ckpt"});
    BOOST_TEST(same_weights(resumed, whole));
    BOOST_TEST(same_history(done, history));
    BOOST_TEST(contents(folder / "part/h.csv") == contents(folder / "whole/h.csv"));
}

BOOST_AUTO_TEST_CASE(an_epoch_that_a_callback_ended_stays_ended) {
    const auto folder = Temporary();
    auto job = Job<float, nbm::PCD<float>>{};
    const auto ender = StopInBatch{7, nbm::Flow::end_epoch};
    auto whole = machine<float>();
    const auto history =
        job.run(whole, folder / "a", {}, {.path = "x.ckpt", .every_epochs = 0, .every_batches = 7, .on_end = false}, ender);
    auto resumed = machine<float>();
    const auto done = job.run(resumed, folder / "a", folder / "a/x.ckpt", {.path = "y.ckpt"}, ender);
    BOOST_TEST(same_weights(resumed, whole));
    BOOST_TEST(same_history(done, history));
}

BOOST_AUTO_TEST_CASE(measurements_that_a_stop_request_cut_short_are_made_again) {
    const auto folder = Temporary();
    auto job = Job<float, nbm::PCD<float>>{};
    auto whole = machine<float>();
    const auto history = job.run(whole, folder / "whole", {}, {.path = "x.ckpt"}, StopWhileMeasuring{nullptr});
    auto source = std::stop_source();
    auto interrupted = job;
    interrupted.stop = source.get_token();
    auto dbm = machine<float>();
    const auto part = interrupted.run(dbm, folder / "part", {}, {.path = "x.ckpt"}, StopWhileMeasuring{&source});
    BOOST_TEST((part.outcome() == nbm::Outcome::cancelled));
    BOOST_TEST(!part.last("measured").has_value());
    auto resumed = machine<float>();
    const auto done = job.run(resumed, folder / "part", folder / "part/x.ckpt", {.path = "x.ckpt"}, StopWhileMeasuring{nullptr});
    BOOST_TEST(same_weights(resumed, whole));
    BOOST_TEST(same_history(done, history));
    BOOST_TEST(contents(folder / "part/h.csv") == contents(folder / "whole/h.csv"));
}

BOOST_AUTO_TEST_CASE(what_would_spoil_checkpoints_is_refused_before_training) {
    const auto folder = Temporary();
    const auto job = Job<float, nbm::CD<float>>{};
    auto dbm = machine<float>();
    auto first = Stateful{};
    BOOST_TEST(has(message_of<nbm::Error>([&] { job.run(dbm, folder / "a", {}, {.path = "x.ckpt"}, Stateful{}, first); }),
                   "two callbacks with a state have the id 'Stateful'"));
    BOOST_TEST(has(message_of<nbm::Error>([&] {
                       job.run(dbm, folder / "a", {}, {.path = "x.ckpt"},
                               nbm::Named("other", nbm::Checkpoint({.path = (folder / "a/x.ckpt").string()})));
                   }),
                   "two callbacks would write to"));
    BOOST_TEST(!fs::exists(folder / "a"));
    BOOST_TEST(has(message_of<nbm::InputError>([] { nbm::Checkpoint({.path = "run/last.h5"}); }), "does not end in .ckpt"));
}

BOOST_AUTO_TEST_CASE(a_copied_run_leaves_the_checkpoints_of_the_other_alone) {
    const auto folder = Temporary();
    auto job = Job<float, nbm::CD<float>>{};
    auto dbm = machine<float>();
    job.run(dbm, folder / "a", {}, {.path = "{epoch}.ckpt", .keep = 1});
    fs::copy(folder / "a", folder / "b", fs::copy_options::recursive);
    job.epochs = 5;
    job.run(dbm, folder / "b", folder / "b/3.ckpt", {.path = "{epoch}.ckpt", .keep = 1});
    BOOST_TEST(files_in(folder / "a") == (std::vector<std::string>{"3.ckpt", "h.csv"}), boost::test_tools::per_element());
    BOOST_TEST(files_in(folder / "b") == (std::vector<std::string>{"5.ckpt", "h.csv"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(more_epochs_continue_a_finished_training) {
    const auto folder = Temporary();
    auto job = Job<float, nbm::PCD<float>>{};
    auto dbm = machine<float>();
    job.run(dbm, folder / "a", {}, {.path = "{epoch}.ckpt"});
    job.epochs = 5;
    auto whole = machine<float>();
    const auto history = job.run(whole, folder / "b", {}, {.path = "{epoch}.ckpt"});
    auto resumed = machine<float>();
    const auto more = job.run(resumed, folder / "a", folder / "a/3.ckpt", {.path = "{epoch}.ckpt"});
    BOOST_TEST(same_weights(resumed, whole));
    BOOST_TEST(same_history(more, history));
    BOOST_TEST(contents(folder / "a/h.csv") == contents(folder / "b/h.csv"));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_another_training_is_refused_in_words) {
    const auto folder = Temporary();
    auto job = Job<float, nbm::PCD<float>>{};
    job.epochs = 1;
    auto dbm = machine<float>();
    job.run(dbm, folder / "a", {}, {.path = "x.ckpt"});
    job.epochs = 2;
    const auto from = folder / "a/x.ckpt";
    const auto refused = [&](auto trainer, nbm::FitOptions<float> options, nbm::DBM<float> other) {
        options.epochs = 2;
        options.resume = from;
        return message_of<nbm::Error>([&] { nbm::fit(other, job.train, trainer, nbm::SGD<float>(), options); });
    };
    const auto right = nbm::FitOptions<float>{.batch_size = 50, .seed = 6};
    BOOST_TEST(refused(nbm::PCD<float>(), right, machine<float>()) == "nothing was thrown");
    auto other = right;
    other.batch_size = 40;
    BOOST_TEST(has(refused(nbm::PCD<float>(), other, machine<float>()), "batch_size 50; this one has 40"));
    other = right;
    other.seed = 7;
    BOOST_TEST(has(refused(nbm::PCD<float>(), other, machine<float>()), "seed 6; this one has 7"));
    other = right;
    other.shuffle = false;
    BOOST_TEST(has(refused(nbm::PCD<float>(), other, machine<float>()), "shuffle true"));
    BOOST_TEST(has(refused(nbm::CD<float>(), right, machine<float>()), "'pcd'; this training uses 'cd'"));
    BOOST_TEST(has(refused(nbm::PCD<float>({.chains = 10}), right, machine<float>()), "50 chains; this training has 10"));
    BOOST_TEST(has(refused(nbm::PCD<float>(), right, nbm::DBM<float>({784, 30})), "784-20, not 784-30"));
    fs::resize_file(from, fs::file_size(from) - 1);
    const auto untouched = machine<float>();
    auto kept = machine<float>();
    BOOST_TEST(has(message_of<nbm::FileError>([&] {
                       nbm::fit(kept, job.train, nbm::PCD<float>(), nbm::SGD<float>(),
                                {.epochs = 2, .batch_size = 50, .seed = 6, .resume = from});
                   }),
                   from.string()));
    BOOST_TEST(same_weights(kept, untouched));
}

BOOST_AUTO_TEST_CASE(rows_that_are_gone_are_missed_and_other_files_are_kept) {
    const auto folder = Temporary();
    auto job = Job<float, nbm::PCD<float>>{};
    job.epochs = 2;
    auto dbm = machine<float>();
    job.run(dbm, folder / "a", {}, {.path = "x.ckpt"});
    job.epochs = 3;
    fs::remove(folder / "a/h.csv");
    const auto history = job.run(dbm, folder / "a", folder / "a/x.ckpt", {.path = "x.ckpt"});
    BOOST_REQUIRE(history.warnings().size() == 1U);
    BOOST_TEST(has(history.warnings()[0], "h.csv is shorter"));
    const auto text = contents(folder / "a/h.csv");
    BOOST_TEST(std::count(text.begin(), text.end(), '\n') == 2);
    std::ofstream(folder / "a/h.csv") << "my notes\n";
    job.epochs = 4;
    const auto further = job.run(dbm, folder / "a", folder / "a/x.ckpt", {.path = "x.ckpt"});
    BOOST_TEST(has(further.warnings()[0], "another header"));
    BOOST_TEST(contents(folder / "a/h.csv") == "my notes\n");
    BOOST_TEST(contents(folder / "a/h.2.csv").starts_with("epoch,cost"));
}

BOOST_AUTO_TEST_CASE(a_trainer_without_a_state_cannot_be_checkpointed) {
    struct Plain {
        nbm::CD<double> cd = nbm::CD<double>();
        void begin(const nbm::DBM<double>& dbm, const nbm::Matrix<double>& v, std::size_t n, std::size_t seed, bool r) {
            cd.begin(dbm, v, n, seed, r);
        }
        double gradient(const nbm::DBM<double>& dbm, nbm::MatrixView<const double> v, nbm::Gradient<double>& g) {
            return cd.gradient(dbm, v, g);
        }
        double evaluate(const nbm::DBM<double>& dbm, const nbm::Matrix<double>& v) { return cd.evaluate(dbm, v); }
    };
    const auto data = nbm::bars_and_stripes<double>(2);
    auto dbm = nbm::DBM<double>({4, 2});
    const auto folder = Temporary();
    BOOST_TEST(has(message_of<nbm::Error>([&] {
                       nbm::fit(dbm, data.train, Plain(), nbm::SGD<double>(), {.epochs = 1},
                                nbm::CallbackList(nbm::Checkpoint({.path = folder / "x.ckpt"})));
                   }),
                   "no save_state"));
    BOOST_TEST(files_in(folder.path()).empty());
}
