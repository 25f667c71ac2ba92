#pragma once

#include <functional>

#include <CLI/CLI.hpp>

/// A subcommand, and what it does once its options are read.
struct Command {
    CLI::App* app;
    std::function<void()> run;
};

auto add_version_command(CLI::App& app) -> Command;
auto add_inspect_command(CLI::App& app) -> Command;
auto add_exact_command(CLI::App& app) -> Command;
auto add_ais_command(CLI::App& app) -> Command;
auto add_loglik_command(CLI::App& app) -> Command;
auto add_transform_command(CLI::App& app) -> Command;
auto add_sample_command(CLI::App& app) -> Command;
auto add_data_command(CLI::App& app) -> Command;
auto add_convert_command(CLI::App& app) -> Command;
auto add_config_command(CLI::App& app) -> Command;
auto add_report_command(CLI::App& app) -> Command;
auto add_compare_command(CLI::App& app) -> Command;

/// Tables of all commands of `app`, as they are when the command is run.
auto add_completion_command(CLI::App& app) -> Command;
auto add_man_command(CLI::App& app) -> Command;
