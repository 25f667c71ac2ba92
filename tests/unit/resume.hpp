// Tests of callbacks with a state: a training that is resumed must end as if it had never been interrupted. After `import nbm;`.
#pragma once

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "same.hpp"
#include "temporary.hpp"

/// Asks for a checkpoint after some update.
struct SaveAt {
    static constexpr auto stage = nbm::Stage::persist;
    std::size_t step;
    std::filesystem::path path;
    void on_batch_end(const nbm::BatchInfo& info) {
        if (info.step == step) { info.request_checkpoint(path, "the test wants it"); }
    }
};

/// Keeps the machine of each epoch and each update.
struct Keeper {
    std::vector<nbm::DBM<double>> epochs;
    std::vector<nbm::DBM<double>> updates;
    void on_epoch_end(const nbm::ModelContext<nbm::EpochInfo, double>& context) { epochs.push_back(context.model); }
    void on_batch_end(const nbm::ModelContext<nbm::BatchInfo, double>& context) { updates.push_back(context.model); }
};

/// A training of a tiny machine, three batches an epoch.
struct TinyRun {
    nbm::DBM<double> dbm = nbm::DBM<double>({9, 5});
    nbm::History history;

    template <class List>
    void fit(std::size_t epochs, List&& list, const std::filesystem::path& resume = {},
             nbm::SGD<double> sgd = nbm::SGD<double>({.learning_rate = 0.1, .momentum = 0.5, .decay = 0.01})) {
        const auto data = nbm::bars_and_stripes<double>(3);
        nbm::initialise(dbm, data.train, {.seed = 1});
        history =
            nbm::fit(dbm, data.train, nbm::PCD<double>({.chains = 10}), sgd,
                     {.epochs = epochs, .batch_size = 5, .validation = &data.valid, .resume = resume, .on_warning = {}}, list);
    }
};

/// append(list) adds fresh callbacks to a DynamicCallbackList<double>. Interrupts the training after each of its updates in turn.
template <class F>
void check_resume(std::size_t epochs, F append,
                  const nbm::SGD<double>& resumed_with = nbm::SGD<double>({.learning_rate = 0.1, .momentum = 0.5, .decay = 0.01})) {
    auto whole = TinyRun();
    auto list = nbm::DynamicCallbackList<double>();
    append(list);
    whole.fit(epochs, list);
    const auto folder = Temporary();
    for (std::size_t step = 0; step != epochs * 3; ++step) {
        const auto path = folder / (std::to_string(step) + ".ckpt");
        auto first = nbm::DynamicCallbackList<double>();
        append(first);
        first.append(SaveAt{step, path});
        TinyRun().fit(epochs, first);
        if (!std::filesystem::exists(path)) { continue; }  // the training was stopped before
        auto second = nbm::DynamicCallbackList<double>();
        append(second);
        auto resumed = TinyRun();
        resumed.fit(epochs, second, path, resumed_with);
        BOOST_TEST(same_weights(resumed.dbm, whole.dbm), "weights, resumed after step " << step);
        BOOST_TEST(same_history(resumed.history, whole.history), "history, resumed after step " << step);
        BOOST_TEST(resumed.history.stop_reason() == whole.history.stop_reason());
    }
}
