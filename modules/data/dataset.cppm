export module nbm:data.dataset;

import :standard;
import :tensor;

export namespace nbm {

/// Rows of values in [0, 1] in three splits, with labels where the source has them. Each split: [rows, visible units]; valid and
/// test may be empty.
template <Real T>
struct Dataset {
    Matrix<T> train = Matrix<T>::from_shape({0, 0});
    Matrix<T> valid = Matrix<T>::from_shape({0, 0});
    Matrix<T> test = Matrix<T>::from_shape({0, 0});
    std::vector<int> train_labels = {};
    std::vector<int> valid_labels = {};
    std::vector<int> test_labels = {};
    std::vector<std::string> label_names = {};  ///< the words that labels 0, 1, ... stand for, where the source has words
};

/// Throws InputError that begins with `source` and names the first row and column of a value that is not in [0, 1].
template <Real T>
auto check_unit_interval(const Matrix<T>& values, const std::string& source) -> void;

/// Which values a data set may have: those that binary units can take as states or probabilities, or any finite ones, which serve
/// as features but not for a training.
enum class Allowed : std::uint8_t { unit_interval, real };

struct LoadOptions {
    /// Of generated data, and of the shuffling of rows that the source does not split.
    std::uint64_t seed = 1;
    Allowed allowed = Allowed::unit_interval;
    /// Whether such rows are shared out as Shares says by default; else all are training rows, in the order of the source.
    bool split = true;
};

/// Loads by name: "digits", "bars-and-stripes:N", or a file or folder (docs/data.md lists the formats), for CSV files with options
/// after a colon, as "FILE.csv:label=NAME". Throws FileError or InputError, with the nearest valid name.
template <Real T = float>
auto load_dataset(const std::string& name, const LoadOptions& options) -> Dataset<T>;

/// The same with other options than the seed left as they are.
template <Real T = float>
auto load_dataset(const std::string& name, std::uint64_t seed = 1) -> Dataset<T>;

/// How many percent of the rows each split gets.
struct Shares {
    std::size_t train = 80;
    std::size_t valid = 10;
    std::size_t test = 10;
};

/// Joins the rows of all splits, train before valid before test, shuffles them by `seed`, and splits them anew: the last ones are
/// the test rows, those before them the validation rows, both rounded down. What load_dataset() does by default with rows without a
/// split is this with the default shares. Throws InputError unless the shares make 100 with some for training.
template <Real T>
auto resplit(Dataset<T>& dataset, const Shares& shares, std::uint64_t seed = 1) -> void;

/// Writes a data set for load_dataset(), by the ending of the path: .npz, .h5 and .hdf5 hold all splits and labels; .npy (labels in
/// FILE.lbl.npy beside it), .csv and .tsv (labels in a column of that name, as words where there are names) the rows of the only
/// split that has some. Whether values are in [0, 1] does not matter here. Atomic. Throws InputError for other endings, when
/// several splits have rows, or a label is beyond 2^24 in size, and FileError.
template <Real T>
auto save_dataset(const Dataset<T>& dataset, const std::filesystem::path& path) -> void;

}  // namespace nbm
