#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "run_folder.hpp"
#include "train_options.hpp"

import nbm;

/// A training as it was asked for.
struct Job {
    TrainOptions options;
    nbm::Config config;      // the callbacks
    std::string settings;    // the options as TOML, for the run folder
    std::string checkpoint;  // to go on from; empty: a new run
    bool continue_after_stop = false;
    std::shared_ptr<RunLock> lock;  // of the output folder
};

/// A training that `nbm train` was asked for; with --resume it goes on with what the output folder holds. Throws InputError, and
/// FileError when another run has the folder or, with --resume, the folder holds another training. `options` are those of
/// `command`, which get the values of the configuration file.
auto new_job(TrainOptions& options, CLI::App& command) -> Job;

/// A training whose options are those in its folder, but for a few. Throws InputError and FileError.
auto resumed_job(const ResumeOptions& options) -> Job;

/// Trains, estimates, and writes the results into options.output. False when it was interrupted: the weights are saved then and,
/// while it trained, a checkpoint, and nothing is estimated.
auto train(const Job& job) -> bool;
