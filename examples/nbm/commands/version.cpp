#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "likelihood_json.hpp"

import nbm;

namespace {

auto print_version(bool json) -> void {
    const auto set = std::string(nbm::instruction_set());
    if (json) {
        const auto object = nlohmann::ordered_json{{"version", NBM_VERSION},
                                                   {"compiler", __VERSION__},
                                                   {"blas", nbm::blas_name()},
                                                   {"instruction_set", set},
                                                   {"threads", nbm::threads()}};
        fmt::print("{}\n", text_of(object));
        return;
    }
    fmt::print("nbm {}\n{:<16} {}\n{:<16} {}\n{:<16} {}\n{:<16} {}\n", NBM_VERSION, "compiler", __VERSION__, "BLAS",
               nbm::blas_name(), "instruction set", set, "threads", nbm::threads());
}

}  // namespace

auto add_version_command(CLI::App& app) -> Command {
    const auto json = std::make_shared<bool>(false);
    auto* const command = app.add_subcommand("version", "Tell the version of nbm, and what it is built with and runs on");
    command->add_flag("--json", *json, "One JSON object, for scripts");
    return {command, [json] { print_version(*json); }};
}
