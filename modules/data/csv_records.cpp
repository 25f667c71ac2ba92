module nbm:data.csv_records;

import :standard;
import :tensor;
import nbm.fmt;

namespace nbm::csv {

/// A field is a part of the text, or of `unescaped` when it has doubled quotes.
struct Record {
    std::vector<std::string_view> fields;
    std::deque<std::string> unescaped;
    std::size_t line = 0;  ///< where it begins, from 1

    auto empty() const -> bool { return fields.size() == 1 && fields[0].empty(); }
};

/// Cuts a text into records. The delimiter ' ' stands for any number of spaces and tabs.
class RecordReader {
public:
    RecordReader(const std::string& path, std::string_view text, char delimiter)
        : path_(path), text_(text), delimiter_(delimiter) {}

    /// False at the end of the text.
    auto next(Record& record) -> bool {
        record.fields.clear();
        record.unescaped.clear();
        record.line = line_;
        if (at_ == text_.size()) { return false; }
        for (;;) {
            skip_blanks();
            record.fields.push_back(at_ != text_.size() && text_[at_] == '"' ? quoted(record) : plain());
            skip_blanks();
            if (at_ == text_.size() || ends_line(text_[at_])) { break; }
            if (delimiter_ != ' ') { ++at_; }  // plain() and quoted() stop there
        }
        if (at_ != text_.size()) { end_line(); }
        return true;
    }

private:
    static auto ends_line(char c) -> bool { return c == '\n' || c == '\r'; }
    auto is_blank(char c) const -> bool { return c == ' ' || (c == '\t' && delimiter_ != '\t'); }
    auto ends_field(char c) const -> bool { return ends_line(c) || c == delimiter_ || (delimiter_ == ' ' && c == '\t'); }
    auto skip_blanks() -> void {
        while (at_ != text_.size() && is_blank(text_[at_])) { ++at_; }
    }
    auto end_line() -> void {
        if (text_.substr(at_, 2) == "\r\n") { ++at_; }
        ++at_;
        ++line_;
    }

    auto plain() -> std::string_view {
        const auto begin = at_;
        while (at_ != text_.size() && !ends_field(text_[at_])) { ++at_; }
        auto field = text_.substr(begin, at_ - begin);
        while (!field.empty() && is_blank(field.back())) { field.remove_suffix(1); }
        return field;
    }

    auto quoted(Record& record) -> std::string_view {
        const auto line = line_;
        const auto begin = ++at_;
        auto doubled = false;
        for (;; ++at_) {
            if (at_ == text_.size()) { throw FileError(path_, fmt::format("line {}: a quoted field has no end", line)); }
            if (ends_line(text_[at_])) {
                end_line();
                --at_;
            } else if (text_[at_] == '"') {
                if (text_.substr(at_, 2) != "\"\"") { break; }
                doubled = true;
                ++at_;
            }
        }
        const auto field = text_.substr(begin, at_ - begin);
        ++at_;
        skip_blanks();
        if (at_ != text_.size() && !ends_field(text_[at_]) && delimiter_ != ' ') {
            throw FileError(path_, fmt::format("line {}: something follows the end of the quoted field '{}'", line_, field));
        }
        if (!doubled) { return field; }
        auto& plain = record.unescaped.emplace_back();
        for (std::size_t i = 0; i != field.size(); ++i) {
            plain += field[i];
            i += field[i] == '"' ? 1U : 0U;
        }
        return plain;
    }

    const std::string& path_;
    std::string_view text_;
    char delimiter_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
};

/// The number that a field holds, if it holds one; written as in C, whatever the locale.
inline auto number(std::string_view field) -> std::optional<double> {
    if (field.starts_with('+') && !field.starts_with("+-")) { field.remove_prefix(1); }
    auto value = 0.0;
    const auto* const end = field.data() + field.size();
    const auto result = std::from_chars(field.data(), end, value);
    if (field.empty() || result.ec != std::errc{} || result.ptr != end) { return {}; }
    return value;
}

/// The delimiter that gives the first records equally many fields; else the one that gives the first record the most.
inline auto delimiter_of(const std::string& path, std::string_view text) -> char {
    auto best = ',';
    auto most = std::size_t{1};
    for (const auto delimiter : {'\t', ';', ',', ' '}) {
        auto reader = RecordReader(path, text, delimiter);
        auto record = Record{};
        auto count = std::size_t{0};
        auto same = true;
        try {
            constexpr auto looked_at = 10;
            for (int i = 0; i != looked_at && reader.next(record); ++i) {
                if (record.empty()) { continue; }
                if (count == 0) { count = record.fields.size(); }
                same = same && record.fields.size() == count;
            }
        } catch (const FileError&) { continue; }  // quotes that do not fit this delimiter
        if (same && count > 1) { return delimiter; }
        if (count > most) {
            best = delimiter;
            most = count;
        }
    }
    return best;
}

inline auto name_of(char delimiter) -> const char* {
    return delimiter == '\t' ? "tabs" : delimiter == ';' ? "semicolons" : delimiter == ',' ? "commas" : "white space";
}

}  // namespace nbm::csv
