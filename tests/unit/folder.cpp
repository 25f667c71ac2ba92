#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <png.h>

#include "helpers.hpp"
#include "npz_writer.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

using Bytes = std::vector<std::uint8_t>;

auto write(const fs::path& path, const std::string& bytes) -> void {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
}

/// Samples in one of libpng's formats become a PNG file; `map` are the colours of a palette.
template <class S>
auto write_png(const fs::path& path, std::uint32_t width, std::uint32_t height, std::uint32_t format, const std::vector<S>& samples,
               const Bytes& map = {}) -> void {
    fs::create_directories(path.parent_path());
    auto image = png_image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = format;
    image.colormap_entries = static_cast<std::uint32_t>(map.size() / 3);
    BOOST_REQUIRE(png_image_write_to_file(&image, path.c_str(), 0, samples.data(), 0, map.data()) != 0);
}

auto grey(const fs::path& path, std::uint32_t width, std::uint32_t height, const Bytes& pixels) -> void {
    write_png(path, width, height, PNG_FORMAT_GRAY, pixels);
}

auto load(const fs::path& path, std::uint64_t seed = 1) -> nbm::Dataset<double> {
    return nbm::load_dataset<double>(path.string(), seed);
}

auto message_for(const std::string& name) -> std::string {
    return message_of<nbm::Error>([&] { nbm::load_dataset<double>(name); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(png_files_become_grey_images) {
    const auto folder = Temporary();
    const auto path = folder / "a.png";
    const auto pixels = Bytes{0, 1, 127, 128, 254, 255};
    grey(path, 3, 2, pixels);
    const auto image = nbm::read_png(path);
    BOOST_TEST(image.height == 2U);
    BOOST_TEST(image.width == 3U);
    BOOST_TEST((image.pixels == pixels));
    nbm::write_png(nbm::Image{.height = 2, .width = 3, .pixels = pixels}, path);
    BOOST_TEST((nbm::read_png(path).pixels == pixels));
    // (299 r + 587 g + 114 b) / 1000, rounded.
    write_png(path, 6, 1, PNG_FORMAT_RGB, Bytes{255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 7, 7, 7, 10, 20, 30});
    BOOST_TEST((nbm::read_png(path).pixels == Bytes{76, 150, 29, 255, 7, 18}));
    write_png(path, 2, 2, PNG_FORMAT_RGB_COLORMAP, Bytes{0, 1, 1, 0}, {255, 0, 0, 9, 9, 9});
    BOOST_TEST((nbm::read_png(path).pixels == Bytes{76, 9, 9, 76}));
}

BOOST_AUTO_TEST_CASE(broken_png_files_are_refused_with_a_sentence) {
    const auto folder = Temporary();
    const auto path = folder / "a.png";
    const auto message = [&] { return message_of<nbm::FileError>([&] { nbm::read_png(path); }); };
    BOOST_TEST(has(message(), "cannot be read"));
    write_png(path, 1, 1, PNG_FORMAT_RGBA, Bytes{1, 2, 3, 4});
    BOOST_TEST(has(message(), "has transparency"));
    write_png(path, 1, 1, PNG_FORMAT_LINEAR_Y, std::vector<std::uint16_t>{1000});
    BOOST_TEST(has(message(), "has 16 bits a channel"));
    auto noise = Bytes(40 * 30);
    for (std::size_t i = 0; i != noise.size(); ++i) { noise[i] = static_cast<std::uint8_t>(i * i * 37 >> 3U); }
    grey(path, 40, 30, noise);
    const auto good = contents(path);
    constexpr auto last_chunk = std::size_t{12};  // IEND, which holds nothing
    for (std::size_t length = 0; length < good.size() - last_chunk; length += 7) {
        write(path, good.substr(0, length));
        BOOST_TEST(message().starts_with(path.string() + ": is not a complete PNG file"), length << ": " << message());
    }
    for (std::size_t at = 0; at < good.size(); at += 3) {  // refused or read, with an Error at most
        auto damaged = good;
        damaged[at] = static_cast<char>(~damaged[at]);
        write(path, damaged);
        message();
    }
    // A header of a million by a million pixels, with its check sum.
    auto huge = std::string("\0\0\0\x0DIHDR\0\x0F\x42\x40\0\x0F\x42\x40\x08\0\0\0\0", 21);
    const auto sum = png_uint_32([&] {
        auto crc = 0xFFFFFFFFU;
        for (std::size_t i = 4; i != huge.size(); ++i) {
            crc ^= static_cast<unsigned char>(huge[i]);
            for (int bit = 0; bit != 8; ++bit) { crc = (crc & 1U) != 0 ? crc >> 1U ^ 0xEDB88320U : crc >> 1U; }
        }
        return ~crc;
    }());
    for (const auto shift : {24U, 16U, 8U, 0U}) { huge += static_cast<char>(sum >> shift & 0xFFU); }
    write(path, good.substr(0, 8) + huge + good.substr(8 + 25));
    BOOST_TEST(has(message(), "bytes cannot hold 1000000 x 1000000 pixels"), message());
    write(path, "0,1\n");
    BOOST_TEST(has(message(), "is not a complete PNG file"));
}

BOOST_AUTO_TEST_CASE(folders_of_png_files_are_data_sets) {
    const auto folder = Temporary();
    for (const auto* split : {"train", "test"}) {
        grey(folder / split / "b.png", 2, 1, {0, 255});
        grey(folder / split / "a10.png", 2, 1, {51, 1});
        write_png(folder / split / "a2.PNG", 2, 1, PNG_FORMAT_RGB, Bytes{255, 0, 0, 255, 255, 255});
        write(folder / split / "notes.txt", "no picture");
        write(folder / split / ".hidden.png", "no picture");
    }
    grey(folder / "other.png", 9, 9, Bytes(81));  // outside of the splits
    const auto data = load(folder.path());
    const auto expected = nbm::Matrix<double>{{0.2, 1.0 / 255.0}, {76.0 / 255.0, 1}, {0, 1}};
    BOOST_TEST((data.train == expected));
    BOOST_TEST((data.test == expected));
    BOOST_TEST(data.valid.shape(0) == 0U);
    BOOST_TEST(data.train_labels.empty());
    // Without sub-folders all are split, whatever they are called.
    for (int i = 0; i != 20; ++i) { grey(folder / "flat" / ("test" + std::to_string(i) + ".png"), 1, 2, {std::uint8_t(i), 1}); }
    const auto flat = load(folder / "flat", 2);
    BOOST_TEST(flat.train.shape(0) == 16U);
    BOOST_TEST(flat.valid.shape(0) == 2U);
    BOOST_TEST(flat.test.shape(0) == 2U);
    auto seen = std::set<double>{};
    for (const auto* rows : {&flat.train, &flat.valid, &flat.test}) {
        for (std::size_t r = 0; r != rows->shape(0); ++r) {
            seen.insert((*rows)(r, 0) * 255.0);
            BOOST_TEST((*rows)(r, 1) == 1.0 / 255.0);
        }
    }
    BOOST_TEST(seen.size() == 20U);
    BOOST_TEST((load(folder / "flat", 2).train == flat.train));
    BOOST_TEST(!(load(folder / "flat", 3).train == flat.train));
}

BOOST_AUTO_TEST_CASE(files_of_a_split_are_joined_in_the_order_of_their_names) {
    const auto folder = Temporary();
    write(folder / "train.csv", "a,y,b\n0,1,0.25\n");
    write(folder / "train-1.csv", "a,y,b\n0,2,0.5\n1,3,0\n");
    write(folder / "train_2.tsv", "a\ty\tb\n1\t4\t1\n");
    write(folder / "test1.csv", "a,y,b\n1,5,0.75\n");
    write(folder / "README.txt", "of other things");
    const auto data = load(folder.path());
    BOOST_TEST((data.train == nbm::Matrix<double>{{0, 0.5}, {1, 0}, {0, 0.25}, {1, 1}}));  // '-' is before '.' and '_' after it
    BOOST_TEST((data.train_labels == std::vector{2, 3, 1, 4}));
    BOOST_TEST((data.test == nbm::Matrix<double>{{1, 0.75}}));
    BOOST_TEST((data.test_labels == std::vector{5}));
    BOOST_TEST(data.valid.shape(0) == 0U);
    BOOST_TEST((load(folder.path().string() + ":label=none,scale=5").train ==
                nbm::Matrix<double>{{0, 0.4, 0.1}, {0.2, 0.6, 0}, {0, 0.2, 0.05}, {0.2, 0.8, 0.2}}));
    // Grey levels are found in all splits together.
    write(folder / "grey/train.csv", "0,255\n");
    write(folder / "grey/test.csv", "0,51\n");
    BOOST_TEST((load(folder / "grey").test == nbm::Matrix<double>{{0, 0.2}}));
    for (const auto* name : {"part1.csv", "part2.csv", "training.csv"}) { write(folder / "all" / name, "0\n0.25\n0.5\n1\n"); }
    BOOST_TEST(load(folder / "all").train.shape(0) == 10U);
    BOOST_TEST(load(folder / "all").valid.shape(0) == 1U);
    write(folder / "arrays/train/x.npy", npy<std::uint8_t>("|u1", "(1, 2)", {0, 255}));
    write(folder / "arrays/train/y.npy", npy<std::uint8_t>("|u1", "(1, 2)", {0, 1}));
    write(folder / "arrays/train/x.lbl.npy", npy<std::int64_t>("<i8", "(1,)", {7}));
    write(folder / "arrays/train/y.lbl.npy", npy<std::int64_t>("<i8", "(1,)", {8}));
    write(folder / "arrays/valid/x.npy", npy<std::uint8_t>("|u1", "(1, 2)", {51, 1}));
    const auto arrays = load(folder / "arrays");
    BOOST_TEST((arrays.train == nbm::Matrix<double>{{0, 1}, {0, 1.0 / 255.0}}));
    BOOST_TEST((arrays.train_labels == std::vector{7, 8}));
    BOOST_TEST((arrays.valid == nbm::Matrix<double>{{0.2, 1.0 / 255.0}}));
    BOOST_TEST(arrays.valid_labels.empty());
}

BOOST_AUTO_TEST_CASE(folders_whose_files_do_not_fit_are_refused_with_a_sentence) {
    struct Case {
        std::vector<std::string> files;  ///< name, contents, name, ...
        std::string message;
        std::string part = {};
    };
    const auto folder = Temporary();
    grey(folder / "small.png", 2, 1, {0, 1});
    grey(folder / "large.png", 1, 2, {0, 1});
    const auto small = contents(folder / "small.png");
    const auto large = contents(folder / "large.png");
    const auto cases = std::vector<Case>{
        {{}, "has neither train-images-idx3-ubyte[.gz] nor PNG, CSV or .npy files"},
        {{"a.txt", "0,1"}, "has neither"},
        {{"a.png", small, "b.png", large}, "b.png: has 1 x 2 pixels; ROOT/a.png has 2 x 1"},
        {{"train/a.png", small, "test/b.png", large}, "test/b.png: has 1 x 2 pixels; ROOT/train/a.png has 2 x 1"},
        {{"a.png", small, "b.png", "x"}, "b.png: is not a complete PNG file"},
        {{"a.png", small, "b.csv", "0,1\n"}, "has both PNG and CSV files"},
        {{"train/a.png", small, "test/b.csv", "0,1\n"}, "ROOT/test: has CSV files, ROOT/train has PNG files"},
        {{"test/a.png", small}, "has files for validation or test, but none called train"},
        {{"valid.csv", "0,1\n"}, "has files for validation or test, but none called train"},
        {{"train.csv", "0,1\n", "more.csv", "0,1\n"}, "ROOT/more.csv: belongs to no split"},
        {{"train.csv", "0,1\n", "test.csv", "0,1,0\n"}, "ROOT/test.csv: has 3 values a row, ROOT/train.csv has 2"},
        {{"train.csv", "a,b\n0,1\n", "test.csv", "a,c\n0,1\n"},
         "ROOT/test.csv: calls column 1 'c'; ROOT/train.csv has 'b' in that"},
        {{"train1.csv", "a,y\n0,1\n", "train2.csv", "a\n0\n"}, "ROOT/train2.csv: has no labels, ROOT/train1.csv has some"},
        {{"train.csv", "0,1\n", "test.csv", "0,1\n0,5\n"}, "ROOT/test.csv: line 2, row 1, column 1 is 5"},
        {{"train.csv", "0,1\n", "test.csv", "0,x\n0,y\n"}, "test.csv: line 1: column 0 holds the number '0'"},
        {{"a.png", small}, "options are for CSV files; there are PNG files in it", ":label=y"},
        {{"a.png", small}, "give the folder that it is in", "/a.png"},
    };
    auto number = 0;
    for (const auto& c : cases) {
        const auto root = folder / std::to_string(number++);
        fs::create_directory(root);
        for (std::size_t i = 0; i != c.files.size(); i += 2) { write(root / c.files[i], c.files[i + 1]); }
        auto expected = c.message;
        for (auto at = expected.find("ROOT"); at != std::string::npos; at = expected.find("ROOT")) {
            expected.replace(at, 4, root.string());
        }
        const auto message = message_for(root.string() + c.part);
        BOOST_TEST(has(message, expected), message << " should say " << expected);
        BOOST_TEST(message.starts_with(root.string()));
    }
}
