module nbm:callbacks.csv_logger_impl;

import :callbacks.contexts;
import :callbacks.csv_logger;
import :callbacks.line_file;
import :callbacks.logs;
import :callbacks.options;
import :io;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

CSVLogger::CSVLogger(CSVLoggerOptions options) : options_(std::move(options)), file_(options_.filename, options_.append) {
    if (options_.filename.empty()) { throw InputError("CSVLogger: filename is empty"); }
    if (std::string_view("\"\r\n").find(options_.separator) != std::string_view::npos) {
        throw InputError("CSVLogger: the separator cannot be a quote or a line end");
    }
}

CSVLogger::CSVLogger(std::filesystem::path filename, char separator, bool append)
    : CSVLogger(CSVLoggerOptions{.filename = std::move(filename), .separator = separator, .append = append}) {}

auto CSVLogger::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("filename", options.filename, "the file");
    visitor.option("separator", options.separator, "between the fields");
    visitor.option("append", options.append, "go on behind the rows of an existing file with the same header");
    visitor.option("times", options.times, "also write metrics in seconds, which differ from run to run");
}

auto CSVLogger::field(const std::string& text) const -> std::string {
    if (text.find_first_of("\"\r\n") == std::string::npos && text.find(options_.separator) == std::string::npos) { return text; }
    auto quoted = std::string("\"");
    for (const auto c : text) { quoted += c == '"' ? std::string("\"\"") : std::string(1, c); }
    return quoted + '"';
}

auto CSVLogger::setup(const SetupInfo& info) -> void {
    file_.reset();
    info.claim(options_.filename);
}

auto CSVLogger::on_train_begin(const TrainInfo& info) -> void {
    const auto metrics = info.logs().metrics();
    columns_.clear();
    auto header = field("epoch");
    for (std::size_t i = 0; i != metrics.size(); ++i) {
        if (metrics[i].unit == "s" && !options_.times) { continue; }
        columns_.push_back(i);
        header += options_.separator + field(metrics[i].name);
    }
    file_.open(header + "\r\n", info);
}

auto CSVLogger::on_epoch_end(const EpochInfo& info) -> void {
    auto line = fmt::format("{}", info.epoch + 1);
    for (const auto i : columns_) {
        line += options_.separator;
        if (const auto value = info.logs().values()[i]) {
            line += field(std::isnan(*value) ? "nan" : fmt::format("{}", *value));  // never "-nan"
        } else if (const auto& list = info.logs().lists()[i]; !list.empty()) {
            line += field(fmt::format("[{}]", fmt::join(list, ", ")));
        }
    }
    file_.write(line + "\r\n");
}

auto CSVLogger::teardown(const TrainInfo&) -> void { file_.close(); }

auto CSVLogger::save_state(State& state) const -> void { file_.save_state(state); }
auto CSVLogger::load_state(const State& state) -> void { file_.load_state(state); }

}  // namespace nbm
