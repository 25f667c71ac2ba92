module nbm:config.visitors;

import :callbacks;
import :config.toml;
import :standard;
import :tensor;
import nbm.fmt;

// What the one option table of a callback class is shown to.
namespace nbm {

class NameCollector : public OptionVisitor {
public:
    std::vector<std::string> names;

protected:
    auto visit(OptionInfo info, OptionRef) -> void override { names.push_back(std::move(info.name)); }
};

/// The present value of an option, as it would stand in a configuration.
inline auto value_of(const OptionInfo& info, const OptionRef& member) -> ConfigValue {
    return std::visit(
        [&](const auto* m) -> ConfigValue {
            using V = std::decay_t<decltype(*m)>;
            if constexpr (std::is_same_v<V, std::size_t>) {
                if (!info.choices.empty()) { return info.choices.at(*m); }
                return static_cast<std::int64_t>(*m);
            } else if constexpr (std::is_same_v<V, char>) {
                return std::string(1, *m);
            } else if constexpr (std::is_same_v<V, std::filesystem::path>) {
                return m->string();
            } else if constexpr (std::is_same_v<V, std::optional<double>>) {
                return *m ? ConfigValue(**m) : ConfigValue();
            } else if constexpr (std::is_same_v<V, std::vector<std::size_t>>) {
                return std::vector<std::int64_t>(m->begin(), m->end());
            } else {
                return *m;
            }
        },
        member);
}

/// The words for what an option accepts: "whole number >= 1".
inline auto expected_of(const OptionInfo& info, const OptionRef& member) -> std::string {
    if (!info.choices.empty()) { return fmt::format("one of {}", fmt::join(info.choices, ", ")); }
    auto text = std::visit(
        [](const auto* m) -> std::string {
            using V = std::decay_t<decltype(*m)>;
            if constexpr (std::is_same_v<V, bool>) { return "true or false"; }
            if constexpr (std::is_same_v<V, std::size_t>) { return "whole number"; }
            if constexpr (std::is_same_v<V, double> || std::is_same_v<V, std::optional<double>>) { return "number"; }
            if constexpr (std::is_same_v<V, char>) { return "one character"; }
            if constexpr (std::is_same_v<V, std::filesystem::path>) { return "path"; }
            if constexpr (std::is_same_v<V, std::vector<std::size_t>>) { return "list of whole numbers"; }
            if constexpr (std::is_same_v<V, std::vector<double>>) { return "list of numbers"; }
            if constexpr (std::is_same_v<V, std::vector<std::string>>) { return "list of texts"; }
            return "text";
        },
        member);
    if (std::isfinite(info.rule.least) && std::isfinite(info.rule.most)) {
        return fmt::format("{} from {} to {}", text, info.rule.least, info.rule.most);
    }
    if (std::isfinite(info.rule.least)) { return fmt::format("{} >= {}", text, info.rule.least); }
    return text;
}

/// Assigns the settings of a section, relative paths under `folder`, and keeps what all options are in the end.
class Assigner : public OptionVisitor {
public:
    Assigner(const CallbackSection& section, std::filesystem::path folder) : section_(section), folder_(std::move(folder)) {}

    auto effective() const -> const std::string& { return effective_; }

protected:
    auto visit(OptionInfo info, OptionRef member) -> void override {
        const auto found = std::ranges::find(section_.settings, info.name, &Setting::key);
        if (found != section_.settings.end()) {
            assign(info, member, *found);
        } else if (info.rule.required) {
            throw InputError(fmt::format("{}: {} needs the key '{}' ({}; {})", section_.place, section_.type, info.name,
                                         expected_of(info, member), info.doc));
        }
        const auto value = value_of(info, member);
        if (!std::holds_alternative<std::monostate>(value)) { effective_ += fmt::format("{} = {}\n", info.name, to_toml(value)); }
        if (auto* const* path = std::get_if<std::filesystem::path*>(&member)) {
            if (!(*path)->empty() && (*path)->is_relative()) {
                **path = (info.rule.is_template ? std::filesystem::path(escape_template(folder_)) : folder_) / **path;
            }
        }
    }

private:
    auto assign(const OptionInfo& info, const OptionRef& member, const Setting& setting) const -> void {
        const auto fail = [&]() -> InputError {
            auto text = fmt::format("{}: {}: {} = {}; expected {}", setting.place, section_.type, info.name, to_toml(setting.value),
                                    expected_of(info, member));
            if (const auto* name = std::get_if<std::string>(&setting.value); name != nullptr && !info.choices.empty()) {
                if (const auto nearest = nearest_name(*name, info.choices); !nearest.empty()) {
                    text += fmt::format("; did you mean '{}'?", nearest);
                }
            }
            return InputError(text);
        };
        const auto in_range = [&](double x) { return x >= info.rule.least && x <= info.rule.most; };
        const auto good = std::visit(
            [&](auto* m) -> bool {
                using V = std::decay_t<decltype(*m)>;
                const auto* const whole = std::get_if<std::int64_t>(&setting.value);
                const auto* const number = std::get_if<double>(&setting.value);
                const auto* const text = std::get_if<std::string>(&setting.value);
                if constexpr (std::is_same_v<V, bool>) {
                    const auto* const flag = std::get_if<bool>(&setting.value);
                    if (flag != nullptr) { *m = *flag; }
                    return flag != nullptr;
                } else if constexpr (std::is_same_v<V, std::size_t>) {
                    if (!info.choices.empty()) {
                        const auto choice = text == nullptr ? info.choices.end() : std::ranges::find(info.choices, *text);
                        *m = static_cast<std::size_t>(choice - info.choices.begin());
                        return choice != info.choices.end();
                    }
                    if (whole == nullptr || *whole < 0 || !in_range(static_cast<double>(*whole))) { return false; }
                    *m = static_cast<std::size_t>(*whole);
                    return true;
                } else if constexpr (std::is_same_v<V, double> || std::is_same_v<V, std::optional<double>>) {
                    if (whole == nullptr && number == nullptr) { return false; }
                    const auto x = whole != nullptr ? static_cast<double>(*whole) : *number;
                    *m = x;
                    return in_range(x);
                } else if constexpr (std::is_same_v<V, char>) {
                    if (text == nullptr || text->size() != 1) { return false; }
                    *m = (*text)[0];
                    return true;
                } else if constexpr (std::is_same_v<V, std::vector<std::size_t>>) {
                    const auto* const list = std::get_if<std::vector<std::int64_t>>(&setting.value);
                    if (list == nullptr || std::ranges::any_of(*list, [&](auto x) { return x < 0 || !in_range(static_cast<double>(x)); })) { return false; }
                    m->assign(list->begin(), list->end());
                    return true;
                } else if constexpr (std::is_same_v<V, std::vector<double>>) {
                    const auto* const list = std::get_if<std::vector<double>>(&setting.value);
                    const auto* const wholes = std::get_if<std::vector<std::int64_t>>(&setting.value);
                    if (list != nullptr) { *m = *list; }
                    if (wholes != nullptr) { m->assign(wholes->begin(), wholes->end()); }
                    return list != nullptr || wholes != nullptr;
                } else if constexpr (std::is_same_v<V, std::vector<std::string>>) {
                    const auto* const list = std::get_if<std::vector<std::string>>(&setting.value);
                    const auto* const empty = std::get_if<std::vector<std::int64_t>>(&setting.value);
                    if (list != nullptr) { *m = *list; }
                    return list != nullptr || (empty != nullptr && empty->empty());
                } else {
                    if (text != nullptr) { *m = *text; }
                    return text != nullptr;
                }
            },
            member);
        if (!good) { throw fail(); }
    }

    const CallbackSection& section_;
    std::filesystem::path folder_;
    std::string effective_;
};

/// Writes options as lines for a terminal or as a Markdown table; leaves some out.
class Lister : public OptionVisitor {
public:
    explicit Lister(bool markdown, std::vector<std::string> left_out = {}) : markdown_(markdown), left_out_(std::move(left_out)) {}

    auto text() const -> std::string {
        return markdown_ && !text_.empty() ? "| option | type | default | meaning |\n| --- | --- | --- | --- |\n" + text_ : text_;
    }
    auto names() const -> const std::vector<std::string>& { return names_; }

protected:
    auto visit(OptionInfo info, OptionRef member) -> void override {
        if (std::ranges::find(left_out_, info.name) != left_out_.end()) { return; }
        const auto value = value_of(info, member);
        const auto unset = std::holds_alternative<std::monostate>(value);
        const auto fallback = info.rule.required ? std::string("required") : unset ? std::string("none") : to_toml(value);
        const auto type = expected_of(info, member);
        text_ += markdown_ ? fmt::format("| `{}` | {} | `{}` | {} |\n", info.name, type, fallback, info.doc)
                           : fmt::format("    {:<18} {} ({}; default {})\n", info.name, info.doc, type, fallback);
        names_.push_back(std::move(info.name));
    }

private:
    bool markdown_;
    std::vector<std::string> left_out_;
    std::vector<std::string> names_;
    std::string text_;
};

}  // namespace nbm
