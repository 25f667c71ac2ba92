module;

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

module nbm:data.dataset_impl;

import :data.dataset;
import :data.generated;
import :data.idx;
import :data.npz;
import :random;
import :tensor;

namespace nbm {

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
                throw InputError(fmt::format("{}: row {}, column {} is {}; values must be in [0, 1]", source, r, c, value));
            }
        }
    }
}

template <Real T>
auto load_dataset(const std::string& name, std::uint64_t seed) -> Dataset<T> {
    namespace fs = std::filesystem;
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
    if (fs::is_directory(name)) { return load_idx_folder<T>(name); }
    if (name.ends_with(".npz")) { return load_npz<T>(name); }
    if (fs::exists(name)) { throw FileError(name, "is neither an .npz file nor a folder with IDX files"); }
    const auto known = std::vector<std::string>{"digits", "bars-and-stripes:4"};
    if (name.find('/') != std::string::npos || name.find('.') != std::string::npos) {
        throw FileError(name, "there is no such file or folder");
    }
    throw InputError(unknown_name("data set", name, known) + ", or an .npz file, or a folder with IDX files");
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
