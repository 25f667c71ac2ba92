#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands/command.hpp"
#include "option_words.hpp"

namespace {

/// Text for roff, in which nothing is taken for a command.
auto roff(std::string_view text) -> std::string {
    auto result = std::string(text.starts_with('.') || text.starts_with('\'') ? "\\&" : "");
    for (const auto c : text) {
        if (c == '\\') {
            result += "\\e";
        } else if (c == '-') {
            result += "\\-";
        } else {
            result += c;
        }
    }
    return result;
}

auto bold(std::string_view text) -> std::string { return "\\fB" + roff(text) + "\\fR"; }
auto italic(std::string_view text) -> std::string { return "\\fI" + roff(text) + "\\fR"; }

/// "[CONFIG.toml]", "FILE"
auto positionals_of(const CLI::App& command) -> std::string {
    auto text = std::string{};
    for (const auto* option : command.get_options()) {
        if (!option->get_positional()) { continue; }
        const auto word = italic(option->get_type_name());
        text += option->get_required() ? " " + word : " [" + word + "]";
    }
    return text;
}

auto entry(const std::string& term, const std::string& meaning) -> std::string {
    return fmt::format(".TP\n{}\n{}\n", term, meaning);
}

auto entry(const CLI::Option& option) -> std::string {
    auto names = std::vector<std::string>{};
    for (const auto& name : names_of(option)) { names.push_back(bold(name)); }
    auto term = fmt::format("{}", fmt::join(names, ", "));
    if (takes_value(option)) { term += (term.empty() ? "" : " ") + italic(option.get_type_name()); }
    const auto& usual = option.get_default_str();
    const auto fallback = !takes_value(option) || usual.empty() ? std::string{} : fmt::format(" (default: {})", roff(usual));
    return entry(term, roff(option.get_description()) + fallback + ".");
}

auto section(const CLI::App& command) -> std::string {
    auto text = fmt::format(".SS \"nbm {} [OPTIONS]{}\"\n{}.\n", command.get_name(), positionals_of(command),
                            roff(command.get_description()));
    auto groups = std::vector<std::string>{};
    for (const auto* option : command.get_options()) {
        const auto& group = option->get_group();
        if (!group.empty() && std::ranges::find(groups, group) == groups.end()) { groups.push_back(group); }
    }
    for (const auto& group : groups) {
        if (groups.size() > 1) { text += fmt::format(".PP\n{}\n", roff(group + ":")); }
        for (const auto* option : command.get_options()) {
            if (option->get_group() == group) { text += entry(*option); }
        }
    }
    return text;
}

constexpr auto introduction = R"(.SH DESCRIPTION
Trains restricted and deep Boltzmann machines, estimates their likelihoods by annealed importance sampling with error bars, draws
samples, and tells about machines that were trained.
.PP
The options of a training may stand in a TOML file, with underscores for dashes, which may also list callbacks; options on the
command line win. A run writes all of its results into one folder, from which other commands read it.
)";

constexpr auto rest = R"(.SH EXAMPLES
.EX
nbm train \-\-data digits \-\-hidden 300 \-\-epochs 60 \-\-output run
nbm resume run \-\-epochs 100
nbm config run.toml \-\-set callbacks.early_stopping.patience=5
nbm ais run \-\-ais\-betas 30000 \-\-json
nbm sample run \-\-output samples.png
.EE
.SH FILES
In the folder of a run:
.TP
.I config.toml
All settings in effect; nbm train repeats the run with it.
.TP
.I summary.txt, summary.json
What came of it, for people and for programs.
.TP
.I history.csv, log.jsonl
The metrics of each epoch.
.TP
.I weights/final.h5, weights/epoch\-*.h5
Weights, in HDF5.
.TP
.I checkpoints/*.ckpt
What nbm resume goes on from.
.TP
.I samples/, plots/
Pictures.
.SH ENVIRONMENT
.TP
.B NBM_ISA
The instruction set to use, in place of the best one that the processor has.
.TP
.B TERM
Where it is dumb or not set, no line of progress is redrawn.
.SH EXIT STATUS
.TP
.B 0
All was done.
.TP
.B 2
The input was wrong: one sentence on standard error tells what, and nothing was done.
.TP
.B 130
The command was interrupted; a training can be resumed.
.TP
.B 1
Anything else.
)";

auto manual(const CLI::App& app) -> std::string {
    auto text =
        fmt::format(".TH NBM 1 \"\" \"nbm {}\" \"User Commands\"\n.SH NAME\nnbm \\- {}\n.SH SYNOPSIS\n{} {} [{}]\n{}.SH COMMANDS\n",
                    NBM_VERSION, roff(app.get_description()), bold("nbm"), italic("COMMAND"), italic("OPTIONS"), introduction);
    for (const auto* command : commands_of(app)) { text += section(*command); }
    return text + rest;
}

}  // namespace

auto add_man_command(CLI::App& app) -> Command {
    auto* const command = app.add_subcommand("man", "Print the manual page of nbm, for man -l - or as nbm.1");
    return {command, [&app] { fmt::print("{}", manual(app)); }};
}
