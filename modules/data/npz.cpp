module;

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

module nbm:data.npz_impl;

import :data.dataset;
import :data.npz;
import :io.files;
import :tensor;

namespace nbm {

namespace fs = std::filesystem;

namespace {

using Archive = std::unique_ptr<archive, int (*)(archive*)>;

auto error_text(archive* reader) -> const char* {
    const auto* const text = archive_error_string(reader);
    return text != nullptr ? text : "unknown reason";
}

auto member_error(const fs::path& path, const std::string& key, std::string_view problem) -> FileError {
    return {path.string(), fmt::format("array '{}' {}", key, problem)};
}

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

/// NPY format, versions 1 to 3: magic "\x93NUMPY", version, length of the header, header (a Python dictionary), data.
auto parse_npy(const fs::path& path, const std::string& key, const std::vector<std::uint8_t>& bytes) -> NpyArray {
    const auto fail = [&](std::string_view problem) { return member_error(path, key, problem); };
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

template <Real T>
auto to_matrix(const fs::path& path, const std::string& key, const NpyArray& array, double byte_scale) -> Matrix<T> {
    if (array.shape.size() < 2) {
        throw member_error(path, key, fmt::format("has {} dimensions; rows of values need at least 2", array.shape.size()));
    }
    const auto rows = array.shape[0];
    auto units = std::size_t{1};
    for (std::size_t d = 1; d != array.shape.size(); ++d) { units *= array.shape[d]; }
    auto result = Matrix<T>::from_shape({rows, units});
    const auto scale = array.type == "|u1" ? byte_scale : 1.0;
    for (std::size_t i = 0; i != array.values.size(); ++i) { result.data()[i] = static_cast<T>(array.values[i] * scale); }
    check_unit_interval(result, fmt::format("{}: array '{}'", path.string(), key));
    return result;
}

/// NPY format, version 1: everything before the values, a multiple of 64 bytes.
template <Real T>
auto npy_header(const Matrix<T>& matrix) -> std::string {
    static_assert(std::endian::native == std::endian::little, "values are written as they are in memory");
    auto dictionary = fmt::format("{{'descr': '<f{}', 'fortran_order': False, 'shape': ({}, {}), }}", sizeof(T), matrix.shape(0),
                                  matrix.shape(1));
    auto header = std::string("\x93NUMPY\x01\x00", 8);
    dictionary.append(63 - (header.size() + 2 + dictionary.size()) % 64, ' ');
    dictionary += '\n';
    header += static_cast<char>(dictionary.size() & 0xFFU);
    header += static_cast<char>(dictionary.size() >> 8U);
    return header + dictionary;
}

template <Real T>
auto check_names(const fs::path& path, const std::vector<std::pair<std::string, Matrix<T>>>& arrays) -> void {
    auto seen = std::set<std::string_view>{};
    for (const auto& [name, matrix] : arrays) {
        // Others would need a locale, or be read as of another character set.
        if (name.empty() || !std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; })) {
            throw InputError(
                fmt::format("{}: {:?} cannot name an array; printable ASCII characters are needed", path.string(), name));
        }
        if (!seen.insert(name).second) { throw InputError(fmt::format("{}: two arrays have the name '{}'", path.string(), name)); }
    }
}

}  // namespace

template <Real T>
auto write_npz(const fs::path& path, const std::vector<std::pair<std::string, Matrix<T>>>& arrays) -> void {
    check_names(path, arrays);
    // In memory: a write that fails within an array would leave libarchive's deflater behind.
    auto zip = std::string{};
    const auto append = [](archive*, void* to, const void* bytes, std::size_t size) -> la_ssize_t {
        static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
        return static_cast<la_ssize_t>(size);
    };
    const auto writer = Archive(archive_write_new(), archive_write_free);
    const auto check = [&](bool good) {
        if (!good) { throw FileError(path.string(), fmt::format("cannot be written: {}", error_text(writer.get()))); }
    };
    check(archive_write_set_format_zip(writer.get()) == ARCHIVE_OK);
    check(archive_write_set_options(writer.get(), "zip:compression=deflate") == ARCHIVE_OK);
    check(archive_write_set_bytes_in_last_block(writer.get(), 1) == ARCHIVE_OK);  // no padding
    check(archive_write_open(writer.get(), &zip, nullptr, append, nullptr) == ARCHIVE_OK);
    const auto put = [&](const char* bytes, std::size_t size) {
        while (size != 0) {
            constexpr auto step = std::size_t{1} << 24U;  // zlib counts in 32 bits
            const auto done = archive_write_data(writer.get(), bytes, std::min(size, step));
            check(done > 0);
            bytes += done;
            size -= static_cast<std::size_t>(done);
        }
    };
    for (const auto& [name, matrix] : arrays) {
        const auto header = npy_header(matrix);
        const auto size = matrix.size() * sizeof(T);
        const auto entry = std::unique_ptr<archive_entry, void (*)(archive_entry*)>(archive_entry_new(), archive_entry_free);
        archive_entry_set_pathname(entry.get(), (name + ".npy").c_str());
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(header.size() + size));
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        archive_entry_set_perm(entry.get(), 0644);
        check(archive_write_header(writer.get(), entry.get()) == ARCHIVE_OK);
        put(header.data(), header.size());
        put(reinterpret_cast<const char*>(matrix.data()), size);
    }
    check(archive_write_close(writer.get()) == ARCHIVE_OK);
    write_text(path, zip);
}

auto read_npz(const fs::path& path, const std::vector<std::string>& keys) -> std::map<std::string, NpyArray> {
    if (!fs::exists(path)) { throw FileError(path.string(), "there is no such file"); }
    if (::access(path.c_str(), R_OK) != 0) { throw FileError(path.string(), "cannot be read: permission denied"); }
    const auto reader = Archive(archive_read_new(), archive_read_free);
    // Only the reader that needs the directory at the end: the other one would take a truncated file for one with fewer arrays.
    archive_read_support_format_zip_seekable(reader.get());
    if (archive_read_open_filename(reader.get(), path.c_str(), 1U << 18U) != ARCHIVE_OK) {
        throw FileError(path.string(), "is not an NPZ file (a zip archive)");
    }
    auto arrays = std::map<std::string, NpyArray>{};
    auto found = std::vector<std::string>{};
    archive_entry* entry = nullptr;
    for (;;) {
        const auto status = archive_read_next_header(reader.get(), &entry);
        if (status == ARCHIVE_EOF) { break; }
        if (status < ARCHIVE_WARN) {
            throw FileError(path.string(), fmt::format("is not a complete NPZ file ({})", error_text(reader.get())));
        }
        // Names outside ASCII have no form in the C locale.
        const auto* name = archive_entry_pathname_utf8(entry);
        if (name == nullptr) { name = archive_entry_pathname(entry); }
        if (name == nullptr) { continue; }
        auto key = std::string(name);
        if (key.ends_with(".npy")) { key.resize(key.size() - 4); }
        found.push_back(key);
        if (!keys.empty() && std::ranges::find(keys, key) == keys.end()) { continue; }
        auto bytes = std::vector<std::uint8_t>{};
        constexpr auto step = std::size_t{1} << 22U;
        for (auto got = la_ssize_t{1}; got != 0;) {
            const auto had = bytes.size();
            bytes.resize(had + step);
            got = archive_read_data(reader.get(), bytes.data() + had, step);
            if (got < 0) { throw member_error(path, key, fmt::format("is damaged or truncated ({})", error_text(reader.get()))); }
            bytes.resize(had + static_cast<std::size_t>(got));
        }
        arrays[key] = parse_npy(path, key, bytes);
    }
    if (found.empty()) { throw FileError(path.string(), "is not a complete NPZ file (no arrays in it)"); }
    if (!keys.empty() && !arrays.contains(keys.front())) {
        throw FileError(path.string(), fmt::format("has no array '{}'; found: {}", keys.front(), fmt::join(found, ", ")));
    }
    return arrays;
}

template <Real T>
auto load_npz(const fs::path& path) -> Dataset<T> {
    const auto arrays = read_npz(path, {"train.data", "train.lbl", "valid.data", "valid.lbl", "test.data", "test.lbl"});
    auto dataset = Dataset<T>{};
    // One scale for all splits: a split of grey bytes may happen to hold only 0 and 1.
    const auto grey = std::ranges::any_of(arrays, [](const auto& named) {
        return named.first.ends_with(".data") && named.second.type == "|u1" &&
               std::ranges::any_of(named.second.values, [](double x) { return x > 1.0; });
    });
    const auto byte_scale = grey ? 1.0 / 255.0 : 1.0;
    const auto load = [&](const std::string& split, Matrix<T>& rows, std::vector<int>& labels) {
        const auto data = arrays.find(split + ".data");
        if (data == arrays.end() || (split != "train" && data->second.values.empty())) { return; }
        rows = to_matrix<T>(path, data->first, data->second, byte_scale);
        if (rows.shape(1) != dataset.train.shape(1)) {
            throw member_error(path, data->first,
                               fmt::format("has {} values a row, train.data {}", rows.shape(1), dataset.train.shape(1)));
        }
        if (const auto lbl = arrays.find(split + ".lbl"); lbl != arrays.end()) {
            if (lbl->second.values.size() != rows.shape(0)) {
                throw member_error(path, lbl->first,
                                   fmt::format("has {} labels for {} rows", lbl->second.values.size(), rows.shape(0)));
            }
            for (const auto value : lbl->second.values) {
                if (!(std::abs(value) <= 1e9) || value != std::trunc(value)) {
                    throw member_error(path, lbl->first, fmt::format("holds {}; labels are whole numbers", value));
                }
                labels.push_back(static_cast<int>(value));
            }
        }
    };
    load("train", dataset.train, dataset.train_labels);
    load("valid", dataset.valid, dataset.valid_labels);
    load("test", dataset.test, dataset.test_labels);
    if (dataset.train.size() == 0) { throw member_error(path, "train.data", "is empty"); }
    return dataset;
}

template auto write_npz(const fs::path&, const std::vector<std::pair<std::string, Matrix<float>>>&) -> void;
template auto write_npz(const fs::path&, const std::vector<std::pair<std::string, Matrix<double>>>&) -> void;
template auto load_npz(const fs::path&) -> Dataset<float>;
template auto load_npz(const fs::path&) -> Dataset<double>;

}  // namespace nbm
