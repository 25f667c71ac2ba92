#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "configuration.hpp"
#include "people.hpp"
#include "run_callbacks.hpp"
#include "run_folder.hpp"
#include "streaming.hpp"
#include "train.hpp"

import nbm;

namespace fs = std::filesystem;

namespace {

/// "run" for "run/": the link, where it is one, not what it leads to.
auto without_slash(std::string folder) -> std::string {
    while (folder.size() > 1 && folder.ends_with('/')) { folder.pop_back(); }
    return folder;
}

/// A run that goes on keeps what was decided of --stream when it began, whatever memory is free now.
auto keep_streaming(CLI::App& command, TrainOptions& o) -> void {
    auto* const option = command.get_option("--stream");
    const auto file = fs::path(o.output) / "config.toml";
    if (option->count() != 0 || !fs::exists(file)) { return; }
    for (const auto& setting : nbm::read_config(file).settings) {
        if (setting.key != "stream") { continue; }
        const auto text = nbm::to_toml(setting.value);
        option->add_result(text);
        o.stream = text == "true";
    }
}

/// What a configuration file alone says.
struct Configured {
    TrainOptions options;
    nbm::Config config;
    std::string settings;
};

auto read_run(const fs::path& file, const std::string& output) -> Configured {
    auto run = Configured{};
    auto app = CLI::App();
    auto* const command = add_train_command(app, run.options);
    app.parse("nbm train", true);
    run.config = nbm::read_config(file);
    apply_settings(run.config, *command);
    run.options.output = output;
    run.settings = describe_settings(*command, run.options);
    return run;
}

auto find(const std::vector<nbm::Setting>& settings, std::string_view key) -> const nbm::Setting* {
    const auto found = std::ranges::find(settings, key, &nbm::Setting::key);
    return found == settings.end() ? nullptr : &*found;
}

/// "learning_rate is 0.1 there and 0.2 now": the first difference; empty without one.
auto difference(const std::vector<nbm::Setting>& there, const std::vector<nbm::Setting>& now, const std::string& prefix,
                const std::vector<std::string>& free) -> std::string {
    const auto value = [](const nbm::Setting* setting) {
        return setting == nullptr ? std::string("not set") : nbm::to_toml(setting->value);
    };
    for (const auto* const settings : {&now, &there}) {
        for (const auto& [key, ignored_value, ignored_place] : *settings) {
            const auto a = value(find(there, key));
            const auto b = value(find(now, key));
            if (a != b && std::ranges::find(free, key) == free.end()) {
                return fmt::format("{}{} is {} there and {} now", prefix, key, a, b);
            }
        }
    }
    return {};
}

auto difference(const std::vector<nbm::CallbackSection>& there, const std::vector<nbm::CallbackSection>& now) -> std::string {
    for (std::size_t i = 0; i != std::max(there.size(), now.size()); ++i) {
        const auto name = [&](const auto& sections) { return i < sections.size() ? sections[i].type : std::string("none"); };
        if (name(there) != name(now)) { return fmt::format("callback {} is {} there and {} now", i, name(there), name(now)); }
        const auto prefix = fmt::format("callbacks.{}.{}.", i, now[i].type);
        if (auto found = difference(there[i].settings, now[i].settings, prefix, {}); !found.empty()) { return found; }
    }
    return {};
}

/// Throws FileError when the run in the folder has other settings than those that were asked for. A training may go on for more
/// epochs and on other threads.
auto require_same_run(const Job& job) -> void {
    const auto file = fs::path(job.options.output) / "config.toml";
    const auto there = read_run(file, job.options.output);
    const auto parse = [&](const std::string& text) { return nbm::parse_config(text, file.string()); };
    auto found = difference(parse(there.settings).settings, parse(job.settings).settings, "", {"epochs", "threads", "profile"});
    if (found.empty()) {
        auto options = job.options;
        options.epochs = there.options.epochs;  // on which usual callbacks depend
        found = difference(parse(make_run_callbacks(there.config, there.options, true).effective).callbacks,
                           parse(make_run_callbacks(job.config, options, false).effective).callbacks);
    }
    if (!found.empty()) {
        throw nbm::FileError(
            file.string(),
            fmt::format("{}; ask for the same to go on, or for another --output, or replace the run with --overwrite "
                        "in place of --resume",
                        found));
    }
}

}  // namespace

auto resumed_job(const ResumeOptions& asked) -> Job {
    auto resume = asked;
    resume.run = without_slash(resume.run);
    const auto folder = fs::path(resume.run);
    if (!fs::is_directory(folder)) { throw nbm::FileError(resume.run, "there is no such run folder"); }
    auto job = Job{};
    auto app = CLI::App();
    auto* const command = add_train_command(app, job.options);
    app.parse("nbm train", true);
    job.config = nbm::read_config(folder / "config.toml");
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
    o.quiet = resume.quiet;
    o.json = resume.json;
    job.settings = describe_settings(*command, o);
    job.checkpoint = resume.checkpoint;
    job.continue_after_stop = resume.continue_after_stop;
    job.lock = std::make_shared<RunLock>(folder);
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

auto new_job(TrainOptions& o, CLI::App& command) -> Job {
    auto job = Job{};
    if (!o.config.empty()) { job.config = nbm::read_config(o.config); }
    apply_overrides(o.set, command);
    apply_settings(job.config, command);
    if (o.resume && o.overwrite) {
        throw nbm::InputError("--resume goes on with what the folder holds, --overwrite replaces it; leave out one of them");
    }
    o.output = without_slash(o.output);
    if (o.resume) { keep_streaming(command, o); }
    choose_streaming(command, o);
    job.settings = describe_settings(command, o);
    job.options = o;
    job.lock = std::make_shared<RunLock>(o.output);
    const auto folder = fs::path(o.output);
    if (!o.resume || !fs::is_directory(folder) || is_free(folder)) { return job; }
    if (!fs::exists(folder / "config.toml")) {
        throw nbm::FileError(o.output,
                             "holds files but no config.toml of a run to go on with; choose another folder, or --overwrite "
                             "in place of --resume");
    }
    require_same_run(job);
    if (!has_checkpoint(folder)) {
        if (fs::exists(folder / "summary.json") || fs::exists(folder / "weights/final.h5")) {
            throw nbm::FileError(o.output,
                                 "holds a run but no checkpoint to go on from; if that is elsewhere, go on with: nbm resume FOLDER "
                                 "--checkpoint FILE, or replace the run with --overwrite in place of --resume");
        }
        job.options.overwrite = true;
        check_output(job.options);
        say(people(o.quiet, o.json), "{} holds no checkpoint yet: the training begins anew\n", o.output);
        return job;
    }
    job.lock.reset();
    return resumed_job({.run = o.output,
                        .epochs = o.epochs,
                        .threads = o.threads,
                        .profile = o.profile,
                        .quiet = o.quiet,
                        .json = o.json,
                        .command = o.command});
}
