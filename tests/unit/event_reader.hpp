// Reads TensorBoard's event files, from the description of the format alone: nothing is shared with the writer under test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace events {

struct Histogram {
    double min = 0, max = 0, num = 0, sum = 0, sum_squares = 0;
    std::vector<double> limits, counts;
};

struct Picture {
    std::uint64_t height = 0, width = 0, colorspace = 0;
    std::string png;
};

struct Value {
    std::string tag;
    std::optional<float> scalar;
    std::optional<Histogram> histogram;
    std::optional<Picture> image;
};

struct Event {
    double wall_time = 0;
    std::int64_t step = 0;
    std::string file_version;
    std::uint64_t session_status = 0;  // 1 start
    std::vector<Value> values;
};

/// Bit by bit: the remainder of the reflected polynomial 0x1EDC6F41.
inline std::uint32_t crc32c(std::string_view bytes) {
    std::uint32_t remainder = 0xFFFFFFFFU;
    for (const char c : bytes) {
        for (int bit = 0; bit < 8; ++bit) {
            const bool odd = ((remainder ^ (static_cast<unsigned char>(c) >> bit)) & 1U) != 0;
            remainder /= 2;
            if (odd) remainder ^= 0x82F63B78U;
        }
    }
    return remainder ^ 0xFFFFFFFFU;
}

inline std::uint32_t masked(std::uint32_t crc) { return ((crc / 0x8000U) | (crc * 0x20000U)) + 0xA282EAD8U; }

template <class T>
T little_endian(std::string_view bytes) {
    if (bytes.size() != sizeof(T)) throw std::runtime_error("a number has the wrong size");
    unsigned char reversed[sizeof(T)];
    const bool big = [] {
        const std::uint16_t one = 1;
        unsigned char first = 0;
        std::memcpy(&first, &one, 1);
        return first == 0;
    }();
    for (std::size_t i = 0; i < sizeof(T); ++i) { reversed[big ? sizeof(T) - 1 - i : i] = static_cast<unsigned char>(bytes[i]); }
    T value;
    std::memcpy(&value, reversed, sizeof(T));
    return value;
}

/// One field of a protocol-buffer message: a number for wire type 0, else its bytes.
struct Field {
    std::uint64_t number = 0;
    unsigned wire = 0;
    std::uint64_t integer = 0;
    std::string_view bytes;

    std::uint64_t as_integer() const { return expect(0), integer; }
    double as_double() const { return expect(1), little_endian<double>(bytes); }
    std::string_view as_bytes() const { return expect(2), bytes; }
    float as_float() const { return expect(5), little_endian<float>(bytes); }
    std::vector<double> as_doubles() const {
        expect(2);
        if (bytes.size() % 8 != 0) throw std::runtime_error("packed doubles have the wrong size");
        std::vector<double> values;
        for (std::size_t i = 0; i < bytes.size(); i += 8) values.push_back(little_endian<double>(bytes.substr(i, 8)));
        return values;
    }
    void expect(unsigned type) const {
        if (wire != type) throw std::runtime_error("field " + std::to_string(number) + " has the wrong wire type");
    }
};

inline std::vector<Field> fields_of(std::string_view message) {
    const auto take = [&](std::uint64_t count) {
        if (count > message.size()) throw std::runtime_error("a message is cut short");
        const auto bytes = message.substr(0, count);
        message.remove_prefix(count);
        return bytes;
    };
    const auto varint = [&] {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            if (shift > 63) throw std::runtime_error("a number is too long");
            const auto byte = static_cast<unsigned char>(take(1)[0]);
            value |= std::uint64_t{byte & 127U} << shift;
            if (byte < 128) return value;
        }
    };
    std::vector<Field> fields;
    while (!message.empty()) {
        Field field;
        const auto key = varint();
        field.number = key / 8;
        field.wire = key % 8;
        switch (field.wire) {
            case 0: field.integer = varint(); break;
            case 1: field.bytes = take(8); break;
            case 2: field.bytes = take(varint()); break;
            case 5: field.bytes = take(4); break;
            default: throw std::runtime_error("unknown wire type");
        }
        fields.push_back(field);
    }
    return fields;
}

[[noreturn]] inline void unknown(const char* message, const Field& field) {
    throw std::runtime_error(std::string(message) + " has an unknown field " + std::to_string(field.number));
}

inline Histogram histogram_from(std::string_view message) {
    Histogram h;
    for (const auto& field : fields_of(message)) {
        switch (field.number) {
            case 1: h.min = field.as_double(); break;
            case 2: h.max = field.as_double(); break;
            case 3: h.num = field.as_double(); break;
            case 4: h.sum = field.as_double(); break;
            case 5: h.sum_squares = field.as_double(); break;
            case 6: h.limits = field.as_doubles(); break;
            case 7: h.counts = field.as_doubles(); break;
            default: unknown("HistogramProto", field);
        }
    }
    return h;
}

inline Picture image_from(std::string_view message) {
    Picture image;
    for (const auto& field : fields_of(message)) {
        switch (field.number) {
            case 1: image.height = field.as_integer(); break;
            case 2: image.width = field.as_integer(); break;
            case 3: image.colorspace = field.as_integer(); break;
            case 4: image.png = field.as_bytes(); break;
            default: unknown("Image", field);
        }
    }
    return image;
}

inline Value value_from(std::string_view message) {
    Value value;
    for (const auto& field : fields_of(message)) {
        switch (field.number) {
            case 1: value.tag = field.as_bytes(); break;
            case 2: value.scalar = field.as_float(); break;
            case 4: value.image = image_from(field.as_bytes()); break;
            case 5: value.histogram = histogram_from(field.as_bytes()); break;
            default: unknown("Summary.Value", field);
        }
    }
    return value;
}

inline Event event_from(std::string_view message) {
    Event event;
    for (const auto& field : fields_of(message)) {
        switch (field.number) {
            case 1: event.wall_time = field.as_double(); break;
            case 2: event.step = static_cast<std::int64_t>(field.as_integer()); break;
            case 3: event.file_version = field.as_bytes(); break;
            case 5:
                for (const auto& inner : fields_of(field.as_bytes())) {
                    if (inner.number != 1) unknown("Summary", inner);
                    event.values.push_back(value_from(inner.as_bytes()));
                }
                break;
            case 7:
                for (const auto& inner : fields_of(field.as_bytes())) {
                    if (inner.number != 1) unknown("SessionLog", inner);
                    event.session_status = inner.as_integer();
                }
                break;
            default: unknown("Event", field);
        }
    }
    return event;
}

/// The events of a file; ends before a last record that is not complete. Throws std::runtime_error for a wrong checksum or content.
inline std::vector<Event> read_events(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    std::vector<Event> events;
    std::string_view rest = all;
    while (rest.size() >= 12) {
        const auto length = little_endian<std::uint64_t>(rest.substr(0, 8));
        if (little_endian<std::uint32_t>(rest.substr(8, 4)) != masked(crc32c(rest.substr(0, 8)))) {
            throw std::runtime_error("wrong checksum of a length");
        }
        if (rest.size() < 16 || length > rest.size() - 16) break;
        const auto data = rest.substr(12, length);
        if (little_endian<std::uint32_t>(rest.substr(12 + length, 4)) != masked(crc32c(data))) {
            throw std::runtime_error("wrong checksum of a record");
        }
        events.push_back(event_from(data));
        rest.remove_prefix(16 + length);
    }
    return events;
}

}  // namespace events
