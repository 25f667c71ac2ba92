// What the program prints for scripts. After Boost.Test.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "run_program.hpp"

/// What a command prints with --json; nothing else may be printed.
inline auto json_of(const Temporary& folder, const std::string& arguments) -> nlohmann::json {
    const auto answer = run_program(folder, arguments + " --json");
    BOOST_TEST_CONTEXT(arguments << " -> " << answer.err) {
        BOOST_TEST(answer.status == 0);
        BOOST_TEST(answer.err == "");
    }
    return nlohmann::json::parse(answer.out);
}
