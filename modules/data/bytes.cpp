module;

#include <zlib.h>

module nbm:data.bytes;

import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

/// A gzip or plain file; zlib passes plain bytes through.
class ByteReader {
public:
    /// `expected` is what messages call the file.
    ByteReader(const fs::path& path, std::string_view expected) : path_(path.string()) {
        auto ignored = std::error_code{};
        if (!fs::exists(path, ignored)) { throw FileError(path_, "there is no such file"); }
        if (fs::is_directory(path, ignored)) { throw FileError(path_, fmt::format("is a folder; {} is expected", expected)); }
        file_ = gzopen(path.c_str(), "rb");
        if (file_ == nullptr) { throw FileError(path_, "cannot be opened"); }
        gzbuffer(file_, 1U << 17U);
    }
    ByteReader(const ByteReader&) = delete;
    auto operator=(const ByteReader&) -> ByteReader& = delete;
    ~ByteReader() { gzclose(file_); }

    /// Whether it is packed by gzip; after the first byte was read.
    auto packed() const -> bool { return gzdirect(file_) == 0; }

    /// Reads until the buffer is full or the file ends; the number of bytes read. Throws when the gzip stream is damaged.
    auto read(void* to, std::size_t count) -> std::size_t {
        auto total = std::size_t{0};
        while (total != count) {
            const auto chunk = static_cast<unsigned>(std::min<std::size_t>(count - total, 1U << 30U));
            const auto got = gzread(file_, static_cast<std::uint8_t*>(to) + total, chunk);
            if (got < 0) {
                auto code = 0;
                const auto* const text = gzerror(file_, &code);
                throw FileError(path_, fmt::format("is damaged or truncated after {} bytes ({})", total, text));
            }
            if (got == 0) { break; }
            total += static_cast<std::size_t>(got);
        }
        return total;
    }
    auto read_all(void* to, std::size_t count, const char* what) -> void {
        const auto got = read(to, count);
        if (got != count) { throw FileError(path_, fmt::format("is truncated: found {} of {} bytes of its {}", got, count, what)); }
    }

    /// All that is left, as it is in the file once unpacked. Throws when the gzip stream is damaged or ends too early.
    auto rest() -> std::string {
        auto text = std::string{};
        constexpr auto step = std::size_t{1} << 22U;
        for (auto got = step; got == step;) {
            const auto had = text.size();
            text.resize(had + step);
            got = read(text.data() + had, step);
            text.resize(had + got);
        }
        auto code = 0;
        const auto* const problem = gzerror(file_, &code);
        if (code != Z_OK && code != Z_STREAM_END) {
            throw FileError(path_, fmt::format("is damaged or truncated after {} bytes ({})", text.size(), problem));
        }
        return text;
    }

private:
    std::string path_;
    gzFile file_ = nullptr;
};

}  // namespace nbm
