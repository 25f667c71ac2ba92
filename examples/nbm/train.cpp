#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "estimate.hpp"
#include "fitting.hpp"
#include "interrupt.hpp"
#include "machine.hpp"
#include "people.hpp"
#include "pictures.hpp"
#include "profile.hpp"
#include "report/html.hpp"
#include "report/report.hpp"
#include "results.hpp"
#include "rows.hpp"
#include "run_callbacks.hpp"
#include "streaming.hpp"
#include "train.hpp"

namespace fs = std::filesystem;

namespace {

auto method_of(const TrainOptions& o) -> std::string {
    if (o.trainer == "exact") { return "by its exact gradient"; }
    return fmt::format("by {}-{}", o.trainer == "cd" ? "CD" : o.trainer == "pcd" ? "PCD" : "PT", o.steps);
}

/// An interruption is told in any case: standard output may be kept for a result, or nobody may read it any more.
auto interruption_stream(const TrainOptions& o) -> std::FILE* {
    auto* const stream = people(o.quiet, o.json);
    return stream == nullptr || std::ferror(stream) != 0 ? stderr : stream;
}

auto check_options(const TrainOptions& o) -> void {
    for (const auto epoch : o.save_epochs) {
        if (epoch > o.epochs) {
            throw nbm::InputError(fmt::format("--save-epochs: there is no epoch {} in {} epochs", epoch, o.epochs));
        }
    }
}

}  // namespace

auto train(const Job& job) -> bool {
    const auto begin = std::chrono::steady_clock::now();
    const auto started = std::chrono::system_clock::now();
    const auto& o = job.options;
    const auto resumed = !job.checkpoint.empty();
    auto* const stream = people(o.quiet, o.json);
    check_options(o);
    if (!resumed) { check_output(o); }
    auto callbacks = make_run_callbacks(job.config, o, resumed);
    for (const auto& warning : callbacks.warnings) { nbm::print_warning(warning); }
    nbm::set_threads(o.threads);
    const auto rows = TrainingRows(o);
    const auto& data = rows.data();
    say(stream, "data {}: {}\n", o.data, rows.describe());
    auto dbm = nbm::DBM<Real>(topology_of(o, data.train.shape(1)));
    rows.initialise(dbm, {.seed = o.seed, .weights = o.weights == "orthogonal" ? nbm::Weights::orthogonal : nbm::Weights::normal});
    if (o.initial_weights != "none" && !resumed) { begin_with_weights(dbm, o); }

    say(stream, "training {} {} {} for {} epochs\n", dbm.topology().is_rbm() ? "an RBM" : "a DBM", dbm.topology().describe(),
        method_of(o), o.epochs);
    if (resumed) { say(stream, "going on from {}\n", job.checkpoint); }
    const auto interrupt = Interrupt();
    auto profile = o.profile ? std::optional(TrainingProfile{}) : std::nullopt;
    auto* const asked_profile = profile ? &*profile : nullptr;
    auto history = nbm::History{};
    try {
        history = run_fit(dbm, rows, job, callbacks, asked_profile, interrupt.token());
    } catch (const nbm::Cancelled&) {
        say(interruption_stream(o), "interrupted while pretraining, of which nothing is kept; start again with: {}\n",
            start_again(o));
        return false;
    }
    nbm::save_weights(dbm, fs::path(o.output) / "weights/final.h5");
    if (profile) {
        measure_floor(dbm.topology(), o, std::min(o.batch_size, rows.count()), *profile);
        print(*profile, stream);
    }
    if (history.outcome() == nbm::Outcome::cancelled) {
        say(interruption_stream(o),
            "interrupted in epoch {}; the weights so far are in {}/weights/final.h5, no likelihood was estimated\n",
            history.rows().size(), o.output);
        if (has_checkpoint(o.output)) { say(interruption_stream(o), "go on with: nbm resume {}\n", shell_path(o.output)); }
        return false;
    }

    announce_ais(o);
    auto likelihood = Likelihood{};
    try {
        likelihood = estimate(dbm, &data, o, false, interrupt.token());
    } catch (const nbm::Cancelled&) {
        say(interruption_stream(o),
            "interrupted while log Z was estimated; the training is over, its weights are in {0}/weights/final.h5\n"
            "estimate again with: nbm {2} {1}\n",
            o.output, shell_path(o.output), has_checkpoint(o.output) ? "resume" : "ais");
        return false;
    }
    likelihood.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const auto summary = write_summary({likelihood, history, dbm.topology(), rows.sizes(), started, asked_profile}, o);
    const auto text = describe(likelihood, is_binary(data));
    if (!callbacks.summary.empty()) { append_text(callbacks.summary, text); }
    say(stream, "{}", text);
    write_ais_json(likelihood.annealing, fs::path(o.output) / "ais.json");
    const auto pictures = o.no_pictures ? std::string{} : write_pictures(dbm, data.train, likelihood.annealing, o, stream);
    try {
        write_report(o.output);
    } catch (const nbm::Error& error) { nbm::print_warning(fmt::format("no report.html: {}", error.what())); }
    say(stream, "{:.1f} s; results in {}/: report.html, {}weights/final.h5{}\n", likelihood.seconds, o.output,
        callbacks.summary.empty() ? "" : "summary.txt, ", pictures);
    if (o.json) { fmt::print("{}", summary); }
    return true;
}
