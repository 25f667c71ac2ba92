#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <fmt/format.h>

#include "configuration.hpp"
#include "machine.hpp"
#include "results.hpp"
#include "train.hpp"

namespace fs = std::filesystem;

namespace {

volatile std::sig_atomic_t interrupted = 0;

/// The first Ctrl-C asks for an orderly end, the second one ends at once.
extern "C" void on_interrupt(int) {
    interrupted = 1;
    std::signal(SIGINT, SIG_DFL);
}

/// Turns Ctrl-C into a stop request while it lives; a signal handler may not make one itself.
class Interrupt {
public:
    Interrupt() : watcher_([this](const std::stop_token& done) { watch(done); }) { std::signal(SIGINT, on_interrupt); }
    Interrupt(const Interrupt&) = delete;
    auto operator=(const Interrupt&) -> Interrupt& = delete;
    ~Interrupt() { std::signal(SIGINT, SIG_DFL); }
    auto token() const -> std::stop_token { return source_.get_token(); }

private:
    auto watch(const std::stop_token& done) -> void {
        while (!done.stop_requested() && interrupted == 0) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
        if (interrupted != 0) { source_.request_stop(); }
    }

    std::stop_source source_;
    std::jthread watcher_;
};

auto load(const TrainOptions& o) -> nbm::Dataset<Real> {
    auto dataset = nbm::load_dataset<Real>(o.data, o.seed);
    const auto how = o.binarise == "grey"        ? nbm::Binarise::grey
                     : o.binarise == "threshold" ? nbm::Binarise::threshold
                                                 : nbm::Binarise::sample;
    nbm::binarise(dataset, how, o.seed);
    return dataset;
}

auto is_binary(const nbm::Matrix<Real>& rows) -> bool {
    return std::ranges::all_of(rows, [](Real x) { return x == Real{0} || x == Real{1}; });
}

auto show(const nbm::Estimate& e) -> std::string { return fmt::format("{:.2f} nats [{:.2f}, {:.2f}]", e.value, e.low, e.high); }

auto betas(const TrainOptions& o) -> nbm::Betas {
    return o.ais_schedule == "linear" ? nbm::linear(o.ais_betas) : nbm::three_piece(o.ais_betas);
}

/// Touches the run folder, and pretrains, only when all callbacks are set up and, resuming, the checkpoint is loaded: what was
/// wrong until then has destroyed nothing and cost no time.
struct BeginRun {
    static constexpr auto stage = nbm::Stage::schedule;
    static constexpr std::string_view kind = "nbm";
    const TrainOptions& options;
    std::string configuration;

    void on_train_begin(auto& context) const {
        if (!context.resumed) { prepare_output(options); }
        nbm::write_text(fs::path(options.output) / "config.toml", configuration);
        if (context.resumed || !options.pretrain) { return; }
        pretrain_machine(context.model, context.train, options, context.stop_token());
        fmt::print("training all layers\n");
        // Chains begin where the machine is now, and a run that is killed need not pretrain again.
        context.trainer.begin(context.model, context.train, context.batch_size, context.seed, false);
        context.request_checkpoint(fs::path(options.output) / "checkpoints/pretrained.ckpt", "the pretraining is over");
    }
};

auto is_finite(const nbm::DBM<Real>& dbm) -> bool {
    const auto finite = [](const auto& values) { return std::ranges::all_of(values, [](Real x) { return std::isfinite(x); }); };
    return std::ranges::all_of(dbm.layers(), [&](const auto& layer) { return finite(layer.bias); }) &&
           std::ranges::all_of(dbm.synapses(), [&](const auto& synapse) { return finite(synapse.weights); });
}

auto run_fit(nbm::DBM<Real>& dbm, const nbm::Dataset<Real>& data, const Job& job, RunCallbacks& configured) -> nbm::History {
    const auto& o = job.options;
    const auto interrupt = Interrupt();
    const auto options = nbm::FitOptions<Real>{.epochs = o.epochs,
                                               .batch_size = o.batch_size,
                                               .validation = data.valid.shape(0) == 0 ? nullptr : &data.valid,
                                               .penalty = {.l1 = o.l1, .l2 = o.l2},
                                               .seed = o.seed,
                                               .stop = interrupt.token(),
                                               .resume = job.checkpoint,
                                               .continue_after_stop = job.continue_after_stop};
    auto callbacks = nbm::CallbackList(BeginRun{o, job.settings + configured.effective}, configured.list);
    auto optimiser =
        nbm::SGD<Real>({.learning_rate = o.learning_rate, .momentum = o.momentum, .nesterov = o.nesterov, .decay = o.decay});
    const auto fit = [&](auto trainer) {
        try {
            return nbm::fit(dbm, data.train, trainer, optimiser, options, callbacks);
        } catch (const nbm::CallbackError& error) {
            if (error.callback() == BeginRun::kind) { error.rethrow_nested(); }
            throw;
        }
    };
    auto history =
        o.trainer == "cd" ? fit(nbm::CD<Real>({.steps = o.steps})) : fit(nbm::PCD<Real>({.steps = o.steps, .chains = o.chains}));
    if (!is_finite(dbm)) {
        throw nbm::InputError(
            "the training diverged: its weights or cost are no finite numbers; lower --learning-rate, --momentum or --l2");
    }
    return history;
}

auto estimate(const nbm::DBM<Real>& dbm, const nbm::Dataset<Real>& data, const TrainOptions& o) -> Likelihood {
    auto result = Likelihood{};
    result.log_z = nbm::AIS<Real>(dbm, data.train, {.runs = o.ais_runs, .betas = betas(o), .seed = o.seed}).run_log_z();
    if (!dbm.topology().is_rbm()) { return result; }
    result.train = nbm::mean_log_probability(dbm, data.train, result.log_z);
    if (data.test.shape(0) != 0) { result.test = nbm::mean_log_probability(dbm, data.test, result.log_z); }
    return result;
}

auto print(const Likelihood& likelihood, bool binary) -> void {
    const auto& log_z = likelihood.log_z;
    fmt::print("\nlog Z                 {}   (effective sample size {:.1f} of {} runs)\n", show(log_z), log_z.effective_sample_size,
               log_z.runs);
    if (likelihood.train) { fmt::print("train log-probability {}\n", show(*likelihood.train)); }
    if (likelihood.test) { fmt::print("test log-probability  {}\n", show(*likelihood.test)); }
    if (likelihood.train && !binary) {
        fmt::print("grey data: these are lower bounds on the log-probability of binary rows drawn from them\n");
    }
    if (log_z.effective_sample_size < 0.1 * static_cast<double>(log_z.runs)) {
        fmt::print("few runs carry most of the weight: raise --ais-betas before you trust these numbers\n");
    }
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
    const auto data = load(o);
    fmt::print("data {}: {} training, {} validation, {} test rows of {} units\n", o.data, data.train.shape(0), data.valid.shape(0),
               data.test.shape(0), data.train.shape(1));
    auto dbm = nbm::DBM<Real>(topology_of(o, data.train.shape(1)));
    nbm::initialise(dbm, data.train,
                    {.seed = o.seed, .weights = o.weights == "orthogonal" ? nbm::Weights::orthogonal : nbm::Weights::normal});

    fmt::print("training {} {} by {}-{} for {} epochs\n", dbm.topology().is_rbm() ? "an RBM" : "a DBM", dbm.topology().describe(),
               o.trainer == "cd" ? "CD" : "PCD", o.steps, o.epochs);
    if (resumed) { fmt::print("going on from {}\n", job.checkpoint); }
    std::fflush(stdout);
    auto history = nbm::History{};
    try {
        history = run_fit(dbm, data, job, callbacks);
    } catch (const nbm::Cancelled&) {
        fmt::print("interrupted while pretraining, of which nothing is kept; start again with: {}\n", start_again(o));
        return false;
    }
    nbm::save_weights(dbm, fs::path(o.output) / "weights.h5");
    if (history.outcome() == nbm::Outcome::cancelled) {
        fmt::print("interrupted in epoch {}; the weights so far are in {}/weights.h5, no likelihood was estimated\n",
                   history.rows().size(), o.output);
        if (has_checkpoint(o.output)) { fmt::print("go on with: nbm resume {}\n", o.output); }
        return false;
    }

    fmt::print("estimating log Z by AIS: {} runs x {} inverse temperatures ({})\n", o.ais_runs, o.ais_betas, o.ais_schedule);
    std::fflush(stdout);
    auto likelihood = estimate(dbm, data, o);
    likelihood.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    write_summary(likelihood, o);
    print(likelihood, is_binary(data.train) && is_binary(data.test));
    const auto pictures = write_pictures(dbm, data.train, o);
    fmt::print("{:.1f} s; results in {}/: history.csv, weights.h5, {}summary.json\n", likelihood.seconds, o.output,
               pictures ? "samples.png, filters.png, " : "");
    return true;
}
