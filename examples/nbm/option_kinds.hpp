#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

/// What an option accepts: the word for it in the help, and the check.
struct Kind {
    std::string word;
    CLI::Validator check;
};

/// One of a few names; the message names the nearest.
auto one_of(std::vector<std::string> names) -> Kind;

inline constexpr auto most_whole = std::uint64_t{1'000'000'000};

/// A whole number in a range.
auto whole(std::uint64_t least, std::uint64_t most = most_whole) -> Kind;

/// A number of at least `least` and below another one.
auto number(double least, double below) -> Kind;

/// Two layers, as 0-1.
auto edge() -> Kind;

/// Any text but none.
auto text(std::string word) -> Kind;

/// Adds an option that shows its default, and of which the last value counts.
template <class V>
auto add_option(CLI::App& command, const char* group, const char* name, V& value, const Kind& kind, const char* help)
    -> CLI::Option* {
    return command.add_option(name, value, help)
        ->capture_default_str()
        ->type_name(kind.word)
        ->check(kind.check)
        ->group(group)
        ->take_last();
}
