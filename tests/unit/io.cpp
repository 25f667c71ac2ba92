#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <hdf5.h>
#include <png.h>

#include "oracle.hpp"
#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

auto files_in(const fs::path& folder) -> std::size_t {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

template <class T>
auto machine() -> nbm::DBM<T> {
    auto dbm = nbm::DBM<T>(nbm::Topology({5, 3, 2, 4}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}}));
    oracle::randomise(dbm, 71, 1.0);
    return dbm;
}

template <class A, class B>
auto same(const A& a, const B& b) -> bool {
    auto equal = a.topology() == b.topology();
    for (std::size_t l = 0; equal && l != a.layer_count(); ++l) {
        for (std::size_t k = 0; k != a.size(l); ++k) { equal = equal && double(a.bias(l)[k]) == double(b.bias(l)[k]); }
    }
    for (std::size_t s = 0; equal && s != a.synapses().size(); ++s) {
        for (std::size_t i = 0; i != a.synapses()[s].weights.size(); ++i) {
            equal = equal && double(a.synapses()[s].weights.data()[i]) == double(b.synapses()[s].weights.data()[i]);
        }
    }
    return equal;
}

/// A weight file as h5py writes it from str: variable-length strings, with what the arguments spoil.
auto write_foreign(const fs::path& path, std::vector<const char*> parts, hsize_t bias_size, hsize_t weight_rows) -> void {
    const auto file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const auto text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, H5T_VARIABLE);
    const auto put_names = [&](hid_t where, const char* name, const std::vector<const char*>& values) {
        const auto count = static_cast<hsize_t>(values.size());
        const auto space = H5Screate_simple(1, &count, nullptr);
        const auto attribute = H5Acreate2(where, name, text, space, H5P_DEFAULT, H5P_DEFAULT);
        H5Awrite(attribute, text, values.data());
        H5Aclose(attribute);
        H5Sclose(space);
    };
    put_names(file, "part_names", parts);
    const auto put = [&](const char* part, const char* dataset, const std::vector<hsize_t>& shape) {
        const auto group = H5Gcreate2(file, part, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        put_names(group, "weight_names", {dataset});
        const auto space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
        const auto set = H5Dcreate2(group, dataset, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        const auto values = std::vector<double>(1000, 0.25);
        H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
        H5Dclose(set);
        H5Sclose(space);
        H5Gclose(group);
    };
    put("h0", "h0_b", {bias_size});
    put("h1", "h1_b", {2});
    put("h0-1", "h0-1_W", {weight_rows, 2});
    H5Tclose(text);
    H5Fclose(file);
}

}  // namespace

BOOST_AUTO_TEST_CASE(weights_come_back_bit_for_bit) {
    const auto folder = Temporary();
    nbm::save_weights(machine<float>(), folder / "f.h5");
    nbm::save_weights(machine<double>(), folder / "new/folder/d.h5");
    BOOST_TEST(same(nbm::load_weights<float>(folder / "f.h5"), machine<float>()));
    BOOST_TEST(same(nbm::load_weights<double>(folder / "f.h5"), machine<float>()));
    BOOST_TEST(same(nbm::load_weights<double>(folder / "new/folder/d.h5"), machine<double>()));
    BOOST_TEST(files_in(folder / "new/folder") == 1U);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // files hold no times
    nbm::save_weights(machine<float>(), folder / "again.h5");
    BOOST_TEST((contents(folder / "again.h5") == contents(folder / "f.h5")));
}

BOOST_AUTO_TEST_CASE(weight_files_have_the_layout_of_the_origin) {
    const auto folder = Temporary();
    nbm::save_weights(machine<float>(), folder / "f.h5");
    const auto file = H5Fopen((folder / "f.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const auto attribute = H5Aopen(file, "part_names", H5P_DEFAULT);
    const auto type = H5Aget_type(attribute);
    BOOST_TEST(H5Tis_variable_str(type) == 0);
    BOOST_TEST(H5Tget_size(type) == 4U);
    BOOST_TEST((H5Tget_strpad(type) == H5T_STR_NULLPAD));
    auto names = std::string(8 * 4, 'x');
    H5Aread(attribute, type, names.data());
    BOOST_TEST((names == std::string("h0\0\0h1\0\0h2\0\0h3\0\0h0-1h0-3h1-2h2-3", 32)));
    const auto set = H5Dopen2(file, "/h0-3/h0-3_W", H5P_DEFAULT);
    BOOST_REQUIRE(set >= 0);
    const auto space = H5Dget_space(set);
    hsize_t shape[2] = {};
    BOOST_TEST(H5Sget_simple_extent_dims(space, shape, nullptr) == 2);
    BOOST_TEST(shape[0] == 5U);
    BOOST_TEST(shape[1] == 4U);
    const auto element = H5Dget_type(set);
    BOOST_TEST(H5Tequal(element, H5T_NATIVE_FLOAT) > 0);
    auto values = std::vector<float>(20);
    H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    BOOST_TEST(values[7] == machine<float>().weights(0, 3)(1, 3));
    BOOST_TEST(H5Aexists_by_name(file, "/h2", "weight_names", H5P_DEFAULT) > 0);
    const auto bias = H5Dopen2(file, "/h2/h2_b", H5P_DEFAULT);
    BOOST_TEST(bias >= 0);
    for (const auto id : {bias, set}) { H5Dclose(id); }
    H5Tclose(element);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attribute);
    H5Fclose(file);
}

BOOST_AUTO_TEST_CASE(files_of_others_are_read_and_faults_named) {
    const auto folder = Temporary();
    const auto path = folder / "w.h5";
    const auto message = [&] { return message_of<nbm::Error>([&] { nbm::load_weights<float>(path); }); };
    write_foreign(path, {"h0", "h1", "h0-1"}, 3, 3);
    const auto dbm = nbm::load_weights<float>(path);
    BOOST_TEST(dbm.topology().describe() == "3-2");
    BOOST_TEST(dbm.weights(0, 1)(2, 1) == 0.25F);
    write_foreign(path, {"h0", "h1", "h0-1"}, 3, 4);
    BOOST_TEST(has(message(), "the weights h0-1 are [4 x 2]; their layers need [3 x 2]"));
    write_foreign(path, {"h0", "h1"}, 3, 3);
    BOOST_TEST(has(message(), "layer 0 has no edge"));
    write_foreign(path, {"h1", "h0-1"}, 3, 3);
    BOOST_TEST(has(message(), "has no biases of layer 0"));
    write_foreign(path, {"h0", "h1", "h0-1", "conv2d"}, 3, 3);
    BOOST_TEST(has(message(), "part 'conv2d'"));
    write_foreign(path, {"h0", "h1", "h0-1", "h2"}, 3, 3);
    BOOST_TEST(has(message(), "lists the part 'h2' but has no such group"));
    const auto empty = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(empty);
    BOOST_TEST(has(message(), "has no attribute 'part_names'"));
    std::ofstream(path) << "text";
    BOOST_TEST(has(message(), "is not a complete HDF5 file"));
    nbm::save_weights(machine<float>(), path);
    const auto good = contents(path);
    std::ofstream(path, std::ios::binary) << good.substr(0, good.size() / 2);
    BOOST_TEST(has(message(), path.string()));
    fs::remove(path);
    BOOST_TEST(has(message(), "there is no such file"));
}

BOOST_AUTO_TEST_CASE(a_failed_write_leaves_the_old_file_and_nothing_else) {
    const auto folder = Temporary();
    const auto path = folder / "a.txt";
    nbm::write_text(path, "first");
    BOOST_CHECK_THROW(nbm::write_atomically(path,
                                            [](const fs::path& temporary) {
                                                std::ofstream(temporary) << "half";
                                                throw std::runtime_error("power cut");
                                            }),
                      std::runtime_error);
    BOOST_TEST(contents(path) == "first");
    BOOST_TEST(files_in(folder.path()) == 1U);
    nbm::write_text(path, "second");
    BOOST_TEST(contents(path) == "second");
    BOOST_TEST(has(message_of<nbm::Error>([&] { nbm::write_text(folder.path(), "x"); }), "is a folder"));
    BOOST_TEST(has(message_of<nbm::Error>([&] { nbm::write_text(path / "b", "x"); }), "cannot make this folder"));
    BOOST_TEST(has(message_of<nbm::Error>([&] { nbm::save_weights(machine<float>(), "/proc/nbm/w.h5"); }), "/proc/nbm"));
    BOOST_TEST(has(message_of<nbm::Error>([&] { nbm::make_writable_folder("/proc"); }), "cannot write into this folder"));
    const auto too_long = folder / std::string(300, 'x');
    BOOST_CHECK_THROW(nbm::save_weights(machine<float>(), too_long), nbm::FileError);
    BOOST_CHECK_THROW(nbm::load_weights<float>(too_long), nbm::FileError);
}

BOOST_AUTO_TEST_CASE(sheets_tile_rows_and_pngs_come_back) {
    const auto folder = Temporary();
    const auto rows = nbm::Matrix<float>({{0, 1, 0.5, 0}, {1, 1, 1, 1}, {-2, 0, 1, 2}});
    const auto image = nbm::tile_images<float>(rows, {2, 2}, 2, nbm::Grey::zero_to_one, 1);
    BOOST_TEST(image.width == 7U);
    BOOST_TEST(image.height == 7U);
    const auto pixel = [&](std::size_t y, std::size_t x) { return int(image.pixels[y * 7 + x]); };
    BOOST_TEST(pixel(1, 1) == 0);
    BOOST_TEST(pixel(1, 2) == 255);
    BOOST_TEST(pixel(2, 1) == 128);
    BOOST_TEST(pixel(1, 4) == 255);
    BOOST_TEST(pixel(4, 1) == 0);  // below 0 is black
    BOOST_TEST(pixel(0, 0) == pixel(5, 5));
    const auto symmetric = nbm::tile_images<float>(rows, {2, 2}, 2, nbm::Grey::symmetric, 1);
    BOOST_TEST(int(symmetric.pixels[4 * 7 + 1]) == 0);
    BOOST_TEST(int(symmetric.pixels[4 * 7 + 2]) == 128);
    BOOST_TEST(int(symmetric.pixels[5 * 7 + 2]) == 255);
    nbm::write_png(image, folder / "a.png");
    auto header = png_image{};
    header.version = PNG_IMAGE_VERSION;
    BOOST_REQUIRE(png_image_begin_read_from_file(&header, (folder / "a.png").c_str()) != 0);
    header.format = PNG_FORMAT_GRAY;
    auto pixels = std::vector<std::uint8_t>(PNG_IMAGE_SIZE(header));
    png_image_finish_read(&header, nullptr, pixels.data(), 0, nullptr);
    BOOST_TEST((pixels == image.pixels));
    BOOST_CHECK_THROW(nbm::tile_images<float>(rows, {2, 3}, 2), nbm::ShapeError);
    BOOST_TEST(nbm::image_shape_of(784).height == 28U);
    BOOST_TEST(nbm::image_shape_of(10).width == 10U);
}
