#include "run_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <regex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "results.hpp"
#include "run_callbacks.hpp"

import nbm;

namespace fs = std::filesystem;

namespace {

constexpr auto lock_name = ".nbm-lock";

/// What every run writes, also those of earlier versions.
constexpr auto files = {"summary.json",
                        "config.toml",
                        "ais.json",
                        "report.html",
                        "weights/final.h5",
                        "samples/final.png",
                        "samples/film.gif",
                        "samples.png",
                        "filters.png",
                        "weights.h5",
                        "plots/weights.png",
                        "plots/weights.pdf",
                        "checkpoints/pretrained.ckpt"};
constexpr auto picture_files = R"(plots/(filters|ais)-[a-z0-9-]+\.(png|pdf))";
constexpr auto curve_files =
    R"((cost|learning_rate|momentum|(pslike|recon|exact_prob|free_energy|exact_logz|logz|prob)(_[^/]*)?)\.(png|pdf))";

auto escaped(std::string_view text) -> std::string {
    auto pattern = std::string{};
    for (const auto c : text) {
        if (std::string_view(R"(\^$.|?*+()[]{})").find(c) != std::string_view::npos) { pattern += '\\'; }
        pattern += c;
    }
    return pattern;
}

/// Matches what a path with placeholders, such as {epoch:04d}, may have become.
auto pattern_of_template(std::string_view text) -> std::string {
    auto pattern = std::string{};
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto doubled = i + 1 < text.size() && text[i + 1] == text[i];
        if (text[i] == '{' && !doubled) {
            const auto end = std::min(text.find('}', i), text.size());
            const auto name = text.substr(i + 1, std::min(text.find(':', i), end) - i - 1);
            pattern += name == "epoch" ? " *[0-9]+" : R"( *(-?[0-9.]+(e[-+]?[0-9]+)?|-?nan|-?inf))";
            i = end;
        } else {
            pattern += escaped(text.substr(i, 1));
            i += (text[i] == '{' || text[i] == '}') && doubled ? 1 : 0;
        }
    }
    return pattern;
}

/// Matches name.csv, and name.2.csv for which a logger may have left it.
auto pattern_of_log(const fs::path& path) -> std::string {
    return escaped((path.parent_path() / path.stem()).string()) + R"((\.[0-9]+)?)" + escaped(path.extension().string());
}

auto inside(const std::string& folder, const std::string& pattern) -> std::string {
    const auto plain = fs::path(folder).lexically_normal();
    return plain == "." ? pattern : escaped((plain / "").string()) + pattern;
}

/// Matches what a callback writes, paths relative to the folder of its run.
auto patterns_of(const nbm::CallbackSection& section) -> std::vector<std::string> {
    const auto text = [&](std::string_view key) {
        const auto found = std::ranges::find(section.settings, key, &nbm::Setting::key);
        const auto* const value = found == section.settings.end() ? nullptr : std::get_if<std::string>(&found->value);
        return value == nullptr ? std::string{} : *value;
    };
    const auto path = [&](std::string_view key) { return fs::path(text(key)).lexically_normal(); };
    const auto& type = section.type;
    if (type == "csv_logger" || type == "jsonl_logger") { return {pattern_of_log(path("filename"))}; }
    if (type == "checkpoint" || type == "filter_images") { return {pattern_of_template(path("path").string())}; }
    if (type == "samples") { return {pattern_of_template(path("path").string()) + R"(\.(png|npz))"}; }
    if (type == "periodic_save") {
        return {pattern_of_template(path("weight_path").string()), pattern_of_template(path("opt_path").string())};
    }
    if (type == "plots") { return {inside(text("save_folder"), curve_files)}; }
    if (type == "summary") { return {inside(text("save_folder"), R"(summary\.txt)")}; }
    if (type == "tensorboard") { return {inside(text("folder"), R"(events\.out\.tfevents\.[^/]*)")}; }
    return {};
}

/// The callbacks of the run in a folder, with all their options; the usual ones where it does not tell them.
auto sections_in(const fs::path& folder) -> std::vector<nbm::CallbackSection> {
    auto usual = TrainOptions{};
    usual.output = folder.string();
    const auto effective = [&](const nbm::Config& config, bool resumed) {
        return nbm::parse_config(make_run_callbacks(config, usual, resumed).effective, "callbacks").callbacks;
    };
    try {
        return effective(nbm::read_config(folder / "config.toml"), true);
    } catch (const nbm::Error&) { return effective({}, false); }
}

/// A run begins with its folder for weights; the other two are what earlier versions left.
auto holds_run(const fs::path& folder) -> bool {
    return std::ranges::any_of(std::initializer_list<const char*>{"weights", "summary.json", "history.csv"},
                               [&](const char* name) { return fs::exists(folder / name); });
}

auto has_comments(const fs::path& config) -> bool {
    auto file = std::ifstream(config);
    for (auto line = std::string{}; std::getline(file, line);) {
        if (line.starts_with('#')) { return true; }
    }
    return false;
}

/// Throws FileError when something that no run wrote would be lost. The settings that a run begins with are not: it writes them.
auto check_replaceable(const TrainOptions& o) -> void {
    const auto folder = fs::path(o.output);
    const auto config = folder / "config.toml";
    if (has_comments(config)) {
        throw nbm::FileError(config.string(), "would be replaced, and has comments, which no run writes; choose another --output");
    }
    if (holds_run(folder)) { return; }
    for (const auto& path : results_in(folder)) {
        auto ignored = std::error_code{};
        if (path == config && fs::equivalent(path, o.config, ignored)) { continue; }
        throw nbm::FileError(path.string(),
                             "would be replaced, and no run wrote it: the folder has neither weights nor summary.json nor "
                             "history.csv; choose another --output");
    }
}

auto is_folder(const fs::path& path) -> bool {
    auto ignored = std::error_code{};
    return fs::is_directory(path, ignored);
}

/// Nobody's file when its holder was just about to remove it.
auto is_still_there(int file, const fs::path& path) -> bool {
    struct stat held{};
    struct stat there{};
    return ::fstat(file, &held) == 0 && ::stat(path.c_str(), &there) == 0 && held.st_ino == there.st_ino &&
           held.st_dev == there.st_dev;
}

}  // namespace

RunLock::RunLock(fs::path folder) : folder_(std::move(folder)) {
    if (is_folder(folder_)) { lock(); }
}

RunLock::~RunLock() {
    if (!is_held()) { return; }
    ::unlink((folder_ / lock_name).c_str());
    ::close(file_);
}

auto RunLock::lock() -> void {
    const auto path = folder_ / lock_name;
    while (!is_held()) {
        const auto file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (file < 0) { return; }  // a folder that cannot be written is refused when something is to be written
        if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
            const auto taken = errno == EWOULDBLOCK;
            ::close(file);
            if (!taken) { return; }
            auto process = std::string{};
            std::getline(std::ifstream(path), process);
            throw nbm::FileError(folder_.string(),
                                 fmt::format("another nbm{} is training in this folder; wait for its end or choose another one",
                                             process.empty() ? "" : fmt::format(" (process {})", process)));
        }
        if (!is_still_there(file, path)) {
            ::close(file);
            continue;
        }
        file_ = file;
        const auto process = fmt::format("{}\n", ::getpid());
        [[maybe_unused]] const auto cut = ::ftruncate(file, 0);
        [[maybe_unused]] const auto wrote = ::write(file, process.data(), process.size());
    }
}

auto has_checkpoint(const fs::path& folder) -> bool {
    try {
        nbm::newest_checkpoint<Real>(folder);
        return true;
    } catch (const nbm::FileError&) { return false; }
}

auto is_free(const fs::path& folder) -> bool {
    return std::ranges::all_of(fs::directory_iterator(folder), [](const fs::directory_entry& entry) {
        const auto name = entry.path().filename().string();
        // What a run that was killed in its first moments leaves, too.
        return name == lock_name || name.starts_with(".probe") || name.starts_with("config.toml.tmp") ||
               (name == "weights" && entry.is_directory() && fs::is_empty(entry.path()));
    });
}

auto start_again(const TrainOptions& o) -> std::string {
    return fmt::format("nbm train {} --output {} --overwrite", (fs::path(o.output) / "config.toml").string(), o.output);
}

auto check_output(const TrainOptions& o) -> void {
    const auto folder = fs::path(o.output);
    for (const auto* name : files) {
        if (fs::is_directory(folder / name)) {
            throw nbm::FileError((folder / name).string(), "is a folder, in the way of a result");
        }
    }
    for (const std::string name : {"weights", "samples", "plots"}) {
        const auto path = folder / name;
        if ((name == "weights" || !o.no_pictures) && fs::exists(path) && !fs::is_directory(path)) {
            throw nbm::FileError(path.string(), fmt::format("is a file, in the way of the folder for the {}", name));
        }
    }
    if (!fs::is_directory(folder) || is_free(folder)) { return; }
    if (o.overwrite) {
        check_replaceable(o);
        return;
    }
    const auto go_on = has_checkpoint(folder)
                           ? fmt::format(", or go on with: nbm resume {} (or the same words and --resume)", o.output)
                           : std::string{};
    throw nbm::FileError(folder.string(), "holds files already; choose another folder or add --overwrite" + go_on);
}

auto results_in(const fs::path& folder) -> std::vector<fs::path> {
    auto any = std::string(picture_files);
    for (const std::string_view name : files) { any += '|' + escaped(name); }
    for (const auto& section : sections_in(folder)) {
        for (const auto& pattern : patterns_of(section)) { any += '|' + pattern; }
    }
    // A run that was killed while it wrote one of them may have left that.
    const auto known = std::regex("(" + any + R"()(\.tmp[0-9]+)?)");
    auto result = std::vector<fs::path>{};
    for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied)) {
        const auto name = entry.path().lexically_relative(folder).generic_string();
        if (!entry.is_directory() && std::regex_match(name, known)) { result.push_back(entry.path()); }
    }
    std::ranges::partition(result, [](const fs::path& path) { return path.filename() == "summary.json"; });
    return result;
}

auto prepare_output(const TrainOptions& o, RunLock& lock) -> void {
    const auto folder = fs::path(o.output);
    nbm::make_writable_folder(folder);
    if (!lock.is_held()) {
        lock.lock();
        check_output(o);
    }
    const auto replaced = results_in(folder);
    const auto weights = folder / "weights";
    nbm::make_writable_folder(weights);  // stays from here on: it tells that what else is left is a run's
    for (const auto& path : replaced) {
        // It tells what else there is to remove, until the new one is renamed to it.
        if (path == folder / "config.toml") { continue; }
        fs::remove(path);
        auto ignored = std::error_code{};
        for (auto parent = path.parent_path();
             parent != folder && parent != weights && !fs::is_symlink(parent) && fs::remove(parent, ignored);
             parent = parent.parent_path()) {}
    }
}

auto remove_estimates(const fs::path& folder) -> void {
    for (const auto* name :
         {"summary.json", "ais.json", "report.html", "samples/final.png", "samples/film.gif", "plots/ais-log-weights.png",
          "plots/ais-log-weights.pdf", "plots/ais-effective-sample-size.png", "plots/ais-effective-sample-size.pdf"}) {
        fs::remove(folder / name);
    }
}
