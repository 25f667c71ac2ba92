// The program nbm in a folder of its own.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <vector>

#include "helpers.hpp"
#include "temporary.hpp"

struct Answer {
    int status = 0;
    std::string out;
    std::string err;
};

/// Runs nbm in a folder.
inline auto run_program(const Temporary& folder, const std::string& arguments) -> Answer {
    const auto out = folder / "stdout";
    const auto err = folder / "stderr";
    const auto command =
        "cd " + folder.path().string() + " && " NBM_PROGRAM " " + arguments + " >" + out.string() + " 2>" + err.string();
    const auto status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, contents(out), contents(err)};
}

/// Runs nbm on wrong input: status 2, one sentence on stderr that has all parts.
inline auto refuse_program(const Temporary& folder, const std::string& arguments, const std::vector<std::string>& parts) -> void {
    const auto answer = run_program(folder, arguments);
    BOOST_TEST_CONTEXT(arguments << " -> " << answer.err) {
        BOOST_TEST(answer.status == 2);
        BOOST_TEST(answer.err.starts_with("nbm: "));
        BOOST_TEST(std::count(answer.err.begin(), answer.err.end(), '\n') == 1);
        for (const auto& part : parts) { BOOST_TEST(has(answer.err, part)); }
    }
}
