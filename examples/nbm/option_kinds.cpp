#include "option_kinds.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

import nbm;

auto one_of(std::vector<std::string> names) -> Kind {
    auto word = CLI::detail::join(names, "|");
    return {std::move(word), CLI::Validator(
                                 [names = std::move(names)](std::string& value) {
                                     const auto known = std::ranges::find(names, value) != names.end();
                                     return known ? std::string{} : nbm::unknown_name("value", value, names);
                                 },
                                 "")};
}

// The text itself is checked, because reading "-1" as an unsigned number would wrap around.
auto whole(std::uint64_t least, std::uint64_t most) -> Kind {
    return {"N", CLI::Validator(
                     [least, most](std::string& value) {
                         // A leading zero would be read as octal.
                         const auto digits = !value.empty() && value.size() <= 19 && (value.size() == 1 || value[0] != '0') &&
                                             std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
                         const auto good = digits && std::stoull(value) >= least && std::stoull(value) <= most;
                         return good ? std::string{}
                                     : fmt::format("found '{}', expected a whole number from {} to {}", value, least, most);
                     },
                     "")};
}

auto number(double least, double below) -> Kind {
    return {"X", CLI::Validator(
                     [least, below](std::string& value) {
                         auto x = 0.0;
                         const auto plain = value.find_first_not_of("0123456789.eE+-") == std::string::npos;
                         const auto good = plain && CLI::detail::lexical_cast(value, x) && x >= least && x < below;
                         return good
                                    ? std::string{}
                                    : fmt::format("found '{}', expected a number of at least {} and below {}", value, least, below);
                     },
                     "")};
}

auto edge() -> Kind {
    return {"I-J", CLI::Validator(
                       [](std::string& value) {
                           const auto dash = value.find('-');
                           const auto is_layer = [](const std::string& part) {
                               return !part.empty() && part.size() <= 6 &&
                                      part.find_first_not_of("0123456789") == std::string::npos;
                           };
                           const auto good =
                               dash != std::string::npos && is_layer(value.substr(0, dash)) && is_layer(value.substr(dash + 1));
                           return good ? std::string{} : fmt::format("found '{}', expected two layers as in 0-1", value);
                       },
                       "")};
}

auto text(std::string word) -> Kind {
    return {
        std::move(word),
        CLI::Validator([](std::string& value) { return std::string(value.empty() ? "found nothing, expected a name" : ""); }, "")};
}
