#include "fitting.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <unistd.h>

#include "machine.hpp"
#include "people.hpp"
#include "run_folder.hpp"

namespace fs = std::filesystem;

namespace {

/// Touches the run folder, and pretrains, only when all callbacks are set up and, resuming, the checkpoint is loaded: what was
/// wrong until then has destroyed nothing and cost no time.
struct BeginRun {
    static constexpr auto stage = nbm::Stage::schedule;
    static constexpr std::string_view kind = "nbm";
    const TrainOptions& options;
    std::string configuration;
    RunLock& lock;
    TrainingProfile* profile;

    void on_train_begin(auto& context) const {
        if (context.resumed) {
            remove_estimates(options.output);
        } else {
            prepare_output(options, lock);
        }
        nbm::write_text(fs::path(options.output) / "config.toml", configuration);
        if (context.resumed || !options.pretrain) { return; }
        const auto begin = std::chrono::steady_clock::now();
        pretrain_machine(context.model, context.train, options, context.stop_token());
        if (profile != nullptr) {
            profile->pretraining = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        }
        say(people(options.quiet, options.json), "training all layers\n");
        // Chains begin where the machine is now, and a run that is killed need not pretrain again.
        context.trainer.begin(context.model, context.train, context.batch_size, context.seed, false);
        context.request_checkpoint(fs::path(options.output) / "checkpoints/pretrained.ckpt", "the pretraining is over");
    }
};

/// On a line of its own, also while a line of progress is drawn.
auto warn(std::string_view sentence) -> void {
    if (::isatty(STDERR_FILENO) != 0) { fmt::print(stderr, "\r\033[K"); }
    nbm::print_warning(sentence);
}

auto is_finite(const nbm::DBM<Real>& dbm) -> bool {
    const auto finite = [](const auto& values) { return std::ranges::all_of(values, [](Real x) { return std::isfinite(x); }); };
    return std::ranges::all_of(dbm.layers(), [&](const auto& layer) { return finite(layer.bias); }) &&
           std::ranges::all_of(dbm.synapses(), [&](const auto& synapse) { return finite(synapse.weights); });
}

using Trainers = std::variant<nbm::CD<Real>, nbm::PCD<Real>, nbm::PT<Real>, nbm::Exact<Real>>;
using Optimisers = std::variant<nbm::SGD<Real>, nbm::Adam<Real>, nbm::Nadam<Real>>;

auto make_trainer(const TrainOptions& o) -> Trainers {
    const auto mean_field = nbm::MeanFieldOptions{.steps = o.mean_field_steps};
    const auto gradient = nbm::GradientOptions{.centring = {.on = o.centre},
                                               .sparsity = {.target = o.sparsity_target, .strength = o.sparsity_strength}};
    if (o.trainer == "cd") { return nbm::CD<Real>({.steps = o.steps, .mean_field = mean_field, .gradient = gradient}); }
    if (o.trainer == "pt") {
        return nbm::PT<Real>(
            {.steps = o.steps, .chains = o.chains, .temperatures = o.temperatures, .mean_field = mean_field, .gradient = gradient});
    }
    if (o.trainer == "exact") { return nbm::Exact<Real>({.gradient = gradient}); }
    return nbm::PCD<Real>({.steps = o.steps, .chains = o.chains, .mean_field = mean_field, .gradient = gradient});
}

auto make_optimiser(const TrainOptions& o) -> Optimisers {
    const auto rate = [&](double usual) { return o.learning_rate == 0.0 ? usual : o.learning_rate; };
    if (o.optimiser == "adam") {
        return nbm::Adam<Real>({.learning_rate = rate(nbm::AdamOptions{}.learning_rate), .decay = o.decay});
    }
    if (o.optimiser == "nadam") {
        return nbm::Nadam<Real>({.learning_rate = rate(nbm::NadamOptions{}.learning_rate), .decay = o.decay});
    }
    return nbm::SGD<Real>({.learning_rate = rate(0.1), .momentum = o.momentum, .nesterov = o.nesterov, .decay = o.decay});
}

}  // namespace

auto run_fit(nbm::DBM<Real>& dbm, const TrainingRows& rows, const Job& job, RunCallbacks& configured, TrainingProfile* profile,
             std::stop_token stop) -> nbm::History {
    const auto& o = job.options;
    const auto& data = rows.data();
    const auto options = nbm::FitOptions<Real>{.epochs = o.epochs,
                                               .batch_size = o.batch_size,
                                               .validation = data.valid.shape(0) == 0 ? nullptr : &data.valid,
                                               .redraw = rows.redraw(),
                                               .penalty = {.l1 = o.l1, .l2 = o.l2},
                                               .max_norm = o.max_norm,
                                               .seed = o.seed,
                                               .stop = std::move(stop),
                                               .resume = job.checkpoint,
                                               .continue_after_stop = job.continue_after_stop,
                                               .on_warning = warn,
                                               .profile = profile == nullptr ? nullptr : &profile->phases};
    auto callbacks = nbm::CallbackList(BeginRun{o, job.settings + configured.effective, *job.lock, profile}, configured.list);
    auto trainer = make_trainer(o);
    auto optimiser = make_optimiser(o);
    const auto fit = [&](auto& t, auto& u) {
        try {
            return rows.fit(dbm, t, u, options, callbacks);
        } catch (const nbm::CallbackError& error) {
            if (error.callback() == BeginRun::kind) { error.rethrow_nested(); }
            throw;
        }
    };
    auto history = std::visit(fit, trainer, optimiser);
    if (profile != nullptr) { profile->phases.callbacks -= profile->pretraining; }  // of which it was a part
    if (!is_finite(dbm)) {
        throw nbm::InputError(
            "the training diverged: its weights or cost are no finite numbers; lower --learning-rate, --momentum or --l2");
    }
    return history;
}
