export module nbm:io.weights;

import :model;
import :standard;
import :tensor;

export namespace nbm {

/// Writes all biases and weights to an HDF5 file in natural_bm's layout: root attribute `part_names`; a group for each part (`h0`,
/// `h1`, `h0-1`) with the attribute `weight_names` and the datasets (`h0_b`, `h0-1_W`). Atomic. Throws FileError.
template <Real T>
auto save_weights(const DBM<T>& dbm, const std::filesystem::path& path) -> void;

/// Reads a machine, topology included, from such a file; float32 and float64 files are both converted to T. Throws FileError, which
/// names what is missing or does not fit.
template <Real T = float>
auto load_weights(const std::filesystem::path& path) -> DBM<T>;

}  // namespace nbm
