module;

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

module nbm:data.npz_impl;

import :data.dataset;
import :data.npz;
import :data.tables;
import :io.files;
import :standard;
import :tensor;
import nbm.fmt;

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

/// NPY format, version 1: everything before the values, a multiple of 64 bytes.
auto npy_header(std::string_view type, const std::vector<std::size_t>& shape) -> std::string {
    static_assert(std::endian::native == std::endian::little, "values are written as they are in memory");
    auto dictionary = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", type, fmt::join(shape, ", "),
                                  shape.size() == 1 ? "," : "");
    auto header = std::string("\x93NUMPY\x01\x00", 8);
    dictionary.append(63 - (header.size() + 2 + dictionary.size()) % 64, ' ');
    dictionary += '\n';
    header += static_cast<char>(dictionary.size() & 0xFFU);
    header += static_cast<char>(dictionary.size() >> 8U);
    return header + dictionary;
}

template <Real T>
auto npy_header(const Matrix<T>& matrix) -> std::string {
    return npy_header(sizeof(T) == 4 ? "<f4" : "<f8", {matrix.shape(0), matrix.shape(1)});
}

/// An array as it goes into the archive.
struct Member {
    std::string name;
    std::string header;
    const char* bytes;
    std::size_t size;
};

auto check_names(const fs::path& path, const std::vector<Member>& members) -> void {
    auto seen = std::set<std::string_view>{};
    for (const auto& [name, header, bytes, size] : members) {
        // Others would need a locale, or be read as of another character set.
        if (name.empty() || !std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; })) {
            throw InputError(
                fmt::format("{}: {:?} cannot name an array; printable ASCII characters are needed", path.string(), name));
        }
        if (!seen.insert(name).second) { throw InputError(fmt::format("{}: two arrays have the name '{}'", path.string(), name)); }
    }
}

auto write_members(const fs::path& path, const std::vector<Member>& members) -> void {
    check_names(path, members);
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
    for (const auto& member : members) {
        const auto entry = std::unique_ptr<archive_entry, void (*)(archive_entry*)>(archive_entry_new(), archive_entry_free);
        archive_entry_set_pathname(entry.get(), (member.name + ".npy").c_str());
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(member.header.size() + member.size));
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        archive_entry_set_perm(entry.get(), 0644);
        check(archive_write_header(writer.get(), entry.get()) == ARCHIVE_OK);
        put(member.header.data(), member.header.size());
        put(member.bytes, member.size);
    }
    check(archive_write_close(writer.get()) == ARCHIVE_OK);
    write_text(path, zip);
}

}  // namespace

template <Real T>
auto write_npz(const fs::path& path, const std::vector<std::pair<std::string, Matrix<T>>>& arrays) -> void {
    auto members = std::vector<Member>{};
    for (const auto& [name, matrix] : arrays) {
        members.push_back({name, npy_header(matrix), reinterpret_cast<const char*>(matrix.data()), matrix.size() * sizeof(T)});
    }
    write_members(path, members);
}

auto write_npz(const fs::path& path, const std::map<std::string, NpyArray>& arrays) -> void {
    auto singles = std::map<std::string_view, std::vector<float>>{};
    auto members = std::vector<Member>{};
    for (const auto& [name, array] : arrays) {
        auto count = std::size_t{1};
        for (const auto extent : array.shape) { count *= extent; }
        if (count != array.values.size()) {
            throw ShapeError(fmt::format("{}: array '{}' of the shape ({}) has {} values", path.string(), name,
                                         fmt::join(array.shape, ", "), array.values.size()));
        }
        if (array.type != "<f4" && array.type != "<f8") {
            throw InputError(
                fmt::format("{}: array '{}' has the type '{}'; '<f4' and '<f8' are written", path.string(), name, array.type));
        }
        const void* bytes = array.values.data();
        if (array.type == "<f4") {
            auto& single = singles[name];
            for (const auto x : array.values) { single.push_back(static_cast<float>(x)); }
            bytes = single.data();
        }
        members.push_back({name, npy_header(array.type, array.shape), static_cast<const char*>(bytes),
                           count * (array.type == "<f4" ? sizeof(float) : sizeof(double))});
    }
    write_members(path, members);
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
        arrays[key] = parse_npy([&](std::string_view problem) { return member_error(path, key, problem); }, bytes);
    }
    if (found.empty()) { throw FileError(path.string(), "is not a complete NPZ file (no arrays in it)"); }
    if (!keys.empty() && !arrays.contains(keys.front())) {
        throw FileError(path.string(), fmt::format("has no array '{}'; found: {}", keys.front(), fmt::join(found, ", ")));
    }
    return arrays;
}

auto npz_splits(const fs::path& path) -> Splits {
    auto arrays = read_npz(path, {"train.data", "train.lbl", "valid.data", "valid.lbl", "test.data", "test.lbl"});
    const auto source = [&](const std::string& key) { return fmt::format("{}: array '{}'", path.string(), key); };
    const auto tables_of = [&](const std::string& split) {
        auto tables = std::vector<Table>{};
        const auto data = arrays.find(split + ".data");
        if (data == arrays.end() || data->second.values.empty()) { return tables; }
        tables.push_back(table_of(source(data->first), std::move(data->second)));
        if (const auto lbl = arrays.find(split + ".lbl"); lbl != arrays.end()) {
            tables.back().labels = labels_of(source(lbl->first), lbl->second.values, tables.back().rows);
        }
        return tables;
    };
    return {.train = tables_of("train"),
            .valid = tables_of("valid"),
            .test = tables_of("test"),
            .whole = {},
            .source = source("train.data")};
}

template <Real T>
auto load_npz(const fs::path& path) -> Dataset<T> {
    return assemble<T>(npz_splits(path), {});
}

template <Real T>
auto write_npy(const fs::path& path, const Matrix<T>& matrix) -> void {
    auto bytes = npy_header(matrix);
    bytes.append(reinterpret_cast<const char*>(matrix.data()), matrix.size() * sizeof(T));
    write_text(path, bytes);
}

template auto write_npy(const fs::path&, const Matrix<float>&) -> void;
template auto write_npy(const fs::path&, const Matrix<double>&) -> void;
template auto write_npz(const fs::path&, const std::vector<std::pair<std::string, Matrix<float>>>&) -> void;
template auto write_npz(const fs::path&, const std::vector<std::pair<std::string, Matrix<double>>>&) -> void;
template auto load_npz(const fs::path&) -> Dataset<float>;
template auto load_npz(const fs::path&) -> Dataset<double>;

}  // namespace nbm
