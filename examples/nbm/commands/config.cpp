#include <memory>
#include <string>

#include <fmt/format.h>

#include "commands/command.hpp"
#include "configuration.hpp"
#include "run_callbacks.hpp"
#include "train_options.hpp"

import nbm;

namespace {

struct ConfigOptions : TrainOptions {
    bool defaults = false;
};

auto print_config(CLI::App& command, ConfigOptions& o) -> void {
    if (o.defaults) {
        auto app = CLI::App();
        auto untouched = TrainOptions{};
        fmt::print("{}", describe_defaults(*add_train_command(app, untouched)));
        return;
    }
    const auto config = o.config.empty() ? nbm::Config{} : nbm::read_config(o.config);
    apply_overrides(o.set, command);
    apply_settings(config, command);
    const auto settings = describe_settings(command, o);
    fmt::print("{}{}", settings, make_run_callbacks(config, o, false).effective);
}

}  // namespace

auto add_config_command(CLI::App& app) -> Command {
    const auto o = std::make_shared<ConfigOptions>();
    auto* const command = app.add_subcommand("config", "Print the configuration that nbm train with these options has, as TOML");
    add_train_options(*command, *o);
    command->add_flag("--default", o->defaults, "Print all settings with their defaults and what they mean, and nothing else");
    return {command, [o, command] { print_config(*command, *o); }};
}
