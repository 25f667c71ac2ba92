module nbm:data.npy_rows;

import :data.npy_header;
import :data.row_reader;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

/// The rows of an NPY file.
class NpyRows final : public RowReader {
public:
    explicit NpyRows(const fs::path& path) : path_(path) {
        auto error = std::error_code{};
        const auto size = fs::file_size(path, error);
        if (error) { throw fail("cannot be read: " + error.message()); }
        file_.open(path, std::ios::binary);
        constexpr auto longest_header = std::size_t{65'547};  // of version 1; that of arrays of numbers has about 100 bytes
        auto bytes = std::vector<std::uint8_t>(std::min<std::size_t>(size, longest_header));
        if (!file_.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
            throw fail("cannot be read");
        }
        header_ = parse_npy_header([&](std::string_view problem) { return fail(problem); }, bytes);
        const auto& shape = header_.shape;
        if (shape.size() < 2) { throw fail(fmt::format("has {} dimensions; rows of values need at least 2", shape.size())); }
        if (header_.fortran) {
            throw fail("is in Fortran order, where the values of a row are far apart; write it anew by numpy.ascontiguousarray()");
        }
        auto count = shape[0];
        for (std::size_t d = 1; d != shape.size(); ++d) {
            if (shape[d] != 0 && (units_ > size / shape[d] || count > size / shape[d])) {
                throw fail("is truncated: its header describes more values than it holds");
            }
            units_ *= shape[d];
            count *= shape[d];
        }
        const auto held = size - header_.length;
        if (held % header_.type.size != 0 || held / header_.type.size != count) {
            throw fail(
                fmt::format("holds {} bytes of data; its shape needs {} values of {} bytes", held, count, header_.type.size));
        }
    }

    auto name() const -> std::string override { return path_.string(); }
    auto rows() const -> std::size_t override { return header_.shape[0]; }
    auto units() const -> std::size_t override { return units_; }
    auto holds_bytes() const -> bool override { return header_.type.name == std::string_view("|u1"); }

    auto read(std::size_t first, MatrixView<double> out) -> void override {
        const auto width = units_ * header_.type.size;
        raw_.resize(out.rows() * width);
        file_.clear();
        file_.seekg(static_cast<std::streamoff>(header_.length + first * width));
        file_.read(reinterpret_cast<char*>(raw_.data()), static_cast<std::streamsize>(raw_.size()));
        const auto held = static_cast<std::size_t>(file_.gcount());
        if (!file_) {
            throw fail(fmt::format("cannot be read at row {}; it had {} rows when it was opened", first + held / width, rows()));
        }
        for (std::size_t r = 0; r != out.rows(); ++r) { header_.type.convert(raw_.data() + r * width, out.row(r)); }
    }

private:
    auto fail(std::string_view problem) const -> FileError { return {path_.string(), problem}; }

    fs::path path_;
    std::ifstream file_;
    NpyHeader header_;
    std::size_t units_ = 1;
    std::vector<std::uint8_t> raw_;
};

}  // namespace nbm
