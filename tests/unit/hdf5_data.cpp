#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <hdf5.h>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

using Shape = std::vector<hsize_t>;

/// An HDF5 file that is being written.
class Hdf5File {
public:
    explicit Hdf5File(const fs::path& path) : id_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {}
    Hdf5File(const Hdf5File&) = delete;
    Hdf5File& operator=(const Hdf5File&) = delete;
    ~Hdf5File() { H5Fclose(id_); }

    /// Values of the type `memory` become a dataset of the type `file`; groups on the way are made.
    template <class S = double>
    auto put(const std::string& name, const Shape& shape, const std::vector<S>& values, hid_t memory, hid_t file) const -> void {
        write(name, shape, values.empty() ? nullptr : values.data(), memory, file, H5P_DEFAULT);
    }
    auto put(const std::string& name, const Shape& shape, const std::vector<double>& values) const -> void {
        put(name, shape, values, H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE);
    }
    /// In chunks and packed by deflate.
    auto packed(const std::string& name, const Shape& shape, const Shape& chunk, const std::vector<double>& values) const -> void {
        const auto properties = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data());
        H5Pset_deflate(properties, 9);
        write(name, shape, values.empty() ? nullptr : values.data(), H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE, properties);
        H5Pclose(properties);
    }
    /// A dataset whose values are never written.
    auto declare(const std::string& name, const Shape& shape, const Shape& chunk = {}) const -> void {
        const auto properties = H5Pcreate(H5P_DATASET_CREATE);
        if (!chunk.empty()) { H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data()); }
        write(name, shape, nullptr, H5T_NATIVE_DOUBLE, H5T_IEEE_F32LE, properties);
        H5Pclose(properties);
    }
    auto text(const std::string& name) const -> void {
        const auto type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, 1);
        put(name, {2, 2}, std::vector<char>{'a', 'b', 'c', 'd'}, type, type);
        H5Tclose(type);
    }

private:
    auto write(const std::string& name, const Shape& shape, const void* values, hid_t memory, hid_t file, hid_t properties) const
        -> void {
        const auto links = H5Pcreate(H5P_LINK_CREATE);
        H5Pset_create_intermediate_group(links, 1);
        const auto space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
        const auto set = H5Dcreate2(id_, name.c_str(), file, space, links, properties, H5P_DEFAULT);
        BOOST_REQUIRE(set >= 0);
        if (values != nullptr) { BOOST_REQUIRE(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0); }
        H5Dclose(set);
        H5Sclose(space);
        H5Pclose(links);
    }

    hid_t id_;
};

/// As h5py writes booleans.
auto boolean_type() -> hid_t {
    const auto type = H5Tenum_create(H5T_NATIVE_INT8);
    for (const auto value : {std::int8_t{0}, std::int8_t{1}}) { H5Tenum_insert(type, value == 0 ? "FALSE" : "TRUE", &value); }
    return type;
}

auto load(const fs::path& path, const std::string& part = {}, std::uint64_t seed = 1) -> nbm::Dataset<double> {
    return nbm::load_dataset<double>(path.string() + part, seed);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_dataset_of_an_hdf5_file_is_named_by_its_path) {
    const auto folder = Temporary();
    const auto path = folder / "a.h5";
    {
        const auto file = Hdf5File(path);
        file.put("one/rows", {1, 3}, {0, 0.25, 1});
        file.put("two", {1, 2}, {0.5, 1});
        file.put("pictures", {1, 2, 2}, {0, 0.5, 0.75, 1});
    }
    BOOST_TEST((load(path, ":/one/rows").train == nbm::Matrix<double>{{0, 0.25, 1}}));
    BOOST_TEST((load(path, ":one/rows").train == nbm::Matrix<double>{{0, 0.25, 1}}));
    BOOST_TEST((load(path, ":/one").train == nbm::Matrix<double>{{0, 0.25, 1}}));  // the only one in that group
    BOOST_TEST((load(path, ":two").train == nbm::Matrix<double>{{0.5, 1}}));
    BOOST_TEST((load(path, ":pictures").train == nbm::Matrix<double>{{0, 0.5, 0.75, 1}}));
    fs::copy(path, folder / "b");
    BOOST_TEST((load(folder / "b", ":two").train == nbm::Matrix<double>{{0.5, 1}}));  // found by its contents
}

BOOST_AUTO_TEST_CASE(hdf5_numbers_of_all_types_are_read) {
    const auto folder = Temporary();
    const auto path = folder / "a.hdf5";
    const auto values = std::vector<double>{0, 1, 1, 0, 0, 1};
    for (const auto type :
         {H5T_STD_U8LE, H5T_STD_I8LE, H5T_STD_U16BE, H5T_STD_I32LE, H5T_STD_I64BE, H5T_STD_U64LE, H5T_IEEE_F32LE, H5T_IEEE_F64BE}) {
        Hdf5File(path).put("x", {2, 3}, values, H5T_NATIVE_DOUBLE, type);
        BOOST_TEST((load(path).train.shape(0) == 2U));
        Hdf5File(path).put("train", {2, 3}, values, H5T_NATIVE_DOUBLE, type);
        BOOST_TEST((load(path).train == nbm::Matrix<double>{{0, 1, 1}, {0, 0, 1}}));
    }
    const auto boolean = boolean_type();
    Hdf5File(path).put("train", {2, 2}, std::vector<std::int8_t>{0, 1, 1, 0}, boolean, boolean);
    H5Tclose(boolean);
    BOOST_TEST((load(path).train == nbm::Matrix<double>{{0, 1}, {1, 0}}));
    Hdf5File(path).put("train", {2, 2}, {0, 255, 51, 1}, H5T_NATIVE_DOUBLE, H5T_STD_U8LE);
    BOOST_TEST((load(path).train == nbm::Matrix<double>{{0, 1}, {0.2, 1.0 / 255.0}}));
    // Blank pictures pack very well.
    Hdf5File(path).packed("train", {2000, 1000}, {2000, 1000}, std::vector<double>(2000 * 1000));
    BOOST_TEST(fs::file_size(path) < 30000U);
    BOOST_TEST(load(path).train.shape(0) == 2000U);
}

BOOST_AUTO_TEST_CASE(hdf5_splits_are_those_of_the_file) {
    const auto folder = Temporary();
    const auto path = folder / "a.h5";
    for (const auto* form : {"", ".data", "/data"}) {
        {
            const auto file = Hdf5File(path);
            const auto end = std::string(form);
            const auto labels = std::string(end == "/data" ? "/lbl" : ".lbl");
            file.put("sets/train" + end, {2, 2}, {0, 255, 51, 0}, H5T_NATIVE_DOUBLE, H5T_STD_U8LE);
            file.put("sets/train" + labels, {2}, {7, 3}, H5T_NATIVE_DOUBLE, H5T_STD_I64LE);
            file.put("sets/test" + end, {1, 2}, {0, 1}, H5T_NATIVE_DOUBLE, H5T_STD_U8LE);
            file.put("other", {1, 3}, {0, 1, 0});
        }
        const auto data = load(path, ":/sets");
        BOOST_TEST((data.train == nbm::Matrix<double>{{0, 1}, {0.2, 0}}));
        BOOST_TEST((data.train_labels == std::vector{7, 3}));
        BOOST_TEST((data.test == nbm::Matrix<double>{{0, 1.0 / 255.0}}));  // one scale for all splits
        BOOST_TEST(data.valid.shape(0) == 0U);
        BOOST_TEST(data.test_labels.empty());
    }
    {
        const auto file = Hdf5File(path);
        file.put("train", {20, 1}, std::vector<double>(20, 0.5));
        file.put("valid", {1, 1}, {0.25});
        file.put("test", {0, 1}, {});
    }
    const auto data = load(path);
    BOOST_TEST(data.train.shape(0) == 20U);  // all of them, for the file has splits
    BOOST_TEST(data.valid(0, 0) == 0.25);
    BOOST_TEST(data.test.shape(0) == 0U);
}

BOOST_AUTO_TEST_CASE(the_only_matrix_of_an_hdf5_file_needs_no_path) {
    const auto folder = Temporary();
    const auto path = folder / "a.h5";
    auto values = std::vector<double>{};
    for (std::size_t i = 0; i != 40; ++i) { values.push_back(double(i) / 64.0); }
    {
        const auto file = Hdf5File(path);
        file.put("deep/in/it", {20, 2}, values);
        file.put("weights", {3}, {0, 1, 2});
        file.put("cube", {1, 2, 2}, {0, 1, 1, 0});
        file.text("names");
    }
    const auto data = load(path, {}, 5);
    BOOST_TEST(data.train.shape(0) == 16U);
    BOOST_TEST(data.valid.shape(0) == 2U);
    BOOST_TEST(data.test.shape(0) == 2U);
    auto sum = 0.0;
    for (const auto* rows : {&data.train, &data.valid, &data.test}) {
        for (std::size_t r = 0; r != rows->shape(0); ++r) {
            BOOST_TEST((*rows)(r, 1) == (*rows)(r, 0) + 1.0 / 64.0);  // rows stay rows
            sum += (*rows)(r, 0);
        }
    }
    BOOST_TEST(sum == 380.0 / 64.0);
    BOOST_TEST((load(path, {}, 5).train == data.train));
    BOOST_TEST(!(load(path, {}, 6).train == data.train));
    Hdf5File(path).put("cube", {1, 2, 2}, {0, 1, 1, 0});
    BOOST_TEST(load(path).train.shape(1) == 4U);
}

BOOST_AUTO_TEST_CASE(hdf5_files_without_data_are_refused_with_a_sentence) {
    const auto folder = Temporary();
    const auto path = folder / "a.h5";
    const auto message = [&](const std::string& part = {}) { return message_of<nbm::Error>([&] { load(path, part); }); };
    BOOST_TEST(has(message(), "there is no such file"));
    {
        const auto file = Hdf5File(path);
        file.put("a/x", {1, 3}, {0, 1, 0});
        file.put("b", {1, 2}, {0, 1});
        file.put("flat", {2}, {0, 1});
        file.put("wrong", {2, 2}, {0, 1, 0, 1.5});
        file.put("none", {0, 2}, {});
        file.text("text");
        file.declare("huge", {1ULL << 30U, 1000}, {1, 1000});
        file.declare("vast", {1ULL << 40U, 1ULL << 40U}, {1, 1000});
        file.put("bad/train", {1, 2}, {0, 1});
        file.put("bad/test", {1, 3}, {0, 1, 0});
        file.put("marked/train", {1, 2}, {0, 1});
        file.put("marked/train.lbl", {2}, {0, 1});
        file.put("odd/train", {1, 2}, {0, 1});
        file.put("odd/train.lbl", {1}, {0.5});
        file.put("untrained/test", {1, 2}, {0, 1});
        file.put("untrained/valid", {1, 2}, {0, 1});
    }
    struct Case {
        std::string part;
        std::string message;
    };
    const auto cases = std::vector<Case>{
        {"",
         "say which, as in FILE:/NAME; it has a/x [1, 3], b [1, 2], bad/test [1, 3], bad/train [1, 2], huge [1073741824, 1000],"},
        {":/c", "has no dataset '/c'; it has a/x [1, 3], b [1, 2],"},
        {":untrained", "has datasets for validation or test, but none called train"},
        {":flat", "dataset 'flat' has 1 dimensions; rows of values need at least 2"},
        {":/wrong", "dataset '/wrong': row 1, column 1 is 1.5; values must be in [0, 1]; the largest is 1.5, divide by it"},
        {":none", "dataset 'none': is empty"},
        {":text", "dataset 'text' does not hold real numbers"},
        {":huge", "dataset 'huge' describes 1073741824000 values, but only 0 bytes are stored"},
        {":vast", "dataset 'vast' describes more than 2^40 values"},
        {":bad", "dataset 'test': has 3 values a row, " + path.string() + ": dataset 'train' has 2"},
        {":marked", "dataset 'train.lbl': has 2 labels for 1 rows"},
        {":odd", "dataset 'train.lbl': holds 0.5; labels are whole numbers"},
    };
    for (const auto& c : cases) {
        BOOST_TEST(has(message(c.part), c.message), message(c.part) << " should say " << c.message);
        BOOST_TEST(message(c.part).starts_with(path.string() + ": "));
    }
    Hdf5File(path).text("text");
    BOOST_TEST(has(message(), "it has none"));
    Hdf5File(path).put("train", {20, 20}, std::vector<double>(400, 0.5));
    const auto good = contents(path);
    BOOST_TEST(message() == "nothing was thrown");
    for (std::size_t length = 0; length < good.size(); length += 37) {
        std::ofstream(path, std::ios::binary) << good.substr(0, length);
        BOOST_TEST(has(message(), "is not a complete HDF5 file"));
    }
}
