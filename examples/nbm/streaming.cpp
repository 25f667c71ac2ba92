#include "streaming.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include <fmt/format.h>

#include "people.hpp"
#include "rows.hpp"
#include "run_folder.hpp"

namespace {

constexpr auto mebibyte = std::size_t{1} << 20U;

auto gibibytes(std::size_t bytes) -> std::string { return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / 0x1p30); }

/// A number from a file that holds nothing else; the largest one when there is none.
auto number_in(const char* path) -> std::size_t {
    auto number = std::size_t{};
    return std::ifstream(path) >> number ? number : std::numeric_limits<std::size_t>::max();
}

/// Bytes that the system, or the group of processes that this one is in, can still give; 0 when that cannot be known.
auto free_memory() -> std::size_t {
    auto file = std::ifstream("/proc/meminfo");
    auto free = std::size_t{0};
    for (auto line = std::string{}; std::getline(file, line);) {
        if (line.starts_with("MemAvailable:")) { std::istringstream(line.substr(13)) >> free; }
    }
    free *= 1024;
    const auto most = number_in("/sys/fs/cgroup/memory.max");
    const auto used = number_in("/sys/fs/cgroup/memory.current");
    return most > used ? std::min(free, most - used) : free;
}

/// What the values of a file need in memory; 0 when its rows are none that can be read in blocks.
auto memory_for(const std::string& data) -> std::size_t {
    try {
        const auto rows = nbm::open_rows(data);
        return rows->rows() * rows->units() * sizeof(Real);
    } catch (const nbm::Error&) { return 0; }
}

auto binarisation_of(const TrainOptions& o) -> nbm::Binarise {
    if (o.binarise == "sample") { return nbm::Binarise::sample; }
    if (o.binarise == "threshold") { return nbm::Binarise::threshold; }
    if (o.binarise == "grey") { return nbm::Binarise::grey; }
    throw nbm::InputError(
        fmt::format("--binarise {}: rows that --stream reads can be binarised by sample, threshold or grey", o.binarise));
}

auto open_stream(const TrainOptions& o) -> nbm::StreamedDataset<Real> {
    if (o.pretrain) {
        throw nbm::InputError(
            "--pretrain needs all rows in memory, and --stream reads them block by block: leave out one of them, or "
            "ask for --stream=false if the rows fit");
    }
    const auto binarise = binarisation_of(o);
    return nbm::StreamedDataset<Real>(
        nbm::open_rows(o.data),
        {.memory = o.stream_memory * mebibyte, .binarise = binarise, .threshold = o.threshold, .seed = o.seed});
}

/// What of the rows is in memory, when that is not all of them.
auto describe_sample(const nbm::StreamedDataset<Real>& stream) -> std::string {
    const auto& some = stream.resident();
    const auto [rows, at_once] = stream.blocks();
    return fmt::format(
        "read in blocks of {} rows, {} at a time; likelihoods, pictures and callbacks see {} training, {} validation, "
        "{} test rows",
        rows, at_once, some.train.shape(0), some.valid.shape(0), some.test.shape(0));
}

}  // namespace

auto choose_streaming(CLI::App& command, TrainOptions& o) -> void {
    auto* const option = command.get_option("--stream");
    if (option->count() != 0) { return; }
    const auto needed = memory_for(o.data);
    const auto free = free_memory();
    if (free == 0 || needed <= free / 2) { return; }
    option->add_result("true");
    o.stream = true;
    say(people(o.quiet, o.json),
        "{} needs {} in memory, of which {} are free: its rows are read while they are trained on, as by --stream\n", o.data,
        gibibytes(needed), gibibytes(free));
}

auto resident_rows(const TrainOptions& o) -> nbm::Dataset<Real> {
    const auto stream = open_stream(o);
    if (!stream.holds_all()) { fmt::print(stderr, "nbm: {} is {}\n", o.data, describe_sample(stream)); }
    return stream.resident();
}

TrainingRows::TrainingRows(const TrainOptions& o) : output_(o.output) {
    if (o.stream) {
        if (o.redraw != "none") { throw nbm::InputError("--redraw needs all rows in memory; leave out --stream or --redraw"); }
        say(people(o.quiet, o.json), "reading {} once to check its values\n", o.data);
        stream_.emplace(open_stream(o));
    } else {
        data_ = load_rows(o);
        if (o.redraw != "none") { grey_ = grey_rows_of(data_.train, o); }
    }
}

auto TrainingRows::sizes() const -> std::array<std::size_t, 3> {
    if (stream_) { return {stream_->rows(), stream_->valid_rows(), stream_->test_rows()}; }
    return {data_.train.shape(0), data_.valid.shape(0), data_.test.shape(0)};
}

auto TrainingRows::describe() const -> std::string {
    const auto [train, valid, test] = sizes();
    const auto all = fmt::format("{} training, {} validation, {} test rows of {} units", train, valid, test, data().train.shape(1));
    return !stream_ || stream_->holds_all() ? all : fmt::format("{}\n{}", all, describe_sample(*stream_));
}

auto TrainingRows::initialise(nbm::DBM<Real>& dbm, const nbm::InitialiseOptions& options) const -> void {
    if (stream_) {
        nbm::initialise(dbm, *stream_, options);
    } else {
        nbm::initialise(dbm, data_.train, options);
    }
}

auto TrainingRows::advice(const std::string& problem) const -> std::string {
    if (!problem.starts_with(stream_->name()) || !has_checkpoint(output_)) { return {}; }
    return fmt::format("; when its rows can be read again, go on with: nbm resume {}", output_);
}
