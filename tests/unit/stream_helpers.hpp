// Files of rows that tell their numbers, and what a training sees of them. After `import nbm;`.
#pragma once

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include <hdf5.h>

#include "helpers.hpp"
#include "npz_writer.hpp"

namespace fs = std::filesystem;

inline constexpr std::size_t number_bits = 10;
inline constexpr std::size_t units = 16;

/// Row r: ten columns hold the bits of r, six are grey.
inline auto numbered_rows(std::size_t rows) -> std::vector<double> {
    auto values = std::vector<double>(rows * units);
    for (std::size_t r = 0; r != rows; ++r) {
        for (std::size_t c = 0; c != number_bits; ++c) { values[r * units + c] = static_cast<double>(r >> c & 1U); }
        for (std::size_t c = number_bits; c != units; ++c) {
            values[r * units + c] = static_cast<double>((37 * r + 101 * c) % 257) / 256.0;
        }
    }
    return values;
}

template <class Row>
inline auto number_of(const Row& row) -> std::size_t {
    auto number = std::size_t{0};
    for (std::size_t c = 0; c != number_bits; ++c) { number |= std::size_t{row[c] != 0 ? 1U : 0U} << c; }
    return number;
}

inline auto write(const fs::path& path, const std::string& bytes) -> void { std::ofstream(path, std::ios::binary) << bytes; }

inline auto write_npy(const fs::path& path, std::size_t rows) -> std::string {
    write(path, npy<double>("<f8", "(" + std::to_string(rows) + ", 16)", numbered_rows(rows)));
    return path.string();
}

/// chunk: its rows and columns; none: contiguous.
inline auto write_hdf5(const fs::path& path, std::size_t rows, const std::vector<hsize_t>& chunk = {}) -> std::string {
    const auto values = numbered_rows(rows);
    const auto shape = std::vector<hsize_t>{rows, units};
    const auto file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const auto properties = H5Pcreate(H5P_DATASET_CREATE);
    if (!chunk.empty()) {
        H5Pset_chunk(properties, 2, chunk.data());
        H5Pset_deflate(properties, 6);
    }
    const auto space = H5Screate_simple(2, shape.data(), nullptr);
    const auto set = H5Dcreate2(file, "x", H5T_IEEE_F64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    BOOST_REQUIRE(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(properties);
    H5Fclose(file);
    return path.string() + ":/x";
}

/// Room for the numbers of the rows, and of the rest 7/32 for the rows that are shuffled together.
inline auto memory_for(std::size_t rows, std::size_t rest) -> std::size_t { return 4 * rows + rest; }

inline auto open(const std::string& name, nbm::StreamOptions options) -> nbm::StreamedDataset<double> {
    return nbm::StreamedDataset<double>(nbm::open_rows(name), options);
}

/// Keeps the rows of all batches.
struct Recorder {
    std::vector<std::vector<double>> rows;
    std::vector<std::size_t> sizes;

    void begin(const nbm::DBM<double>&, const nbm::Matrix<double>&, std::size_t, std::uint64_t, bool) {}
    double gradient(const nbm::DBM<double>&, nbm::MatrixView<const double> batch, nbm::Gradient<double>& g) {
        for (auto& weights : g.weights) { weights.fill(0.0); }
        for (auto& bias : g.biases) { bias.fill(0.0); }
        sizes.push_back(batch.rows());
        for (std::size_t r = 0; r != batch.rows(); ++r) { rows.emplace_back(batch.row(r).begin(), batch.row(r).end()); }
        return 0.0;
    }
    double evaluate(const nbm::DBM<double>&, const nbm::Matrix<double>&) { return 0.0; }

    auto numbers() const {
        auto result = std::vector<std::size_t>{};
        for (const auto& row : rows) { result.push_back(number_of(row)); }
        return result;
    }
};

inline auto record(const nbm::StreamedDataset<double>& data, const nbm::FitOptions<double>& options) -> Recorder {
    auto dbm = nbm::DBM<double>({units, 2});
    auto recorder = Recorder{};
    nbm::fit(dbm, data, recorder, nbm::SGD<double>(), options);
    return recorder;
}

/// What the readers of whole files make of it.
inline auto in_memory(const std::string& name, nbm::Binarise how, std::uint64_t seed) -> nbm::Dataset<double> {
    auto data = nbm::load_dataset<double>(name, seed);
    nbm::binarise(data, how, seed);
    return data;
}

inline auto first_rows(const nbm::Matrix<double>& all, std::size_t count) -> nbm::Matrix<double> {
    auto rows = nbm::zero_matrix<double>(count, all.shape(1));
    std::copy_n(all.begin(), count * all.shape(1), rows.begin());
    return rows;
}

/// The most memory that this process has ever had, in bytes.
inline auto peak_memory() -> std::size_t {
    auto usage = rusage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

inline constexpr auto sanitized =
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
    true;
#else
    false;
#endif
#else
    false;
#endif

/// Rows of 784 zeros that take no room on the disk.
inline auto write_large_npy(const fs::path& path, std::size_t rows) -> std::string {
    write(path, npy<float>("<f4", "(" + std::to_string(rows) + ", 784)", {}));
    fs::resize_file(path, fs::file_size(path) + rows * 784 * sizeof(float));
    return path.string();
}

/// The same of bytes.
inline auto write_large_hdf5(const fs::path& path, std::size_t rows) -> std::string {
    const auto shape = std::vector<hsize_t>{rows, 784};
    const auto file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const auto properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);
    const auto space = H5Screate_simple(2, shape.data(), nullptr);
    H5Dclose(H5Dcreate2(file, "x", H5T_STD_U8LE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(properties);
    H5Fclose(file);
    return path.string() + ":/x";
}

/// Rows that take their time.
class SlowRows final : public nbm::RowReader {
public:
    static constexpr auto pause = std::chrono::milliseconds(10);
    explicit SlowRows(std::size_t& reads) : reads_(reads) {}
    auto name() const -> std::string override { return "slow rows"; }
    auto rows() const -> std::size_t override { return 1000; }
    auto units() const -> std::size_t override { return ::units; }
    auto read(std::size_t first, nbm::MatrixView<double> out) -> void override {
        const auto values = numbered_rows(first + out.rows());
        std::this_thread::sleep_for(pause);
        ++reads_;
        for (std::size_t r = 0; r != out.rows(); ++r) {
            std::copy_n(values.begin() + long((first + r) * ::units), ::units, out.row(r).begin());
        }
    }

private:
    std::size_t& reads_;
};
