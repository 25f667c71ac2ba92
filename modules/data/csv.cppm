export module nbm:data.csv;

import :data.dataset;
import :standard;
import :tensor;

export namespace nbm {

struct CsvOptions {
    /// The column of labels, which is not among the values: its name in the header, or its number from 0; "none": there is none;
    /// empty: the column that the header calls label, class, target or y, in letters of either case, if there is one.
    std::string label = {};
    /// Whether the first line holds names. Nothing: it does when none of its fields is a number, or when it holds the name of the
    /// column of labels, or when it counts 0, 1, 2, ... as pandas names columns.
    std::optional<bool> header = {};
    /// All values are divided by it. Nothing: whole numbers from 0 to 255 with a 255 among them are grey levels and divided by 255,
    /// others are left as they are.
    std::optional<double> scale = {};
};

/// The contents of a CSV file, as written.
struct CsvTable {
    std::vector<std::string> names;        ///< of the columns of values; none without a header
    std::vector<std::size_t> columns;      ///< the number of each column of values in the file, from 0
    std::vector<std::size_t> lines;        ///< the line where each row begins, from 1
    std::vector<double> values;            ///< row by row
    std::vector<int> labels;               ///< one for each row, or none
    std::vector<std::string> label_words;  ///< one for each row where labels are words, or none
};

/// Reads numbers from a text file whose fields are separated by tabs, semicolons, commas or white space: the first of these that
/// gives the first rows equally many fields, at least two. Quoted fields are those of RFC 4180; lines end as in Unix, Windows or
/// old Macs; empty lines at the end and a UTF-8 byte order mark are passed over. The file may be packed by gzip. Throws FileError
/// with line, row and column.
auto read_csv(const std::filesystem::path& path, const CsvOptions& options = {}) -> CsvTable;

/// Reads a data set from one such file; its rows are shuffled by `seed`, a tenth becomes the validation split, a tenth the test
/// split. Labels that are words get the numbers 0, 1, ... in sorted order. Throws FileError, or InputError that names line, row and
/// column of a value that is not in [0, 1].
template <Real T = float>
auto load_csv(const std::filesystem::path& path, const CsvOptions& options = {}, std::uint64_t seed = 1) -> Dataset<T>;

/// Writes rows of numbers as a CSV file, separated by tabs when its ending is .tsv, with a header x0, x1, ... and, where there are
/// labels, their column `label` at the end: words where `label_names` has some, else numbers. read_csv() and load_csv() read the
/// same numbers again. Atomic. Throws FileError, and ShapeError unless there are as many labels as rows, or none.
template <Real T>
auto write_csv(const std::filesystem::path& path, const Matrix<T>& rows, const std::vector<int>& labels = {},
               const std::vector<std::string>& label_names = {}) -> void;

}  // namespace nbm
