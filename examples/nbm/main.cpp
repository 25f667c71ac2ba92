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
#include "configuration.hpp"
#include "results.hpp"
#include "streaming.hpp"
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
        const auto plain = !word.empty() && std::ranges::all_of(word, [](unsigned char c) {
            return std::isalnum(c) != 0 || std::string_view("-_./=:,+@%").find(static_cast<char>(c)) != std::string_view::npos;
        });
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

/// The options of a run that is resumed are those in its folder.
auto job_of(const ResumeOptions& resume) -> Job {
    const auto folder = std::filesystem::path(resume.run);
    const auto file = folder / "config.toml";
    if (!std::filesystem::is_directory(folder)) { throw nbm::FileError(resume.run, "there is no such run folder"); }
    auto job = Job{};
    auto app = CLI::App();
    auto* const command = add_train_command(app, job.options);
    app.parse("nbm train", true);
    job.config = nbm::read_config(file);
    apply_settings(job.config, *command);
    auto& o = job.options;
    if (resume.epochs != 0) { command->get_option("--epochs")->add_result(std::to_string(o.epochs = resume.epochs)); }
    if (resume.threads != 0) { command->get_option("--threads")->add_result(std::to_string(o.threads = resume.threads)); }
    if (resume.profile) {
        command->get_option("--profile")->clear();
        command->get_option("--profile")->add_result("true");
        o.profile = true;
    }
    o.output = resume.run;
    o.command = resume.command;
    job.settings = describe_settings(*command, o);
    job.checkpoint = resume.checkpoint;
    job.continue_after_stop = resume.continue_after_stop;
    if (job.checkpoint.empty() && o.pretrain && !has_checkpoint(folder)) {
        throw nbm::FileError(resume.run,
                             "holds no checkpoint; a pretraining that was interrupted begins anew with: " + start_again(o));
    }
    if (job.checkpoint.empty()) {
        const auto newest = nbm::newest_checkpoint<Real>(folder);
        for (const auto& problem : newest.refused) { fmt::print(stderr, "nbm: warning: {}; an earlier one is used\n", problem); }
        job.checkpoint = newest.path.string();
    }
    return job;
}

}  // namespace

auto main(int argc, char** argv) -> int {
    constexpr int cancelled = 130;
    auto job = Job{};
    auto resume = ResumeOptions{};
    auto markdown = false;
    job.options.command = resume.command = quoted(argc, argv);
    auto app = CLI::App("Natural Boltzmann machines: training, likelihoods, samples", "nbm");
    auto* const train_command = add_train_command(app, job.options);
    auto* const resume_command = add_resume_command(app, resume);
    auto* const callbacks_command =
        app.add_subcommand("callbacks", "List the callbacks that a configuration can name, with their options");
    callbacks_command->add_flag("--markdown", markdown, "As Markdown tables");
    const auto commands = std::vector<Command>{add_inspect_command(app), add_exact_command(app),     add_ais_command(app),
                                               add_loglik_command(app),  add_transform_command(app), add_sample_command(app),
                                               add_config_command(app),  add_version_command(app)};
    try {
        app.parse(argc, argv);
        nbm::instruction_set();  // throws for an NBM_ISA that cannot be
        auto finished = true;
        if (train_command->parsed()) {
            if (!job.options.config.empty()) { job.config = nbm::read_config(job.options.config); }
            apply_settings(job.config, *train_command);
            choose_streaming(*train_command, job.options);
            job.settings = describe_settings(*train_command, job.options);
            finished = train(job);
        } else if (resume_command->parsed()) {
            finished = train(job_of(resume));
        } else if (callbacks_command->parsed()) {
            fmt::print("{}", nbm::list_callbacks(nbm::builtin_callbacks<Real>(), markdown));
        } else if (const auto asked = std::ranges::find_if(commands, [](const Command& c) { return c.app->parsed(); });
                   asked != commands.end()) {
            asked->run();
        } else {
            complain("a command is needed, such as train; see nbm --help");
            return wrong_input;
        }
        if (std::fflush(stdout) != 0) {
            complain("standard output cannot be written");
            return 1;
        }
        return finished ? 0 : cancelled;
    } catch (const CLI::Success& success) { return app.exit(success); } catch (const CLI::ParseError& error) {
        complain(explain(app, error));
        return wrong_input;
    } catch (...) { return answer_to(std::current_exception()); }
}
