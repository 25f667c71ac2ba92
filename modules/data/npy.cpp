module nbm:data.npy_impl;

import :data.dataset;
import :data.npy_header;
import :data.npz;
import :data.tables;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

/// Fortran order to C order.
auto reorder(NpyArray& array) -> void {
    auto ordered = std::vector<double>(array.values.size());
    auto index = std::vector<std::size_t>(array.shape.size(), 0);
    for (auto& value : ordered) {
        auto from = std::size_t{0};
        for (auto d = array.shape.size(); d-- > 0;) { from = from * array.shape[d] + index[d]; }
        value = array.values[from];
        for (auto d = array.shape.size(); d-- > 0;) {
            if (++index[d] != array.shape[d]) { break; }
            index[d] = 0;
        }
    }
    array.values = std::move(ordered);
}

auto read_bytes(const fs::path& path) -> std::vector<std::uint8_t> {
    auto ignored = std::error_code{};
    if (!fs::exists(path, ignored)) { throw FileError(path.string(), "there is no such file"); }
    if (fs::is_directory(path, ignored)) { throw FileError(path.string(), "is a folder; an NPY file is expected"); }
    auto error = std::error_code{};
    const auto size = fs::file_size(path, error);
    if (error) { throw FileError(path.string(), "cannot be read: " + error.message()); }
    auto file = std::ifstream(path, std::ios::binary);
    auto bytes = std::vector<std::uint8_t>(size);
    if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
        throw FileError(path.string(), "cannot be read");
    }
    return bytes;
}

}  // namespace

auto parse_npy(const std::function<FileError(std::string_view)>& fail, const std::vector<std::uint8_t>& bytes) -> NpyArray {
    const auto [type, fortran, shape, start] = parse_npy_header(fail, bytes);
    auto result = NpyArray{.type = type.name, .shape = shape, .values = {}};
    auto count = std::size_t{1};
    for (const auto extent : result.shape) {
        if (extent != 0 && count > bytes.size() / extent) {
            throw fail("is truncated: its header describes more values than it holds");
        }
        count *= extent;
    }
    if (bytes.size() - start != count * type.size) {
        throw fail(fmt::format("holds {} bytes of data; its shape needs {}", bytes.size() - start, count * type.size));
    }
    result.values.resize(count);
    type.convert(bytes.data() + start, result.values);
    if (fortran && result.shape.size() > 1) { reorder(result); }
    return result;
}

auto read_npy(const fs::path& path) -> NpyArray {
    return parse_npy([&](std::string_view problem) { return FileError(path.string(), problem); }, read_bytes(path));
}

auto table_of(const std::string& source, NpyArray array) -> Table {
    if (array.shape.size() < 2) {
        throw FileError(source, fmt::format("has {} dimensions; rows of values need at least 2", array.shape.size()));
    }
    auto units = std::size_t{1};
    for (std::size_t d = 1; d != array.shape.size(); ++d) { units *= array.shape[d]; }
    return {.source = source,
            .rows = array.shape[0],
            .units = units,
            .scale = array.type == "|u1" ? Scale::bytes : Scale::real,
            .values = std::move(array.values),
            .labels = {},
            .label_words = {},
            .place = {}};
}

auto labels_of(const std::string& source, const std::vector<double>& values, std::size_t rows) -> std::vector<int> {
    if (values.size() != rows) { throw FileError(source, fmt::format("has {} labels for {} rows", values.size(), rows)); }
    auto labels = std::vector<int>{};
    labels.reserve(rows);
    for (const auto value : values) {
        if (!(std::abs(value) <= 1e9) || value != std::trunc(value)) {
            throw FileError(source, fmt::format("holds {}; labels are whole numbers", value));
        }
        labels.push_back(static_cast<int>(value));
    }
    return labels;
}

auto npy_table(const fs::path& path) -> Table {
    auto table = table_of(path.string(), read_npy(path));
    const auto beside = fs::path(path).replace_extension(".lbl.npy");
    auto ignored = std::error_code{};
    if (fs::exists(beside, ignored)) { table.labels = labels_of(beside.string(), read_npy(beside).values, table.rows); }
    return table;
}

auto npy_splits(const fs::path& path) -> Splits {
    auto splits = Splits{.source = path.string()};
    splits.whole.push_back(npy_table(path));
    return splits;
}

template <Real T>
auto load_npy(const fs::path& path, std::uint64_t seed) -> Dataset<T> {
    return assemble<T>(npy_splits(path), {.seed = seed});
}

template auto load_npy(const fs::path&, std::uint64_t) -> Dataset<float>;
template auto load_npy(const fs::path&, std::uint64_t) -> Dataset<double>;

}  // namespace nbm
