module;

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

module nbm:data.dataset_impl;

import :data.csv;
import :data.dataset;
import :data.folder;
import :data.generated;
import :data.hdf5;
import :data.npz;
import :data.tables;
import :random;
import :tensor;

namespace nbm {

namespace fs = std::filesystem;

namespace {

template <Real T>
auto binarise_split(Matrix<T>& values, Binarise how, std::uint64_t seed, std::uint64_t split) -> void {
    if (how == Binarise::grey) { return; }
    const auto stream = Stream(seed, Purpose::binarisation);
    parallel_rows(values.shape(0), [&](Rows rows) {
        const auto part = slice(values, rows);
        if (how == Binarise::sample) {
            sample_probabilities<T>(part, part, stream, split, rows.first);
        } else {
            for (std::size_t r = 0; r != part.rows(); ++r) {
                for (auto& value : part.row(r)) { value = value >= T{0.5F} ? T{1} : T{0}; }
            }
        }
    });
}

/// What messages list.
constexpr auto kinds = "a CSV, .npy, .npz or HDF5 file, or a folder with IDX, PNG, CSV or .npy files";

/// The longest beginning of `name` that is there as a file or folder and ends at a colon or at the end, and what follows the colon;
/// an empty path when there is none.
auto path_and_part(const std::string& name) -> std::pair<std::string, std::string> {
    auto ignored = std::error_code{};
    if (fs::exists(name, ignored)) { return {name, {}}; }
    for (auto colon = name.rfind(':'); colon != std::string::npos && colon != 0; colon = name.rfind(':', colon - 1)) {
        if (fs::exists(name.substr(0, colon), ignored)) { return {name.substr(0, colon), name.substr(colon + 1)}; }
    }
    return {};
}

enum class Format : std::uint8_t { npz, npy, csv, hdf5, part, unknown };

/// By the ending, else by how the file begins.
auto format_of(const std::string& path) -> Format {
    constexpr auto endings = std::array<std::pair<std::string_view, Format>, 8>{{{".npz", Format::npz},
                                                                                 {".npy", Format::npy},
                                                                                 {".csv", Format::csv},
                                                                                 {".tsv", Format::csv},
                                                                                 {".txt", Format::csv},
                                                                                 {".h5", Format::hdf5},
                                                                                 {".hdf5", Format::hdf5},
                                                                                 {".png", Format::part}}};
    auto ending = fs::path(path).extension().string();
    for (auto& c : ending) { c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
    for (const auto& [known, format] : endings) {
        if (ending == known) { return format; }
    }
    auto head = std::array<char, 4096>{};
    auto file = std::ifstream(path, std::ios::binary);
    file.read(head.data(), head.size());
    const auto text = std::string_view(head.data(), static_cast<std::size_t>(file.gcount()));
    constexpr auto beginnings = std::array<std::pair<std::string_view, Format>, 4>{{{"PK\x03\x04", Format::npz},
                                                                                    {"\x93NUMPY", Format::npy},
                                                                                    {"\x89HDF\r\n\x1A\n", Format::hdf5},
                                                                                    {"\x89PNG\r\n\x1A\n", Format::part}}};
    for (const auto& [known, format] : beginnings) {
        if (text.starts_with(known)) { return format; }
    }
    if (text.starts_with(std::string_view("\0\0\x08", 3))) { return Format::part; }  // IDX
    const auto is_control = [](char c) { return (c >= '\0' && c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == '\x7F'; };
    return std::ranges::any_of(text, is_control) ? Format::unknown : Format::csv;
}

}  // namespace

template <Real T>
auto binarise(Matrix<T>& values, Binarise how, std::uint64_t seed) -> void {
    binarise_split(values, how, seed, 0);
}

template <Real T>
auto binarise(Dataset<T>& dataset, Binarise how, std::uint64_t seed) -> void {
    binarise_split(dataset.train, how, seed, 0);
    binarise_split(dataset.valid, how, seed, 1);
    binarise_split(dataset.test, how, seed, 2);
}

template <Real T>
auto check_unit_interval(const Matrix<T>& values, const std::string& source) -> void {
    for (std::size_t r = 0; r != values.shape(0); ++r) {
        for (std::size_t c = 0; c != values.shape(1); ++c) {
            const auto value = double(values(r, c));
            if (!(value >= 0.0 && value <= 1.0)) {
                throw unit_interval_error(fmt::format("{}: row {}, column {}", source, r, c), value, values);
            }
        }
    }
}

template <Real T>
auto load_dataset(const std::string& name, std::uint64_t seed) -> Dataset<T> {
    constexpr auto bars = std::string_view("bars-and-stripes");
    if (name == "digits") { return digits<T>({.seed = seed}); }
    if (name == bars) { return bars_and_stripes<T>(4); }
    if (name.starts_with(fmt::format("{}:", bars))) {
        const auto size = std::string_view(name).substr(bars.size() + 1);
        auto n = std::size_t{};
        const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), n);
        if (error != std::errc{} || end != size.data() + size.size()) {
            throw InputError(fmt::format("data '{}': the side '{}' is no whole number; {}:4 is an example", name, size, bars));
        }
        return bars_and_stripes<T>(n);
    }
    const auto [path, part] = path_and_part(name);
    if (path.empty()) {
        if (name.find('/') != std::string::npos || name.find('.') != std::string::npos) {
            throw FileError(name, "there is no such file or folder");
        }
        const auto known = std::vector<std::string>{"digits", "bars-and-stripes:4"};
        throw InputError(fmt::format("{}, or {}", unknown_name("data set", name, known), kinds));
    }
    if (fs::is_directory(path)) { return load_folder<T>(path, csv_options(part), seed); }
    const auto format = format_of(path);
    if (!part.empty() && format != Format::csv && format != Format::hdf5) {
        throw FileError(path, fmt::format("has no parts; ':{}' cannot follow its name", part));
    }
    switch (format) {
        case Format::npz: return load_npz<T>(path);
        case Format::npy: return load_npy<T>(path, seed);
        case Format::csv: return load_csv<T>(path, csv_options(part), seed);
        case Format::hdf5: return load_hdf5<T>(path, part, seed);
        case Format::part: throw FileError(path, "is one file of a data set; give the folder that it is in");
        case Format::unknown: break;
    }
    throw FileError(path, fmt::format("is none of {}", kinds));
}

template auto binarise(Matrix<float>&, Binarise, std::uint64_t) -> void;
template auto binarise(Matrix<double>&, Binarise, std::uint64_t) -> void;
template auto binarise(Dataset<float>&, Binarise, std::uint64_t) -> void;
template auto binarise(Dataset<double>&, Binarise, std::uint64_t) -> void;
template auto check_unit_interval(const Matrix<float>&, const std::string&) -> void;
template auto check_unit_interval(const Matrix<double>&, const std::string&) -> void;
template auto load_dataset(const std::string&, std::uint64_t) -> Dataset<float>;
template auto load_dataset(const std::string&, std::uint64_t) -> Dataset<double>;

}  // namespace nbm
