module;

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

module nbm:data.npy_impl;

import :data.dataset;
import :data.npz;
import :data.tables;
import :tensor;

namespace nbm {

namespace fs = std::filesystem;

namespace {

/// Value of a key in the header's Python dictionary, up to the next comma outside brackets; nothing when the key is missing.
auto header_field(std::string_view header, std::string_view key) -> std::optional<std::string_view> {
    const auto at = header.find(fmt::format("'{}'", key));
    if (at == std::string_view::npos) { return {}; }
    const auto colon = header.find(':', at);
    if (colon == std::string_view::npos) { return {}; }
    auto depth = 0;
    auto end = colon + 1;
    for (; end != header.size(); ++end) {
        const auto c = header[end];
        depth += c == '(' || c == '[' ? 1 : 0;
        if (depth == 0 && (c == ',' || c == '}')) { break; }
        depth -= c == ')' || c == ']' ? 1 : 0;
    }
    auto value = header.substr(colon + 1, end - colon - 1);
    while (!value.empty() && value.front() == ' ') { value.remove_prefix(1); }
    while (!value.empty() && value.back() == ' ') { value.remove_suffix(1); }
    return value;
}

template <class S>
auto convert(const std::uint8_t* bytes, std::vector<double>& values) -> void {
    for (auto& value : values) {
        auto element = S{};
        std::memcpy(&element, bytes, sizeof element);
        bytes += sizeof element;
        value = static_cast<double>(element);
    }
}

using Converter = void (*)(const std::uint8_t*, std::vector<double>&);
struct Type {
    const char* name;
    std::size_t size;
    Converter convert;
};
constexpr auto types = std::array{
    Type{"|b1", 1, convert<std::uint8_t>},  Type{"|u1", 1, convert<std::uint8_t>},  Type{"|i1", 1, convert<std::int8_t>},
    Type{"<u2", 2, convert<std::uint16_t>}, Type{"<i2", 2, convert<std::int16_t>},  Type{"<u4", 4, convert<std::uint32_t>},
    Type{"<i4", 4, convert<std::int32_t>},  Type{"<u8", 8, convert<std::uint64_t>}, Type{"<i8", 8, convert<std::int64_t>},
    Type{"<f4", 4, convert<float>},         Type{"<f8", 8, convert<double>}};

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

auto parse_shape(std::string_view text) -> std::optional<std::vector<std::size_t>> {
    auto shape = std::vector<std::size_t>{};
    if (text.size() < 2 || text.front() != '(' || text.back() != ')') { return {}; }
    text = text.substr(1, text.size() - 2);
    while (!text.empty()) {
        while (!text.empty() && (text.front() == ' ' || text.front() == ',')) { text.remove_prefix(1); }
        if (text.empty()) { break; }
        auto extent = std::size_t{};
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
        if (error != std::errc{} || end == text.data()) { return {}; }
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (!text.empty() && text.front() == 'L') { text.remove_prefix(1); }  // Python 2
        shape.push_back(extent);
    }
    return shape;
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

/// NPY format, versions 1 to 3: magic "\x93NUMPY", version, length of the header, header (a Python dictionary), data.
auto parse_npy(const std::function<FileError(std::string_view)>& fail, const std::vector<std::uint8_t>& bytes) -> NpyArray {
    if (bytes.size() < 12 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0) { throw fail("is not in NPY format"); }
    const auto wide = bytes[6] >= 2;
    auto length = std::size_t{bytes[8]} | std::size_t{bytes[9]} << 8U;
    if (wide) { length |= std::size_t{bytes[10]} << 16U | std::size_t{bytes[11]} << 24U; }
    const auto start = std::size_t{wide ? 12U : 10U};
    if (bytes.size() < start + length) { throw fail("is truncated"); }
    const auto header = std::string_view(reinterpret_cast<const char*>(bytes.data()) + start, length);

    const auto type_text = header_field(header, "descr");
    const auto order = header_field(header, "fortran_order");
    const auto shape_text = header_field(header, "shape");
    const auto shape = shape_text ? parse_shape(*shape_text) : std::nullopt;
    if (!type_text || type_text->size() < 3 || !order || !shape) { throw fail("has a damaged NPY header"); }
    auto result = NpyArray{.type = std::string(type_text->substr(1, type_text->size() - 2)), .shape = *shape, .values = {}};
    const auto type = std::ranges::find_if(types, [&](const Type& t) { return result.type == t.name; });
    if (type == types.end()) {
        throw fail(fmt::format("has the type '{}'; real numbers in little-endian order are expected", result.type));
    }
    auto count = std::size_t{1};
    for (const auto extent : result.shape) {
        if (extent != 0 && count > bytes.size() / extent) {
            throw fail("is truncated: its header describes more values than it holds");
        }
        count *= extent;
    }
    if (bytes.size() - start - length != count * type->size) {
        throw fail(fmt::format("holds {} bytes of data; its shape needs {}", bytes.size() - start - length, count * type->size));
    }
    result.values.resize(count);
    type->convert(bytes.data() + start + length, result.values);
    if (order->starts_with("True") && result.shape.size() > 1) { reorder(result); }
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
