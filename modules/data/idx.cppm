export module nbm:data.idx;

import :data.dataset;
import :standard;
import :tensor;

export namespace nbm {

/// The contents of an IDX file of unsigned bytes.
struct IdxArray {
    std::vector<std::size_t> shape;
    std::vector<std::uint8_t> values;
};

/// Reads an IDX file (the format of MNIST: big-endian magic number 0x000008DD with DD dimensions, sizes, bytes), plain or gzip.
/// Throws FileError: missing, another magic number, truncated, or longer than its header says.
auto read_idx(const std::filesystem::path& path) -> IdxArray;

/// Reads a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each
/// plain or with .gz; labels are optional. Values are scaled to [0, 1]. The last sixth of the training rows becomes the validation
/// split, as is usual for MNIST (50,000 and 10,000 rows). Throws FileError.
template <Real T = float>
auto load_idx_folder(const std::filesystem::path& folder) -> Dataset<T>;

}  // namespace nbm
