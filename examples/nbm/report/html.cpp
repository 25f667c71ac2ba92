#include "report/html.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace {

using Json = nlohmann::ordered_json;

/// Without what is no UTF-8.
auto valid_utf8(std::string_view text) -> std::string {
    const auto json = Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
    return Json::parse(json).get<std::string>();
}

auto with_true_minus(std::string text) -> std::string {
    for (auto at = text.find('-'); at != std::string::npos; at = text.find('-', at + 3)) { text.replace(at, 1, "\u2212"); }
    return text;
}

}  // namespace

auto escape(std::string_view text) -> std::string {
    auto result = std::string{};
    for (const auto c : valid_utf8(text)) {
        switch (c) {
            case '&': result += "&amp;"; break;
            case '<': result += "&lt;"; break;
            case '>': result += "&gt;"; break;
            case '"': result += "&quot;"; break;
            case '\'': result += "&#39;"; break;
            default: {
                const auto byte = static_cast<unsigned char>(c);
                result += (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F ? ' ' : c;
            }
        }
    }
    return result;
}

auto script_json(const Json& json) -> std::string {
    auto result = std::string{};
    for (const auto c : json.dump(-1, ' ', true, Json::error_handler_t::replace)) {
        if (c == '<' || c == '>' || c == '&') {
            result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
            result += c;
        }
    }
    return result;
}

auto base64(std::string_view bytes) -> std::string {
    constexpr auto digits = std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    auto result = std::string{};
    result.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto count = std::min<std::size_t>(3, bytes.size() - i);
        auto word = std::uint32_t{0};
        for (std::size_t k = 0; k != 3; ++k) { word = word << 8U | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U); }
        for (std::size_t k = 0; k != 4; ++k) { result += k <= count ? digits[word >> (18U - 6U * k) & 63U] : '='; }
    }
    return result;
}

auto bytes_of_hex(std::string_view digits) -> std::string {
    const auto value = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0 ? c - '0' : c - 'a' + 10; };
    auto result = std::string{};
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        result += static_cast<char>(value(digits[i]) * 16 + value(digits[i + 1]));
    }
    return result;
}

auto number(double value, int decimals) -> std::string {
    if (std::isnan(value)) { return "not a number"; }
    if (std::isinf(value)) { return value < 0.0 ? "\u2212\u221E" : "\u221E"; }
    auto text = fmt::format("{:.{}f}", value, decimals);
    if (text.find_first_of("123456789") == std::string::npos && text.starts_with('-')) { text.erase(0, 1); }
    return with_true_minus(text);
}

auto short_number(double value, int digits) -> std::string {
    if (!std::isfinite(value)) { return number(value); }
    return with_true_minus(fmt::format("{:.{}g}", value, digits));
}

auto whole_number(std::size_t value) -> std::string {
    auto text = fmt::format("{}", value);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
        text.insert(static_cast<std::size_t>(at), ",");
    }
    return text;
}

auto duration(double seconds) -> std::string {
    if (!std::isfinite(seconds) || seconds < 0.0) { return "unknown"; }
    if (seconds < 59.95) { return fmt::format("{:.1f} s", seconds); }
    const auto minutes = std::llround(seconds / 60.0);
    if (seconds < 600.0) {
        const auto whole = std::llround(seconds);
        return fmt::format("{} min {} s", whole / 60, whole % 60);
    }
    if (minutes < 60) { return fmt::format("{} min", minutes); }
    return fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

auto shell_word(std::string_view word) -> std::string {
    const auto plain = !word.empty() && std::ranges::all_of(word, [](unsigned char c) {
        return (c < 0x80 && std::isalnum(c) != 0) ||
               std::string_view("-_./=:,+@%").find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (plain) { return std::string(word); }
    auto quoted = std::string("'");
    for (const auto c : word) { quoted += c == '\'' ? std::string("'\\''") : std::string(1, c); }
    return quoted + '\'';
}

auto shell_path(std::string_view path) -> std::string {
    return shell_word(path.starts_with('-') ? fmt::format("./{}", path) : std::string(path));
}

auto id_of(std::string_view text) -> std::string {
    auto id = std::string{};
    for (const auto c : text) {
        const auto byte = static_cast<unsigned char>(c);
        id += byte < 0x80 && std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '-';
    }
    return id;
}
