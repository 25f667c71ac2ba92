module;

#include <fmt/args.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

// Facade: the only unit that includes fmt, for the reason that standard.cppm tells. A module of its own, because users do not need
// it: what is in an internal partition's global module fragment is not reachable from other units.
export module nbm.fmt;

export namespace fmt {
using fmt::arg;
using fmt::dynamic_format_arg_store;
using fmt::format;
using fmt::format_context;
using fmt::format_error;
using fmt::format_to;
using fmt::formatted_size;
using fmt::gmtime;
using fmt::join;
using fmt::print;
using fmt::runtime;
using fmt::vformat;
}  // namespace fmt
