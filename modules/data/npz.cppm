export module nbm:data.npz;

import :data.dataset;
import :standard;
import :tensor;

export namespace nbm {

/// One array of an NPZ or NPY file: its NumPy type ("|u1", "<f4", ...), shape, and values in C order.
struct NpyArray {
    std::string type;
    std::vector<std::size_t> shape;
    std::vector<double> values;
};

/// Reads the members of an NPZ file (a zip archive of NPY arrays, stored or deflated) whose names are in `keys`, or all when it is
/// empty; the first key must be there, the others may. Types: boolean, integers of 1 to 8 bytes, float32, float64; little-endian; C
/// or Fortran order. Throws FileError.
auto read_npz(const std::filesystem::path& path, const std::vector<std::string>& keys = {}) -> std::map<std::string, NpyArray>;

/// Reads an NPY file; the types are the same. Throws FileError.
auto read_npy(const std::filesystem::path& path) -> NpyArray;

/// Reads a data set from one NPY file, [rows, units] or more dimensions, which are flattened to rows; bytes are scaled as those of
/// an NPZ file; labels are read from FILE.lbl.npy beside FILE.npy, if it is there. The rows are shuffled by `seed`, a tenth becomes
/// the validation split, a tenth the test split. Throws FileError or InputError.
template <Real T = float>
auto load_npy(const std::filesystem::path& path, std::uint64_t seed = 1) -> Dataset<T>;

/// Writes matrices as an NPZ file that NumPy and read_npz open: float32 or float64, C order, deflated; atomically, and without
/// times, so that equal arrays give equal files. Names are of printable ASCII characters, each once; else InputError is thrown, and
/// FileError when the file cannot be written.
template <Real T>
auto write_npz(const std::filesystem::path& path, const std::vector<std::pair<std::string, Matrix<T>>>& arrays) -> void;

/// Writes arrays of any number of dimensions in that way; their types are "<f4" or "<f8". Throws InputError also for other types,
/// and ShapeError when a shape is not that of its values.
auto write_npz(const std::filesystem::path& path, const std::map<std::string, NpyArray>& arrays) -> void;

/// Writes one matrix as an NPY file in that way.
template <Real T>
auto write_npy(const std::filesystem::path& path, const Matrix<T>& matrix) -> void;

/// Reads a data set in natural_bm's form: train.data, and where present train.lbl, valid.data, valid.lbl, test.data, test.lbl.
/// Bytes above 1 mean that all are scaled by 1/255; other values must be in [0, 1]. Arrays of more than two dimensions are
/// flattened to rows. Throws FileError, naming the keys found, or InputError, naming row and column.
template <Real T = float>
auto load_npz(const std::filesystem::path& path) -> Dataset<T>;

}  // namespace nbm
