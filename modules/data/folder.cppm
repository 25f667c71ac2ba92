export module nbm:data.folder;

import :data.csv;
import :data.dataset;
import :standard;
import :tensor;

export namespace nbm {

/// Reads a data set from a folder: MNIST's IDX files, or PNG, CSV or NPY files, all of one kind. The files of a split are those in
/// a sub-folder train, valid or test, or those called train.csv, train-1.csv, ...; without either, all files together are rows that
/// are shuffled by `seed`, of which a tenth becomes the validation split, a tenth the test split. Files are joined in the order of
/// their names; each PNG file is one row, all of one size. `options` are those of CSV files. Other files, and names that begin with
/// a dot, are passed over. Throws FileError or InputError, naming the file.
template <Real T = float>
auto load_folder(const std::filesystem::path& folder, const CsvOptions& options = {}, std::uint64_t seed = 1) -> Dataset<T>;

}  // namespace nbm
