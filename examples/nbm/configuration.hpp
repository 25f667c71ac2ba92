#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "train_options.hpp"

import nbm;

/// Gives the options of a command that were not on the command line the values of a configuration file, whose keys are the options'
/// names with underscores. Throws InputError that begins with "file:line".
auto apply_settings(const nbm::Config& config, CLI::App& command) -> void;

/// The same with what --set asks for outside of callbacks, which counts as typed. Throws InputError, also for an option that was
/// typed, too.
auto apply_overrides(const std::vector<std::string>& texts, CLI::App& command) -> void;

/// The keys that a configuration file of a command may have.
auto setting_keys(const CLI::App& command) -> std::vector<std::string>;

/// The options as settings of a configuration file, one a line.
auto describe_settings(const CLI::App& command, const TrainOptions& options) -> std::string;

/// All settings with their defaults, each with a comment that says what it is.
auto describe_defaults(const CLI::App& command) -> std::string;
