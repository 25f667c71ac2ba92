#include <algorithm>
#include <cctype>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "commands/command.hpp"
#include "report/html.hpp"
#include "results.hpp"
#include "train.hpp"
#include "train_options.hpp"

import nbm;

namespace {

constexpr int wrong_input = 2;

auto complain(const std::string& sentence) -> void { fmt::print(stderr, "nbm: {}\n", sentence); }

/// The command line as a shell would accept it again.
auto quoted(int argc, char** argv) -> std::string {
    auto text = std::string("nbm");
    for (int i = 1; i < argc; ++i) { text += ' ' + shell_word(argv[i]); }
    return text;
}

/// CLI11 reports an option that nobody asked for without a hint; this adds the nearest one.
auto explain(const CLI::App& app, const CLI::ParseError& error) -> std::string {
    const auto* const asked = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
    const auto rest = app.remaining(true);
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
        const auto name = std::string_view(error.what()).substr(0, std::string_view(error.what()).find(':'));
        return fmt::format("{} needs a value; see nbm {} --help", name, asked->get_name());
    }
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

/// What the program says and answers to an exception.
auto answer_to(const std::exception_ptr& problem) -> int {
    try {
        std::rethrow_exception(problem);
    } catch (const nbm::CallbackError& error) {
        complain(error.what());
        try {
            error.rethrow_nested();
        } catch (const nbm::Error&) { return wrong_input; } catch (const std::bad_alloc&) {
            return wrong_input;
        } catch (...) { return 1; }
    } catch (const nbm::Error& error) {
        complain(error.what());
        return wrong_input;
    } catch (const std::filesystem::filesystem_error& error) {
        complain(fmt::format("{}: {}", error.path1().string(), error.code().message()));
        return wrong_input;
    } catch (const std::bad_alloc&) {
        complain("there is not enough memory for so many units, rows, chains or AIS runs");
        return wrong_input;
    } catch (const std::exception& error) {
        complain(error.what());
        return 1;
    }
}

}  // namespace

auto main(int argc, char** argv) -> int {
    constexpr int cancelled = 130;
    auto options = TrainOptions{};
    auto resume = ResumeOptions{};
    auto markdown = false;
    options.command = resume.command = quoted(argc, argv);
    auto app = CLI::App("Natural Boltzmann machines: training, likelihoods, samples", "nbm");
    app.require_subcommand(0, 1);  // else the name of another command could be no file or value
    auto* const train_command = add_train_command(app, options);
    auto* const resume_command = add_resume_command(app, resume);
    auto* const callbacks_command =
        app.add_subcommand("callbacks", "List the callbacks that a configuration can name, with their options");
    callbacks_command->add_flag("--markdown", markdown, "As Markdown tables");
    const auto commands = std::vector<Command>{add_inspect_command(app),    add_exact_command(app),     add_ais_command(app),
                                               add_loglik_command(app),     add_transform_command(app), add_sample_command(app),
                                               add_report_command(app),     add_compare_command(app),   add_data_command(app),
                                               add_convert_command(app),    add_config_command(app),    add_version_command(app),
                                               add_completion_command(app), add_man_command(app)};
    try {
        app.parse(argc, argv);
        nbm::instruction_set();  // throws for an NBM_ISA that cannot be
        auto finished = true;
        if (train_command->parsed()) {
            finished = train(new_job(options, *train_command));
        } else if (resume_command->parsed()) {
            finished = train(resumed_job(resume));
        } else if (callbacks_command->parsed()) {
            fmt::print("{}", nbm::list_callbacks(nbm::builtin_callbacks<Real>(), markdown));
        } else if (const auto asked = std::ranges::find_if(commands, [](const Command& c) { return c.app->parsed(); });
                   asked != commands.end()) {
            asked->run();
        } else {
            complain("a command is needed, such as train; see nbm --help");
            return wrong_input;
        }
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
            complain("standard output cannot be written");
            return 1;
        }
        return finished ? 0 : cancelled;
    } catch (const CLI::Success& success) { return app.exit(success); } catch (const CLI::ParseError& error) {
        complain(explain(app, error));
        return wrong_input;
    } catch (...) { return answer_to(std::current_exception()); }
}
