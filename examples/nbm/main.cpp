#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "train.hpp"
#include "train_options.hpp"

import nbm;

namespace {

constexpr int wrong_input = 2;

auto complain(const std::string& sentence) -> void { fmt::print(stderr, "nbm: {}\n", sentence); }

/// The command line as a shell would accept it again.
auto quoted(int argc, char** argv) -> std::string {
    auto text = std::string("nbm");
    for (int i = 1; i < argc; ++i) {
        const auto word = std::string(argv[i]);
        const auto plain =
            !word.empty() &&
            word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+@%") == std::string::npos;
        auto quoted_word = std::string("'");
        for (const auto c : word) { quoted_word += c == '\'' ? std::string("'\\''") : std::string(1, c); }
        text += ' ' + (plain ? word : quoted_word + '\'');
    }
    return text;
}

/// CLI11 reports an option that nobody asked for without a hint; this adds the nearest one.
auto explain(const CLI::App& app, const CLI::ParseError& error) -> std::string {
    const auto* const asked = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
    const auto rest = app.remaining(true);
    if (rest.empty() || dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) { return error.what(); }
    auto names = std::vector<std::string>{};
    if (rest.front().starts_with("-")) {
        for (const auto* option : asked->get_options()) { names.push_back(option->get_name()); }
        return nbm::unknown_name("option", rest.front().substr(0, rest.front().find('=')), names);
    }
    if (asked != &app) { return fmt::format("'{}' belongs to no option; see nbm {} --help", rest.front(), asked->get_name()); }
    for (const auto* command : app.get_subcommands({})) { names.push_back(command->get_name()); }
    return nbm::unknown_name("command", rest.front(), names);
}

}  // namespace

auto main(int argc, char** argv) -> int {
    auto options = TrainOptions{};
    options.command = quoted(argc, argv);
    auto app = CLI::App("Natural Boltzmann machines: training, likelihoods, samples", "nbm");
    auto* const train_command = add_train_command(app, options);
    try {
        app.parse(argc, argv);
        if (train_command->parsed()) {
            train(options);
            return 0;
        }
        complain("a command is needed: train; see nbm --help");
        return wrong_input;
    } catch (const CLI::Success& success) { return app.exit(success); } catch (const CLI::ParseError& error) {
        complain(explain(app, error));
        return wrong_input;
    } catch (const nbm::Error& error) {
        complain(error.what());
        return wrong_input;
    } catch (const std::bad_alloc&) {
        complain("there is not enough memory for a machine, batch or number of chains of this size");
        return wrong_input;
    } catch (const std::exception& error) {
        complain(error.what());
        return 1;
    }
}
