module;

#include <errno.h>

module nbm:io.table_impl;

import :io.table;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

struct Record {
    std::vector<std::string> fields;
    std::size_t line = 0;     ///< where it begins, counted from 1
    bool ended = false;       ///< by a line end, not by the end of the file
    bool open_quote = false;  ///< the file ended within quotes

    auto empty() const -> bool { return fields.size() == 1 && fields[0].empty(); }
};

/// Cuts a text into records, quotes resolved.
class RecordReader {
public:
    RecordReader(std::string_view text, char separator) : text_(text), separator_(separator) {}

    auto next() -> std::optional<Record> {
        if (text_.empty()) { return {}; }
        auto record = Record{.fields = {}, .line = line_};
        while (read_field(record)) {}
        return record;
    }

private:
    /// Appends one field; false when it was the last of its record.
    auto read_field(Record& record) -> bool {
        auto& field = record.fields.emplace_back();
        if (!text_.empty() && text_.front() == '"') { record.open_quote = !read_quoted(field); }
        const auto stops = std::string{separator_, '\r', '\n'};
        const auto length = std::min(text_.find_first_of(stops), text_.size());
        field += text_.substr(0, length);
        text_.remove_prefix(length);
        if (text_.empty()) { return false; }
        const auto stop = text_.front();
        text_.remove_prefix(1);
        if (stop == separator_) { return true; }
        if (stop == '\r' && !text_.empty() && text_.front() == '\n') { text_.remove_prefix(1); }
        ++line_;
        record.ended = true;
        return false;
    }

    /// The part in quotes, where two quotes stand for one; false when the closing quote is missing.
    auto read_quoted(std::string& field) -> bool {
        text_.remove_prefix(1);
        for (;;) {
            const auto length = std::min(text_.find('"'), text_.size());
            const auto part = text_.substr(0, length);
            line_ += static_cast<std::size_t>(std::ranges::count(part, '\n'));
            field += part;
            text_.remove_prefix(length);
            if (text_.empty()) { return false; }
            text_.remove_prefix(1);
            if (text_.empty() || text_.front() != '"') { return true; }
            field += '"';
            text_.remove_prefix(1);
        }
    }

    std::string_view text_;
    char separator_;
    std::size_t line_ = 1;
};

/// from_chars, not strtod: what a file means does not depend on the locale.
auto number(std::string_view text) -> std::optional<double> {
    while (!text.empty() && text.front() == ' ') { text.remove_prefix(1); }
    while (!text.empty() && text.back() == ' ') { text.remove_suffix(1); }
    if (text.starts_with('+') && !text.starts_with("+-")) { text.remove_prefix(1); }
    auto value = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::invalid_argument || end != text.data() + text.size()) { return {}; }
    if (error == std::errc::result_out_of_range) {
        const auto tiny = text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos;
        value = tiny ? 0.0 : std::numeric_limits<double>::infinity();
        return text.starts_with('-') ? -value : value;
    }
    return value;
}

auto contents_of(const fs::path& path) -> std::string {
    if (!fs::exists(path)) { throw FileError(path.string(), "there is no such file"); }
    if (fs::is_directory(path)) { throw FileError(path.string(), "is a folder; a CSV file is needed"); }
    auto file = std::ifstream(path, std::ios::binary);
    if (!file) { throw FileError(path.string(), fmt::format("cannot be read: {}", std::strerror(errno))); }
    auto text = std::string(std::istreambuf_iterator<char>(file), {});
    if (file.bad()) { throw FileError(path.string(), "cannot be read to its end"); }
    return text;
}

}  // namespace

auto Table::rows() const -> std::size_t { return columns.empty() ? 0 : columns.front().size(); }

auto Table::has(std::string_view name) const -> bool { return std::ranges::find(names, name) != names.end(); }

auto Table::column(std::string_view name) const -> const std::vector<std::optional<double>>& {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) { throw InputError(unknown_name("column", name, names)); }
    return columns.at(static_cast<std::size_t>(found - names.begin()));
}

auto read_table(const fs::path& path, char separator) -> Table {
    if (separator == '"' || separator == '\r' || separator == '\n') {
        throw InputError("a quote or a line end cannot separate the fields of a table");
    }
    const auto text = contents_of(path);
    auto view = std::string_view(text);
    if (view.starts_with("\xEF\xBB\xBF")) { view.remove_prefix(3); }  // byte order mark, which spreadsheets write
    auto reader = RecordReader(view, separator);
    auto header = reader.next();
    if (!header || header->empty()) { throw FileError(path.string(), "has no first line with the names of the columns"); }
    if (header->open_quote) { throw FileError(path.string(), "line 1: a quote is never closed"); }
    auto table = Table{.names = std::move(header->fields), .columns = {}};
    const auto width = table.names.size();
    table.columns.resize(width);
    while (const auto record = reader.next()) {
        const auto& fields = record->fields;
        if (width > 1 && record->empty() && !record->open_quote) { continue; }
        const auto cut = !record->ended && (record->open_quote || fields.size() < width);
        // A quote that ran over several lines was rather forgotten than cut off.
        if (cut && fields.size() <= width && fields.back().find('\n') == std::string::npos) { break; }
        if (record->open_quote) { throw FileError(path.string(), fmt::format("line {}: a quote is never closed", record->line)); }
        if (fields.size() != width) {
            throw FileError(path.string(), fmt::format("line {} has {} fields; the first line names {} columns", record->line,
                                                       fields.size(), width));
        }
        for (std::size_t c = 0; c != width; ++c) { table.columns[c].push_back(number(fields[c])); }
    }
    return table;
}

}  // namespace nbm
