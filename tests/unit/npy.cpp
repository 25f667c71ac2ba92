#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "helpers.hpp"
#include "npz_writer.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

using Numbers = std::vector<double>;

auto write(const fs::path& path, const std::string& bytes) -> void { std::ofstream(path, std::ios::binary) << bytes; }

}  // namespace

BOOST_AUTO_TEST_CASE(npy_files_of_all_types_and_orders_are_read) {
    const auto folder = Temporary();
    const auto path = folder / "a.npy";
    const auto read = [&](const std::string& bytes) {
        write(path, bytes);
        return nbm::read_npy(path);
    };
    const auto check = [&]<class S>(const char* type, S) {
        const auto array = read(npy<S>(type, "(2, 3)", {0, 1, 2, 3, 4, S(100)}));
        BOOST_TEST(array.type == type);
        BOOST_TEST((array.shape == std::vector<std::size_t>{2, 3}));
        BOOST_TEST((array.values == Numbers{0, 1, 2, 3, 4, 100}));
        BOOST_TEST((read(npy<S>(type, "(2, 3)", {0, 3, 1, 4, 2, 5}, true)).values == Numbers{0, 1, 2, 3, 4, 5}));
    };
    check("|u1", std::uint8_t{});
    check("|i1", std::int8_t{});
    check("<u2", std::uint16_t{});
    check("<i2", std::int16_t{});
    check("<u4", std::uint32_t{});
    check("<i4", std::int32_t{});
    check("<u8", std::uint64_t{});
    check("<i8", std::int64_t{});
    check("<f4", float{});
    check("<f8", double{});
    BOOST_TEST((read(npy<std::uint8_t>("|b1", "(2,)", {0, 1})).values == Numbers{0, 1}));
}

BOOST_AUTO_TEST_CASE(npy_data_sets_are_scaled_split_and_labelled) {
    const auto folder = Temporary();
    const auto path = folder / "a.npy";
    auto pixels = std::vector<std::uint8_t>(30 * 4);
    auto labels = std::vector<std::int64_t>(30);
    for (std::size_t r = 0; r != 30; ++r) {
        labels[r] = std::int64_t(100 + r);
        for (std::size_t c = 0; c != 4; ++c) { pixels[4 * r + c] = std::uint8_t(7 * r + c); }
    }
    write(path, npy<std::uint8_t>("|u1", "(30, 2, 2)", pixels));
    BOOST_TEST(nbm::load_dataset<double>(path.string()).train_labels.empty());
    write(folder / "a.lbl.npy", npy<std::int64_t>("<i8", "(30,)", labels));
    const auto data = nbm::load_dataset<double>(path.string(), 3);
    BOOST_TEST(data.train.shape(0) == 24U);
    BOOST_TEST(data.valid.shape(0) == 3U);
    BOOST_TEST(data.test.shape(0) == 3U);
    auto seen = std::set<int>{};
    const auto check = [&](const nbm::Matrix<double>& rows, const std::vector<int>& of_rows) {
        BOOST_REQUIRE(of_rows.size() == rows.shape(0));
        for (std::size_t r = 0; r != rows.shape(0); ++r) {
            const auto number = of_rows[r] - 100;
            seen.insert(number);
            for (std::size_t c = 0; c != 4; ++c) { BOOST_TEST(rows(r, c) == (7 * number + int(c)) / 255.0); }
        }
    };
    check(data.train, data.train_labels);
    check(data.valid, data.valid_labels);
    check(data.test, data.test_labels);
    BOOST_TEST(seen.size() == 30U);
    BOOST_TEST((nbm::load_npy<double>(path, 3).train == data.train));
    BOOST_TEST(!(nbm::load_npy<double>(path, 4).train == data.train));
    write(folder / "b.npy", npy<std::uint8_t>("|u1", "(1, 3)", {0, 1, 1}));  // not scaled
    BOOST_TEST(nbm::load_npy<float>(folder / "b.npy").train(0, 1) == 1.0F);
    write(folder / "c", npy<double>("<f8", "(1, 3)", {0, 0.25, 1}));  // found by its contents
    BOOST_TEST(nbm::load_dataset<double>((folder / "c").string()).train(0, 1) == 0.25);
}

BOOST_AUTO_TEST_CASE(broken_npy_files_are_refused_with_a_sentence) {
    const auto folder = Temporary();
    const auto path = folder / "a.npy";
    const auto message = [&] { return message_of<nbm::Error>([&] { nbm::load_dataset<float>(path.string()); }); };
    BOOST_TEST(has(message(), "there is no such file"));
    struct Case {
        std::string bytes;
        std::string message;
    };
    const auto good = npy<double>("<f8", "(2, 3)", {0, 1, 0, 1, 0, 1});
    const auto cases = std::vector<Case>{
        {"", "is not in NPY format"},
        {"0,1\n0,1\n0,1\n", "is not in NPY format"},
        {good + "x", "holds 49 bytes of data; its shape needs 48"},
        {npy<double>("<f8", "(3,)", {0, 1, 0}), "has 1 dimensions; rows of values need at least 2"},
        {npy<double>("<f8", "(0, 3)", {}), "is empty"},
        {npy<double>("<f8", "(0, 4611686018427387904, 4)", {}), "is empty"},  // the product of the others wraps around to 0
        {npy<double>("<f8", "(99999999999, 99999999999)", {0}), "truncated"},
        {npy<double>("<f8", "(4294967296, 4294967296)", {}), "truncated"},  // the product wraps around to 0
        {npy<double>(">f8", "(1, 1)", {0}), "little-endian"},
        {npy<double>("|O8", "(1, 1)", {0}), "'|O8'"},
        {npy<double>("<f8", "(1, 2)", {0, -3}), "row 0, column 1 is -3; values must be in [0, 1]; these are from -3 to 0"},
        {npy<float>("<f4", "(2, 2)", {0, 1, 1, 16}),
         "row 1, column 1 is 16; values must be in [0, 1]; the largest is 16, divide by it"},
        {npy<double>("<f8", "(1, 2)", {0, std::nan("")}), "row 0, column 1 is nan"},
    };
    for (const auto& c : cases) {
        write(path, c.bytes);
        BOOST_TEST(has(message(), c.message), message() << " should say " << c.message);
        BOOST_TEST(message().starts_with(path.string() + ": "));
    }
    for (std::size_t length = 0; length != good.size(); ++length) {
        write(path, good.substr(0, length));
        BOOST_TEST(message().starts_with(path.string() + ": "));
    }
    for (std::size_t at = 0; at != good.size(); ++at) {  // refused or read, with an Error at most
        auto damaged = good;
        damaged[at] = static_cast<char>(~damaged[at]);
        write(path, damaged);
        message();
    }
    write(path, good);
    write(folder / "a.lbl.npy", npy<double>("<f8", "(3,)", {0, 1, 0}));
    BOOST_TEST(has(message(), "a.lbl.npy: has 3 labels for 2 rows"));
    write(folder / "a.lbl.npy", npy<double>("<f8", "(2,)", {0, 0.5}));
    BOOST_TEST(has(message(), "a.lbl.npy: holds 0.5; labels are whole numbers"));
    BOOST_TEST(has(message_of<nbm::Error>([&] { nbm::load_dataset<float>(path.string() + ":x"); }), "has no parts"));
    BOOST_TEST(has(message_of<nbm::Error>([&] { nbm::read_npy(folder.path()); }), "is a folder"));
}
