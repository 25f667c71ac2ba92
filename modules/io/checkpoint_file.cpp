module;

#include <errno.h>

#include <hdf5.h>
#include <zlib.h>

module nbm:io.checkpoint_file_impl;

import :io.checkpoint_file;
import :io.files;
import :io.hdf5;
import :io.state;
import :io.weights_impl;
import :model;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

/// An attribute of the group "state", near the beginning of a file: tells the first part of a checkpoint from another HDF5 file.
constexpr auto mark = std::string_view("nbm checkpoint");
constexpr auto format_version = std::uint16_t{1};
/// The end of a file: this text, version (2 bytes), length of what precedes the end (8), checksum of all before the checksum (4).
constexpr auto end_mark = std::string_view("checkpoint end");
constexpr auto version_at = end_mark.size();
constexpr auto length_at = version_at + sizeof(std::uint16_t);
constexpr auto checksum_at = length_at + sizeof(std::uint64_t);
constexpr auto end_size = checksum_at + sizeof(std::uint32_t);

/// The types of values in files, in the order of StateValue.
constexpr auto type_names =
    std::array{"bool",        "uint64",    "int64",          "float64",        "text",           "float64 list",
               "uint64 list", "text list", "float32 matrix", "float64 matrix", "float32 vector", "float64 vector"};
static_assert(type_names.size() == std::variant_size_v<StateValue>);

template <Real T>
constexpr auto real_name = std::same_as<T, float> ? "float32" : "float64";
template <Real T>
constexpr auto cpp_name = std::same_as<T, float> ? "float" : "double";

template <class U>
auto append_number(std::string& bytes, U number) -> void {
    for (std::size_t i = 0; i != sizeof(U); ++i) { bytes += static_cast<char>(number >> (8 * i) & 0xFFU); }
}

template <class U>
auto number_at(std::string_view bytes, std::size_t at) -> U {
    auto number = U{0};
    for (std::size_t i = sizeof(U); i-- > 0;) { number = static_cast<U>(number << 8U | static_cast<unsigned char>(bytes[at + i])); }
    return number;
}

/// Finds every change of up to 32 bits in a row, so of any byte.
auto checksum(std::string_view bytes) -> std::uint32_t {
    return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

auto append_end(std::string& bytes) -> void {
    const auto length = std::uint64_t{bytes.size()};
    bytes += end_mark;
    append_number(bytes, format_version);
    append_number(bytes, length);
    append_number(bytes, checksum(bytes));
}

/// Why bytes without the end of a checkpoint are none.
auto why_no_checkpoint(std::string_view bytes) -> std::string {
    if (bytes.empty()) { return "is empty; a checkpoint is expected"; }
    if (bytes.find(mark) != std::string_view::npos) {
        return "does not end as a checkpoint does: it was cut short, or changed at its end; use an earlier checkpoint";
    }
    if (bytes.starts_with("\x89HDF")) {
        return "is not a checkpoint but another HDF5 file, or only the beginning of a checkpoint; load_weights reads weight files";
    }
    return "is not a checkpoint";
}

/// Throws unless the bytes end as append_end() makes them end.
auto check_end(const fs::path& path, std::string_view bytes) -> void {
    const auto fail = [&](const std::string& problem) { return FileError(path.string(), problem); };
    const auto length = bytes.size() - std::min(bytes.size(), end_size);
    const auto end = bytes.substr(length);
    if (end.size() != end_size || !end.starts_with(end_mark)) { throw fail(why_no_checkpoint(bytes)); }
    const auto expected = number_at<std::uint32_t>(end, checksum_at);
    const auto found = checksum(bytes.substr(0, length + checksum_at));
    if (found != expected) {
        throw fail(
            fmt::format("was changed after it was written: its checksum is {:08x}, {:08x} was written; use an earlier checkpoint",
                        found, expected));
    }
    if (const auto version = number_at<std::uint16_t>(end, version_at); version != format_version) {
        throw fail(fmt::format("has the checkpoint format {}; this program knows format {}, so a newer nbm is needed", version,
                               format_version));
    }
    if (const auto written = number_at<std::uint64_t>(end, length_at); written != length) {
        throw fail(fmt::format("holds {} bytes before its end; {} were written", length, written));
    }
}

auto read_bytes(const fs::path& path) -> std::string {
    auto error = std::error_code{};
    const auto type = fs::status(path, error).type();
    if (type == fs::file_type::not_found) { throw FileError(path.string(), "there is no such file"); }
    if (type == fs::file_type::none) { throw FileError(path.string(), "cannot be read: " + error.message()); }
    if (type != fs::file_type::regular) {
        const auto* const what = type == fs::file_type::directory ? "a folder" : "no file";
        throw FileError(path.string(), fmt::format("is {}; a checkpoint is expected", what));
    }
    auto file = std::ifstream(path, std::ios::binary);
    if (!file) { throw FileError(path.string(), fmt::format("cannot be read: {}", std::strerror(errno))); }
    const auto size = fs::file_size(path, error);
    if (error) { throw FileError(path.string(), "cannot be read: " + error.message()); }
    auto bytes = std::string(size, '\0');
    if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) { throw FileError(path.string(), "cannot be read"); }
    return bytes;
}

/// A name as HDF5 can have it: '%' and two hexadecimal digits for each byte that it cannot, '%' for the empty name.
auto encode(std::string_view name) -> std::string {
    auto result = std::string{};
    for (const auto c : name) {
        const auto byte = static_cast<unsigned char>(c);
        const auto allowed = byte >= 0x20 && byte != 0x7F && c != '%' && c != '/' && (c != '.' || !result.empty());
        result += allowed ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return result.empty() ? "%" : result;
}

/// Takes encode() back; a '%' without digits stands for nothing.
auto decode(std::string_view name) -> std::string {
    auto result = std::string{};
    for (std::size_t i = 0; i != name.size(); ++i) {
        auto byte = static_cast<unsigned char>(name[i]);
        if (name[i] == '%') {
            const auto* const digits = name.data() + i + 1;
            if (name.size() - i < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) { continue; }
            i += 2;
        }
        result += static_cast<char>(byte);
    }
    return result;
}

/// One line for each text.
auto join(const std::vector<std::string>& texts) -> std::string {
    auto lines = std::string{};
    for (const auto& text : texts) { lines += encode(text) + '\n'; }
    return lines;
}

auto split(std::string_view lines) -> std::vector<std::string> {
    auto texts = std::vector<std::string>{};
    for (auto end = lines.find('\n'); end != std::string_view::npos; end = lines.find('\n')) {
        texts.push_back(decode(lines.substr(0, end)));
        lines.remove_prefix(end + 1);
    }
    return texts;
}

template <class V>
constexpr auto dimensions = std::size_t{1};
template <Real T>
constexpr auto dimensions<Matrix<T>> = std::size_t{2};

template <class V>
auto write_value(hdf5::Writer& writer, hid_t where, const std::string& link, const V& value) -> hdf5::Handle {
    if constexpr (std::same_as<V, bool>) {
        const auto byte = std::uint8_t{value};
        return writer.numbers(where, link, {}, &byte);
    } else if constexpr (std::integral<V> || std::floating_point<V>) {
        return writer.numbers(where, link, {}, &value);
    } else if constexpr (std::same_as<V, std::string>) {
        return writer.text(where, link, value);
    } else if constexpr (std::same_as<V, std::vector<std::string>>) {
        return writer.text(where, link, join(value));
    } else if constexpr (dimensions<V> == 2) {
        return writer.numbers(where, link, {value.shape(0), value.shape(1)}, value.data());
    } else {
        return writer.numbers(where, link, {value.size()}, value.data());
    }
}

auto write_tree(hdf5::Writer& writer, hid_t group, const State& state) -> void {
    for (const auto& name : state.names()) {
        const auto& value = state.value(name);
        const auto set = std::visit([&](const auto& v) { return write_value(writer, group, encode(name), v); }, value);
        writer.names(set.id(), "type", {type_names[value.index()]});
    }
    for (const auto& name : state.children()) {
        const auto child = writer.group(group, encode(name) + (state.has(name) ? "%" : ""));
        write_tree(writer, child.id(), state.child(name));
    }
}

template <class V>
auto read_value(const hdf5::Reader& reader, hid_t set, const std::string& link) -> V {
    const auto shape = reader.shape(set);
    auto value = V{};
    if constexpr (std::same_as<V, bool>) {
        return read_value<std::uint64_t>(reader, set, link) != 0;
    } else if constexpr (std::same_as<V, std::string>) {
        return reader.text(set, link);
    } else if constexpr (std::same_as<V, std::vector<std::string>>) {
        return split(reader.text(set, link));
    } else if constexpr (std::integral<V> || std::floating_point<V>) {
        if (reader.count(set) != 1) { throw reader.fail(fmt::format("dataset '{}' is not one number", link)); }
        reader.numbers(set, link, &value);
        return value;
    } else {
        if (shape.size() != dimensions<V>) {
            throw reader.fail(fmt::format("dataset '{}' has {} dimensions; {} are expected", link, shape.size(), dimensions<V>));
        }
        if constexpr (dimensions<V> == 2) {
            value.resize({shape[0], shape[1]});
        } else {
            value.resize({shape[0]});
        }
        if (value.size() != reader.count(set)) { throw reader.fail(fmt::format("dataset '{}' is too large", link)); }
        if (value.size() != 0) { reader.numbers(set, link, value.data()); }
        return value;
    }
}

using ReadInto = void (*)(const hdf5::Reader&, hid_t, const std::string&, State&);

template <std::size_t... I>
constexpr auto readers_of(std::index_sequence<I...>) -> std::array<ReadInto, sizeof...(I)> {
    return {[](const hdf5::Reader& reader, hid_t set, const std::string& link, State& state) {
        state.put(decode(link), read_value<std::variant_alternative_t<I, StateValue>>(reader, set, link));
    }...};
}

auto read_tree(const hdf5::Reader& reader, hid_t group, State& state) -> void {
    static constexpr auto readers = readers_of(std::make_index_sequence<type_names.size()>());
    for (const auto& link : reader.links(group)) {
        const auto object = reader.object(group, link);
        if (H5Iget_type(object.id()) == H5I_GROUP) {
            read_tree(reader, object.id(), state.child(decode(link)));
            continue;
        }
        const auto types = reader.names(object.id(), "type");
        const auto type = std::ranges::find(type_names, types.empty() ? "" : types[0]);
        if (type == type_names.end()) { throw reader.fail(fmt::format("dataset '{}' is of an unknown type", link)); }
        readers[static_cast<std::size_t>(type - type_names.begin())](reader, object.id(), link, state);
    }
}

}  // namespace

template <Real T>
auto save_training(const DBM<T>& dbm, const State& state, const fs::path& path) -> void {
    const auto quiet = hdf5::QuietErrors{};
    // Made in memory, so that only whole files of known bytes get to the disk.
    auto writer = hdf5::Writer(path);
    const auto group = writer.group(writer.root(), "state");
    writer.names(group.id(), "format", {std::string(mark)});
    writer.names(group.id(), "real", {real_name<T>});
    write_parts(writer, dbm);
    write_tree(writer, group.id(), state);
    writer.finish();
    auto bytes = writer.image();
    append_end(bytes);
    write_text(path, bytes);
}

template <Real T>
auto load_training(const fs::path& path) -> SavedTraining<T> {
    const auto quiet = hdf5::QuietErrors{};
    auto bytes = read_bytes(path);
    check_end(path, bytes);
    bytes.resize(bytes.size() - end_size);
    const auto reader = hdf5::Reader(path, std::move(bytes));
    const auto group = reader.object(reader.root(), "state");
    const auto real = reader.names(group.id(), "real");
    using Other = std::conditional_t<std::same_as<T, float>, double, float>;
    if (real != std::vector<std::string>{real_name<T>}) {
        throw reader.fail(
            fmt::format("is the checkpoint of a {} machine, not of a {} one; read it with load_training<{}>, or its "
                        "weights alone with load_weights<{}>, which converts them",
                        real_name<Other>, real_name<T>, cpp_name<Other>, cpp_name<T>));
    }
    auto saved = SavedTraining<T>{.model = read_parts<T>(reader), .state = {}};
    read_tree(reader, group.id(), saved.state);
    return saved;
}

template <Real T>
auto newest_checkpoint(const fs::path& folder) -> NewestCheckpoint {
    if (!fs::is_directory(folder)) { throw FileError(folder.string(), "there is no such folder"); }
    auto found = std::vector<std::pair<fs::file_time_type, fs::path>>{};
    for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied)) {
        if (entry.is_regular_file() && entry.path().extension() == ".ckpt") {
            found.emplace_back(entry.last_write_time(), entry.path());
        }
    }
    std::ranges::sort(found, std::greater{});
    auto result = NewestCheckpoint{};
    for (auto& [time, path] : found) {
        try {
            load_training<T>(path);
            result.path = std::move(path);
            return result;
        } catch (const FileError& error) { result.refused.emplace_back(error.what()); }
    }
    throw FileError(folder.string(), result.refused.empty() ? "holds no checkpoint (*.ckpt)"
                                                            : "holds no checkpoint that can be read: " + result.refused.front());
}

template auto newest_checkpoint<float>(const fs::path&) -> NewestCheckpoint;
template auto newest_checkpoint<double>(const fs::path&) -> NewestCheckpoint;
template auto save_training(const DBM<float>&, const State&, const fs::path&) -> void;
template auto save_training(const DBM<double>&, const State&, const fs::path&) -> void;
template auto load_training(const fs::path&) -> SavedTraining<float>;
template auto load_training(const fs::path&) -> SavedTraining<double>;

}  // namespace nbm
