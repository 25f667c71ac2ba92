#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <sys/resource.h>

#include "helpers.hpp"
#include "npz_writer.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

using Reals = std::tuple<float, double>;

/// The bytes of one member of a zip archive.
auto member(const fs::path& path, const std::string& name) -> std::string {
    auto* const reader = archive_read_new();
    archive_read_support_format_zip(reader);
    BOOST_REQUIRE(archive_read_open_filename(reader, path.c_str(), 10240) == ARCHIVE_OK);
    auto bytes = std::string{};
    for (archive_entry* entry = nullptr; archive_read_next_header(reader, &entry) == ARCHIVE_OK;) {
        if (archive_entry_pathname(entry) != name) { continue; }
        bytes.resize(static_cast<std::size_t>(archive_entry_size(entry)));
        BOOST_REQUIRE(archive_read_data(reader, bytes.data(), bytes.size()) == la_ssize_t(bytes.size()));
    }
    archive_read_free(reader);
    return bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(written_npz_files_come_back, T, Reals) {
    const auto folder = Temporary();
    const auto path = folder / "new/a.npz";
    auto big = nbm::zero_matrix<T>(7000, 701);  // more than one piece of 16 MiB as float and double
    for (std::size_t i = 0; i != big.size(); ++i) { big.data()[i] = static_cast<T>(i % 1013) / T{7}; }
    using Limits = std::numeric_limits<T>;
    const auto odd = nbm::Matrix<T>({{Limits::infinity(), Limits::lowest(), Limits::denorm_min()}, {T(-0.0), T(1) / T(3), 1}});
    const auto arrays = std::vector<std::pair<std::string, nbm::Matrix<T>>>{{"big", big},
                                                                            {"odd/na.me 'quoted' {}.npy", odd},
                                                                            {"no rows", nbm::zero_matrix<T>(0, 5)},
                                                                            {"no columns", nbm::zero_matrix<T>(3, 0)},
                                                                            {"nothing", nbm::zero_matrix<T>(0, 0)}};
    nbm::write_npz(path, arrays);
    const auto back = nbm::read_npz(path);
    BOOST_TEST(back.size() == arrays.size());
    for (const auto& [name, matrix] : arrays) {
        BOOST_REQUIRE(back.contains(name));
        const auto& array = back.at(name);
        BOOST_TEST(array.type == (sizeof(T) == 4 ? "<f4" : "<f8"));
        BOOST_TEST((array.shape == std::vector<std::size_t>{matrix.shape(0), matrix.shape(1)}));
        BOOST_REQUIRE(array.values.size() == matrix.size());
        auto same = true;
        for (std::size_t i = 0; i != matrix.size(); ++i) {
            same = same && array.values[i] == double(matrix.data()[i]) &&
                   std::signbit(array.values[i]) == std::signbit(matrix.data()[i]);
        }
        BOOST_TEST(same);
    }
    const auto one = std::vector<std::pair<std::string, nbm::Matrix<T>>>{{"train.data", nbm::zero_matrix<T>(4, 6) + T(0.25)}};
    nbm::write_npz(path, one);  // over the other file
    BOOST_TEST(nbm::read_npz(path).size() == 1U);
    constexpr auto directory_end = std::size_t{22};  // the last record of a zip archive, with nothing behind it
    BOOST_TEST(contents(path).rfind("PK\5\6") == contents(path).size() - directory_end);
    BOOST_TEST(nbm::load_npz<T>(path).train(3, 5) == T(0.25));
    std::this_thread::sleep_for(std::chrono::milliseconds(2100));  // zip archives count in steps of two seconds
    nbm::write_npz(folder / "again.npz", one);
    BOOST_TEST((contents(folder / "again.npz") == contents(path)));
}

BOOST_AUTO_TEST_CASE(npy_headers_are_those_of_numpy) {
    const auto folder = Temporary();
    for (std::size_t columns = 1; columns < 100'000'000; columns = columns * 10 + 1) {
        // All bytes of the member but the values, as NumPy's rules give them; the shapes have every length.
        nbm::write_npz<float>(folder / "a.npz", {{"x", nbm::zero_matrix<float>(0, columns)}});
        auto bytes = member(folder / "a.npz", "x.npy");
        BOOST_TEST((bytes == npy<float>("<f4", "(0, " + std::to_string(columns) + ")", {})));
        BOOST_TEST(bytes.size() % 64 == 0U);
    }
    nbm::write_npz<double>(folder / "a.npz", {{"x", {{1, 2}, {3, 4}, {5, 6}}}});
    BOOST_TEST((member(folder / "a.npz", "x.npy") == npy<double>("<f8", "(3, 2)", {1, 2, 3, 4, 5, 6})));
}

BOOST_AUTO_TEST_CASE(npz_files_that_cannot_be_written_leave_the_old_one) {
    const auto folder = Temporary();
    const auto path = folder / "a.npz";
    using Arrays = std::vector<std::pair<std::string, nbm::Matrix<double>>>;
    const auto small = Arrays{{"x", {{1, 2}}}};
    nbm::write_npz(path, small);
    const auto good = contents(path);
    const auto refused = [&](const Arrays& arrays) { return message_of<nbm::InputError>([&] { nbm::write_npz(path, arrays); }); };
    BOOST_TEST(has(refused({{"x", {{1}}}, {"y", {{1}}}, {"x", {{2}}}}), "two arrays have the name 'x'"));
    BOOST_TEST(has(refused({{"", {{1}}}}), "cannot name an array"));
    BOOST_TEST(has(refused({{"caf\u00e9", {{1}}}}), "cannot name an array"));
    BOOST_TEST(has(refused({{std::string("a\0b", 3), {{1}}}}), "cannot name an array"));
    std::signal(SIGXFSZ, SIG_IGN);
    auto old = rlimit{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    const auto limited = rlimit{1000, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limited);
    auto noise = nbm::zero_matrix<double>(100, 100);
    for (std::size_t i = 0; i != noise.size(); ++i) { noise.data()[i] = std::sin(double(i * i)); }
    const auto message = message_of<nbm::FileError>([&] { nbm::write_npz<double>(path, {{"x", noise}}); });
    ::setrlimit(RLIMIT_FSIZE, &old);
    BOOST_TEST(has(message, path.string() + ": cannot be written: File too large"));
    BOOST_TEST((contents(path) == good));
    BOOST_TEST(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::write_npz(folder.path(), small); }), "is a folder"));
}

BOOST_AUTO_TEST_CASE(arrays_of_hdf5_and_npz_files_keep_their_types) {
    const auto folder = Temporary();
    nbm::write_hdf5<double>(folder / "a.h5", {{"x", nbm::Matrix<double>{{0.1, 2, 3}, {4, 5, 1.0 / 3.0}}}});
    const auto x = nbm::read_hdf5(folder / "a.h5", "x");
    BOOST_TEST(x.type == "<f8");
    BOOST_TEST((x.shape == std::vector<std::size_t>{2, 3}));
    BOOST_TEST((x.values == std::vector<double>{0.1, 2, 3, 4, 5, 1.0 / 3.0}));
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::read_hdf5(folder / "a.h5", "y"); }), "it has x [2, 3]"));
    for (const auto* name : {"", "a/b"}) {
        BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::write_hdf5<float>(folder / "b.h5", {{name, {}}}); }), "cannot name"));
    }
    const auto arrays = std::map<std::string, nbm::NpyArray>{
        {"one", {"<f4", {3}, {0.5, 2, -1}}}, {"none", {"<f8", {}, {1.0 / 3.0}}}, {"three", {"<f8", {1, 2, 2}, {1, 2, 3, 0.1}}}};
    nbm::write_npz(folder / "a.npz", arrays);
    const auto read = nbm::read_npz(folder / "a.npz");
    BOOST_TEST_REQUIRE(read.size() == 3U);
    for (const auto& [name, array] : arrays) {
        BOOST_TEST((read.at(name).type == array.type && read.at(name).shape == array.shape));
        BOOST_TEST(read.at(name).values == array.values, boost::test_tools::per_element());
    }
    const auto write = [&](nbm::NpyArray array) { nbm::write_npz(folder / "b.npz", {{"a", std::move(array)}}); };
    BOOST_TEST(has(message_of<nbm::InputError>([&] { write({"<i4", {1}, {1}}); }), "'<i4'"));
    BOOST_TEST(has(message_of<nbm::ShapeError>([&] { write({"<f4", {2}, {1}}); }), "shape (2) has 1 values"));
}
