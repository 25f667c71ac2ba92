#include "report/page.hpp"

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "report/assets.hpp"
#include "report/html.hpp"

import nbm;

namespace fs = std::filesystem;

namespace {

constexpr auto generator = std::string_view(R"(<meta name="generator" content="nbm">)");

/// Forbids the browser to fetch anything, and to run another script than ours.
auto policy() -> std::string {
    return fmt::format(
        "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        base64(bytes_of_hex(page_css_sha256)), base64(bytes_of_hex(page_js_sha256)));
}

}  // namespace

auto make_page(const std::string& title, const std::string& header, const std::vector<Section>& sections,
               const nlohmann::ordered_json& data) -> std::string {
    auto links = std::string{};
    auto body = std::string{};
    for (const auto& [name, html] : sections) {
        if (html.empty()) { continue; }
        links += fmt::format(R"(<li><a href="#{}">{}</a></li>)", id_of(name), escape(name));
        body += fmt::format("<section id=\"{0}\" aria-labelledby=\"{0}-heading\"><h2 id=\"{0}-heading\">{1}</h2>\n{2}</section>\n",
                            id_of(name), escape(name), html);
    }
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{}\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light "
        "dark\">\n"
        "<title>{}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{}</style>\n</head>\n<body>\n"
        "<a class=\"skip\" href=\"#content\">Skip to the content</a>\n{}\n<nav aria-label=\"Parts of this "
        "page\"><ul>{}</ul></nav>\n"
        "<main id=\"content\">\n{}</main>\n<footer><p>Written by nbm. This page needs no other file and no network.</p></footer>\n"
        "<script type=\"application/json\" id=\"data\">{}</script>\n<script>{}</script>\n</body>\n</html>\n",
        generator, policy(), escape(title), page_css, header, links, body, script_json(data), page_js);
}

auto definitions(const std::vector<std::pair<std::string, std::string>>& rows) -> std::string {
    auto html = std::string{};
    for (const auto& [key, value] : rows) {
        if (!value.empty()) { html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escape(key), value); }
    }
    return html.empty() ? html : R"(<dl class="facts">)" + html + "</dl>\n";
}

auto copyable(std::string_view text, const std::string& label) -> std::string {
    return fmt::format(
        "<div class=\"copyable\"><p class=\"label\">{0}</p><pre tabindex=\"0\" role=\"region\" "
        "aria-label=\"{0}\"><code>{1}</code></pre></div>\n",
        escape(label), escape(text));
}

auto write_page(const fs::path& path, const std::string& html) -> void {
    if (fs::is_directory(path)) { throw nbm::FileError(path.string(), "is a folder, in the way of the page"); }
    if (fs::exists(path)) {
        auto start = std::array<char, 256>{};
        auto file = std::ifstream(path, std::ios::binary);
        file.read(start.data(), start.size());
        if (std::string_view(start.data(), static_cast<std::size_t>(file.gcount())).find(generator) == std::string_view::npos) {
            throw nbm::FileError(path.string(), "exists and is no page that nbm wrote; choose another name");
        }
    }
    nbm::write_text(path, html);
}
