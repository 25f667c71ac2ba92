#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <zlib.h>

#include "helpers.hpp"
#include "npz_writer.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

/// An IDX file of bytes: magic number, sizes in big-endian order, values.
auto idx(const std::vector<std::uint32_t>& shape, const std::vector<std::uint8_t>& values) -> std::string {
    auto bytes = std::string("\0\0\x08", 3);
    bytes += static_cast<char>(shape.size());
    for (const auto extent : shape) {
        for (const auto shift : {24U, 16U, 8U, 0U}) { bytes += static_cast<char>(extent >> shift & 0xFFU); }
    }
    return bytes.append(values.begin(), values.end());
}

auto write(const fs::path& path, const std::string& bytes, bool gzip = false) -> void {
    if (gzip) {
        auto* const file = gzopen(path.c_str(), "wb");
        gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
        gzclose(file);
    } else {
        std::ofstream(path, std::ios::binary) << bytes;
    }
}

auto ramp(std::size_t n) -> std::vector<std::uint8_t> {
    auto values = std::vector<std::uint8_t>(n);
    for (std::size_t i = 0; i != n; ++i) { values[i] = static_cast<std::uint8_t>(i * 37); }
    return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(idx_files_are_read_plain_and_gzipped) {
    const auto folder = Temporary();
    const auto values = ramp(3 * 4 * 5);
    for (const auto gzip : {false, true}) {
        write(folder / "a", idx({3, 4, 5}, values), gzip);
        const auto array = nbm::read_idx(folder / "a");
        BOOST_TEST((array.shape == std::vector<std::size_t>{3, 4, 5}));
        BOOST_TEST((array.values == values));
    }
}

BOOST_AUTO_TEST_CASE(broken_idx_files_are_refused_with_a_sentence) {
    const auto folder = Temporary();
    const auto path = folder / "a";
    const auto message = [&] { return message_of<nbm::Error>([&] { nbm::read_idx(path); }); };
    BOOST_TEST(has(message(), "there is no such file"));
    const auto good = idx({3, 4, 5}, ramp(60));
    for (const std::size_t length : {0, 3, 4, 9, 16, 17, 75}) {
        write(path, good.substr(0, length));
        BOOST_TEST(has(message(), "truncated"));
        BOOST_TEST(has(message(), path.string()));
    }
    write(path, good + "x");
    BOOST_TEST(has(message(), "longer than the 60 values"));
    write(path, "PK\x03\x04" + good);
    BOOST_TEST(has(message(), "magic number 0x504B0304"));
    write(path, std::string("\0\0\x0D\x01", 4) + good);  // floats
    BOOST_TEST(has(message(), "0x00000D01"));
    write(path, idx({0xFFFFFFFFU, 0xFFFFFFFFU, 0xFFFFFFFFU}, {}));
    BOOST_TEST(has(message(), "2^40"));
    write(path, idx({6U << 20U, 1U << 17U, 1U << 27U}, {}));  // the product wraps around to 0 in 64 bits
    BOOST_TEST(has(message(), "2^40"));
    write(path, idx({0x7FFFFFFFU}, ramp(100)));
    BOOST_TEST(has(message(), "found 100 of 2147483647 values"));
    write(path, good, true);
    const auto packed = contents(path);
    write(path, packed.substr(0, packed.size() / 2));
    BOOST_TEST(has(message(), "truncated"));
    auto damaged = packed;
    damaged[damaged.size() / 2] = static_cast<char>(~damaged[damaged.size() / 2]);
    write(path, damaged);
    BOOST_TEST(message() != "nothing was thrown");
    fs::create_directory(folder / "d");
    BOOST_TEST(has(message_of<nbm::Error>([&] { nbm::read_idx(folder / "d"); }), "is a folder"));
}

BOOST_AUTO_TEST_CASE(idx_folders_are_scaled_and_split) {
    const auto folder = Temporary();
    write(folder / "train-images-idx3-ubyte", idx({12, 2, 2}, ramp(48)));
    write(folder / "train-labels-idx1-ubyte.gz", idx({12}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1}), true);
    BOOST_TEST(has(message_of<nbm::Error>([&] { nbm::load_idx_folder(folder.path()); }), "t10k-images-idx3-ubyte"));
    write(folder / "t10k-images-idx3-ubyte.gz", idx({3, 2, 2}, ramp(12)), true);
    const auto data = nbm::load_dataset<double>(folder.path().string());
    BOOST_TEST(data.train.shape(0) == 10U);
    BOOST_TEST(data.valid.shape(0) == 2U);
    BOOST_TEST(data.test.shape(0) == 3U);
    BOOST_TEST(data.train(1, 2) == double(6 * 37 % 256) / 255.0);
    BOOST_TEST(data.valid(0, 0) == double(40 * 37 % 256) / 255.0);
    BOOST_TEST((data.valid_labels == std::vector{0, 1}));
    BOOST_TEST(data.test_labels.empty());
    write(folder / "train-labels-idx1-ubyte.gz", idx({11}, ramp(11)), true);
    BOOST_TEST(has(message_of<nbm::Error>([&] { nbm::load_idx_folder(folder.path()); }), "11 labels for 12 images"));
}

BOOST_AUTO_TEST_CASE(npz_files_of_all_types_and_orders_are_read) {
    const auto folder = Temporary();
    const auto path = folder / "a.npz";
    for (const auto deflate : {true, false}) {
        write_npz(path,
                  {{"u1", npy<std::uint8_t>("|u1", "(2, 3)", {1, 2, 3, 4, 5, 255})},
                   {"f4", npy<float>("<f4", "(2, 3)", {0.5F, 1, 2, 3, 4, 5})},
                   {"f8", npy<double>("<f8", "(3,)", {0.1, -2.0, 1e300})},
                   {"i8", npy<std::int64_t>("<i8", "(2,)", {-7, 1LL << 40})},
                   {"f", npy<double>("<f8", "(2, 3)", {0, 3, 1, 4, 2, 5}, true)},
                   {"f3", npy<std::uint8_t>("|u1", "(2, 1, 3)", {0, 3, 1, 4, 2, 5}, true)},
                   {"scalar", npy<double>("<f8", "()", {2.5})}},
                  deflate);
        const auto arrays = nbm::read_npz(path);
        BOOST_TEST(arrays.size() == 7U);
        BOOST_TEST((arrays.at("u1").values == std::vector<double>{1, 2, 3, 4, 5, 255}));
        BOOST_TEST((arrays.at("f4").values == std::vector<double>{0.5, 1, 2, 3, 4, 5}));
        BOOST_TEST((arrays.at("f8").values == std::vector<double>{0.1, -2.0, 1e300}));
        BOOST_TEST((arrays.at("i8").values == std::vector<double>{-7, double(1LL << 40)}));
        BOOST_TEST((arrays.at("f").values == std::vector<double>{0, 1, 2, 3, 4, 5}));
        BOOST_TEST((arrays.at("f3").values == std::vector<double>{0, 1, 2, 3, 4, 5}));
        BOOST_TEST((arrays.at("f3").shape == std::vector<std::size_t>{2, 1, 3}));
        BOOST_TEST((arrays.at("scalar").values == std::vector<double>{2.5}));
    }
}

BOOST_AUTO_TEST_CASE(npz_data_sets_have_the_keys_of_the_origin) {
    const auto folder = Temporary();
    const auto path = folder / "a.npz";
    write_npz(path, {{"train.data", npy<std::uint8_t>("|u1", "(2, 3)", {0, 255, 51, 0, 0, 102})},
                     {"train.lbl", npy<std::int64_t>("<i8", "(2,)", {7, 3})},
                     {"valid.data", npy<float>("<f4", "(1, 3)", {0, 0.25F, 1})},
                     {"test.data", npy<double>("<f8", "(1, 1, 3)", {0, 0.5, 1})},
                     {"other", npy<double>("<f8", "(1,)", {9.0})}});
    const auto data = nbm::load_dataset<double>(path.string());
    BOOST_TEST(data.train(0, 1) == 1.0);
    BOOST_TEST(data.train(1, 2) == 0.4, boost::test_tools::tolerance(1e-15));
    BOOST_TEST((data.train_labels == std::vector{7, 3}));
    BOOST_TEST(data.valid(0, 1) == 0.25);
    BOOST_TEST(data.test(0, 1) == 0.5);
    // One scale for all splits: a test split that happens to hold 0 and 1 only is grey too.
    write_npz(path, {{"train.data", npy<std::uint8_t>("|u1", "(1, 2)", {0, 255})},
                     {"test.data", npy<std::uint8_t>("|u1", "(1, 2)", {0, 1})},
                     {"valid.data", npy<double>("<f8", "(0,)", {})},
                     {"caf\u00e9", npy<double>("<f8", "(1,)", {1})}});
    BOOST_TEST(nbm::load_npz<double>(path).test(0, 1) == 1.0 / 255.0);
    BOOST_TEST(nbm::load_npz<double>(path).valid.shape(0) == 0U);
    // Bytes of 0 and 1 only are not scaled.
    write_npz(path, {{"train.data", npy<std::uint8_t>("|u1", "(1, 3)", {0, 1, 1})}});
    BOOST_TEST(nbm::load_npz<float>(path).train(0, 1) == 1.0F);
    BOOST_TEST(nbm::load_npz<float>(path).test.shape(0) == 0U);
}

BOOST_AUTO_TEST_CASE(broken_npz_files_are_refused_with_a_sentence) {
    const auto folder = Temporary();
    const auto path = folder / "a.npz";
    const auto message = [&] { return message_of<nbm::Error>([&] { nbm::load_dataset<float>(path.string()); }); };
    const auto message_for = [&](const std::string& train) {
        write_npz(path, {{"train.data", train}});
        return message();
    };
    BOOST_TEST(has(message(), "there is no such file"));
    write_npz(path, {{"x", npy<double>("<f8", "(1,)", {1})}, {"images", npy<double>("<f8", "(1,)", {1})}});
    BOOST_TEST(has(message(), "has no array 'train.data'; found: images, x"));
    BOOST_TEST(has(message_for(npy<double>("<f8", "(3,)", {0, 1, 0})), "1 dimensions"));
    BOOST_TEST(has(message_for(npy<double>("<f8", "(2, 2)", {0, 1, 0})), "holds 24 bytes of data; its shape needs 32"));
    BOOST_TEST(has(message_for(npy<double>("<f8", "(9999999999, 99999999999)", {0})), "truncated"));
    BOOST_TEST(has(message_for(npy<double>("<c8", "(1, 1)", {0})), "'<c8'"));
    BOOST_TEST(has(message_for(npy<double>(">f8", "(1, 1)", {0})), "little-endian"));
    BOOST_TEST(has(message_for("hello"), "not in NPY format"));
    BOOST_TEST(has(message_for(npy<double>("<f8", "two", {0})), "damaged NPY header"));
    BOOST_TEST(has(message_for(npy<double>("<f8", "(2, 2)", {0, 1, 0, 1.5})), "row 1, column 1 is 1.5; values must be in [0, 1]"));
    BOOST_TEST(has(message_for(npy<double>("<f8", "(2, 2)", {0, std::nan(""), 0, 1})), "row 0, column 1 is nan"));
    BOOST_TEST(has(message_for(npy<float>("<f4", "(1, 2)", {-0.5F, 0})), "row 0, column 0 is -0.5"));
    BOOST_TEST(has(message_for(npy<double>("<f8", "(0, 2)", {})), "is empty"));
    write_npz(path, {{"train.data", npy<double>("<f8", "(1, 2)", {0, 1})}, {"test.data", npy<double>("<f8", "(1, 3)", {0, 1, 0})}});
    BOOST_TEST(has(message(), "array 'test.data': has 3 values a row, " + path.string() + ": array 'train.data' has 2"));
    write_npz(path, {{"train.data", npy<double>("<f8", "(1, 2)", {0, 1})}, {"train.lbl", npy<double>("<f8", "(3,)", {0, 1, 0})}});
    BOOST_TEST(has(message(), "3 labels for 1 rows"));
    for (const auto label : {std::nan(""), 1e300, 0.5}) {
        write_npz(path, {{"train.data", npy<double>("<f8", "(1, 2)", {0, 1})}, {"train.lbl", npy<double>("<f8", "(1,)", {label})}});
        BOOST_TEST(has(message(), "labels are whole numbers"));
    }
    write_npz(path, {{"train.data", npy<std::uint8_t>("|u1", "(100, 50)", ramp(5000))}});
    const auto good = contents(path);
    for (const auto length : {std::size_t{0}, std::size_t{10}, good.size() / 2, good.size() - 60}) {
        write(path, good.substr(0, length));
        BOOST_TEST(has(message(), path.string()));
    }
    auto damaged = good;
    damaged[good.size() / 2] = static_cast<char>(~damaged[good.size() / 2]);
    write(path, damaged);
    BOOST_TEST(has(message(), path.string()));
    write(path, "this is text");
    BOOST_TEST(has(message(), "is not"));
}

BOOST_AUTO_TEST_CASE(data_sets_are_found_by_name) {
    BOOST_TEST(has(message_of<nbm::Error>([] { nbm::load_dataset<float>("digts"); }), "did you mean 'digits'"));
    BOOST_TEST(has(message_of<nbm::Error>([] { nbm::load_dataset<float>("none/such.npz"); }), "there is no such file"));
    BOOST_TEST(has(message_of<nbm::Error>([] { nbm::load_dataset<float>("./none"); }), "there is no such file"));
    BOOST_TEST(has(message_of<nbm::Error>([] { nbm::load_dataset<float>("bars-and-stripes:x"); }), "'x'"));
    BOOST_TEST(has(message_of<nbm::Error>([] { nbm::load_dataset<float>("bars-and-stripes:99"); }), "1 to 12"));
    BOOST_TEST(nbm::load_dataset<float>("bars-and-stripes:3").train.shape(1) == 9U);
}

BOOST_AUTO_TEST_CASE(digits_are_the_same_for_the_same_seed_whatever_the_threads) {
    nbm::set_threads(1);
    const auto one = nbm::digits<float>({.train = 300, .valid = 20, .test = 20, .seed = 5});
    nbm::set_threads(5);
    const auto five = nbm::digits<float>({.train = 300, .valid = 20, .test = 20, .seed = 5});
    nbm::set_threads(0);
    BOOST_TEST((one.train == five.train));
    BOOST_TEST((one.train_labels == five.train_labels));
    const auto more = nbm::digits<float>({.train = 10, .valid = 20, .test = 20, .seed = 5});
    BOOST_TEST((one.valid == more.valid));  // splits do not depend on each other's sizes
    const auto other = nbm::digits<float>({.train = 300, .seed = 6});
    BOOST_TEST(!(one.train == other.train));
    auto counts = std::vector<int>(10, 0);
    for (const auto label : one.train_labels) { ++counts.at(static_cast<std::size_t>(label)); }
    for (const auto count : counts) { BOOST_TEST(count > 10); }
    for (std::size_t r = 0; r != 300; ++r) {
        const auto ink = xt::sum(xt::view(one.train, r, xt::all()))();
        BOOST_TEST(ink > 20);   // every digit is there
        BOOST_TEST(ink < 350);  // and is a line drawing
        for (std::size_t k = 0; k != 784; ++k) { BOOST_REQUIRE((one.train(r, k) == 0.0F || one.train(r, k) == 1.0F)); }
    }
}

BOOST_AUTO_TEST_CASE(digits_can_be_told_apart) {
    // The nearest class mean, learnt from 2,000 pictures, names at least four fifths of 500 others; chance is a tenth.
    const auto data = nbm::digits<float>({.train = 2000, .valid = 0, .test = 500});
    auto means = nbm::zero_matrix<double>(10, 784);
    auto counts = std::vector<double>(10, 0.0);
    for (std::size_t r = 0; r != 2000; ++r) {
        const auto label = static_cast<std::size_t>(data.train_labels[r]);
        counts[label] += 1.0;
        for (std::size_t k = 0; k != 784; ++k) { means(label, k) += double(data.train(r, k)); }
    }
    auto right = 0;
    for (std::size_t r = 0; r != 500; ++r) {
        auto best = 0;
        auto best_distance = std::numeric_limits<double>::max();
        for (int label = 0; label != 10; ++label) {
            auto distance = 0.0;
            for (std::size_t k = 0; k != 784; ++k) {
                const auto d =
                    double(data.test(r, k)) - means(static_cast<std::size_t>(label), k) / counts[static_cast<std::size_t>(label)];
                distance += d * d;
            }
            if (distance < best_distance) {
                best_distance = distance;
                best = label;
            }
        }
        right += best == data.test_labels[r] ? 1 : 0;
    }
    BOOST_TEST(right >= 400);
}

BOOST_AUTO_TEST_CASE(bars_and_stripes_are_complete_and_distinct) {
    for (const std::size_t n : {1, 2, 3, 4}) {
        const auto data = nbm::bars_and_stripes<double>(n);
        auto seen = std::set<std::vector<double>>{};
        for (std::size_t r = 0; r != data.train.shape(0); ++r) {
            auto rows_uniform = true;
            auto columns_uniform = true;
            for (std::size_t i = 0; i != n; ++i) {
                for (std::size_t j = 0; j != n; ++j) {
                    rows_uniform = rows_uniform && data.train(r, i * n + j) == data.train(r, i * n);
                    columns_uniform = columns_uniform && data.train(r, i * n + j) == data.train(r, j);
                }
            }
            BOOST_TEST((data.train_labels[r] == 1 ? rows_uniform : columns_uniform));
            const auto row = nbm::slice(data.train, {r, 1}).row(0);
            seen.emplace(row.begin(), row.end());
        }
        BOOST_TEST(seen.size() == (std::size_t{2} << n) - 2);
        BOOST_TEST(data.train.shape(0) == seen.size());
    }
    BOOST_CHECK_THROW(nbm::bars_and_stripes<double>(0), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(binarisation_samples_thresholds_or_keeps) {
    auto grey = nbm::zero_matrix<double>(40000, 4);
    for (std::size_t r = 0; r != 40000; ++r) {
        grey(r, 1) = 0.3;
        grey(r, 2) = 0.5;
        grey(r, 3) = 1.0;
    }
    auto sampled = grey;
    nbm::binarise(sampled, nbm::Binarise::sample, 3);
    auto again = grey;
    nbm::binarise(again, nbm::Binarise::sample, 3);
    BOOST_TEST((sampled == again));
    auto means = std::vector<double>(4, 0.0);
    for (std::size_t r = 0; r != 40000; ++r) {
        for (std::size_t k = 0; k != 4; ++k) { means[k] += sampled(r, k) / 40000.0; }
    }
    BOOST_TEST(means[0] == 0.0);
    BOOST_TEST(std::abs(means[1] - 0.3) < 5.0 * std::sqrt(0.21 / 40000.0));
    BOOST_TEST(std::abs(means[2] - 0.5) < 5.0 * std::sqrt(0.25 / 40000.0));
    BOOST_TEST(means[3] == 1.0, boost::test_tools::tolerance(1e-9));
    auto threshold = grey;
    nbm::binarise(threshold, nbm::Binarise::threshold);
    BOOST_TEST(threshold(0, 1) == 0.0);
    BOOST_TEST(threshold(0, 2) == 1.0);
    auto kept = grey;
    nbm::binarise(kept, nbm::Binarise::grey);
    BOOST_TEST((kept == grey));
}
