export module nbm:data.hdf5;

import :data.dataset;
import :data.npz;
import :standard;
import :tensor;

export namespace nbm {

/// Reads a data set from an HDF5 file. `where` names a dataset of numbers, [rows, units] or more dimensions, which are flattened to
/// rows; they are shuffled by `seed`, a tenth becomes the validation split, a tenth the test split. Or it names a group, where
/// empty is the whole file: with the splits in datasets train, valid and test (or train.data, ...), and labels in train.lbl, ...;
/// or else with one dataset of two dimensions, in it or in the groups below. Unsigned bytes above 1 mean that all are scaled by
/// 1/255; other values must be in [0, 1]. Throws FileError, naming the datasets there are, or InputError, naming row and column.
template <Real T = float>
auto load_hdf5(const std::filesystem::path& path, const std::string& where = {}, std::uint64_t seed = 1) -> Dataset<T>;

/// Reads one dataset of numbers, of any number of dimensions; its type is told as in NPY files ("<f4", "<f8", ...), and that of
/// booleans as "|i1". Throws FileError, naming the datasets there are.
auto read_hdf5(const std::filesystem::path& path, const std::string& name) -> NpyArray;

/// Writes matrices as datasets at the root of an HDF5 file, float32 or float64; atomically, and without times, so that equal arrays
/// give equal files. Throws InputError for names that are empty, have a '/', or are there twice, and FileError.
template <Real T>
auto write_hdf5(const std::filesystem::path& path, const std::vector<std::pair<std::string, Matrix<T>>>& arrays) -> void;

}  // namespace nbm
