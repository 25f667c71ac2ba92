module;

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

module nbm:callbacks.csv_logger_impl;

import :callbacks.contexts;
import :callbacks.csv_logger;
import :callbacks.logs;
import :io;
import :tensor;

namespace nbm {

void CSVLogger::Close::operator()(std::FILE* file) const { std::fclose(file); }

CSVLogger::CSVLogger(std::filesystem::path filename, char separator, bool append)
    : filename_(std::move(filename)), separator_(separator), append_(append) {}

auto CSVLogger::field(const std::string& text) const -> std::string {
    if (text.find_first_of("\"\r\n") == std::string::npos && text.find(separator_) == std::string::npos) { return text; }
    auto quoted = std::string("\"");
    for (const auto c : text) { quoted += c == '"' ? std::string("\"\"") : std::string(1, c); }
    return quoted + '"';
}

auto CSVLogger::write(const std::string& line) -> void {
    const auto complete = std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size();
    if (!complete || std::fflush(file_.get()) != 0) {
        throw FileError(filename_.string(), fmt::format("cannot be written: {}", std::strerror(errno)));
    }
}

auto CSVLogger::on_train_begin(const TrainInfo& info) -> void {
    auto header = field("epoch");
    for (const auto& metric : info.logs().metrics()) { header += separator_ + field(metric.name); }
    header += "\r\n";

    auto continued = false;
    if (append_ && std::filesystem::exists(filename_) && std::filesystem::file_size(filename_) != 0) {
        auto existing = std::string(header.size(), '\0');
        std::ifstream(filename_, std::ios::binary).read(existing.data(), static_cast<std::streamsize>(existing.size()));
        if (existing != header) {
            throw FileError(filename_.string(),
                            fmt::format("has another header than this training ({}); choose another file or the same metrics",
                                        header.substr(0, header.size() - 2)));
        }
        continued = true;
    }
    if (filename_.has_parent_path()) { make_writable_folder(filename_.parent_path()); }
    file_.reset(std::fopen(filename_.c_str(), append_ ? "ab" : "wb"));
    if (!file_) { throw FileError(filename_.string(), fmt::format("cannot be written: {}", std::strerror(errno))); }
    if (!continued) { write(header); }
}

auto CSVLogger::on_epoch_end(const EpochInfo& info) -> void {
    auto line = fmt::format("{}", info.epoch + 1);
    for (const auto& value : info.logs().values()) { line += separator_ + (value ? fmt::format("{}", *value) : std::string{}); }
    write(line + "\r\n");
}

auto CSVLogger::teardown(const TrainInfo&) -> void {
    if (file_) { ::fsync(::fileno(file_.get())); }
    file_.reset();
}

}  // namespace nbm
