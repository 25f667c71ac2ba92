// What the tests of several areas share.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

/// what() of the Error that f() throws.
template <class Error, class F>
std::string message_of(F f) {
    try {
        f();
    } catch (const Error& error) { return error.what(); }
    return "nothing was thrown";
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

inline std::string contents(const std::filesystem::path& path) {
    auto file = std::ifstream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}
