module nbm:data.tables;

import :data.csv;
import :data.dataset;
import :data.npz;
import :random;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

/// What the numbers of a table say about its scale.
enum class Scale : std::uint8_t {
    real,      ///< as they are
    bytes,     ///< divided by 255 when there is one above 1
    decimals,  ///< numbers from a text: divided by 255 when all are bytes and there is a 255
    grey       ///< divided by 255
};

/// A namespace of its own: the module has another Table, of io, and two classes of one name would share their destructors.
namespace unscaled {

/// Rows as a file holds them, before they are scaled and checked.
struct Table {
    std::string source;  ///< what messages begin with
    std::size_t rows = 0;
    std::size_t units = 0;
    Scale scale = Scale::real;
    std::vector<double> values;
    std::vector<int> labels;                                     ///< one for each row, or none
    std::vector<std::string> label_words;                        ///< one for each row where labels are words, in their place
    std::function<std::string(std::size_t, std::size_t)> place;  ///< of a value, for messages; nothing: row and column
};

}  // namespace unscaled

using unscaled::Table;

/// The tables of each split, which are joined; `whole` are rows that nobody has split yet.
struct Splits {
    std::vector<Table> train = {};
    std::vector<Table> valid = {};
    std::vector<Table> test = {};
    std::vector<Table> whole = {};
    std::string source = {};  ///< what messages about all of it begin with

    auto all() -> std::array<std::vector<Table>*, 4> { return {&train, &valid, &test, &whole}; }
    auto all() const -> std::array<const std::vector<Table>*, 4> { return {&train, &valid, &test, &whole}; }
};

/// A text with small letters, of ASCII.
auto lower(std::string_view text) -> std::string {
    auto result = std::string(text);
    for (auto& c : result) { c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
    return result;
}

/// A name without .gz.
auto without_gzip(const std::filesystem::path& path) -> std::filesystem::path {
    return lower(path.extension().string()) == ".gz" ? std::filesystem::path(path).replace_extension() : path;
}

/// Of a file, in small letters; of FILE.csv.gz and the like, .csv.
auto ending_of(const std::filesystem::path& path) -> std::string { return lower(without_gzip(path).extension().string()); }

/// The contents of a CSV file, scaled as the options say.
auto table_of(const std::filesystem::path& path, CsvTable csv, const CsvOptions& options) -> Table;

/// Reads the bytes of an NPY file; `fail` makes an error of a problem.
auto parse_npy(const std::function<FileError(std::string_view)>& fail, const std::vector<std::uint8_t>& bytes) -> NpyArray;

/// The rows of an array, without labels.
auto table_of(const std::string& source, NpyArray array) -> Table;

/// Whole numbers, one for each row.
auto labels_of(const std::string& source, const std::vector<double>& values, std::size_t rows) -> std::vector<int>;

/// The rows of an NPY file, with labels where FILE.lbl.npy is beside it.
auto npy_table(const std::filesystem::path& path) -> Table;

/// The rows of a source in their splits, one function for each kind; they throw as load_npz and the others do.
auto npz_splits(const std::filesystem::path& path) -> Splits;
auto npy_splits(const std::filesystem::path& path) -> Splits;
auto csv_splits(const std::filesystem::path& path, const CsvOptions& options) -> Splits;
auto hdf5_splits(const std::filesystem::path& path, const std::string& where) -> Splits;
auto folder_splits(const std::filesystem::path& folder, const CsvOptions& options) -> Splits;

/// Whether a folder is one of MNIST's IDX files, which load_idx_folder() reads.
auto holds_idx(const std::filesystem::path& folder) -> bool;

/// Options in the form label=NAME,scale=16,header=no: what may follow a file and a colon in the name of a data set. Throws
/// InputError.
auto csv_options(std::string_view text) -> CsvOptions;

/// `option` is what the reader offers for scaling, if anything.
template <class Values>
auto unit_interval_error(const std::string& place, double value, const Values& values, std::string_view option = {}) -> InputError {
    auto lowest = std::numeric_limits<double>::infinity();
    auto highest = -lowest;
    for (const auto other : values) {
        if (!std::isfinite(other)) { continue; }
        lowest = std::min(lowest, double(other));
        highest = std::max(highest, double(other));
    }
    auto advice = std::string{};
    if (std::isfinite(value) && lowest >= 0.0) {
        advice = fmt::format("; the largest is {}, divide by it{}", highest,
                             option.empty() ? "" : fmt::format(fmt::runtime(option), highest));
    } else if (std::isfinite(value) && highest > lowest) {
        advice = fmt::format("; these are from {} to {}, write (x + {}) / {} for them", lowest, highest, -lowest, highest - lowest);
    }
    return InputError(fmt::format("{} is {}; values must be in [0, 1]{}", place, value, advice));
}

/// Divides tables by what they ask for, together: a split of grey bytes may happen to hold only 0 and 1.
class Divisors {
public:
    explicit Divisors(const Splits& splits) {
        auto all_bytes = true;
        auto largest = 0.0;
        for (const auto* tables : splits.all()) {
            for (const auto& table : *tables) {
                if (table.scale == Scale::bytes) {
                    bytes_ = bytes_ || std::ranges::any_of(table.values, [](double x) { return x > 1.0; });
                }
                if (table.scale != Scale::decimals) { continue; }
                for (const auto value : table.values) {
                    all_bytes = all_bytes && value >= 0.0 && value <= 255.0 && value == std::trunc(value);
                    largest = std::max(largest, value);
                }
            }
        }
        decimals_ = all_bytes && largest == 255.0;
    }

    auto of(Scale scale) const -> double {
        const auto grey = scale == Scale::grey || (scale == Scale::bytes && bytes_) || (scale == Scale::decimals && decimals_);
        return grey ? 255.0 : 1.0;
    }

private:
    bool bytes_ = false;
    bool decimals_ = false;
};

/// Appends the rows of a table below row `first`, scaled and checked.
template <Real T>
auto put_rows(const Table& table, double divisor, Allowed allowed, std::size_t first, Matrix<T>& into) -> void {
    const auto units = table.units;
    for (std::size_t i = 0; i != table.values.size(); ++i) {
        const auto value = table.values[i] / divisor;
        if (allowed == Allowed::real ? !std::isfinite(static_cast<T>(value)) : !(value >= 0.0 && value <= 1.0)) {
            const auto place = table.place ? table.place(i / units, i % units)
                                           : fmt::format("{}: row {}, column {}", table.source, i / units, i % units);
            if (allowed == Allowed::real) {
                throw InputError(fmt::format("{} is {}; a finite number is expected", place, table.values[i]));
            }
            throw unit_interval_error(place, table.values[i], table.values, table.scale == Scale::decimals ? " (scale={})" : "");
        }
        into.data()[first * units + i] = static_cast<T>(value);
    }
}

/// Numbers the labels that are words, in sorted order over all splits; the words by their numbers.
auto number_words(Splits& splits) -> std::vector<std::string> {
    auto words = std::set<std::string>{};
    const Table* with_words = nullptr;
    const Table* with_numbers = nullptr;
    for (const auto* tables : std::as_const(splits).all()) {
        for (const auto& table : *tables) {
            words.insert(table.label_words.begin(), table.label_words.end());
            if (!table.label_words.empty()) { with_words = &table; }
            if (!table.labels.empty()) { with_numbers = &table; }
        }
    }
    if (with_words != nullptr && with_numbers != nullptr) {
        throw FileError(with_words->source, fmt::format("has words as labels, {} has whole numbers", with_numbers->source));
    }
    auto names = std::vector<std::string>(words.begin(), words.end());
    for (auto* tables : splits.all()) {
        for (auto& table : *tables) {
            for (const auto& word : table.label_words) {
                table.labels.push_back(static_cast<int>(std::ranges::lower_bound(names, word) - names.begin()));
            }
            std::vector<std::string>().swap(table.label_words);
        }
    }
    return names;
}

template <Real T>
struct LabelledRows {
    Matrix<T> rows = Matrix<T>::from_shape({0, 0});
    std::vector<int> labels;
};

/// Joins the tables of one split; `tables` are freed one by one. `like` tells the number of units.
template <Real T>
auto join(std::vector<Table> tables, const Divisors& divisors, Allowed allowed, const Table& like) -> LabelledRows<T> {
    std::erase_if(tables, [](const Table& table) { return table.values.empty(); });
    auto result = LabelledRows<T>{};
    auto rows = std::size_t{0};
    for (const auto& table : tables) {
        if (table.units != like.units) {
            throw FileError(table.source, fmt::format("has {} values a row, {} has {}", table.units, like.source, like.units));
        }
        if (table.labels.empty() != tables.front().labels.empty()) {
            throw FileError(table.source, fmt::format("has {} labels, {} has {}", table.labels.empty() ? "no" : "some",
                                                      tables.front().source, table.labels.empty() ? "some" : "none"));
        }
        rows += table.rows;
    }
    if (rows == 0) { return result; }
    result.rows = Matrix<T>::from_shape({rows, like.units});
    auto first = std::size_t{0};
    for (auto& table : tables) {
        put_rows(table, divisors.of(table.scale), allowed, first, result.rows);
        first += table.rows;
        result.labels.insert(result.labels.end(), table.labels.begin(), table.labels.end());
        std::vector<double>().swap(table.values);
    }
    return result;
}

template <Real T>
auto pick(const LabelledRows<T>& all, const std::vector<std::size_t>& order, Rows part, Matrix<T>& rows, std::vector<int>& labels)
    -> void {
    if (part.count == 0) { return; }
    rows = Matrix<T>::from_shape({part.count, all.rows.shape(1)});
    for (std::size_t r = 0; r != part.count; ++r) {
        const auto from = order[part.first + r];
        std::ranges::copy(MatrixView<const T>(all.rows).row(from), MatrixView<T>(rows).row(r).begin());
        if (!all.labels.empty()) { labels.push_back(all.labels[from]); }
    }
}

/// Shuffles rows by `seed`; the last of them are the test rows, those before them the validation rows, both rounded down.
template <Real T>
auto share_out(const LabelledRows<T>& all, const Shares& shares, std::uint64_t seed, Dataset<T>& dataset) -> void {
    constexpr auto whole = std::size_t{100};
    const auto rows = all.rows.shape(0);
    const auto valid = rows * shares.valid / whole;
    const auto test = rows * shares.test / whole;
    const auto order = permutation(Stream(seed, Purpose::split), 0, rows);
    pick(all, order, {0, rows - valid - test}, dataset.train, dataset.train_labels);
    pick(all, order, {rows - valid - test, valid}, dataset.valid, dataset.valid_labels);
    pick(all, order, {rows - test, test}, dataset.test, dataset.test_labels);
}

/// Makes a data set of tables. The one rule for all formats: splits that a source names are taken as they are, and those it does
/// not name are empty; rows without a split are shared out as Shares does by default, unless the options keep them together.
template <Real T>
auto assemble(Splits splits, const LoadOptions& options) -> Dataset<T> {
    const auto divisors = Divisors(splits);
    auto dataset = Dataset<T>{};
    dataset.label_names = number_words(splits);
    auto& first = splits.whole.empty() ? splits.train : splits.whole;
    if (first.empty() || std::ranges::all_of(first, [](const Table& t) { return t.values.empty(); })) {
        throw FileError(first.size() == 1 ? first.front().source : splits.source, "is empty: there are no training rows in it");
    }
    const auto full = std::ranges::find_if(first, [](const Table& t) { return !t.values.empty(); });
    const auto like =
        Table{.source = full->source, .rows = 0, .units = full->units, .values = {}, .labels = {}, .label_words = {}, .place = {}};
    const auto put = [&](std::vector<Table>& tables, Matrix<T>& rows, std::vector<int>& labels) {
        auto joined = join<T>(std::move(tables), divisors, options.allowed, like);
        rows = std::move(joined.rows);
        labels = std::move(joined.labels);
    };
    if (splits.whole.empty()) {
        put(splits.train, dataset.train, dataset.train_labels);
        put(splits.valid, dataset.valid, dataset.valid_labels);
        put(splits.test, dataset.test, dataset.test_labels);
    } else if (options.split) {
        share_out(join<T>(std::move(splits.whole), divisors, options.allowed, like), {}, options.seed, dataset);
    } else {
        put(splits.whole, dataset.train, dataset.train_labels);
    }
    return dataset;
}

}  // namespace nbm
