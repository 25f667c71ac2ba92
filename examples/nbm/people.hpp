#pragma once

#include <cstdio>
#include <utility>

#include <fmt/format.h>

/// Where a command tells people how it goes: standard output; with --json standard error, where that is a terminal; null, which is
/// nowhere, with --quiet and where nobody looks.
auto people(bool quiet, bool json) -> std::FILE*;

/// null: says nothing.
template <class... A>
auto say(std::FILE* stream, fmt::format_string<A...> text, A&&... arguments) -> void {
    if (stream == nullptr) { return; }
    fmt::print(stream, text, std::forward<A>(arguments)...);
    std::fflush(stream);
}
