// What nbm's workloads take, beside the matrix products alone that a textbook implementation of them needs. See --help.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "allocations.hpp"
#include "workloads.hpp"

import nbm;

namespace {

using bench::Workload;

struct Options {
    std::vector<std::string> workloads = bench::workload_names();
    std::vector<std::size_t> threads = {1, 2};
    std::string path = "both";
    std::size_t rounds = 7;
    std::string json = {};
    bool scaling = false;
    bool memory = false;
    bench::Settings settings = {};

    auto binary_paths() const -> std::vector<bool> {
        return path == "both" ? std::vector{true, false} : std::vector{path == "binary"};
    }
};

struct Times {
    std::vector<double> seconds;  // of each round

    auto best() const -> double { return std::ranges::min(seconds); }
    auto median() const -> double {
        auto sorted = seconds;
        std::ranges::sort(sorted);
        const auto middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted[middle] : 0.5 * (sorted[middle - 1] + sorted[middle]);
    }
};

/// All seconds are those of a round.
struct Measurement {
    std::string workload;
    std::size_t threads;
    bool binary;
    Times nbm = {};
    Times floor = {};
    double scale = 1.0;  // rounds in the whole workload
    double steps = 0.0;  // in the whole workload
    std::uint64_t bytes = 0;

    auto path() const -> const char* { return binary ? "binary" : "portable"; }
    auto ratio() const -> double { return nbm.best() / floor.best(); }
};

auto seconds_of(const Workload& workload) -> double {
    const auto begin = std::chrono::steady_clock::now();
    workload.round();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// One measurement for each path; a round is one of each path, then one of the floor.
auto measure(const Workload& workload, std::size_t threads, const Options& options) -> std::vector<Measurement> {
    nbm::set_threads(threads);
    auto result = std::vector<Measurement>{};
    for (const auto binary : options.binary_paths()) {
        nbm::set_binary_path(binary);
        workload.warm_up();
        result.push_back({.workload = workload.name,
                          .threads = threads,
                          .binary = binary,
                          .scale = workload.scale,
                          .steps = workload.steps,
                          .bytes = workload.loop_bytes ? workload.loop_bytes() : 0});
    }
    for (std::size_t round = 0; round != options.rounds; ++round) {
        for (auto& m : result) {
            nbm::set_binary_path(m.binary);
            const auto before = bench::allocated_bytes();
            const auto seconds = seconds_of(workload);
            const auto allocated = bench::allocated_bytes() - before;
            m.nbm.seconds.push_back(seconds);
            if (!workload.loop_bytes) {
                m.bytes = std::max(m.bytes, static_cast<std::uint64_t>(static_cast<double>(allocated) * workload.scale));
            }
        }
        const auto floor = workload.floor.run(threads);
        for (auto& m : result) { m.floor.seconds.push_back(floor); }
    }
    return result;
}

auto processor() -> std::string {
    auto file = std::ifstream("/proc/cpuinfo");
    for (auto line = std::string{}; std::getline(file, line);) {
        if (line.starts_with("model name")) { return line.substr(std::min(line.size(), line.find(':') + 2)); }
    }
    return "unknown processor";
}

/// How busy all processors have been since they started, and with this process, in seconds.
class Load {
public:
    /// The share of the processors' time that others have used since construction, on average over the cores.
    auto of_others() const -> double {
        const auto now = Load();
        const auto wall = std::chrono::duration<double>(now.time_ - time_).count();
        const auto cores = static_cast<double>(std::max(1U, std::thread::hardware_concurrency()));
        return std::max(0.0, (now.busy_ - busy_) - (now.own_ - own_)) / (wall * cores);
    }

private:
    static auto busy() -> double {
        auto file = std::ifstream("/proc/stat");
        auto name = std::string{};
        auto user = 0.0;
        auto nice = 0.0;
        auto system = 0.0;
        file >> name >> user >> nice >> system;
        return (user + nice + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
    }

    std::chrono::steady_clock::time_point time_ = std::chrono::steady_clock::now();
    double busy_ = busy();
    double own_ = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
};

auto print_header(const Options& options) -> void {
    auto load = std::string{};
    std::getline(std::ifstream("/proc/loadavg") >> std::ws, load, ' ');
    fmt::print("{}, {} cores, load {}; kernels {}; {}\n", processor(), std::thread::hardware_concurrency(), load,
               nbm::instruction_set(), nbm::blas_name());
    if (const auto* forced = std::getenv("OPENBLAS_CORETYPE")) {
        fmt::print("OPENBLAS_CORETYPE={} forces BLAS, and with it the floor, to kernels that may not be the fastest here.\n", forced);
    }
    if (options.scaling || options.memory) { return; }
    fmt::print("Best of {} rounds, in seconds of the whole workload; floor: its matrix products alone, by sgemm of OpenBLAS.\n",
               options.rounds);
    if (!options.settings.full) {
        fmt::print("A round of training is a tenth of an epoch, its seconds are scaled (--full: all).\n");
    }
    fmt::print("Bytes: allocated in the loop of the whole workload, set-up not counted (W5: with set-up).\n\n");
    fmt::print("{:<9} {:<9} {:>7} {:>9} {:>9} {:>7} {:>11} {:>12} {:>12}\n", "workload", "path", "threads", "seconds", "floor",
               "ratio", "of medians", "steps/s", "bytes");
}

auto print_row(const Measurement& m) -> void {
    const auto seconds = m.nbm.best() * m.scale;
    fmt::print("{:<9} {:<9} {:>7} {:>9.3f} {:>9.3f} {:>7.3f} {:>11.3f} {:>12.0f} {:>12}\n", m.workload, m.path(), m.threads,
               seconds, m.floor.best() * m.scale, m.ratio(), m.nbm.median() / m.floor.median(), m.steps / seconds, m.bytes);
    std::fflush(stdout);
}

auto as_json(const std::vector<Measurement>& measurements) -> std::string {
    auto objects = std::vector<std::string>{};
    for (const auto& m : measurements) {
        objects.push_back(fmt::format(
            R"(  {{"workload": "{}", "threads": {}, "path": "{}", "seconds": {:.6g}, "floor_seconds": {:.6g}, "ratio": {:.5g}}})",
            m.workload, m.threads, m.path(), m.nbm.best() * m.scale, m.floor.best() * m.scale, m.ratio()));
    }
    return fmt::format("[\n{}\n]\n", fmt::join(objects, ",\n"));
}

/// Throws nbm::InputError, and FileError for a result that could not be written after all the work.
auto check(const Options& options) -> void {
    for (const auto& name : options.workloads) {
        if (std::ranges::find(bench::workload_names(), name) == bench::workload_names().end()) {
            throw nbm::InputError(nbm::unknown_name("workload", name, bench::workload_names()));
        }
    }
    if (options.path != "both" && options.path != "binary" && options.path != "portable") {
        throw nbm::InputError(nbm::unknown_name("path", options.path, std::vector<std::string>{"binary", "portable", "both"}));
    }
    if (!options.json.empty()) {
        nbm::make_writable_folder(std::filesystem::absolute(options.json).parent_path());
        if (std::filesystem::is_directory(options.json)) { throw nbm::FileError(options.json, "is a folder, not a file"); }
    }
}

auto run(const Options& options) -> void {
    check(options);
    print_header(options);
    if (options.memory) { bench::print_memory(); }
    if (options.scaling) { bench::print_scaling(options.threads, options.binary_paths()); }
    if (options.memory || options.scaling) { return; }
    auto measurements = std::vector<Measurement>{};
    auto legend = std::string{};
    const auto load = Load();
    for (const auto& name : options.workloads) {
        const auto workload = bench::make_workload(name, options.settings);
        legend += fmt::format("{:<9} {}; the floor repeats {} products\n", name, workload.what, workload.floor.products());
        for (const auto threads : options.threads) {
            for (auto& m : measure(workload, threads, options)) {
                print_row(m);
                measurements.push_back(std::move(m));
            }
        }
    }
    if (!options.json.empty()) { nbm::write_text(options.json, as_json(measurements)); }
    fmt::print("\nOther processes used {:.0f} % of the cores meanwhile; above a few, measure again.\n{}", 100.0 * load.of_others(),
               legend);
}

auto add_options(CLI::App& app, Options& options) -> void {
    const auto several = [&](const std::string& name, auto& values, const std::string& help) {
        app.add_option(name, values, help)->delimiter(',')->expected(1, -1);
    };
    several("--workloads", options.workloads, fmt::format("of {}; all if absent", fmt::join(bench::workload_names(), ", ")));
    several("--threads", options.threads, "numbers of threads; 1,2 if absent");
    app.add_option("--path", options.path, "binary (table look-ups for binary states), portable (products only) or both");
    app.add_option("--rounds", options.rounds, "rounds of nbm and floor in turn; 7 if absent")
        ->check(CLI::Range(std::size_t{1}, std::size_t{100'000}));
    app.add_option("--rows", options.settings.rows, "rows of an epoch; 50000 if absent")
        ->check(CLI::Range(std::size_t{1}, std::size_t{10'000'000}));
    app.add_flag("--full", options.settings.full, "a round of training is a whole epoch, not a tenth");
    app.add_option("--data", options.settings.data, "a data set of 784 values a row in place of generated rows");
    app.add_option("--json", options.json, "writes the measurements to this file");
    app.add_flag("--scaling", options.scaling, "the cost of AIS for many numbers of chains, betas and units instead");
    app.add_flag("--memory", options.memory, "the memory that AIS of 100,000 chains takes instead");
}

}  // namespace

auto main(int argc, char** argv) -> int {
    constexpr int wrong_input = 2;
    auto options = Options{};
    auto app = CLI::App("Measures nbm's workloads beside their floor, the matrix products alone.", "nbm_bench");
    const auto complain = [](std::string_view sentence, int code) {
        fmt::print(stderr, "nbm_bench: {}\n", sentence);
        return code;
    };
    try {
        add_options(app, options);
        app.parse(argc, argv);
        run(options);
    } catch (const CLI::CallForHelp& help) { return app.exit(help); } catch (const CLI::ParseError& error) {
        return complain(error.what(), wrong_input);
    } catch (const nbm::Error& error) { return complain(error.what(), wrong_input); } catch (const std::exception& error) {
        return complain(error.what(), 1);
    }
    return 0;
}
