module nbm:data.row_reader_impl;

import :data.hdf5_rows;
import :data.npy_rows;
import :data.row_reader;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

auto open_rows(const std::string& name) -> std::unique_ptr<RowReader> {
    auto ignored = std::error_code{};
    auto path = name;
    while (!fs::exists(path, ignored)) {
        const auto colon = path.rfind(':');
        if (colon == std::string::npos || colon == 0) { throw FileError(name, "there is no such .npy or HDF5 file"); }
        path.resize(colon);
    }
    const auto part = path.size() == name.size() ? std::string{} : name.substr(path.size() + 1);
    auto head = std::array<char, 8>{};
    auto file = std::ifstream(path, std::ios::binary);
    file.read(head.data(), head.size());
    const auto begins = std::string_view(head.data(), static_cast<std::size_t>(file.gcount()));
    if (begins == "\x89HDF\r\n\x1A\n" || path.ends_with(".h5") || path.ends_with(".hdf5")) {
        return std::make_unique<Hdf5Rows>(path, part);
    }
    if (!begins.starts_with("\x93NUMPY")) {
        throw FileError(path, "is no NPY or HDF5 file; rows of other data are not read in blocks, but all at once");
    }
    if (!part.empty()) { throw FileError(path, fmt::format("has no parts; ':{}' cannot follow its name", part)); }
    return std::make_unique<NpyRows>(path);
}

}  // namespace nbm
