#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gif_lib.h>

#include "gif_reader.hpp"
#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

/// Random greys, other ones in each frame.
auto noise(std::size_t frames, std::size_t height, std::size_t width) -> std::vector<nbm::Image> {
    const auto stream = nbm::Stream(7, nbm::Purpose::user);
    auto film = std::vector<nbm::Image>(frames, {.height = height, .width = width, .pixels = {}});
    for (std::size_t f = 0; f != frames; ++f) {
        for (std::size_t i = 0; i != height * width; ++i) {
            film[f].pixels.push_back(static_cast<std::uint8_t>(stream.word(f, i, 0) >> 24U));
        }
    }
    return film;
}

auto write(const Temporary& folder, const std::vector<nbm::Image>& film, const nbm::GifOptions& options = {}) -> gif::Film {
    nbm::write_gif(film, folder / "film.gif", options);
    return gif::read(folder / "film.gif");
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_pixel_of_every_frame_is_kept) {
    const auto folder = Temporary();
    for (const auto& [frames, height, width] : {std::array<std::size_t, 3>{1, 1, 1}, {3, 5, 7}, {12, 90, 131}, {2, 1, 4000}}) {
        const auto film = noise(frames, height, width);
        const auto read = write(folder, film);
        BOOST_REQUIRE(read.frames.size() == frames);
        BOOST_TEST(read.height == height);
        BOOST_TEST(read.width == width);
        for (std::size_t f = 0; f != frames; ++f) { BOOST_TEST((read.frames[f] == film[f].pixels)); }
    }
    BOOST_TEST(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

BOOST_AUTO_TEST_CASE(films_say_how_fast_they_are_and_whether_they_repeat) {
    const auto folder = Temporary();
    const auto film = noise(2, 3, 3);
    const auto usual = write(folder, film);
    BOOST_TEST((usual.delays == std::vector<int>{10, 10}));
    BOOST_TEST(usual.loops == 0);  // for ever
    const auto other = write(folder, film, {.delay = 65535, .loop = false});
    BOOST_TEST((other.delays == std::vector<int>{65535, 65535}));
    BOOST_TEST(other.loops == -1);
    const auto bytes = nbm::encode_gif(film);
    BOOST_TEST((bytes == nbm::encode_gif(film)));
    BOOST_TEST((std::string(bytes.begin(), bytes.begin() + 6) == "GIF89a"));
}

BOOST_AUTO_TEST_CASE(fewer_levels_are_the_nearest_ones) {
    const auto folder = Temporary();
    auto ramp = nbm::Image{.height = 1, .width = 256, .pixels = {}};
    for (auto i = 0; i != 256; ++i) { ramp.pixels.push_back(static_cast<std::uint8_t>(i)); }
    for (const std::size_t levels : {2, 4, 8, 16, 32, 64, 128}) {
        const auto read = write(folder, {ramp}, {.levels = levels}).frames.at(0);
        // At most half a step of the levels away, and half a grey because a level is rounded.
        for (auto i = 0; i != 256; ++i) { BOOST_TEST(std::abs(read[std::size_t(i)] - i) <= 127.5 / double(levels - 1) + 0.5); }
        BOOST_TEST(read.front() == 0);
        BOOST_TEST(read.back() == 255);
        BOOST_TEST(std::set(read.begin(), read.end()).size() == levels);
    }
}

BOOST_AUTO_TEST_CASE(frames_that_make_no_film_are_refused) {
    const auto folder = Temporary();
    const auto path = folder / "film.gif";
    nbm::write_text(path, "old");
    const auto refusal = [&](const std::vector<nbm::Image>& film, const nbm::GifOptions& options = {}) {
        return message_of<nbm::Error>([&] { nbm::write_gif(film, path, options); });
    };
    const auto film = noise(2, 4, 3);
    BOOST_TEST(has(refusal({}), "at least 1 frame"));
    BOOST_TEST(has(refusal({film[0], noise(1, 3, 4)[0]}), "frame 1 of a GIF is 3 x 4 with 12 pixels; the first one is 4 x 3"));
    auto damaged = film;
    damaged[1].pixels.pop_back();
    BOOST_TEST(has(refusal(damaged), "frame 1 of a GIF is 4 x 3 with 11 pixels"));
    BOOST_TEST(has(refusal({nbm::Image{}}), "frames of 0 x 0 pixels"));
    BOOST_TEST(has(refusal({{.height = 65536, .width = 1, .pixels = std::vector<std::uint8_t>(65536)}}), "65536 x 1"));
    BOOST_TEST(has(refusal({{.height = std::numeric_limits<std::size_t>::max(), .width = 1, .pixels = {}}}), "x 1"));
    for (const std::size_t levels : {0, 1, 3, 255, 512}) { BOOST_TEST(has(refusal(film, {.levels = levels}), "levels of grey")); }
    BOOST_TEST(has(refusal(film, {.delay = 65536}), "65536 hundredths"));
    BOOST_TEST(contents(path) == "old");
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::write_gif(film, path / "x.gif"); }), "film.gif: cannot make this folder"));
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::write_gif(film, folder.path()); }), "is a folder"));
}
