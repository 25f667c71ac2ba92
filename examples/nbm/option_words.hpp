#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

/// What may stand in the place of a value, as the word for it in the help tells.
struct ValueWords {
    enum class Paths { none, files, folders, runs, toml_files };
    std::vector<std::string> words;  // these
    Paths paths = Paths::none;       // and such paths
};

/// Words of an option or a positional.
auto value_words(const CLI::Option& option) -> ValueWords;

/// "-h", "--help"; none for a positional.
auto names_of(const CLI::Option& option) -> std::vector<std::string>;

/// Whether a value belongs to an option.
auto takes_value(const CLI::Option& option) -> bool;

/// All commands of the program, in the order of its help.
auto commands_of(const CLI::App& app) -> std::vector<const CLI::App*>;
