#include "overrides.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace {

struct Override {
    std::vector<std::string> path;
    nbm::ConfigValue value;
    std::string place;
};

/// As TOML, or else a text.
auto value_of(const std::string& text) -> nbm::ConfigValue {
    try {
        const auto config = nbm::parse_config("value = " + text, "--set");
        const auto alone = config.settings.size() == 1 && config.callbacks.empty();
        if (alone && !std::holds_alternative<std::monostate>(config.settings[0].value)) { return config.settings[0].value; }
    } catch (const nbm::InputError&) {}
    return text;
}

auto parse(const std::string& text) -> Override {
    const auto equals = text.find('=');
    auto result = Override{.path = {}, .value = {}, .place = "--set " + text};
    if (equals == std::string::npos) {
        throw nbm::InputError(fmt::format("{0}: found no value, expected {0}=VALUE", result.place));
    }
    const auto path = text.substr(0, equals);
    for (std::size_t begin = 0; begin <= path.size();) {
        const auto end = std::min(path.find('.', begin), path.size());
        result.path.push_back(path.substr(begin, end - begin));
        begin = end + 1;
    }
    const auto& first = result.path.front();
    if (first == "callbacks" ? result.path.size() != 3 : result.path.size() != 1) {
        const auto nearest = nbm::nearest_name(first, std::vector<std::string>{"callbacks"});
        throw nbm::InputError(fmt::format("{}: found the path '{}', expected KEY, callbacks.N.KEY or callbacks.TYPE.KEY{}",
                                          result.place, path,
                                          nearest.empty() || first == nearest ? "" : fmt::format("; did you mean '{}'?", nearest)));
    }
    result.value = value_of(text.substr(equals + 1));
    return result;
}

auto put(std::vector<nbm::Setting>& settings, nbm::Setting setting) -> void {
    const auto found = std::ranges::find(settings, setting.key, &nbm::Setting::key);
    if (found == settings.end()) {
        settings.push_back(std::move(setting));
    } else {
        *found = std::move(setting);
    }
}

/// "0 csv_logger, 1 checkpoint"
auto list(const std::vector<nbm::CallbackSection>& sections) -> std::string {
    auto names = std::vector<std::string>{};
    for (const auto& section : sections) { names.push_back(fmt::format("{} {}", names.size(), section.type)); }
    return fmt::format("{}", fmt::join(names, ", "));
}

auto has_id(const nbm::CallbackSection& section, const std::string& name) -> bool {
    return std::ranges::any_of(section.settings, [&](const nbm::Setting& s) {
        const auto* const text = std::get_if<std::string>(&s.value);
        return s.key == "id" && text != nullptr && *text == name;
    });
}

auto find(const std::vector<nbm::CallbackSection>& sections, const Override& asked) -> std::size_t {
    const auto& name = asked.path[1];
    if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) {
        for (std::size_t i = 0; i != sections.size(); ++i) {
            if (std::to_string(i) == name) { return i; }
        }
        throw nbm::InputError(fmt::format("{}: there is no callback {} (valid: {})", asked.place, name, list(sections)));
    }
    auto found = std::vector<std::size_t>{};
    auto types = std::vector<std::string>{};
    for (std::size_t i = 0; i != sections.size(); ++i) {
        if (has_id(sections[i], name)) { return i; }
        if (sections[i].type == name) { found.push_back(i); }
        types.push_back(sections[i].type);
    }
    if (found.empty()) {
        const auto nearest = nbm::nearest_name(name, types);
        throw nbm::InputError(fmt::format("{}: this training has no callback '{}'{} (valid: {})", asked.place, name,
                                          nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest), list(sections)));
    }
    if (found.size() > 1) {
        throw nbm::InputError(fmt::format("{}: callbacks {} are all '{}'; give the number of one of them", asked.place,
                                          fmt::join(found, ", "), name));
    }
    return found.front();
}

}  // namespace

auto plain_overrides(const std::vector<std::string>& texts) -> nbm::Config {
    auto config = nbm::Config{};
    for (const auto& text : texts) {
        auto asked = parse(text);
        if (asked.path.size() == 1) { put(config.settings, {asked.path[0], std::move(asked.value), std::move(asked.place)}); }
    }
    return config;
}

auto override_callbacks(std::vector<nbm::CallbackSection>& sections, const std::vector<std::string>& texts) -> void {
    for (const auto& text : texts) {
        auto asked = parse(text);
        if (asked.path.size() == 1) { continue; }
        auto& section = sections[find(sections, asked)];
        put(section.settings, {asked.path[2], std::move(asked.value), std::move(asked.place)});
    }
}
