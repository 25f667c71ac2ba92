#include "train_options.hpp"

#include <string>

#include "option_kinds.hpp"

auto add_data_options(CLI::App& command, TrainOptions& o) -> void {
    add_option(command, "Data", "--data", o.data, text("NAME"),
               "digits, bars-and-stripes:N, a CSV (FILE.csv:label=COLUMN), .npy, .npz or HDF5 (FILE.h5:/PATH) file, or a folder "
               "with IDX, PNG, CSV or .npy files");
    add_binarise_options(command, o);
    command.add_flag("--stream", o.stream, "Read the rows of an .npy or HDF5 file block by block, while they are trained on")
        ->group("Data");
    add_option(command, "Data", "--stream-memory", o.stream_memory, whole(16, 1'000'000'000), "MiB for rows that --stream reads");
}

auto add_binarise_options(CLI::App& command, TrainOptions& o) -> void {
    add_option(command, "Data", "--binarise", o.binarise, one_of({"sample", "threshold", "otsu", "grey"}),
               "What to do with grey values: draw them once, compare with --threshold or with Otsu's threshold of the training "
               "rows, or keep them as probabilities");
    add_option(command, "Data", "--threshold", o.threshold, number(0.0, 1.0),
               "Of --binarise threshold: values of at least this become 1, others 0");
}

auto add_run_options(CLI::App& command, TrainOptions& o, const char* group) -> void {
    add_option(command, group, "--seed", o.seed, whole(0, 9'223'372'036'854'775'807U), "Seed of all random numbers");
    add_option(command, group, "--threads", o.threads, whole(0, 256), "Threads; 0: one a core. The result does not depend on it");
}

auto add_ais_options(CLI::App& command, TrainOptions& o) -> void {
    add_option(command, "Likelihood", "--ais-runs", o.ais_runs, whole(2, 1'000'000), "Annealing runs of the estimate of log Z");
    add_option(command, "Likelihood", "--ais-betas", o.ais_betas, whole(4, 10'000'000), "Inverse temperatures of each run");
    add_option(command, "Likelihood", "--ais-schedule", o.ais_schedule, one_of({"linear", "three-piece", "adaptive"}),
               "Equally spaced, most of them near 1 (Salakhutdinov and Murray 2008), or placed by a pilot run");
    add_option(command, "Likelihood", "--ais-base", o.ais_base, one_of({"data", "uniform", "own-biases", "mean-field"}),
               "Where annealing begins: the data's base rates, fair coins, the machine's biases, or its mean-field means");
    add_option(command, "Likelihood", "--ais-path", o.ais_path, one_of({"geometric", "moments"}),
               "The way from there to the machine");
    add_option(command, "Likelihood", "--ais-summed", o.ais_summed, one_of({"larger", "even", "odd"}),
               "The layers that are summed out");
    add_option(command, "Likelihood", "--ais-sweeps", o.ais_sweeps, whole(1, 1000), "Gibbs sweeps at each inverse temperature");
}

auto add_reverse_option(CLI::App& command, TrainOptions& o) -> void {
    add_option(command, "Likelihood", "--ais-reverse", o.ais_reverse, whole(0, 1'000'000'000),
               "Also estimate log Z by reverse AIS, from samples after so many Gibbs sweeps that begin at training rows; 0: not");
}

auto add_quiet(CLI::App& command, bool& quiet) -> void {
    command.add_flag("--quiet", quiet, "Do not tell how it goes; errors and warnings are told")->group("Output");
}

auto add_report_options(CLI::App& command, bool& quiet, bool& json) -> void {
    add_quiet(command, quiet);
    command.add_flag("--json", json, "Print one JSON object in the end, for scripts")->group("Output");
}

auto add_train_options(CLI::App& command, TrainOptions& o) -> void {
    const auto add = [&](const char* group, const char* name, auto& value, const Kind& kind, const char* help) {
        add_option(command, group, name, value, kind, help);
    };
    const auto add_list = [&](const char* group, const char* name, auto& values, const Kind& kind, const char* help) {
        command.add_option(name, values, help)
            ->type_name(kind.word)
            ->check(kind.check)
            ->group(group)
            ->delimiter(',')
            ->take_all()
            ->default_str("none");
    };
    constexpr auto large = 1e9;
    command
        .add_option("config", o.config,
                    "TOML file with the options, written with underscores, and [[callbacks]]; options on the command line win")
        ->type_name("CONFIG.toml");
    command.add_option("--set", o.set, "Another value of a setting: KEY=VALUE, callbacks.N.KEY=VALUE or callbacks.TYPE.KEY=VALUE")
        ->type_name("KEY=VALUE")
        ->group("Configuration")
        ->take_all()
        ->allow_extra_args(false);
    add_data_options(command, o);
    add("Data", "--redraw", o.redraw, text("NAME"),
        "Draw the training rows anew in each epoch, from the grey values of this data set: 'data' for those of --data");
    add("Model", "--hidden", o.hidden, whole(1), "Hidden units of a restricted Boltzmann machine");
    add_list("Model", "--layers", o.layers, whole(1),
             "In place of --hidden: units of all layers, the data's first, as 784,500,1000");
    add_list("Model", "--edges", o.edges, edge(), "Connected layers, as 0-1,1-2,0-3; none: each with the next");
    add("Model", "--weights", o.weights, one_of({"normal", "orthogonal"}),
        "Initial weights: normal with standard deviation 0.01, or orthogonal");
    add("Model", "--initial-weights", o.initial_weights, text("FILE"),
        "Begin with the weights of this machine: a file or a run folder; layers that it lacks above its own begin as --weights "
        "says");
    add("Training", "--trainer", o.trainer, one_of({"cd", "pcd", "pt", "exact"}),
        "Contrastive divergence, with persistent chains, with tempered persistent chains, or the exact gradient of a small "
        "machine");
    add("Training", "--steps", o.steps, whole(1), "Gibbs sweeps an update");
    add("Training", "--chains", o.chains, whole(0), "Persistent chains; 0: as many as rows in a batch");
    add("Training", "--temperatures", o.temperatures, whole(2, 1000), "Tempered copies of each chain, of --trainer pt");
    add("Training", "--mean-field-steps", o.mean_field_steps, whole(1),
        "Most mean-field sweeps that infer the hidden units of a row, for a machine with more than one hidden layer");
    command.add_flag("--centre", o.centre, "Centred gradient: training does not depend on which value of a unit is called 1")
        ->group("Training");
    add("Training", "--sparsity-target", o.sparsity_target, number(0.0, 1.0), "Wanted mean activity of hidden units");
    add("Training", "--sparsity-strength", o.sparsity_strength, number(0.0, large), "How strongly they are driven there; 0: not");
    add("Training", "--optimiser", o.optimiser, one_of({"sgd", "adam", "nadam"}), "Stochastic gradient ascent, Adam or Nadam");
    add("Training", "--epochs", o.epochs, whole(1), "Passes through the training rows");
    add("Training", "--batch-size", o.batch_size, whole(1), "Rows an update");
    add("Training", "--learning-rate", o.learning_rate, number(0.0, large),
        "Learning rate; 0: the usual one, 0.1 for sgd, 0.001 for adam, 0.002 for nadam");
    add("Training", "--decay", o.decay, number(0.0, large), "Learning rate at update t: rate / (1 + decay t)");
    add("Training", "--momentum", o.momentum, number(0.0, 1.0), "Momentum of sgd");
    command.add_flag("--nesterov", o.nesterov, "Nesterov's momentum, of sgd")->group("Training");
    add("Training", "--l1", o.l1, number(0.0, large), "Penalty on sum |W|");
    add("Training", "--l2", o.l2, number(0.0, large), "Penalty on sum W^2");
    add("Training", "--max-norm", o.max_norm, number(0.0, large), "Longest vector of weights into a hidden unit; 0: any");
    add_run_options(command, o, "Training");
    command.add_flag("--pretrain", o.pretrain, "First train the layers one on the other, as restricted Boltzmann machines")
        ->group("Pretraining");
    add("Pretraining", "--pretrain-epochs", o.pretrain_epochs, whole(1), "Passes through the training rows for each of them");
    add("Pretraining", "--pretrain-steps", o.pretrain_steps, whole(1), "Gibbs sweeps an update, of contrastive divergence");
    add("Pretraining", "--pretrain-learning-rate", o.pretrain_learning_rate, number(0.0, large), "Learning rate");
    add_ais_options(command, o);
    add_reverse_option(command, o);
    add("Likelihood", "--ais-every", o.ais_every, whole(0), "Also estimate after every N-th epoch; 0: only at the end");
    add("Output", "--output", o.output, text("FOLDER"), "Folder for the results");
    command.add_flag("--overwrite", o.overwrite, "Replace the results of an earlier run in that folder")->group("Output");
    command.add_flag("--resume", o.resume, "Go on with the same training where that folder holds one, else begin it")
        ->group("Output");
    command.add_flag("--no-pictures", o.no_pictures, "Draw neither samples nor filters nor plots")->group("Output");
    command.add_flag("--profile", o.profile, "Tell how long each phase of the training took, and its matrix products alone")
        ->group("Output");
    add("Output", "--save-every", o.save_every, whole(0), "Save the weights after every N-th epoch; 0: only at the end");
    add_list("Output", "--save-epochs", o.save_epochs, whole(1), "Save the weights after these epochs, as 1,5,10");
    add_report_options(command, o.quiet, o.json);
}

auto add_train_command(CLI::App& app, TrainOptions& o) -> CLI::App* {
    auto* const train = app.add_subcommand("train", "Train a Boltzmann machine, restricted or deep, and estimate its likelihood");
    add_train_options(*train, o);
    return train;
}

auto add_resume_command(CLI::App& app, ResumeOptions& o) -> CLI::App* {
    auto* const resume =
        app.add_subcommand("resume", "Go on with a training from its newest checkpoint, as if it had never been interrupted");
    const auto epochs = whole(1);
    const auto threads = whole(1, 256);
    resume->add_option("run", o.run, "Folder of the run")->required()->type_name("FOLDER");
    resume->add_option("--epochs", o.epochs, "Another number of epochs in all")
        ->type_name(epochs.word)
        ->check(epochs.check)
        ->take_last();
    resume->add_option("--threads", o.threads, "Another number of threads")
        ->type_name(threads.word)
        ->check(threads.check)
        ->take_last();
    resume->add_option("--checkpoint", o.checkpoint, "Another checkpoint than the newest one that can be read")
        ->type_name("FILE")
        ->take_last();
    resume->add_flag("--continue-after-stop", o.continue_after_stop, "Go on even though a callback had stopped the training");
    resume->add_flag("--profile", o.profile, "Tell how long each phase of the training took, and its matrix products alone");
    add_report_options(*resume, o.quiet, o.json);
    return resume;
}
