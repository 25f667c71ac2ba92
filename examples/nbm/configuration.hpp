#pragma once

#include <filesystem>
#include <string>

#include <CLI/CLI.hpp>

#include "results.hpp"
#include "train_options.hpp"

import nbm;

/// Gives the options of a command that were not on the command line the values of a configuration file, whose keys are the options'
/// names with underscores. Throws InputError that begins with "file:line".
auto apply_settings(const nbm::Config& config, CLI::App& command) -> void;

/// The callbacks of a run in a folder, and the configuration that reproduces the run.
struct RunCallbacks {
    nbm::DynamicCallbackList<Real> list;
    std::string effective;  // [[callbacks]] tables
};

/// Those of the configuration, those that options ask for unless the run is resumed, and nbm's usual ones: history, checkpoints, a
/// watch for divergence.
auto make_run_callbacks(const nbm::Config& config, const TrainOptions& options, bool resumed) -> RunCallbacks;

/// The options as settings of a configuration file, one a line.
auto describe_settings(const CLI::App& command, const TrainOptions& options) -> std::string;

/// All settings with their defaults, each with a comment that says what it is.
auto describe_defaults(const CLI::App& command) -> std::string;
