#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <regex>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <png.h>
#include <sys/resource.h>
#include <unistd.h>

#include "event_reader.hpp"
#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

auto now() -> double { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

auto files_in(const fs::path& folder) -> std::vector<fs::path> {
    auto paths = std::vector<fs::path>(fs::directory_iterator(folder), fs::directory_iterator());
    std::ranges::sort(paths);
    return paths;
}

/// The histogram that is written for some values.
template <class T>
auto histogram_of(const std::vector<T>& values) -> events::Histogram {
    const auto folder = Temporary();
    auto file = nbm::EventFile(folder.path(), 0);
    file.histogram<T>("h", 3, values);
    file.flush();
    const auto all = events::read_events(file.path());
    BOOST_REQUIRE(all.size() == 3U);
    BOOST_REQUIRE(all[2].values.at(0).histogram.has_value());
    BOOST_TEST(all[2].step == 3);
    BOOST_TEST(all[2].values[0].tag == "h");
    return *all[2].values[0].histogram;
}

/// All that a histogram says, against the definition, counted directly.
template <class T>
auto check_histogram(const std::vector<T>& values) -> events::Histogram {
    const auto h = histogram_of(values);
    auto finite = std::vector<double>{};
    std::ranges::copy_if(values, std::back_inserter(finite), [](T x) { return std::isfinite(x); });
    BOOST_TEST(h.num == double(finite.size()));
    BOOST_REQUIRE(!h.limits.empty());
    BOOST_REQUIRE(h.limits.size() == h.counts.size());
    for (std::size_t b = 1; b < h.limits.size(); ++b) { BOOST_TEST(h.limits[b - 1] < h.limits[b]); }
    auto total = 0.0;
    for (std::size_t b = 0; b < h.limits.size(); ++b) {
        const auto low = b == 0 ? -std::numeric_limits<double>::infinity() : h.limits[b - 1];
        const auto direct = std::ranges::count_if(finite, [&](double x) { return low < x && x <= h.limits[b]; });
        BOOST_TEST(h.counts[b] == double(direct));
        total += h.counts[b];
    }
    BOOST_TEST(total == h.num);
    if (finite.empty()) { return h; }
    BOOST_TEST(h.min == *std::ranges::min_element(finite));
    BOOST_TEST(h.max == *std::ranges::max_element(finite));
    BOOST_TEST(h.limits.back() == h.max);
    auto sum = 0.0L;
    auto sum_squares = 0.0L;
    auto magnitude = 0.0L;
    for (const auto x : finite) {
        sum += static_cast<long double>(x);
        magnitude += std::abs(static_cast<long double>(x));
        sum_squares += static_cast<long double>(x) * static_cast<long double>(x);
    }
    // Sums beyond the largest double have no value to compare with; squares below the smallest one are 0.
    constexpr auto largest = static_cast<long double>(std::numeric_limits<double>::max());
    if (magnitude < largest) { BOOST_TEST(std::abs(static_cast<long double>(h.sum) - sum) <= 1e-12L * magnitude); }
    if (sum_squares < largest) {
        BOOST_TEST(std::abs(static_cast<long double>(h.sum_squares) - sum_squares) <= 1e-12L * sum_squares + 1e-300L);
    }
    return h;
}

auto decoded(const std::string& png) -> nbm::Image {
    auto header = png_image{};
    header.version = PNG_IMAGE_VERSION;
    BOOST_REQUIRE(png_image_begin_read_from_memory(&header, png.data(), png.size()) != 0);
    BOOST_TEST(header.format == unsigned{PNG_FORMAT_GRAY});  // one byte a pixel is what colorspace 1 says
    auto image = nbm::Image{.height = header.height, .width = header.width, .pixels = {}};
    image.pixels.resize(PNG_IMAGE_SIZE(header));
    BOOST_REQUIRE(png_image_finish_read(&header, nullptr, image.pixels.data(), 0, nullptr) != 0);
    return image;
}

auto noise(std::size_t height, std::size_t width) -> nbm::Image {
    auto image = nbm::Image{.height = height, .width = width, .pixels = std::vector<std::uint8_t>(height * width)};
    auto engine = std::mt19937(static_cast<unsigned>(height * 1000 + width));
    for (auto& pixel : image.pixels) { pixel = static_cast<std::uint8_t>(engine()); }
    return image;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_reader_of_these_tests_knows_the_checksum) {
    BOOST_TEST(events::crc32c("123456789") == 0xE3069283U);
    BOOST_TEST(events::crc32c("") == 0U);
    BOOST_TEST(events::crc32c(std::string(32, '\0')) == 0x8A9136AAU);  // RFC 3720, B.4
    BOOST_TEST(events::crc32c(std::string(32, '\xff')) == 0x62A8AB43U);
}

BOOST_AUTO_TEST_CASE(a_file_begins_with_version_and_session) {
    const auto folder = Temporary();
    const auto before = now();
    const auto file = nbm::EventFile(folder / "new/folder", 1234567890123);
    const auto all = events::read_events(file.path());  // without flush
    BOOST_REQUIRE(all.size() == 2U);
    BOOST_TEST(all[0].file_version == "brain.Event:2");
    BOOST_TEST(all[0].step == 0);
    BOOST_TEST(all[0].session_status == 0U);
    BOOST_TEST(all[1].session_status == 1U);
    BOOST_TEST(all[1].step == 1234567890123);
    BOOST_TEST(all[1].file_version.empty());
    for (const auto& event : all) {
        BOOST_TEST(event.wall_time >= before);
        BOOST_TEST(event.wall_time <= now());
        BOOST_TEST(event.values.empty());
    }
    // The bytes of the first length and its checksum that every such file has.
    BOOST_TEST(contents(file.path()).substr(0, 12) == std::string("\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22", 12));
}

BOOST_AUTO_TEST_CASE(files_do_not_collide_and_names_sort_by_age) {
    const auto folder = Temporary();
    std::ofstream(folder / "events.out.tfevents.9999999998.elsewhere.1.0") << "kept";  // a clock in the far future
    std::ofstream(folder / "events.out.tfevents.99999999999999999999999.x.1.0");
    std::ofstream(folder / "events.out.tfevents.") << "";
    std::ofstream(folder / "events.out.tfevents.77") << "";
    const auto strangers = files_in(folder.path()).size();
    auto paths = std::vector<fs::path>{folder / "events.out.tfevents.9999999998.elsewhere.1.0"};
    paths.push_back(nbm::EventFile(folder.path(), 0).path());
    BOOST_TEST((paths[1].filename() > paths[0].filename()));
    BOOST_TEST(contents(paths[0]) == "kept");
    BOOST_TEST(files_in(folder.path()).size() == strangers + 1);

    const auto other = Temporary();
    const auto second = static_cast<long long>(now());
    paths.clear();
    for (auto i = 0; i != 25; ++i) { paths.push_back(nbm::EventFile(other.path(), i).path()); }
    BOOST_TEST((files_in(other.path()) == paths));
    auto match = std::smatch{};
    const auto name = paths[0].filename().string();
    BOOST_REQUIRE(std::regex_match(name, match, std::regex("events\\.out\\.tfevents\\.([0-9]{10})\\.(.+)\\.([0-9]+)\\.([0-9]+)")));
    BOOST_TEST(std::stoll(match[1]) >= second);
    BOOST_TEST(std::stoll(match[1]) <= second + 60);
    BOOST_TEST(match[3] == std::to_string(::getpid()));
    for (auto i = 0; i != 25; ++i) { BOOST_TEST(events::read_events(paths[std::size_t(i)]).at(1).step == i); }
}

BOOST_AUTO_TEST_CASE(threads_get_files_of_their_own) {
    const auto folder = Temporary();
    auto threads = std::vector<std::thread>{};
    for (auto t = 0; t != 8; ++t) {
        threads.emplace_back([&, t] {
            for (auto i = 0; i != 10; ++i) { nbm::EventFile(folder.path(), 100 * t + i).scalar("x", i, t); }
        });
    }
    for (auto& thread : threads) { thread.join(); }
    auto steps = std::set<std::int64_t>{};
    for (const auto& path : files_in(folder.path())) {
        const auto all = events::read_events(path);
        BOOST_REQUIRE(all.size() == 3U);
        steps.insert(all[1].step);
        BOOST_TEST(all[2].step == all[1].step % 100);
        BOOST_TEST(*all[2].values.at(0).scalar == float(all[1].step / 100));
    }
    BOOST_TEST(steps.size() == 80U);
}

BOOST_AUTO_TEST_CASE(scalars_come_back_whatever_their_tag_step_and_value) {
    const auto folder = Temporary();
    const auto tags = std::vector<std::string>{"loss/train",
                                               "",
                                               "\u00dcn\u00efcode/\u91cd\u307f/\U0001F3B2",
                                               std::string("a\0b", 3),
                                               "line\nfeed \"quote\" \\",
                                               "\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff",
                                               std::string(127, 'x'),
                                               std::string(128, 'y'),
                                               std::string(70000, 'z')};
    const auto steps = std::vector<std::int64_t>{
        0, 1, 127, 128, 16384, -1, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
    const auto values =
        std::vector<double>{0.0, -0.0, 1.0 / 3.0, -1e300, 1e-300, std::nan(""), std::numeric_limits<double>::infinity()};
    auto file = nbm::EventFile(folder.path(), 0);
    for (const auto& tag : tags) {
        for (const auto step : steps) {
            for (const auto value : values) { file.scalar(tag, step, value); }
        }
    }
    file.flush();
    const auto all = events::read_events(file.path());
    BOOST_REQUIRE(all.size() == 2 + tags.size() * steps.size() * values.size());
    for (std::size_t i = 2; i != all.size(); ++i) {
        BOOST_REQUIRE(all[i].values.size() == 1U);
        const auto& value = all[i].values[0];
        BOOST_TEST((value.tag == tags[(i - 2) / values.size() / steps.size()]));
        BOOST_TEST(all[i].step == steps[(i - 2) / values.size() % steps.size()]);
        const auto expected = static_cast<float>(values[(i - 2) % values.size()]);
        BOOST_REQUIRE(value.scalar.has_value());
        BOOST_TEST((std::isnan(expected) ? std::isnan(*value.scalar)
                                         : *value.scalar == expected && std::signbit(*value.scalar) == std::signbit(expected)));
        BOOST_TEST(!value.histogram.has_value());
        BOOST_TEST(!value.image.has_value());
    }
}

BOOST_AUTO_TEST_CASE(tags_that_are_not_utf8_are_refused_and_nothing_is_written) {
    const auto folder = Temporary();
    auto file = nbm::EventFile(folder.path(), 0);
    for (const std::string tag :
         {"\x80", "a\xff", "\xc3", "\xc3(", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82", "caf\xe9"}) {
        BOOST_TEST(has(message_of<nbm::InputError>([&] { file.scalar(tag, 0, 1); }), "not UTF-8"));
        BOOST_TEST(has(message_of<nbm::InputError>([&] { file.image(tag, 0, noise(1, 1)); }), "not UTF-8"));
        BOOST_TEST(has(message_of<nbm::InputError>([&] { file.histogram<float>(tag, 0, {}); }), "not UTF-8"));
    }
    file.flush();
    BOOST_TEST(events::read_events(file.path()).size() == 2U);
}

BOOST_AUTO_TEST_CASE(histograms_count_what_is_there) {
    auto engine = std::mt19937(5);
    auto normal = std::normal_distribution<double>(0.3, 2.0);
    auto doubles = std::vector<double>(5000);
    auto floats = std::vector<float>(5000);
    for (std::size_t i = 0; i != 5000; ++i) {
        doubles[i] = normal(engine);
        floats[i] = static_cast<float>(normal(engine));
    }
    const auto h = check_histogram(doubles);
    BOOST_TEST(h.limits.size() == 30U);
    for (std::size_t b = 1; b < 30; ++b) {
        BOOST_TEST(h.limits[b] - h.limits[b - 1] == (h.max - h.min) / 30.0, boost::test_tools::tolerance(1e-9));
    }
    BOOST_TEST(h.limits[0] - h.min == (h.max - h.min) / 30.0, boost::test_tools::tolerance(1e-9));
    check_histogram(floats);
    check_histogram(std::vector<double>{3, 2, 1});  // falling and rising: minimum and maximum are both found
    check_histogram(std::vector<double>{1, 2, 3});
    check_histogram(std::vector<float>{0, 1, 0, 0, 1});
    auto grid = std::vector<double>{};  // values on the limits themselves
    for (auto i = 0; i <= 300; ++i) { grid.push_back(i / 10.0); }
    check_histogram(grid);
}

BOOST_AUTO_TEST_CASE(hostile_values_do_not_break_histograms) {
    using Double = std::numeric_limits<double>;
    using Float = std::numeric_limits<float>;
    const auto nan = Double::quiet_NaN();
    const auto infinity = Double::infinity();
    const auto empty = check_histogram(std::vector<double>{});
    BOOST_TEST(empty.num == 0.0);
    BOOST_TEST(empty.min <= empty.max);
    BOOST_TEST(check_histogram(std::vector<double>{nan, infinity, -infinity}).num == 0.0);
    const auto one = check_histogram(std::vector<double>{nan, -2.5, infinity, -infinity});
    BOOST_TEST(one.num == 1.0);
    BOOST_TEST(one.min == -2.5);
    BOOST_TEST(one.sum == -2.5);
    BOOST_TEST(check_histogram(std::vector<float>(1000, 0.0F)).limits.size() == 1U);
    check_histogram(std::vector<float>(1000, 0.1F));
    BOOST_TEST(check_histogram(std::vector<double>{Double::lowest(), 0.0, Double::max()}).limits.size() == 30U);
    check_histogram(std::vector<double>{Double::max(), Double::max()});
    check_histogram(std::vector<double>{Double::denorm_min(), 0.0, -Double::denorm_min()});
    check_histogram(std::vector<float>{Float::denorm_min(), Float::max(), Float::lowest(), Float::quiet_NaN()});
    for (const auto x : {1.0, -1.0, 0.1, 1e300, 1e-310}) {  // neighbours in the last place, fewer than there are buckets
        auto values = std::vector<double>{x};
        for (auto i = 0; i != 7; ++i) { values.push_back(std::nextafter(values.back(), infinity)); }
        check_histogram(values);
    }
    check_histogram(std::vector<double>{0.0, -0.0});
    check_histogram(std::vector<double>{1e-3, 1e12});
}

BOOST_AUTO_TEST_CASE(pictures_decode_to_the_same_pixels) {
    const auto folder = Temporary();
    auto file = nbm::EventFile(folder.path(), 0);
    const auto images = std::vector{noise(1, 1), noise(3, 5), noise(28, 28), noise(1, 300), noise(300, 400)};
    for (std::size_t i = 0; i != images.size(); ++i) { file.image("samples", std::int64_t(i), images[i]); }
    file.flush();
    const auto all = events::read_events(file.path());
    BOOST_REQUIRE(all.size() == 2 + images.size());
    for (std::size_t i = 0; i != images.size(); ++i) {
        BOOST_TEST(all[i + 2].step == std::int64_t(i));
        const auto& value = all[i + 2].values.at(0);
        BOOST_TEST(value.tag == "samples");
        BOOST_REQUIRE(value.image.has_value());
        BOOST_TEST(value.image->height == images[i].height);
        BOOST_TEST(value.image->width == images[i].width);
        BOOST_TEST(value.image->colorspace == 1U);
        const auto image = decoded(value.image->png);
        BOOST_TEST(image.height == images[i].height);
        BOOST_TEST(image.width == images[i].width);
        BOOST_TEST((image.pixels == images[i].pixels));
        nbm::write_png(images[i], folder / "same.png");
        BOOST_TEST((contents(folder / "same.png") == value.image->png));
    }
    const auto refused = [&](std::size_t height, std::size_t width, std::size_t pixels) {
        const auto image = nbm::Image{.height = height, .width = width, .pixels = std::vector<std::uint8_t>(pixels)};
        BOOST_CHECK_THROW(file.image("bad", 0, image), nbm::ShapeError);
        BOOST_CHECK_THROW(nbm::encode_png(image), nbm::ShapeError);
        BOOST_CHECK_THROW(nbm::write_png(image, folder / "bad.png"), nbm::ShapeError);
    };
    refused(0, 0, 0);
    refused(0, 5, 0);
    refused(5, 0, 0);
    refused(2, 3, 5);
    refused(2, 3, 7);
    refused(std::size_t{1} << 63U, 2, 0);  // the product of the sides is 0
    refused(1, 2'000'000, 2'000'000);      // libpng refuses it
    BOOST_TEST(!fs::exists(folder / "bad.png"));
    file.flush();
    BOOST_TEST(events::read_events(file.path()).size() == all.size());
}

BOOST_AUTO_TEST_CASE(a_cut_file_keeps_its_earlier_records_and_damage_is_noticed) {
    const auto folder = Temporary();
    auto file = nbm::EventFile(folder.path(), 7);
    auto ends = std::vector<std::uintmax_t>{fs::file_size(file.path())};
    for (auto i = 0; i != 3; ++i) {
        file.scalar("x", i, i);
        file.flush();
        ends.push_back(fs::file_size(file.path()));
    }
    const auto all = contents(file.path());
    BOOST_REQUIRE(all.size() == ends.back());
    const auto copy = folder / "copy";
    for (auto length = ends.front(); length != all.size(); ++length) {
        std::ofstream(copy, std::ios::binary) << all.substr(0, length);
        const auto whole = std::ranges::count_if(ends, [&](auto end) { return end <= length; });
        BOOST_TEST(events::read_events(copy).size() == static_cast<std::size_t>(whole) + 1);
    }
    for (std::size_t i = 0; i != all.size(); ++i) {
        auto damaged = all;
        damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
        std::ofstream(copy, std::ios::binary) << damaged;
        BOOST_CHECK_THROW(events::read_events(copy), std::runtime_error);
    }
}

BOOST_AUTO_TEST_CASE(records_wait_for_flush_and_the_destructor_writes_them) {
    const auto folder = Temporary();
    auto path = fs::path{};
    {
        auto file = nbm::EventFile(folder.path(), 0);
        path = file.path();
        file.scalar("a", 1, 1);
        auto moved = std::move(file);
        moved.scalar("a", 2, 2);
        BOOST_TEST((moved.path() == path));
        moved.flush();
        BOOST_TEST(events::read_events(path).size() == 4U);
        moved.scalar("a", 3, 3);
        auto other = nbm::EventFile(folder / "other", 0);
        const auto other_path = other.path();
        other.scalar("b", 1, 1);
        other = std::move(moved);  // closes what it had
        BOOST_TEST(events::read_events(other_path).size() == 3U);
        other.scalar("a", 4, 4);
    }
    const auto all = events::read_events(path);
    BOOST_REQUIRE(all.size() == 6U);
    for (std::size_t i = 2; i != 6; ++i) { BOOST_TEST(all[i].step == std::int64_t(i) - 1); }
    static_assert(!std::is_copy_constructible_v<nbm::EventFile> && !std::is_copy_assignable_v<nbm::EventFile>);
    static_assert(std::is_nothrow_move_constructible_v<nbm::EventFile> && std::is_nothrow_move_assignable_v<nbm::EventFile>);
}

BOOST_AUTO_TEST_CASE(folders_that_cannot_be_used_are_named) {
    const auto folder = Temporary();
    std::ofstream(folder / "file") << "text";
    const auto message = [](const fs::path& path) { return message_of<nbm::FileError>([&] { nbm::EventFile(path, 0); }); };
    BOOST_TEST(has(message(folder / "file"), "file"));
    BOOST_TEST(has(message(folder / "file/below"), "file/below"));
    BOOST_TEST(has(message("/proc"), "/proc"));
    BOOST_TEST(contents(folder / "file") == "text");
}

BOOST_AUTO_TEST_CASE(a_full_disk_leaves_whole_records_and_loses_none) {
    const auto folder = Temporary();
    std::signal(SIGXFSZ, SIG_IGN);
    auto old = rlimit{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    auto file = nbm::EventFile(folder.path(), 0);
    const auto limited = rlimit{1000, old.rlim_max};  // in the middle of a record
    ::setrlimit(RLIMIT_FSIZE, &limited);
    auto failures = 0;
    for (auto i = 0; i != 100; ++i) {
        file.scalar("tag", i, i);
        const auto message = message_of<nbm::FileError>([&] { file.flush(); });
        if (message != "nothing was thrown") {
            ++failures;
            BOOST_TEST(has(message, file.path().string()));
            BOOST_TEST(has(message, "File too large"));
        }
    }
    const auto kept = events::read_events(file.path());
    ::setrlimit(RLIMIT_FSIZE, &old);
    BOOST_TEST(failures > 50);
    BOOST_TEST(kept.size() == std::size_t(102 - failures));
    const auto bytes = contents(file.path());  // end with the last whole record
    std::ofstream(folder / "copy", std::ios::binary) << bytes.substr(0, bytes.size() - 1);
    BOOST_TEST(events::read_events(folder / "copy").size() == kept.size() - 1);
    file.flush();  // there is room again
    const auto all = events::read_events(file.path());
    BOOST_REQUIRE(all.size() == 102U);
    for (std::size_t i = 2; i != 102; ++i) { BOOST_TEST(all[i].step == std::int64_t(i) - 2); }
}
