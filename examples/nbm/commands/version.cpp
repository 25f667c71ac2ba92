#include <cstddef>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "commands/command.hpp"
#include "environment.hpp"
#include "likelihood_json.hpp"

namespace {

auto print_version(bool json) -> void {
    const auto object = environment();
    if (json) {
        fmt::print("{}\n", text_of(object));
        return;
    }
    const auto text = [&](const char* key) { return object.at(key).get<std::string>(); };
    fmt::print("nbm {}\n{:<16} {}\n{:<16} {}\n{:<16} {}\n{:<16} {}\n", text("version"), "compiler", text("compiler"), "BLAS",
               text("blas"), "instruction set", text("instruction_set"), "threads", object.at("threads").get<std::size_t>());
}

}  // namespace

auto add_version_command(CLI::App& app) -> Command {
    const auto json = std::make_shared<bool>(false);
    auto* const command = app.add_subcommand("version", "Tell the version of nbm, and what it is built with and runs on");
    command->add_flag("--json", *json, "One JSON object, for scripts");
    return {command, [json] { print_version(*json); }};
}
