#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "configuration.hpp"
#include "estimate.hpp"
#include "fitting.hpp"
#include "machine.hpp"
#include "profile.hpp"
#include "results.hpp"
#include "rows.hpp"
#include "streaming.hpp"
#include "train.hpp"

namespace fs = std::filesystem;

namespace {

auto method_of(const TrainOptions& o) -> std::string {
    if (o.trainer == "exact") { return "by its exact gradient"; }
    return fmt::format("by {}-{}", o.trainer == "cd" ? "CD" : o.trainer == "pcd" ? "PCD" : "PT", o.steps);
}

}  // namespace

auto train(const Job& job) -> bool {
    const auto begin = std::chrono::steady_clock::now();
    const auto& o = job.options;
    const auto resumed = !job.checkpoint.empty();
    for (const auto epoch : o.save_epochs) {
        if (epoch > o.epochs) {
            throw nbm::InputError(fmt::format("--save-epochs: there is no epoch {} in {} epochs", epoch, o.epochs));
        }
    }
    if (!resumed) { check_output(o); }
    auto callbacks = make_run_callbacks(job.config, o, resumed);
    nbm::set_threads(o.threads);
    const auto rows = TrainingRows(o);
    const auto& data = rows.data();
    fmt::print("data {}: {}\n", o.data, rows.describe());
    auto dbm = nbm::DBM<Real>(topology_of(o, data.train.shape(1)));
    rows.initialise(dbm, {.seed = o.seed, .weights = o.weights == "orthogonal" ? nbm::Weights::orthogonal : nbm::Weights::normal});

    fmt::print("training {} {} {} for {} epochs\n", dbm.topology().is_rbm() ? "an RBM" : "a DBM", dbm.topology().describe(),
               method_of(o), o.epochs);
    if (resumed) { fmt::print("going on from {}\n", job.checkpoint); }
    std::fflush(stdout);
    auto profile = o.profile ? std::optional(TrainingProfile{}) : std::nullopt;
    auto* const asked_profile = profile ? &*profile : nullptr;
    auto history = nbm::History{};
    try {
        history = run_fit(dbm, rows, job, callbacks, asked_profile);
    } catch (const nbm::Cancelled&) {
        fmt::print("interrupted while pretraining, of which nothing is kept; start again with: {}\n", start_again(o));
        return false;
    }
    nbm::save_weights(dbm, fs::path(o.output) / "weights.h5");
    if (profile) {
        measure_floor(dbm.topology(), o, std::min(o.batch_size, rows.count()), *profile);
        print(*profile);
    }
    if (history.outcome() == nbm::Outcome::cancelled) {
        fmt::print("interrupted in epoch {}; the weights so far are in {}/weights.h5, no likelihood was estimated\n",
                   history.rows().size(), o.output);
        if (has_checkpoint(o.output)) { fmt::print("go on with: nbm resume {}\n", o.output); }
        return false;
    }

    announce_ais(o);
    auto likelihood = estimate(dbm, &data, o, false);
    likelihood.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    write_summary(likelihood, o, asked_profile);
    print(likelihood, is_binary(data));
    const auto pictures = write_pictures(dbm, data.train, o);
    fmt::print("{:.1f} s; results in {}/: history.csv, weights.h5, {}summary.json\n", likelihood.seconds, o.output,
               pictures ? "samples.png, filters.png, " : "");
    return true;
}
