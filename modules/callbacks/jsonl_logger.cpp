module nbm:callbacks.jsonl_logger_impl;

import :callbacks.contexts;
import :callbacks.jsonl_logger;
import :callbacks.line_file;
import :callbacks.logs;
import :callbacks.options;
import :io;
import :io.utf8;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

/// A JSON string; bytes that are no UTF-8 become the replacement character.
auto json_string(std::string_view text) -> std::string {
    auto result = std::string("\"");
    while (!text.empty()) {
        const auto size = character_size(text);
        const auto c = text[0];
        if (size == 0) {
            result += "\\ufffd";
        } else if (c == '"' || c == '\\') {
            result += {'\\', c};
        } else if (size == 1 && static_cast<unsigned char>(c) < 0x20U) {
            result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
            result += text.substr(0, size);
        }
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return result + '"';
}

auto number(double value) -> std::string {
    if (std::isnan(value)) { return "\"NaN\""; }
    if (std::isinf(value)) { return value > 0.0 ? "\"Infinity\"" : "\"-Infinity\""; }
    return fmt::format("{}", value);
}

auto array(const std::vector<double>& values) -> std::string {
    auto result = std::string("[");
    for (const auto value : values) { result += (result.size() == 1 ? "" : ",") + number(value); }
    return result + ']';
}

/// Whether the last line of a file was cut off.
auto ends_within_line(const fs::path& path) -> bool {
    auto file = std::ifstream(path, std::ios::binary);
    if (!file || !file.seekg(-1, std::ios::end)) { return false; }
    return file.get() != '\n';
}

}  // namespace

JSONLLogger::JSONLLogger(JSONLLoggerOptions options) : options_(std::move(options)), file_(options_.filename, options_.append) {
    if (options_.filename.empty()) { throw InputError("JSONLLogger: filename is empty; the path of a file is needed"); }
}

auto JSONLLogger::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("filename", options.filename, "the file");
    visitor.option("append", options.append, "go on behind the lines of an existing file");
    visitor.option("times", options.times, "also write the clock and metrics in seconds, which differ from run to run");
}

auto JSONLLogger::setup(const SetupInfo& info) -> void {
    for (const auto& metric : info.logs().metrics()) {
        if (metric.name == "epoch" || metric.name == "step" || metric.name == "time") {
            throw InputError(
                fmt::format("JSONLLogger: the metric '{}' of {} has the name of a member that each line has besides metrics",
                            metric.name, metric.producer.empty() ? "a callback" : metric.producer));
        }
    }
    file_.reset();
}

auto JSONLLogger::on_train_begin(const TrainInfo& info) -> void {
    file_.open("", info);
    if (ends_within_line(options_.filename)) { file_.write("\n"); }  // a run that was killed left it; the next line stays whole
}

auto JSONLLogger::on_epoch_end(const EpochInfo& info) -> void {
    auto line = fmt::format("{{\"epoch\":{},\"step\":{}", info.epoch + 1, info.step);
    if (options_.times) {
        const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
        line += fmt::format(",\"time\":\"{:%Y-%m-%dT%H:%M:%SZ}\"", fmt::gmtime(now));
    }
    const auto& logs = info.logs();
    for (std::size_t i = 0; i != logs.metrics().size(); ++i) {
        if (logs.metrics()[i].unit == "s" && !options_.times) { continue; }
        if (const auto value = logs.values()[i]) {
            line += fmt::format(",{}:{}", json_string(logs.metrics()[i].name), number(*value));
        } else if (const auto& list = logs.lists()[i]; !list.empty()) {
            line += fmt::format(",{}:{}", json_string(logs.metrics()[i].name), array(list));
        }
    }
    file_.write(line + "}\n");
}

auto JSONLLogger::teardown(const TrainInfo&) -> void { file_.close(); }

auto JSONLLogger::save_state(State& state) const -> void { file_.save_state(state); }
auto JSONLLogger::load_state(const State& state) -> void { file_.load_state(state); }

}  // namespace nbm
