export module nbm:io.files;

import :standard;

export namespace nbm {

/// Calls write(temporary) with a path in the same folder, then flushes that file to disk and renames it to `path`: readers see the
/// old file or the complete new one. Missing parent folders are made. Throws FileError; nothing is left behind then.
auto write_atomically(const std::filesystem::path& path, const std::function<void(const std::filesystem::path&)>& write) -> void;

/// Writes text or other bytes in that way.
auto write_text(const std::filesystem::path& path, std::string_view text) -> void;

/// Makes a folder with its parents and checks that files can be made in it. Throws FileError.
auto make_writable_folder(const std::filesystem::path& folder) -> void;

}  // namespace nbm
