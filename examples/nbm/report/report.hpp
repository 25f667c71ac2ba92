#pragma once

#include <filesystem>

/// Writes RUN/report.html, the page of a run, in the place of an earlier one, and returns its path. Works on any run folder: parts
/// whose files are not there are left out. Throws FileError, or InputError for a config.toml that is no TOML.
auto write_report(const std::filesystem::path& run) -> std::filesystem::path;

/// The same to another file. Throws FileError when it exists and is no page of nbm.
auto write_report(const std::filesystem::path& run, const std::filesystem::path& output) -> void;
