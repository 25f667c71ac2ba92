module;

#include <cstdint>
#include <string>
#include <vector>

export module nbm:data.dataset;

import :tensor;

export namespace nbm {

/// Rows of values in [0, 1] in three splits, with labels where the source has them. Each split: [rows, visible units]; valid and
/// test may be empty.
template <Real T>
struct Dataset {
    Matrix<T> train = Matrix<T>::from_shape({0, 0});
    Matrix<T> valid = Matrix<T>::from_shape({0, 0});
    Matrix<T> test = Matrix<T>::from_shape({0, 0});
    std::vector<int> train_labels;
    std::vector<int> valid_labels;
    std::vector<int> test_labels;
};

/// What to do with values strictly between 0 and 1: draw once with that probability, compare with 0.5, or keep them as
/// probabilities.
enum class Binarise : std::uint8_t { sample, threshold, grey };

/// Binarises a split in place; the same seed gives the same draw.
template <Real T>
auto binarise(Matrix<T>& values, Binarise how, std::uint64_t seed = 1) -> void;

/// All three splits, with draws that do not depend on each other.
template <Real T>
auto binarise(Dataset<T>& dataset, Binarise how, std::uint64_t seed = 1) -> void;

/// Throws InputError that begins with `source` and names the first row and column of a value that is not in [0, 1].
template <Real T>
auto check_unit_interval(const Matrix<T>& values, const std::string& source) -> void;

/// Loads by name: "digits", "bars-and-stripes:N", or a file or folder (docs/data.md lists the formats), for CSV files with options
/// after a colon, as "FILE.csv:label=NAME". The generated digits depend on `seed`, and so does the split of rows that the source
/// does not split. Throws FileError or InputError, with the nearest valid name.
template <Real T = float>
auto load_dataset(const std::string& name, std::uint64_t seed = 1) -> Dataset<T>;

}  // namespace nbm
