module nbm:data.idx_impl;

import :data.bytes;
import :data.dataset;
import :data.idx;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

auto big_endian(const std::uint8_t* b) -> std::uint32_t {
    return std::uint32_t{b[0]} << 24U | std::uint32_t{b[1]} << 16U | std::uint32_t{b[2]} << 8U | b[3];
}

auto find_file(const fs::path& folder, const std::string& name) -> fs::path {
    for (const auto* const ending : {"", ".gz"}) {
        auto path = folder / (name + ending);
        if (fs::exists(path)) { return path; }
    }
    return {};
}

template <Real T>
auto to_matrix(const IdxArray& images, std::size_t first, std::size_t count) -> Matrix<T> {
    const auto units = images.shape[1] * images.shape[2];
    auto rows = Matrix<T>::from_shape({count, units});
    for (std::size_t i = 0; i != count * units; ++i) { rows.data()[i] = static_cast<T>(images.values[first * units + i]) / T{255}; }
    return rows;
}

struct Files {
    IdxArray images;
    std::vector<int> labels;
};

auto read_pair(const fs::path& folder, const std::string& prefix) -> Files {
    const auto image_name = prefix + "-images-idx3-ubyte";
    const auto image_path = find_file(folder, image_name);
    if (image_path.empty()) { throw FileError(folder.string(), fmt::format("has neither {} nor {}.gz", image_name, image_name)); }
    auto files = Files{.images = read_idx(image_path), .labels = {}};
    if (files.images.shape.size() != 3) {
        throw FileError(image_path.string(), fmt::format("has {} dimensions; images need 3", files.images.shape.size()));
    }
    if (files.images.values.empty()) { throw FileError(image_path.string(), "holds no images"); }
    const auto label_path = find_file(folder, prefix + "-labels-idx1-ubyte");
    if (!label_path.empty()) {
        const auto labels = read_idx(label_path);
        if (labels.shape.size() != 1 || labels.shape[0] != files.images.shape[0]) {
            throw FileError(label_path.string(),
                            fmt::format("holds {} labels for {} images", labels.values.size(), files.images.shape[0]));
        }
        files.labels.assign(labels.values.begin(), labels.values.end());
    }
    return files;
}

}  // namespace

auto read_idx(const fs::path& path) -> IdxArray {
    auto reader = ByteReader(path, "an IDX file");
    auto head = std::array<std::uint8_t, 4>{};
    reader.read_all(head.data(), head.size(), "magic number");
    const auto magic = big_endian(head.data());
    const auto dimensions = magic & 0xFFU;
    if (magic >> 8U != 0x08U || dimensions == 0) {
        throw FileError(path.string(), fmt::format("has the magic number 0x{:08X}; an IDX file of bytes has 0x000008DD", magic));
    }
    auto result = IdxArray{};
    auto total = std::size_t{1};
    for (std::uint32_t d = 0; d != dimensions; ++d) {
        reader.read_all(head.data(), head.size(), "header");
        result.shape.push_back(big_endian(head.data()));
        const auto extent = result.shape.back();
        if (extent != 0 && total > (std::size_t{1} << 40U) / extent) {
            throw FileError(path.string(), "its header describes more than 2^40 values");
        }
        total *= extent;
    }
    // Grows with what is really there, so that a wrong header cannot ask for all memory.
    constexpr auto step = std::size_t{1} << 24U;
    while (result.values.size() != total) {
        const auto had = result.values.size();
        result.values.resize(std::min(total, had + step));
        const auto got = reader.read(result.values.data() + had, result.values.size() - had);
        if (got != result.values.size() - had) {
            throw FileError(path.string(), fmt::format("is truncated: found {} of {} values", had + got, total));
        }
    }
    auto extra = std::uint8_t{};
    if (reader.read(&extra, 1) != 0) {
        throw FileError(path.string(), fmt::format("is longer than the {} values of its header", total));
    }
    return result;
}

template <Real T>
auto load_idx_folder(const fs::path& folder) -> Dataset<T> {
    if (!fs::is_directory(folder)) { throw FileError(folder.string(), "there is no such folder"); }
    const auto train = read_pair(folder, "train");
    const auto test = read_pair(folder, "t10k");
    const auto rows = train.images.shape[0];
    const auto kept = rows - rows / 6;
    auto dataset = Dataset<T>{};
    dataset.train = to_matrix<T>(train.images, 0, kept);
    dataset.valid = to_matrix<T>(train.images, kept, rows - kept);
    dataset.test = to_matrix<T>(test.images, 0, test.images.shape[0]);
    if (dataset.test.shape(1) != dataset.train.shape(1)) {
        throw FileError(folder.string(), fmt::format("test images have {} pixels, training images {}", dataset.test.shape(1),
                                                     dataset.train.shape(1)));
    }
    if (!train.labels.empty()) {
        const auto border = train.labels.begin() + static_cast<std::ptrdiff_t>(kept);
        dataset.train_labels.assign(train.labels.begin(), border);
        dataset.valid_labels.assign(border, train.labels.end());
    }
    dataset.test_labels = test.labels;
    return dataset;
}

template auto load_idx_folder(const fs::path&) -> Dataset<float>;
template auto load_idx_folder(const fs::path&) -> Dataset<double>;

}  // namespace nbm
