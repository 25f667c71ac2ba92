module;

#include <errno.h>
#include <stdlib.h>

#include <fcntl.h>
#include <unistd.h>

module nbm:io.files_impl;

import :io.files;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

auto reason() -> std::string { return std::strerror(errno); }

auto flush_to_disk(const fs::path& path, int flags) -> void {
    const auto file = ::open(path.c_str(), flags);
    if (file < 0) { throw FileError(path.string(), "cannot be opened to flush it: " + reason()); }
    const auto failed = ::fsync(file) != 0 && errno != EINVAL;  // some file systems cannot sync a folder
    const auto why = reason();
    ::close(file);
    if (failed) { throw FileError(path.string(), "cannot be flushed to disk: " + why); }
}

auto parent_of(const fs::path& path) -> fs::path { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

auto make_folder(const fs::path& folder) -> void {
    auto error = std::error_code{};
    fs::create_directories(folder, error);
    if (error || !fs::is_directory(folder)) {
        throw FileError(folder.string(),
                        "cannot make this folder: " + (error ? error.message() : std::string("a file is in the way")));
    }
}

}  // namespace

auto write_atomically(const fs::path& path, const std::function<void(const fs::path&)>& write) -> void {
    const auto folder = parent_of(path);
    make_folder(folder);
    auto ignored = std::error_code{};
    if (fs::is_directory(path, ignored)) { throw FileError(path.string(), "is a folder; a file name is needed"); }
    auto temporary = path;
    temporary += fmt::format(".tmp{}", ::getpid());
    try {
        write(temporary);
        flush_to_disk(temporary, O_RDONLY);
    } catch (...) {
        fs::remove(temporary, ignored);
        throw;
    }
    auto error = std::error_code{};
    fs::rename(temporary, path, error);
    if (error) {
        fs::remove(temporary, ignored);
        throw FileError(path.string(), "cannot be written: " + error.message());
    }
    flush_to_disk(folder, O_RDONLY | O_DIRECTORY);
}

auto write_text(const fs::path& path, std::string_view text) -> void {
    write_atomically(path, [&](const fs::path& temporary) {
        auto* const file = std::fopen(temporary.c_str(), "wb");
        if (file == nullptr) { throw FileError(path.string(), "cannot be written: " + reason()); }
        const auto complete = std::fwrite(text.data(), 1, text.size(), file) == text.size();
        const auto closed = std::fclose(file) == 0;
        if (!complete || !closed) { throw FileError(path.string(), "cannot be written: " + reason()); }
    });
}

auto make_writable_folder(const fs::path& folder) -> void {
    make_folder(folder);
    auto probe = (folder / ".probeXXXXXX").string();  // of its own for each thread
    const auto file = ::mkstemp(probe.data());
    if (file < 0) { throw FileError(folder.string(), "cannot write into this folder: " + reason()); }
    ::close(file);
    ::unlink(probe.c_str());
    flush_to_disk(folder, O_RDONLY | O_DIRECTORY);
}

}  // namespace nbm
