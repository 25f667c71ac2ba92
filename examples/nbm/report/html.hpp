#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

/// Text as HTML, in an element or a quoted attribute: no character of it has a meaning there. Bytes that are no UTF-8 become
/// U+FFFD, control characters but line ends and tabs become spaces.
auto escape(std::string_view text) -> std::string;

/// JSON for a <script> element, which nothing in it can end: ASCII, with '<', '>' and '&' written as \u escapes.
auto script_json(const nlohmann::ordered_json& json) -> std::string;

auto base64(std::string_view bytes) -> std::string;

/// The bytes that a text of hexadecimal digits stands for.
auto bytes_of_hex(std::string_view digits) -> std::string;

/// A number for people: a true minus sign, "∞" where infinite, "not a number" for NaN.
auto number(double value, int decimals = 2) -> std::string;

/// With at most this many significant digits, as short as it can be.
auto short_number(double value, int digits = 5) -> std::string;

/// "1,234,567"
auto whole_number(std::size_t value) -> std::string;

/// "3 h 5 min", "2.4 s"
auto duration(double seconds) -> std::string;

/// A word as a shell reads it: as it is where that is safe, else in single quotes.
auto shell_word(std::string_view word) -> std::string;

/// The same of a path, which is never taken for an option.
auto shell_path(std::string_view path) -> std::string;

/// Text as a browser makes ids of: small letters, digits and dashes.
auto id_of(std::string_view text) -> std::string;
