#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands/command.hpp"
#include "configuration.hpp"
#include "option_kinds.hpp"
#include "option_words.hpp"
#include "results.hpp"

import nbm;

namespace {

/// What is the same whatever the tables say. The functions read `cur` of the one that calls them.
constexpr auto head = R"(# bash completion of nbm, made by: nbm completion bash
_nbm_words() {
    local word
    for word in $1; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=.] ]]; then compopt -o nospace 2>/dev/null; fi
}
_nbm_paths() {
    local path
    compopt -o filenames 2>/dev/null
    while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$@" -- "$cur")
}
_nbm_files() { _nbm_paths -f; }
_nbm_folders() { _nbm_paths -d; }
_nbm_toml_files() { _nbm_paths -d; _nbm_paths -f -X '!*.toml'; }
# Folders of runs and those that hold some; where there are none, all.
_nbm_runs() {
    local path found=()
    _nbm_paths -d
    for path in "${COMPREPLY[@]}"; do
        if [[ -e $path/config.toml ]] || compgen -G "$path/*/config.toml" >/dev/null; then found+=("$path"); fi
    done
    if [[ ${#found[@]} != 0 ]]; then COMPREPLY=("${found[@]}"); fi
}
_nbm() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= options= i
    COMPREPLY=()
    # Bash takes --option=value for three words.
    if [[ $cur == = || $prev == = ]]; then
        i=$((COMP_CWORD - 1))
        if [[ $cur == = ]]; then cur=; else i=$((i - 1)); fi
        prev=${COMP_WORDS[i]}
        if [[ $prev != -* ]]; then
            [[ ${COMP_WORDS[i - 1]} == --set ]] || return
            prev=--${prev//_/-}
        fi
    fi
    for ((i = 1; i < COMP_CWORD; ++i)); do
        if [[ ${COMP_WORDS[i]} != -* ]]; then command=${COMP_WORDS[i]}; break; fi
    done
)";

auto is_shown(const CLI::Option& option) -> bool { return !option.get_group().empty(); }

/// The names of all options that have no positional of the same kind.
auto option_names(const CLI::App& command) -> std::vector<std::string> {
    auto names = std::vector<std::string>{};
    for (const auto* option : command.get_options()) {
        if (!is_shown(*option)) { continue; }
        for (auto& name : names_of(*option)) { names.push_back(std::move(name)); }
    }
    return names;
}

/// The shell's words that offer values.
auto offer(const ValueWords& values) -> std::string {
    using Paths = ValueWords::Paths;
    auto text = values.words.empty() ? std::string{} : fmt::format("_nbm_words '{}'; ", fmt::join(values.words, " "));
    switch (values.paths) {
        case Paths::none: break;
        case Paths::files: text += "_nbm_files; "; break;
        case Paths::folders: text += "_nbm_folders; "; break;
        case Paths::runs: text += "_nbm_runs; "; break;
        case Paths::toml_files: text += "_nbm_toml_files; "; break;
    }
    return text;
}

/// Settings, and callbacks up to their keys.
auto words_of_set(const CLI::App& command) -> ValueWords {
    auto words = ValueWords{};
    for (const auto& key : setting_keys(command)) { words.words.push_back(key + "="); }
    const auto registry = nbm::builtin_callbacks<Real>();
    for (const auto& entry : registry.entries()) { words.words.push_back("callbacks." + entry.name + "."); }
    return words;
}

/// "'train --trainer'": what the shell has when a value is to come.
auto patterns_of(const CLI::App& command, const CLI::Option& option) -> std::vector<std::string> {
    auto patterns = std::vector<std::string>{};
    for (const auto& name : names_of(option)) { patterns.push_back(fmt::format("'{} {}'", command.get_name(), name)); }
    return patterns;
}

auto bash_completion(const CLI::App& app) -> std::string {
    auto names = std::vector<std::string>{};
    for (const auto* command : commands_of(app)) { names.push_back(command->get_name()); }
    const auto global = option_names(app);
    names.insert(names.end(), global.begin(), global.end());
    auto text = head + fmt::format("    if [[ -z $command ]]; then _nbm_words '{}'; return; fi\n    case $command in\n",
                                   fmt::join(names, " "));
    for (const auto* command : commands_of(app)) {
        text += fmt::format("        {}) options='{}' ;;\n", command->get_name(), fmt::join(option_names(*command), " "));
    }
    text += "    esac\n    case \"$command $prev\" in\n";
    // Options of several commands that take the same share a line.
    auto lines = std::vector<std::pair<std::string, std::vector<std::string>>>{};
    auto positionals = std::vector<std::pair<std::string, std::string>>{};
    for (const auto* command : commands_of(app)) {
        for (const auto* option : command->get_options()) {
            if (!is_shown(*option)) { continue; }
            if (option->get_positional()) {
                if (const auto words = offer(value_words(*option)); !words.empty()) {
                    positionals.emplace_back(command->get_name(), words);
                }
            }
            if (names_of(*option).empty() || !takes_value(*option)) { continue; }
            const auto words = offer(option->check_lname("set") ? words_of_set(*command) : value_words(*option));
            auto found = std::ranges::find(lines, words, &std::pair<std::string, std::vector<std::string>>::first);
            if (found == lines.end()) { found = lines.insert(lines.end(), {words, {}}); }
            for (auto& pattern : patterns_of(*command, *option)) { found->second.push_back(std::move(pattern)); }
        }
    }
    for (const auto& [words, patterns] : lines) {
        text += fmt::format("        {}) {}return ;;\n", fmt::join(patterns, "|"), words);
    }
    text += "    esac\n    if [[ $cur == -* ]]; then _nbm_words \"$options\"; return; fi\n    case $command in\n";
    for (const auto& [name, words] : positionals) { text += fmt::format("        {}) {};;\n", name, words); }
    return text + "    esac\n}\ncomplete -F _nbm nbm\n";
}

}  // namespace

auto add_completion_command(CLI::App& app) -> Command {
    const auto shell = std::make_shared<std::string>();
    auto* const command = app.add_subcommand("completion", "Print what makes a shell complete the words of nbm");
    const auto kind = one_of({"bash"});
    command->add_option("shell", *shell, "For which shell")->required()->type_name(kind.word)->check(kind.check);
    return {command, [&app, shell] { fmt::print("{}", bash_completion(app)); }};
}
