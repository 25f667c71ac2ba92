module;

#include <errno.h>

#include <fcntl.h>
#include <unistd.h>

module nbm:io.event_file_impl;

import :io.event_file;
import :io.files;
import :io.images;
import :io.utf8;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

constexpr auto name_prefix = std::string_view("events.out.tfevents.");

/// CRC-32C (Castagnoli) of each byte.
constexpr auto crc_table = [] {
    auto table = std::array<std::uint32_t, 256>{};
    for (std::uint32_t byte = 0; byte != 256; ++byte) {
        table[byte] = byte;
        for (auto bit = 0; bit != 8; ++bit) { table[byte] = table[byte] >> 1U ^ (table[byte] & 1U ? 0x82F63B78U : 0U); }
    }
    return table;
}();

/// The checksum of a record: a CRC that is changed so that data which contain CRCs keep it strong.
auto masked_crc(std::string_view bytes) -> std::uint32_t {
    auto crc = ~std::uint32_t{0};
    for (const auto c : bytes) { crc = crc >> 8U ^ crc_table[(crc ^ static_cast<std::uint8_t>(c)) & 0xFFU]; }
    return std::rotr(~crc, 15) + 0xA282EAD8U;
}

template <std::unsigned_integral U>
auto put_little_endian(std::string& out, U value) -> void {
    for (std::size_t i = 0; i != sizeof value; ++i) { out += static_cast<char>(value >> 8U * i & 0xFFU); }
}

// Protocol buffers: a field is a number of seven bits a byte, lowest first, that holds 8 * field + type of its content, and the
// content. Types: 0 such a number, 1 eight bytes, 2 a length and so many bytes, 5 four bytes.
auto put_varint(std::string& out, std::uint64_t value) -> void {
    for (; value >= 0x80U; value >>= 7U) { out += static_cast<char>(value | 0x80U); }
    out += static_cast<char>(value);
}

auto put(std::string& out, unsigned field, std::uint64_t value) -> void {
    put_varint(out, field << 3U);
    put_varint(out, value);
}

auto put(std::string& out, unsigned field, double value) -> void {
    put_varint(out, field << 3U | 1U);
    put_little_endian(out, std::bit_cast<std::uint64_t>(value));
}

auto put(std::string& out, unsigned field, float value) -> void {
    put_varint(out, field << 3U | 5U);
    put_little_endian(out, std::bit_cast<std::uint32_t>(value));
}

auto put(std::string& out, unsigned field, std::string_view bytes) -> void {
    put_varint(out, field << 3U | 2U);
    put_varint(out, bytes.size());
    out += bytes;
}

auto put(std::string& out, unsigned field, const std::vector<double>& values) -> void {
    auto bytes = std::string{};
    for (const auto value : values) { put_little_endian(bytes, std::bit_cast<std::uint64_t>(value)); }
    put(out, field, std::string_view(bytes));
}

auto seconds_now() -> double { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

/// Event: time and step; its content is put behind.
auto event_at(std::int64_t step) -> std::string {
    auto event = std::string{};
    put(event, 1, seconds_now());
    if (step != 0) { put(event, 2, static_cast<std::uint64_t>(step)); }
    return event;
}

/// Event with a summary of one value: tag, and what `put_content` adds. Python's readers refuse a whole record whose tag is no
/// UTF-8.
auto summary_event(std::string_view tag, std::int64_t step, const auto& put_content) -> std::string {
    if (!is_utf8(tag)) { throw InputError(fmt::format("the tag {:?} of an event is not UTF-8", tag)); }
    auto value = std::string{};
    put(value, 1, tag);
    put_content(value);
    auto summary = std::string{};
    put(summary, 1, std::string_view(value));
    auto event = event_at(step);
    put(event, 5, std::string_view(summary));
    return event;
}

/// Right limits of buckets of equal width, increasing; the last is `max`.
auto bucket_limits(double min, double max) -> std::vector<double> {
    constexpr auto buckets = 30;
    auto limits = std::vector<double>{};
    auto last = min;
    for (auto i = 1; i != buckets; ++i) {
        const auto part = double(i) / buckets;
        const auto limit = min * (1.0 - part) + max * part;  // max - min may be beyond the largest number
        if (limit > last && limit < max) { limits.push_back(last = limit); }
    }
    limits.push_back(max);
    return limits;
}

/// HistogramProto.
template <Real T>
auto histogram_of(std::span<const T> values) -> std::string {
    auto min = std::numeric_limits<double>::max();
    auto max = std::numeric_limits<double>::lowest();
    auto count = std::size_t{0};
    auto sum = 0.0;
    auto sum_squares = 0.0;
    for (const auto element : values) {
        const auto value = double(element);
        if (!std::isfinite(value)) { continue; }
        min = std::min(min, value);
        max = std::max(max, value);
        ++count;
        sum += value;
        sum_squares += value * value;
    }
    if (count == 0) { min = max = 0.0; }  // an empty bucket: readers expect one
    const auto limits = bucket_limits(min, max);
    auto counts = std::vector<double>(limits.size(), 0.0);
    for (const auto element : values) {
        const auto value = double(element);
        if (!std::isfinite(value)) { continue; }
        counts[static_cast<std::size_t>(std::ranges::lower_bound(limits, value) - limits.begin())] += 1.0;
    }
    auto proto = std::string{};
    put(proto, 1, min);
    put(proto, 2, max);
    put(proto, 3, double(count));
    put(proto, 4, sum);
    put(proto, 5, sum_squares);
    put(proto, 6, limits);
    put(proto, 7, counts);
    return proto;
}

auto host_name() -> std::string {
    auto name = std::array<char, 256>{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') { return "localhost"; }
    std::ranges::replace(name, '/', '_');
    return name.data();
}

/// The second for the name of a new file: now, or behind those of all event files in the folder, also when the last one was made
/// less than a second ago or the clock has been set back.
auto second_for_name(const fs::path& folder) -> std::int64_t {
    auto second = static_cast<std::int64_t>(seconds_now());
    auto error = std::error_code{};
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator(); entry.increment(error)) {
        const auto name = entry->path().filename().string();
        if (!name.starts_with(name_prefix)) { continue; }
        const auto* const end = name.data() + name.size();
        auto other = std::int64_t{};
        const auto [rest, problem] = std::from_chars(name.data() + name_prefix.size(), end, other);
        constexpr auto ten_digits = std::int64_t{9'999'999'999};  // with more, the order of names is not that of numbers
        if (problem == std::errc{} && rest != end && *rest == '.' && other < ten_digits) { second = std::max(second, other + 1); }
    }
    return second;
}

}  // namespace

/// The open file and the records that are still to be written to it.
struct EventFile::Sink {
    explicit Sink(const fs::path& folder) {
        static auto counter = std::atomic<unsigned>{0};
        make_writable_folder(folder);
        while (file < 0) {
            path =
                folder / fmt::format("{}{:010}.{}.{}.{}", name_prefix, second_for_name(folder), host_name(), ::getpid(), counter++);
            file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
            if (file < 0 && errno != EEXIST) {
                throw FileError(path.string(), fmt::format("cannot be made: {}", std::strerror(errno)));
            }
        }
    }
    Sink(const Sink&) = delete;
    auto operator=(const Sink&) -> Sink& = delete;
    ~Sink() {
        try {
            flush();
        } catch (const FileError&) {}  // who wants to know calls flush() before
        ::close(file);
    }

    auto add(std::string_view event) -> void {
        auto length = std::string{};
        put_little_endian(length, std::uint64_t{event.size()});
        pending += length;
        put_little_endian(pending, masked_crc(length));
        pending += event;
        put_little_endian(pending, masked_crc(event));
        constexpr auto enough = std::size_t{1} << 16U;
        if (pending.size() >= enough) { flush(); }
    }

    auto flush() -> void {
        for (std::size_t done = 0; done != pending.size();) {
            const auto wrote = ::pwrite(file, pending.data() + done, pending.size() - done, static_cast<::off_t>(written + done));
            if (wrote < 0 && errno == EINTR) { continue; }
            if (wrote <= 0) {
                const auto problem = fmt::format("cannot be written: {}", std::strerror(wrote < 0 ? errno : ENOSPC));
                // Half a record may stay where this fails too; the next flush writes over it.
                if (::ftruncate(file, static_cast<::off_t>(written)) != 0) { errno = 0; }
                throw FileError(path.string(), problem);
            }
            done += static_cast<std::size_t>(wrote);
        }
        written += pending.size();
        pending.clear();
    }

    fs::path path;
    int file = -1;
    std::uint64_t written = 0;
    std::string pending;
};

EventFile::EventFile(const fs::path& folder, std::int64_t first_step) : sink_(std::make_unique<Sink>(folder)) {
    auto version = event_at(0);
    put(version, 3, std::string_view("brain.Event:2"));
    sink_->add(version);
    auto session_log = std::string{};
    constexpr auto start = std::uint64_t{1};
    put(session_log, 1, start);
    auto session = event_at(first_step);
    put(session, 7, std::string_view(session_log));
    sink_->add(session);
    sink_->flush();
}

EventFile::EventFile(EventFile&&) noexcept = default;
auto EventFile::operator=(EventFile&&) noexcept -> EventFile& = default;
EventFile::~EventFile() = default;

auto EventFile::path() const -> const fs::path& { return sink_->path; }

auto EventFile::scalar(std::string_view tag, std::int64_t step, double value) -> void {
    sink_->add(summary_event(tag, step, [&](std::string& out) { put(out, 2, static_cast<float>(value)); }));
}

template <Real T>
auto EventFile::histogram(std::string_view tag, std::int64_t step, std::span<const T> values) -> void {
    sink_->add(summary_event(tag, step, [&](std::string& out) { put(out, 5, std::string_view(histogram_of(values))); }));
}

auto EventFile::image(std::string_view tag, std::int64_t step, const Image& picture) -> void {
    const auto png = encode_png(picture);
    constexpr auto grey = std::uint64_t{1};
    auto proto = std::string{};
    put(proto, 1, std::uint64_t{picture.height});
    put(proto, 2, std::uint64_t{picture.width});
    put(proto, 3, grey);
    put(proto, 4, std::string_view(reinterpret_cast<const char*>(png.data()), png.size()));
    sink_->add(summary_event(tag, step, [&](std::string& out) { put(out, 4, std::string_view(proto)); }));
}

auto EventFile::flush() -> void { sink_->flush(); }

template auto EventFile::histogram(std::string_view, std::int64_t, std::span<const float>) -> void;
template auto EventFile::histogram(std::string_view, std::int64_t, std::span<const double>) -> void;

}  // namespace nbm
