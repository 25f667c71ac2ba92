module nbm:data.npy_header;

import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

/// A type of numbers in NPY files.
struct NpyType {
    const char* name;  ///< NumPy's
    std::size_t size;  ///< bytes
    void (*convert)(const std::uint8_t* bytes, std::span<double> values);
};

/// What an NPY file says of its data.
struct NpyHeader {
    NpyType type;
    bool fortran = false;
    std::vector<std::size_t> shape;
    std::size_t length = 0;  ///< bytes of the file before the data
};

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
auto convert(const std::uint8_t* bytes, std::span<double> values) -> void {
    for (auto& value : values) {
        auto element = S{};
        std::memcpy(&element, bytes, sizeof element);
        bytes += sizeof element;
        value = static_cast<double>(element);
    }
}

constexpr auto types = std::array{
    NpyType{"|b1", 1, convert<std::uint8_t>},  NpyType{"|u1", 1, convert<std::uint8_t>},  NpyType{"|i1", 1, convert<std::int8_t>},
    NpyType{"<u2", 2, convert<std::uint16_t>}, NpyType{"<i2", 2, convert<std::int16_t>},  NpyType{"<u4", 4, convert<std::uint32_t>},
    NpyType{"<i4", 4, convert<std::int32_t>},  NpyType{"<u8", 8, convert<std::uint64_t>}, NpyType{"<i8", 8, convert<std::int64_t>},
    NpyType{"<f4", 4, convert<float>},         NpyType{"<f8", 8, convert<double>}};

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

}  // namespace

/// NPY format, versions 1 to 3: magic "\x93NUMPY", version, length of the header, header (a Python dictionary), data. `bytes` are
/// the whole file or its beginning; `fail` makes an error of a problem.
auto parse_npy_header(const std::function<FileError(std::string_view)>& fail, std::span<const std::uint8_t> bytes) -> NpyHeader {
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
    const auto name = type_text->substr(1, type_text->size() - 2);
    const auto type = std::ranges::find_if(types, [&](const NpyType& t) { return name == t.name; });
    if (type == types.end()) {
        throw fail(fmt::format("has the type '{}'; real numbers in little-endian order are expected", name));
    }
    return {.type = *type, .fortran = order->starts_with("True"), .shape = *shape, .length = start + length};
}

}  // namespace nbm
