export module nbm:io.table;

import :standard;

export namespace nbm {

/// Named columns of numbers of equal length, in the order of the file; a value that is no number is absent, which is not NaN.
struct Table {
    std::vector<std::string> names;
    std::vector<std::vector<std::optional<double>>> columns;

    auto rows() const -> std::size_t;
    auto has(std::string_view name) const -> bool;
    /// The first column of that name. Throws InputError with the nearest name.
    auto column(std::string_view name) const -> const std::vector<std::optional<double>>&;
};

/// Reads a CSV file as RFC 4180 describes it, its first line being the names; lines may end in LF or CRLF. "nan", "inf" and "-inf"
/// are numbers; empty fields, lists and other text are absent. Empty lines are passed over where there is more than one column.
/// A last line without a line end counts when it has all fields, and is left out when it was cut off before. Throws FileError for a
/// file that cannot be read and, with its number, for any other line with too few or too many fields.
auto read_table(const std::filesystem::path& path, char separator = ',') -> Table;

}  // namespace nbm
