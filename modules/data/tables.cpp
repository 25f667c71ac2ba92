module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

module nbm:data.tables;

import :data.csv;
import :data.dataset;
import :data.npz;
import :random;
import :tensor;

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
    std::function<std::string(std::size_t, std::size_t)> place;  ///< of a value, for messages; nothing: row and column
};

}  // namespace unscaled

using unscaled::Table;

/// The tables of each split, which are joined; `whole` are rows that nobody has split yet.
struct Splits {
    std::vector<Table> train;
    std::vector<Table> valid;
    std::vector<Table> test;
    std::vector<Table> whole;
};

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
        for (const auto* tables : {&splits.train, &splits.valid, &splits.test, &splits.whole}) {
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
auto put_rows(const Table& table, double divisor, std::size_t first, Matrix<T>& into) -> void {
    const auto units = table.units;
    for (std::size_t i = 0; i != table.values.size(); ++i) {
        const auto value = table.values[i] / divisor;
        if (!(value >= 0.0 && value <= 1.0)) {
            const auto place = table.place ? table.place(i / units, i % units)
                                           : fmt::format("{}: row {}, column {}", table.source, i / units, i % units);
            throw unit_interval_error(place, table.values[i], table.values, table.scale == Scale::decimals ? " (scale={})" : "");
        }
        into.data()[first * units + i] = static_cast<T>(value);
    }
}

template <Real T>
struct LabelledRows {
    Matrix<T> rows = Matrix<T>::from_shape({0, 0});
    std::vector<int> labels;
};

/// Joins the tables of one split; `tables` are freed one by one. `like` tells the number of units.
template <Real T>
auto join(std::vector<Table> tables, const Divisors& divisors, const Table& like) -> LabelledRows<T> {
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
        put_rows(table, divisors.of(table.scale), first, result.rows);
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

/// Makes a data set of tables. The one rule for all formats: splits that a source names are taken as they are, and those it does
/// not name are empty; rows without a split are shuffled by `seed`, the last tenth is the test split and the tenth before it the
/// validation split, both rounded down.
template <Real T>
auto assemble(Splits splits, std::uint64_t seed, const std::string& source) -> Dataset<T> {
    const auto divisors = Divisors(splits);
    auto dataset = Dataset<T>{};
    auto& first = splits.whole.empty() ? splits.train : splits.whole;
    if (first.empty() || std::ranges::all_of(first, [](const Table& t) { return t.values.empty(); })) {
        throw FileError(first.size() == 1 ? first.front().source : source, "is empty: there are no training rows in it");
    }
    const auto full = std::ranges::find_if(first, [](const Table& t) { return !t.values.empty(); });
    const auto like = Table{.source = full->source, .rows = 0, .units = full->units, .values = {}, .labels = {}, .place = {}};
    if (!splits.whole.empty()) {
        const auto all = join<T>(std::move(splits.whole), divisors, like);
        const auto rows = all.rows.shape(0);
        const auto tenth = rows / 10;
        const auto order = permutation(Stream(seed, Purpose::split), 0, rows);
        pick(all, order, {0, rows - 2 * tenth}, dataset.train, dataset.train_labels);
        pick(all, order, {rows - 2 * tenth, tenth}, dataset.valid, dataset.valid_labels);
        pick(all, order, {rows - tenth, tenth}, dataset.test, dataset.test_labels);
        return dataset;
    }
    const auto put = [&](std::vector<Table>& tables, Matrix<T>& rows, std::vector<int>& labels) {
        auto joined = join<T>(std::move(tables), divisors, like);
        rows = std::move(joined.rows);
        labels = std::move(joined.labels);
    };
    put(splits.train, dataset.train, dataset.train_labels);
    put(splits.valid, dataset.valid, dataset.valid_labels);
    put(splits.test, dataset.test, dataset.test_labels);
    return dataset;
}

}  // namespace nbm
