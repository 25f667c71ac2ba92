// The program nbm in a folder of its own.
#pragma once

#include <cstdlib>
#include <string>
#include <sys/wait.h>

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
