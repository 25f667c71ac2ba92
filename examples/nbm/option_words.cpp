#include "option_words.hpp"

#include <string>
#include <string_view>
#include <vector>

auto value_words(const CLI::Option& option) -> ValueWords {
    using Paths = ValueWords::Paths;
    const auto kind = std::string(option.get_type_name());
    // Words for kinds of values are written in capitals.
    const auto stands_for_itself = kind.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-|") == std::string::npos;
    if (!kind.empty() && stands_for_itself) { return {.words = CLI::detail::split(kind, '|')}; }
    if (option.check_lname("data")) { return {.words = {"digits", "bars-and-stripes:"}, .paths = Paths::files}; }
    if (kind.ends_with(".toml")) { return {.words = {}, .paths = Paths::toml_files}; }
    if (kind.starts_with("RUN")) { return {.words = {}, .paths = Paths::runs}; }
    if (kind.starts_with("FOLDER")) { return {.words = {}, .paths = option.get_positional() ? Paths::runs : Paths::folders}; }
    if (kind.starts_with("FILE") || kind.starts_with("DATA") || kind == "IN" || kind == "OUT") {
        return {.words = {}, .paths = Paths::files};
    }
    return {};
}

auto names_of(const CLI::Option& option) -> std::vector<std::string> {
    auto names = std::vector<std::string>{};
    for (const auto& name : option.get_snames()) { names.push_back("-" + name); }
    for (const auto& name : option.get_lnames()) { names.push_back("--" + name); }
    return names;
}

auto takes_value(const CLI::Option& option) -> bool { return option.get_items_expected_max() != 0; }

auto commands_of(const CLI::App& app) -> std::vector<const CLI::App*> { return app.get_subcommands({}); }
