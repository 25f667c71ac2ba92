#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

/// The most bytes of a page.
inline constexpr std::size_t page_limit = 4'900'000;

/// A part of a page with a heading, which the navigation names; left out when it is empty.
struct Section {
    std::string title;
    std::string html;
};

/// A whole page that needs no other file: header is HTML, data what the script reads.
auto make_page(const std::string& title, const std::string& header, const std::vector<Section>& sections,
               const nlohmann::ordered_json& data) -> std::string;

/// Rows of a two-column list; keys are texts, values HTML.
auto definitions(const std::vector<std::pair<std::string, std::string>>& rows) -> std::string;

/// A text in a frame, with a button to copy it where there is a script.
auto copyable(std::string_view text, const std::string& label) -> std::string;

/// Writes a page atomically. Throws FileError, also when the file holds something that is no such page.
auto write_page(const std::filesystem::path& path, const std::string& html) -> void;
