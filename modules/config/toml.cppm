export module nbm:config.toml;

import :callbacks;
import :config.registry;
import :standard;
import :tensor;

export namespace nbm {

/// A value in a configuration file; monostate for what no setting can be, such as a date.
using ConfigValue = std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::int64_t>,
                                 std::vector<double>, std::vector<std::string>>;

/// One key of a configuration file.
struct Setting {
    std::string key;
    ConfigValue value;
    std::string place;  // "file:line"
};

/// A [[callbacks]] table.
struct CallbackSection {
    std::string type;
    std::string place;
    std::vector<Setting> settings;  // without the type
};

/// A configuration file: the keys outside of tables, and the callbacks in their order.
struct Config {
    std::vector<Setting> settings;
    std::vector<CallbackSection> callbacks;
};

/// Parses TOML. Throws InputError that begins with "name:line" for wrong syntax, another table than [[callbacks]], or one without a
/// type.
auto parse_config(std::string_view text, const std::string& name) -> Config;

/// Reads a TOML file. Throws FileError or InputError.
auto read_config(const std::filesystem::path& path) -> Config;

/// A value as TOML; a list of numbers as "[1, 2]".
auto to_toml(const ConfigValue& value) -> std::string;

/// A callback made from its section, with all its effective options as a [[callbacks]] table in TOML.
template <Real T>
struct ConfiguredCallback {
    AnyCallback<T> callback;
    std::string effective;
};

/// Makes a callback. Relative paths among its options are taken relative to `folder`. Throws InputError that begins with
/// "file:line" and names the key, what was found, what was expected and, for names, the nearest valid one.
template <Real T>
auto make_callback(const CallbackRegistry<T>& registry, const CallbackSection& section, const std::filesystem::path& folder)
    -> ConfiguredCallback<T>;

/// All callbacks of a configuration.
template <Real T>
auto make_callbacks(const CallbackRegistry<T>& registry, const Config& config, const std::filesystem::path& folder)
    -> DynamicCallbackList<T>;

/// What a user can write: each callback type with its options, their types, defaults, ranges and meanings, for a terminal or as
/// Markdown.
template <Real T>
auto list_callbacks(const CallbackRegistry<T>& registry, bool markdown = false) -> std::string;

}  // namespace nbm
