#include "configuration.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "overrides.hpp"

namespace fs = std::filesystem;

namespace {

/// Options that are about one start of the program.
constexpr auto not_keys = {"help", "config", "default", "overwrite", "resume", "set", "quiet", "json"};

/// Keys that are about one start of the program, or that become callbacks.
constexpr auto not_settings = {"output", "ais-every", "save-every", "save-epochs"};

auto is_key(const std::string& option) -> bool { return std::ranges::find(not_keys, option) == not_keys.end(); }

auto is_setting(const std::string& option) -> bool {
    return is_key(option) && std::ranges::find(not_settings, option) == not_settings.end();
}

auto key_of(std::string option) -> std::string {
    std::ranges::replace(option, '-', '_');
    return option;
}

auto text_of(const nbm::ConfigValue& value) -> std::string {
    const auto* const text = std::get_if<std::string>(&value);
    return text != nullptr ? *text : nbm::to_toml(value);
}

auto texts_of(const nbm::ConfigValue& value) -> std::vector<std::string> {
    return std::visit(
        [&](const auto& v) {
            auto texts = std::vector<std::string>{};
            if constexpr (requires { v.begin(); } && !std::is_same_v<std::decay_t<decltype(v)>, std::string>) {
                for (const auto& element : v) { texts.push_back(text_of(element)); }
            } else {
                texts.push_back(text_of(value));
            }
            return texts;
        },
        value);
}

/// What the text of a value would hide.
auto require_type(const nbm::Setting& setting, const CLI::Option& option) -> void {
    const auto kind = option.get_type_name();
    const auto is_flag = option.get_items_expected_max() == 0;
    const auto is_whole = std::holds_alternative<std::int64_t>(setting.value);
    const auto is_list = option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
    const auto expected = is_flag       ? "true or false"
                          : is_list     ? (kind == "N" ? "a list of whole numbers" : "a list of texts")
                          : kind == "N" ? "a whole number"
                          : kind == "X" ? "a number"
                                        : "a text";
    const auto good = is_flag       ? std::holds_alternative<bool>(setting.value)
                      : is_list     ? (kind == "N" ? std::holds_alternative<std::vector<std::int64_t>>(setting.value)
                                                   : std::holds_alternative<std::vector<std::string>>(setting.value))
                      : kind == "N" ? is_whole
                      : kind == "X" ? is_whole || std::holds_alternative<double>(setting.value)
                                    : std::holds_alternative<std::string>(setting.value);
    if (!good) {
        throw nbm::InputError(
            fmt::format("{}: {} = {}; expected {}", setting.place, setting.key, nbm::to_toml(setting.value), expected));
    }
}

/// What was typed, as TOML writes it.
auto setting_text(const std::string& kind, const std::string& text) -> std::string {
    if (kind == "N") { return nbm::to_toml(static_cast<std::int64_t>(std::stoll(text))); }
    if (kind == "X") { return nbm::to_toml(std::stod(text)); }
    return nbm::to_toml(text);
}

auto setting_text(const std::string& kind, const std::vector<std::string>& texts) -> std::string {
    auto parts = std::vector<std::string>{};
    for (const auto& text : texts) { parts.push_back(setting_text(kind, text)); }
    return fmt::format("[{}]", fmt::join(parts, ", "));
}

/// What a file says about the machine where the command line asks for another one.
auto is_overruled(const std::string& key, bool typed_hidden, bool typed_layers) -> bool {
    return (typed_layers && (key == "hidden" || key == "edges")) || (typed_hidden && (key == "layers" || key == "edges"));
}

/// A file or folder, before options after a colon, with its whole path: the folder from which the program is started next time may
/// be another.
auto absolute_data(const std::string& data) -> std::string {
    if (data == "digits" || data.starts_with("bars-and-stripes:")) { return data; }  // whatever else is called so
    auto ignored = std::error_code{};
    for (auto end = data.size(); end != std::string::npos && end != 0; end = data.rfind(':', end - 1)) {
        const auto path = data.substr(0, end);
        if (fs::exists(path, ignored)) { return fs::absolute(path).lexically_normal().string() + data.substr(end); }
    }
    return data;
}

}  // namespace

auto setting_keys(const CLI::App& command) -> std::vector<std::string> {
    auto names = std::vector<std::string>{};
    for (const auto* option : command.get_options()) {
        const auto name = option->get_single_name();
        if (is_key(name)) { names.push_back(key_of(name)); }
    }
    return names;
}

auto apply_settings(const nbm::Config& config, CLI::App& command) -> void {
    const auto names = setting_keys(command);
    const auto given = [&](const char* name) {
        const auto* const option = command.get_option_no_throw(name);
        return option != nullptr && option->count() != 0;
    };
    const auto typed_hidden = given("--hidden");
    const auto typed_layers = given("--layers");
    for (const auto& setting : config.settings) {
        if (std::ranges::find(names, setting.key) == names.end()) {
            throw nbm::InputError(fmt::format("{}: {}", setting.place, nbm::unknown_name("key", setting.key, names)));
        }
        auto name = setting.key;
        std::ranges::replace(name, '_', '-');
        auto* const option = command.get_option("--" + name);
        // The command line wins.
        if (option->count() != 0 || is_overruled(setting.key, typed_hidden, typed_layers)) { continue; }
        require_type(setting, *option);
        const auto texts = texts_of(setting.value);
        if (texts.empty()) { continue; }
        try {
            for (const auto& text : texts) { option->add_result(text); }
            option->run_callback();
        } catch (const CLI::Error& error) { throw nbm::InputError(fmt::format("{}: {}", setting.place, error.what())); }
    }
    if (given("--hidden") && given("--layers")) {
        throw nbm::InputError(
            "hidden and layers are both given; layers alone tells the units of all layers, hidden alone makes two");
    }
}

auto apply_overrides(const std::vector<std::string>& texts, CLI::App& command) -> void {
    const auto config = plain_overrides(texts);
    for (const auto& setting : config.settings) {
        auto name = "--" + setting.key;
        std::ranges::replace(name, '_', '-');
        const auto* const option = command.get_option_no_throw(name);
        if (option != nullptr && is_key(option->get_single_name()) && option->count() != 0) {
            throw nbm::InputError(fmt::format("{}: {} is given, too; leave out one of them", setting.place, name));
        }
    }
    apply_settings(config, command);
}

auto describe_settings(const CLI::App& command, const TrainOptions& o) -> std::string {
    auto text = std::string{};
    for (const auto* option : command.get_options()) {
        const auto name = option->get_single_name();
        if (!is_setting(name)) { continue; }
        if (option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll) {
            if (option->count() == 0) { continue; }
            text += fmt::format("{} = {}\n", key_of(name), setting_text(option->get_type_name(), option->results()));
            continue;
        }
        if (name == "hidden" && !o.layers.empty()) { continue; }
        auto value = option->count() != 0 ? option->results().back() : option->get_default_str();
        if (option->get_items_expected_max() == 0) { value = option->count() != 0 && option->as<bool>() ? "true" : "false"; }
        if (name == "data") { value = absolute_data(o.data); }
        if (name == "initial-weights" && o.initial_weights != "none") { value = absolute_data(o.initial_weights); }
        if (name == "redraw" && o.redraw != "none" && o.redraw != "data") { value = absolute_data(o.redraw); }
        const auto is_flag = option->get_items_expected_max() == 0;
        text += fmt::format("{} = {}\n", key_of(name), is_flag ? value : setting_text(option->get_type_name(), value));
    }
    return text;
}

auto describe_defaults(const CLI::App& command) -> std::string {
    auto text = std::string("# All settings of `nbm train` with their defaults.\n");
    auto group = std::string{};
    for (const auto* option : command.get_options()) {
        const auto name = option->get_single_name();
        if (!is_key(name)) { continue; }
        if (option->get_group() != group) {
            group = option->get_group();
            text += fmt::format("\n# --- {} ---\n\n", group);
        }
        const auto kind = option->get_type_name();
        const auto is_flag = option->get_items_expected_max() == 0;
        const auto choices = kind.find('|') == std::string::npos ? "" : fmt::format(" ({})", kind);
        text += fmt::format("# {}{}\n", option->get_description(), choices);
        if (option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll) {
            text += fmt::format("# {} = {}\n", key_of(name), kind == "N" ? "[1, 2, 3]" : "[\"0-1\", \"1-2\"]");
        } else {
            text += fmt::format("{} = {}\n", key_of(name), is_flag ? "false" : setting_text(kind, option->get_default_str()));
        }
    }
    return text +
           "\n# Callbacks, as `nbm callbacks` lists them.\n# [[callbacks]]\n# type = \"early_stopping\"\n# monitor = "
           "\"val_cost\"\n";
}
