module nbm:data.dataset_impl;

import :data.bytes;
import :data.csv;
import :data.dataset;
import :data.generated;
import :data.idx;
import :data.tables;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

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

enum class Format : std::uint8_t { npz, npy, csv, hdf5, part, packed, unknown };

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
    const auto packed = without_gzip(path) != fs::path(path);
    const auto ending = ending_of(path);
    for (const auto& [known, format] : endings) {
        if (ending == known && (!packed || format == Format::csv)) { return format; }
    }
    auto head = std::array<char, 4096>{};
    auto reader = ByteReader(path, "a file");
    const auto text = std::string_view(head.data(), reader.read(head.data(), head.size()));
    constexpr auto beginnings = std::array<std::pair<std::string_view, Format>, 4>{{{"PK\x03\x04", Format::npz},
                                                                                    {"\x93NUMPY", Format::npy},
                                                                                    {"\x89HDF\r\n\x1A\n", Format::hdf5},
                                                                                    {"\x89PNG\r\n\x1A\n", Format::part}}};
    for (const auto& [known, format] : beginnings) {
        if (text.starts_with(known)) { return reader.packed() ? Format::packed : format; }
    }
    if (text.starts_with(std::string_view("\0\0\x08", 3))) { return Format::part; }  // IDX
    const auto is_control = [](char c) { return (c >= '\0' && c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == '\x7F'; };
    return std::ranges::any_of(text, is_control) ? Format::unknown : Format::csv;
}

/// The rows of a file; `part` is what followed its name and a colon.
auto splits_of(const std::string& path, const std::string& part) -> Splits {
    const auto format = format_of(path);
    if (!part.empty() && format != Format::csv && format != Format::hdf5) {
        throw FileError(path, fmt::format("has no parts; ':{}' cannot follow its name", part));
    }
    switch (format) {
        case Format::npz: return npz_splits(path);
        case Format::npy: return npy_splits(path);
        case Format::csv: return csv_splits(path, csv_options(part));
        case Format::hdf5: return hdf5_splits(path, part);
        case Format::part: throw FileError(path, "is one file of a data set; give the folder that it is in");
        case Format::packed: throw FileError(path, "is packed by gzip; of files other than CSV and IDX, unpack it first");
        case Format::unknown: break;
    }
    throw FileError(path, fmt::format("is none of {}", kinds));
}

}  // namespace

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
auto load_dataset(const std::string& name, const LoadOptions& options) -> Dataset<T> {
    constexpr auto bars = std::string_view("bars-and-stripes");
    if (name == "digits") { return digits<T>({.seed = options.seed}); }
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
    if (fs::is_directory(path)) {
        const auto csv = csv_options(part);
        return holds_idx(path) ? load_idx_folder<T>(path) : assemble<T>(folder_splits(path, csv), options);
    }
    return assemble<T>(splits_of(path, part), options);
}

template <Real T>
auto load_dataset(const std::string& name, std::uint64_t seed) -> Dataset<T> {
    return load_dataset<T>(name, LoadOptions{.seed = seed});
}

template <Real T>
auto resplit(Dataset<T>& dataset, const Shares& shares, std::uint64_t seed) -> void {
    const auto sum = shares.train + shares.valid + shares.test;
    if (sum != 100 || shares.train == 0 || shares.train > 100 || shares.valid > 100) {
        throw InputError(fmt::format("shares of {}, {} and {} percent: 100 in all with some for training are expected",
                                     shares.train, shares.valid, shares.test));
    }
    auto all = LabelledRows<T>{};
    const auto units = dataset.train.shape(1);
    all.rows = Matrix<T>::from_shape({dataset.train.shape(0) + dataset.valid.shape(0) + dataset.test.shape(0), units});
    auto to = all.rows.begin();
    const auto add = [&](const Matrix<T>& rows, const std::vector<int>& labels) {
        if (rows.shape(0) != 0 && (rows.shape(1) != units || labels.empty() != dataset.train_labels.empty())) {
            throw ShapeError("splits of other units, or of which only some have labels, cannot be joined");
        }
        to = std::ranges::copy(rows, to).out;
        all.labels.insert(all.labels.end(), labels.begin(), labels.end());
    };
    add(dataset.train, dataset.train_labels);
    add(dataset.valid, dataset.valid_labels);
    add(dataset.test, dataset.test_labels);
    auto result = Dataset<T>{.label_names = std::move(dataset.label_names)};
    share_out(all, shares, seed, result);
    dataset = std::move(result);
}

template auto check_unit_interval(const Matrix<float>&, const std::string&) -> void;
template auto check_unit_interval(const Matrix<double>&, const std::string&) -> void;
template auto load_dataset(const std::string&, const LoadOptions&) -> Dataset<float>;
template auto load_dataset(const std::string&, const LoadOptions&) -> Dataset<double>;
template auto load_dataset(const std::string&, std::uint64_t) -> Dataset<float>;
template auto load_dataset(const std::string&, std::uint64_t) -> Dataset<double>;
template auto resplit(Dataset<float>&, const Shares&, std::uint64_t) -> void;
template auto resplit(Dataset<double>&, const Shares&, std::uint64_t) -> void;

}  // namespace nbm
