module;

#include <errno.h>
#include <stdio.h>

#include <unistd.h>

module nbm:callbacks.line_file_impl;

import :callbacks.contexts;
import :callbacks.line_file;
import :io;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

void LineFile::Close::operator()(std::FILE* file) const { std::fclose(file); }

auto LineFile::fail() const -> FileError { return {path_.string(), fmt::format("cannot be written: {}", std::strerror(errno))}; }

auto LineFile::open(const std::string& header, const TrainInfo& info) -> void {
    // A resumed training never replaces a file, even one whose length its checkpoint does not know.
    const auto keep = append_ || info.resumed;
    path_ = wanted_;
    for (auto n = 2; keep && !begins_with(header); ++n) {
        if (!info.resumed) {
            throw FileError(path_.string(),
                            fmt::format("has another header than this training ({}); choose another file or the same metrics",
                                        header.substr(0, header.find('\r'))));
        }
        path_ = wanted_;
        path_.replace_filename(fmt::format("{}.{}{}", wanted_.stem().string(), n, wanted_.extension().string()));
    }
    if (path_ != wanted_) {
        info.warn(fmt::format("{} has another header than the metrics of this training, which goes on in {}", wanted_.string(),
                              path_.string()));
    }
    const auto exists = keep && fs::exists(path_) && fs::file_size(path_) != 0;
    if (exists && saved_size_ && *saved_size_ < fs::file_size(path_)) { fs::resize_file(path_, *saved_size_); }
    if (info.resumed && saved_size_ && path_ == wanted_ && (!exists || fs::file_size(path_) < *saved_size_)) {
        info.warn(
            fmt::format("{} is shorter than when the checkpoint was written; earlier epochs are missing in it", path_.string()));
    }
    if (path_.has_parent_path()) { make_writable_folder(path_.parent_path()); }
    file_.reset(std::fopen(path_.c_str(), keep ? "ab" : "wb"));
    if (!file_) { throw fail(); }
    size_ = fs::file_size(path_);
    if (!exists) { write(header); }
}

auto LineFile::begins_with(const std::string& header) const -> bool {
    if (!fs::exists(path_) || fs::file_size(path_) == 0) { return true; }
    auto existing = std::string(header.size(), '\0');
    std::ifstream(path_, std::ios::binary).read(existing.data(), static_cast<std::streamsize>(existing.size()));
    return existing == header;
}

auto LineFile::write(std::string_view line) -> void {
    const auto complete = std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size();
    if (!complete || std::fflush(file_.get()) != 0) { throw fail(); }
    size_ += line.size();
}

auto LineFile::close() -> void {
    if (file_) { ::fsync(::fileno(file_.get())); }
    file_.reset();
}

auto LineFile::save_state(State& state) const -> void {
    if (file_) { ::fsync(::fileno(file_.get())); }
    state.put("size", size_);
}

auto LineFile::load_state(const State& state) -> void { saved_size_ = state.get<std::uint64_t>("size"); }

}  // namespace nbm
