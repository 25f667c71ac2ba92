#include "people.hpp"

#include <cstdio>

#include <unistd.h>

auto people(bool quiet, bool json) -> std::FILE* {
    if (quiet) { return nullptr; }
    if (!json) { return stdout; }
    return ::isatty(STDERR_FILENO) != 0 ? stderr : nullptr;
}
