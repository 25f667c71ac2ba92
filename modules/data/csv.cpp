module nbm:data.csv_impl;

import :data.bytes;
import :data.csv;
import :data.csv_records;
import :data.dataset;
import :data.tables;
import :io.files;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

using namespace csv;

/// As "0,5" is, in a file whose fields are separated by semicolons.
auto is_meant_as_number(std::string_view field) -> bool {
    return !field.empty() && field.find_first_not_of("0123456789.,+-eE") == std::string_view::npos &&
           field.find_first_of("0123456789") != std::string_view::npos;
}

auto is_label(std::string_view name) -> bool {
    constexpr auto names = std::array<std::string_view, 4>{"label", "class", "target", "y"};
    return std::ranges::find(names, lower(name)) != names.end();
}

auto is_header(const std::string& path, const Record& first, const CsvOptions& options) -> bool {
    if (options.header) { return *options.header; }
    auto word = std::optional<std::size_t>{};
    auto figure = std::optional<std::size_t>{};
    auto counts = std::size_t{0};  // numbers that go on as 0, 1, 2, ...
    auto numbers = std::size_t{0};
    auto names_label = false;
    for (std::size_t c = 0; c != first.fields.size(); ++c) {
        const auto value = number(first.fields[c]);
        // The column of labels that is known by its number may hold words in every row.
        if (!value && options.label == fmt::format("{}", c)) { continue; }
        if (value) {
            counts += *value == double(numbers) ? 1U : 0U;
            ++numbers;
        }
        auto& kind = value ? figure : word;
        if (!kind) { kind = c; }
        names_label =
            names_label || (!value && (options.label.empty() ? is_label(first.fields[c]) : options.label == first.fields[c]));
    }
    if (!figure && std::ranges::all_of(first.fields, is_meant_as_number)) {
        throw FileError(
            path, fmt::format("line {}: '{}' is no number; a decimal point is expected, as in 0.5", first.line, first.fields[0]));
    }
    if (!figure || names_label || (numbers >= 3 && counts == numbers)) { return true; }
    if (!word) { return false; }
    throw FileError(
        path, fmt::format("line {}: column {} holds the number '{}' and column {} holds '{}'; a line of either numbers or "
                          "names is expected{}",
                          first.line, *figure, first.fields[*figure], *word, first.fields[*word],
                          options.label.empty() ? fmt::format("; should that column be the labels, add :label={}", *word) : ""));
}

/// The column of labels, or nothing.
auto label_column(const std::string& path, const std::vector<std::string>& names, std::size_t columns, const std::string& wanted)
    -> std::optional<std::size_t> {
    auto found = std::vector<std::size_t>{};
    for (std::size_t c = 0; c != names.size(); ++c) {
        if (wanted.empty() ? is_label(names[c]) : names[c] == wanted) { found.push_back(c); }
    }
    if (found.size() > 1) {
        throw FileError(path, fmt::format("columns {} ('{}') and {} ('{}') may both be the labels; say which, as in label={}",
                                          found[0], names[found[0]], found[1], names[found[1]], found[0]));
    }
    if (!found.empty()) { return found[0]; }
    if (wanted.empty() || wanted == "none") { return {}; }
    auto c = std::size_t{};
    const auto* const end = wanted.data() + wanted.size();
    const auto result = std::from_chars(wanted.data(), end, c);
    if (result.ec == std::errc{} && result.ptr == end && c < columns) { return c; }
    const auto near = nearest_name(wanted, names);
    throw FileError(path, fmt::format("has no column '{}' for the labels{}; its {} columns are counted from 0", wanted,
                                      near.empty() ? "" : fmt::format("; did you mean '{}'?", near), columns));
}

auto column_text(const CsvTable& table, std::size_t c) -> std::string {
    return fmt::format("column {}{}", table.columns[c], table.names.empty() ? "" : fmt::format(" ('{}')", table.names[c]));
}

/// Moves the names and numbers of the columns of values into the table.
auto name_columns(const std::vector<std::string>& names, std::size_t columns, std::optional<std::size_t> label, CsvTable& table)
    -> void {
    for (std::size_t c = 0; c != columns; ++c) {
        if (c == label) { continue; }
        table.columns.push_back(c);
        if (!names.empty()) { table.names.push_back(names[c]); }
    }
}

/// Labels are whole numbers, or all of them words.
auto add_label(const std::string& path, const Record& record, std::size_t column, CsvTable& table) -> void {
    const auto field = record.fields[column];
    const auto value = number(field);
    const auto fail = [&](std::string_view problem) {
        return FileError(path, fmt::format("line {}, row {}: the label in column {} is {}", record.line, table.lines.size() - 1,
                                           column, problem));
    };
    if (field.empty()) { throw fail("empty"); }
    if (!value) {
        if (!table.labels.empty()) { throw fail(fmt::format("'{}'; those above it are whole numbers", field)); }
        table.label_words.emplace_back(field);
        return;
    }
    if (!table.label_words.empty()) { throw fail(fmt::format("'{}'; those above it are words", field)); }
    if (!(std::abs(*value) <= 1e9) || *value != std::trunc(*value)) {
        throw fail(fmt::format("'{}'; labels are whole numbers or words", field));
    }
    table.labels.push_back(static_cast<int>(*value));
}

auto add_row(const std::string& path, const Record& record, std::optional<std::size_t> label, CsvTable& table) -> void {
    const auto row = table.lines.size();
    table.lines.push_back(record.line);
    auto c = std::size_t{0};
    for (std::size_t i = 0; i != record.fields.size(); ++i) {
        const auto field = record.fields[i];
        const auto value = number(field);
        if (i == label) {
            add_label(path, record, i, table);
            continue;
        }
        if (!value) {
            throw FileError(path, fmt::format("line {}, row {}, {}: {}", record.line, row, column_text(table, c),
                                              field.empty() ? "the field is empty; a number is expected"
                                                            : fmt::format("'{}' is no number", field)));
        }
        table.values.push_back(*value);
        ++c;
    }
}

/// Refuses the numbers of the rows that pandas writes first unless told otherwise: a column without a name that counts 0, 1, ...
auto require_no_index(const std::string& path, const CsvTable& table) -> void {
    if (table.names.empty() || !table.names.front().empty() || table.lines.size() < 2) { return; }
    for (std::size_t r = 0; r != table.lines.size(); ++r) {
        if (table.values[r * table.columns.size()] != double(r)) { return; }
    }
    throw FileError(path, fmt::format("column {} has no name and counts the rows, 0, 1, ...; write the file without this index",
                                      table.columns.front()));
}

/// Of a plain file or one packed by gzip.
auto text_of(const fs::path& path) -> std::string {
    auto text = ByteReader(path, "a file").rest();
    if (text.starts_with("\xFE\xFF") || text.starts_with("\xFF\xFE")) {
        throw FileError(path.string(), "is text in UTF-16; UTF-8 is expected");
    }
    if (const auto zero = text.find('\0'); zero != std::string::npos) {
        throw FileError(path.string(), fmt::format("is no text: byte {} is 0", zero));
    }
    return text;
}

}  // namespace

auto read_csv(const fs::path& path, const CsvOptions& options) -> CsvTable {
    const auto file = path.string();
    const auto contents = text_of(path);
    auto text = std::string_view(contents);
    if (text.starts_with("\xEF\xBB\xBF")) { text.remove_prefix(3); }
    const auto delimiter = delimiter_of(file, text);
    auto reader = RecordReader(file, text, delimiter);
    auto record = Record{};
    auto table = CsvTable{};
    auto columns = std::size_t{0};
    auto label = std::optional<std::size_t>{};
    auto empty_line = std::size_t{0};
    while (reader.next(record)) {
        if (record.empty()) {
            empty_line = empty_line == 0 ? record.line : empty_line;
            continue;
        }
        if (empty_line != 0) { throw FileError(file, fmt::format("line {} is empty", empty_line)); }
        if (columns == 0) {
            columns = record.fields.size();
            const auto header = is_header(file, record, options);
            const auto names =
                header ? std::vector<std::string>(record.fields.begin(), record.fields.end()) : std::vector<std::string>{};
            label = label_column(file, names, columns, options.label);
            name_columns(names, columns, label, table);
            if (table.columns.empty()) { throw FileError(file, "has no column of values besides the labels"); }
            if (header) { continue; }
        }
        if (record.fields.size() != columns) {
            throw FileError(file, fmt::format("line {} has {} fields, separated by {}; the lines before it have {}", record.line,
                                              record.fields.size(), name_of(delimiter), columns));
        }
        add_row(file, record, label, table);
    }
    if (table.lines.empty()) { throw FileError(file, columns == 0 ? "is empty" : "holds no rows below its header"); }
    require_no_index(file, table);
    return table;
}

auto csv_options(std::string_view text) -> CsvOptions {
    auto options = CsvOptions{};
    while (!text.empty()) {
        const auto part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        const auto key = part.substr(0, part.find('='));
        const auto value = part.substr(std::min(part.size(), key.size() + 1));
        if (key == "label" && !value.empty()) {
            options.label = value;
        } else if (key == "header" && (value == "yes" || value == "no")) {
            options.header = value == "yes";
        } else if (key == "scale") {
            options.scale = number(value);
            if (!options.scale || !(*options.scale > 0.0 && std::isfinite(*options.scale))) {
                throw InputError(fmt::format("scale={}: a number above 0 is expected", value));
            }
        } else {
            throw InputError(
                fmt::format("'{}' is no option of a CSV file; label=NAME, header=yes, header=no and scale=NUMBER are", part));
        }
    }
    return options;
}

auto table_of(const fs::path& path, CsvTable csv, const CsvOptions& options) -> Table {
    auto table = Table{.source = path.string(),
                       .rows = csv.lines.size(),
                       .units = csv.columns.size(),
                       .scale = options.scale ? Scale::real : Scale::decimals,
                       .values = std::move(csv.values),
                       .labels = std::move(csv.labels),
                       .label_words = std::move(csv.label_words),
                       .place = {}};
    csv.values.clear();
    if (options.scale) {
        if (!(*options.scale > 0.0 && std::isfinite(*options.scale))) {
            throw InputError(fmt::format("{}: scale is {}; a number above 0 is expected", table.source, *options.scale));
        }
        for (auto& value : table.values) { value /= *options.scale; }
    }
    table.place = [csv = std::move(csv), source = table.source](std::size_t r, std::size_t c) {
        return fmt::format("{}: line {}, row {}, {}", source, csv.lines[r], r, column_text(csv, c));
    };
    return table;
}

auto csv_splits(const fs::path& path, const CsvOptions& options) -> Splits {
    auto splits = Splits{.source = path.string()};
    splits.whole.push_back(table_of(path, read_csv(path, options), options));
    return splits;
}

template <Real T>
auto load_csv(const fs::path& path, const CsvOptions& options, std::uint64_t seed) -> Dataset<T> {
    return assemble<T>(csv_splits(path, options), {.seed = seed});
}

template auto load_csv(const fs::path&, const CsvOptions&, std::uint64_t) -> Dataset<float>;
template auto load_csv(const fs::path&, const CsvOptions&, std::uint64_t) -> Dataset<double>;

}  // namespace nbm
