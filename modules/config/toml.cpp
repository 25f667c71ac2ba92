module;

#include <toml++/toml.h>

module nbm:config.toml_impl;

import :callbacks;
import :config.registry;
import :config.toml;
import :config.visitors;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

auto place_of(const std::string& name, const toml::source_region& source) -> std::string {
    return fmt::format("{}:{}", name, source.begin.line);
}

/// A list whose elements are all of one kind; whole numbers among others count as numbers.
auto read_array(const toml::array& array) -> ConfigValue {
    auto whole = std::vector<std::int64_t>{};
    auto numbers = std::vector<double>{};
    auto texts = std::vector<std::string>{};
    for (const auto& element : array) {
        if (const auto* w = element.as_integer()) {
            whole.push_back(w->get());
            numbers.push_back(static_cast<double>(w->get()));
        } else if (const auto* n = element.as_floating_point()) {
            numbers.push_back(n->get());
        } else if (const auto* t = element.as_string()) {
            texts.push_back(t->get());
        }
    }
    if (whole.size() == array.size()) { return whole; }
    if (numbers.size() == array.size()) { return numbers; }
    if (texts.size() == array.size()) { return texts; }
    return {};
}

auto read_value(const toml::node& node) -> ConfigValue {
    if (const auto* b = node.as_boolean()) { return b->get(); }
    if (const auto* w = node.as_integer()) { return w->get(); }
    if (const auto* n = node.as_floating_point()) { return n->get(); }
    if (const auto* t = node.as_string()) { return t->get(); }
    if (const auto* a = node.as_array()) { return read_array(*a); }
    return {};
}

/// The keys in the order of the file; toml++ sorts them.
auto read_settings(const toml::table& table, const std::string& name) -> std::vector<Setting> {
    auto found = std::vector<std::pair<toml::source_position, Setting>>{};
    for (const auto& [key, node] : table) {
        const auto at = key.source().begin;
        found.emplace_back(at, Setting{std::string(key.str()), read_value(node), place_of(name, key.source())});
    }
    std::ranges::sort(found, [](const auto& a, const auto& b) { return a.first < b.first; });
    auto settings = std::vector<Setting>{};
    for (auto& [at, setting] : found) { settings.push_back(std::move(setting)); }
    return settings;
}

auto read_section(const toml::node& node, const std::string& name) -> CallbackSection {
    const auto place = place_of(name, node.source());
    const auto* const table = node.as_table();
    if (table == nullptr) { throw InputError(place + ": 'callbacks' must be tables; write [[callbacks]]"); }
    auto section = CallbackSection{.type = {}, .place = place, .settings = read_settings(*table, name)};
    const auto type = std::ranges::find(section.settings, "type", &Setting::key);
    if (type == section.settings.end()) {
        throw InputError(place + ": this callback has no type; write type = \"csv_logger\", say");
    }
    if (!std::holds_alternative<std::string>(type->value)) {
        throw InputError(fmt::format("{}: type is {}; a text is expected", type->place, to_toml(type->value)));
    }
    section.type = std::get<std::string>(type->value);
    section.place = type->place;
    section.settings.erase(type);
    return section;
}

}  // namespace

auto to_toml(const ConfigValue& value) -> std::string {
    return std::visit(
        [](const auto& v) -> std::string {
            using V = std::decay_t<decltype(v)>;
            if constexpr (std::is_same_v<V, std::monostate>) {
                return "something that no setting can be";
            } else if constexpr (std::is_same_v<V, double>) {
                const auto text = fmt::format("{}", v);
                return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
            } else if constexpr (std::is_same_v<V, std::string>) {
                auto stream = std::ostringstream{};
                const auto node = toml::value<std::string>(v);
                stream << toml::toml_formatter(node, toml::format_flags::none);
                return stream.str();
            } else if constexpr (requires { v.begin(); }) {
                auto parts = std::vector<std::string>{};
                for (const auto& element : v) { parts.push_back(to_toml(element)); }
                return fmt::format("[{}]", fmt::join(parts, ", "));
            } else {
                return fmt::format("{}", v);
            }
        },
        value);
}

auto parse_config(std::string_view text, const std::string& name) -> Config {
    auto table = toml::table{};
    try {
        table = toml::parse(text, name);
    } catch (const toml::parse_error& error) {
        throw InputError(fmt::format("{}: {}", place_of(name, error.source()), error.description()));
    }
    auto config = Config{};
    for (auto& setting : read_settings(table, name)) {
        if (setting.key == "callbacks") { continue; }
        if (table[setting.key].is_table() || table[setting.key].is_array_of_tables()) {
            const auto known = std::vector<std::string>{"callbacks"};
            throw InputError(fmt::format("{}: {}", setting.place, unknown_name("table", setting.key, known)));
        }
        config.settings.push_back(std::move(setting));
    }
    if (const auto callbacks = table["callbacks"]) {
        const auto* const array = callbacks.as_array();
        if (array == nullptr) {
            throw InputError(place_of(name, callbacks.node()->source()) + ": write [[callbacks]], with two brackets");
        }
        for (const auto& node : *array) { config.callbacks.push_back(read_section(node, name)); }
    }
    return config;
}

auto read_config(const std::filesystem::path& path) -> Config {
    if (!std::filesystem::is_regular_file(path)) { throw FileError(path.string(), "there is no such file"); }
    auto file = std::ifstream(path, std::ios::binary);
    const auto text = std::string(std::istreambuf_iterator<char>(file), {});
    if (!file) { throw FileError(path.string(), "cannot be read"); }
    return parse_config(text, path.string());
}

template <Real T>
auto make_callback(const CallbackRegistry<T>& registry, const CallbackSection& section, const std::filesystem::path& folder)
    -> ConfiguredCallback<T> {
    const auto& entry = [&]() -> const auto& {
        try {
            return registry.find(section.type);
        } catch (const InputError& error) { throw InputError(fmt::format("{}: {}", section.place, error.what())); }
    }();
    auto names = NameCollector{};
    entry.list(names);
    for (const auto& setting : section.settings) {
        if (std::ranges::find(names.names, setting.key) == names.names.end()) {
            throw InputError(fmt::format("{}: {}: {}", setting.place, section.type, unknown_name("key", setting.key, names.names)));
        }
    }
    auto assigner = Assigner(section, folder);
    try {
        auto callback = entry.make(assigner);
        return {std::move(callback), fmt::format("[[callbacks]]\ntype = {}\n{}", to_toml(section.type), assigner.effective())};
    } catch (const InputError& error) {
        // A class refuses a combination of options: the place of the section is the best there is.
        const auto text = std::string(error.what());
        throw InputError(text.starts_with(section.place.substr(0, section.place.rfind(':') + 1)) ? text
                                                                                                 : section.place + ": " + text);
    }
}

template <Real T>
auto make_callbacks(const CallbackRegistry<T>& registry, const Config& config, const std::filesystem::path& folder)
    -> DynamicCallbackList<T> {
    auto list = DynamicCallbackList<T>{};
    for (const auto& section : config.callbacks) { list.append(make_callback(registry, section, folder).callback); }
    return list;
}

template <Real T>
auto list_callbacks(const CallbackRegistry<T>& registry, bool markdown) -> std::string {
    auto text = std::string{};
    auto common = Lister(markdown);
    auto options = CommonOptions{};
    common_options(common, options);
    for (const auto& entry : registry.entries()) {
        auto own = Lister(markdown, common.names());
        entry.list(own);
        text +=
            markdown ? fmt::format("### {}\n\n{}.\n\n", entry.name, entry.doc) : fmt::format("{}\n    {}\n", entry.name, entry.doc);
        text += own.text().empty() || !markdown ? own.text() : own.text() + "\n";
        text += markdown ? "" : "\n";
    }
    return text + (markdown ? "### Options of all\n\n" : "all of them also have\n") + common.text();
}

template auto make_callback(const CallbackRegistry<float>&, const CallbackSection&, const std::filesystem::path&)
    -> ConfiguredCallback<float>;
template auto make_callback(const CallbackRegistry<double>&, const CallbackSection&, const std::filesystem::path&)
    -> ConfiguredCallback<double>;
template auto make_callbacks(const CallbackRegistry<float>&, const Config&, const std::filesystem::path&)
    -> DynamicCallbackList<float>;
template auto make_callbacks(const CallbackRegistry<double>&, const Config&, const std::filesystem::path&)
    -> DynamicCallbackList<double>;
template auto list_callbacks(const CallbackRegistry<float>&, bool) -> std::string;
template auto list_callbacks(const CallbackRegistry<double>&, bool) -> std::string;

}  // namespace nbm
