module nbm:callbacks.periodic_save_impl;

import :callbacks.logs;
import :callbacks.options;
import :callbacks.periodic_save;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

/// The first placeholder that is not among `names`, or nothing.
auto unknown_placeholder(const std::string& text, const std::vector<std::string>& names) -> std::string {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '{') { continue; }
        if (i + 1 < text.size() && text[i + 1] == '{') {
            ++i;
            continue;
        }
        auto name = text.substr(i + 1, text.find_first_of(":}", i) - i - 1);
        if (std::ranges::find(names, name) == names.end()) { return name.empty() ? "{}" : name; }
    }
    return {};
}

}  // namespace

auto epoch_path(const std::filesystem::path& path, std::size_t epoch, const Logs& logs) -> std::filesystem::path {
    const auto path_template = path.string();
    auto arguments = fmt::dynamic_format_arg_store<fmt::format_context>{};
    auto names = std::vector<std::string>{"epoch"};
    arguments.push_back(fmt::arg("epoch", epoch + 1));
    for (std::size_t i = 0; i != logs.metrics().size(); ++i) {
        const auto& name = names.emplace_back(logs.metrics()[i].name);
        arguments.push_back(fmt::arg(name.c_str(), logs.values()[i].value_or(std::numeric_limits<double>::quiet_NaN())));
    }
    if (const auto unknown = unknown_placeholder(path_template, names); !unknown.empty()) {
        throw InputError(fmt::format("path '{}': {}", path_template, unknown_name("placeholder", unknown, names)));
    }
    try {
        auto text = fmt::vformat(path_template, arguments);
        if (text.size() > 4096) { throw fmt::format_error("the path would have " + std::to_string(text.size()) + " characters"); }
        return text;
    } catch (const fmt::format_error& error) {
        throw InputError(fmt::format("path '{}': {}; placeholders look like {{epoch}}, {{epoch:04d}} or {{cost:.3f}}",
                                     path_template, error.what()));
    }
}

auto PeriodicSave::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("weight_path", options.weight_path, "file for the weights, with {epoch} and names of metrics", path_template());
    visitor.option("opt_path", options.opt_path, "file for weights and optimiser state; empty: none", path_template());
}

auto escape_template(const std::filesystem::path& path) -> std::string {
    auto text = std::string{};
    for (const auto c : path.string()) { text += c == '{' || c == '}' ? std::string(2, c) : std::string(1, c); }
    return text;
}

}  // namespace nbm
