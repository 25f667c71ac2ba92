#include "train_options.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

import nbm;

namespace {

/// One of a few names; the message names the nearest.
auto one_of(std::vector<std::string> names) -> CLI::Validator {
    auto description = CLI::detail::join(names, "|");
    return {[names = std::move(names)](std::string& value) {
                return std::ranges::find(names, value) != names.end() ? std::string{} : nbm::unknown_name("value", value, names);
            },
            description};
}

/// The number itself is checked here, because reading "-1" as an unsigned number would wrap around.
auto whole(std::uint64_t least) -> CLI::Validator {
    return {[least](std::string& value) {
                const auto digits = !value.empty() && value.size() <= 18 && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
                return digits && std::stoull(value) >= least ? std::string{} : fmt::format("found '{}', expected a whole number of at least {}", value, least);
            },
            fmt::format("N>={}", least)};
}

auto number(double least, double below) -> CLI::Validator {
    return {[least, below](std::string& value) {
                auto x = 0.0;
                const auto good = CLI::detail::lexical_cast(value, x) && x >= least && x < below;
                return good ? std::string{} : fmt::format("found '{}', expected a number of at least {} and below {}", value, least, below);
            },
            "NUMBER"};
}

}  // namespace

auto add_train_command(CLI::App& app, TrainOptions& o) -> CLI::App* {
    auto* const train = app.add_subcommand("train", "Train a restricted Boltzmann machine and estimate its log-likelihood");
    const auto add = [&](const char* name, auto& value, const char* help) {
        return train->add_option(name, value, help)->capture_default_str()->type_name("");
    };
    add("--data", o.data, "digits, bars-and-stripes:N, an .npz file, or a folder with IDX files")->group("Data");
    add("--binarise", o.binarise, "What to do with grey values: draw them once, compare with 1/2, or keep them as probabilities")
        ->check(one_of({"sample", "threshold", "grey"}))
        ->group("Data");
    add("--hidden", o.hidden, "Hidden units")->check(whole(1))->group("Model");
    add("--weights", o.weights, "Initial weights: normal with standard deviation 0.01, or orthogonal")
        ->check(one_of({"normal", "orthogonal"}))
        ->group("Model");
    add("--trainer", o.trainer, "cd (contrastive divergence) or pcd (persistent chains)")->check(one_of({"cd", "pcd"}))->group("Training");
    add("--steps", o.steps, "Gibbs sweeps an update")->check(whole(1))->group("Training");
    add("--chains", o.chains, "Persistent chains; 0: as many as rows in a batch")->check(whole(0))->group("Training");
    add("--epochs", o.epochs, "Passes through the training rows")->check(whole(1))->group("Training");
    add("--batch-size", o.batch_size, "Rows an update")->check(whole(1))->group("Training");
    add("--learning-rate", o.learning_rate, "Learning rate")->check(number(0.0, 1e9))->group("Training");
    add("--decay", o.decay, "Learning rate at update t: rate / (1 + decay t)")->check(number(0.0, 1e9))->group("Training");
    add("--momentum", o.momentum, "Momentum")->check(number(0.0, 1.0))->group("Training");
    train->add_flag("--nesterov", o.nesterov, "Nesterov's momentum")->group("Training");
    add("--l1", o.l1, "Penalty on sum |W|")->check(number(0.0, 1e9))->group("Training");
    add("--l2", o.l2, "Penalty on sum W^2")->check(number(0.0, 1e9))->group("Training");
    add("--seed", o.seed, "Seed of all random numbers")->check(whole(0))->group("Training");
    add("--threads", o.threads, "Threads; 0: one a core. The result does not depend on it")->check(whole(0))->group("Training");
    add("--ais-runs", o.ais_runs, "Annealing runs of the final estimate of log Z")->check(whole(2))->group("Likelihood");
    add("--ais-betas", o.ais_betas, "Inverse temperatures of each run")->check(whole(4))->group("Likelihood");
    add("--ais-schedule", o.ais_schedule, "linear, or three-piece: most inverse temperatures near 1 (Salakhutdinov and Murray 2008)")
        ->check(one_of({"linear", "three-piece"}))
        ->group("Likelihood");
    add("--ais-every", o.ais_every, "Also estimate after every N-th epoch; 0: only at the end")->check(whole(0))->group("Likelihood");
    add("--output", o.output, "Folder for the results")->group("Output");
    train->add_flag("--overwrite", o.overwrite, "Replace the results of an earlier run in that folder")->group("Output");
    add("--save-every", o.save_every, "Save the weights after every N-th epoch; 0: only at the end")->check(whole(0))->group("Output");
    add("--save-epochs", o.save_epochs, "Save the weights after these epochs, as 1,5,10")->delimiter(',')->check(whole(1))->group("Output");
    return train;
}
