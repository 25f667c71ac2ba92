#include "workloads.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "machines.hpp"

import nbm;

namespace bench {

namespace {

constexpr std::size_t visible = 784;

struct Size {
    std::size_t chains;
    std::size_t betas;
    std::size_t hidden;
};

/// The best of several runs, in seconds: at least two, and more as long as they are short.
auto seconds_of(const Size& size) -> double {
    auto ais = nbm::AIS<float>(make_machine({visible, size.hidden}),
                               {.runs = size.chains, .betas = size.betas, .seed = 1, .base = nbm::Base::own_biases});
    ais.positions();
    auto best = std::numeric_limits<double>::infinity();
    auto total = 0.0;
    for (int run = 0; run < 2 || (run < 7 && total < 3.0); ++run) {
        const auto begin = std::chrono::steady_clock::now();
        ais.run_log_z();
        const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        best = std::min(best, seconds);
        total += seconds;
        if (seconds > 10.0) { break; }
    }
    return best;
}

auto print_row(const Size& size, std::size_t threads, bool binary) -> void {
    nbm::set_threads(threads);
    nbm::set_binary_path(binary);
    const auto seconds = seconds_of(size);
    const auto steps = static_cast<double>(size.chains) * static_cast<double>(size.betas - 1);
    fmt::print("{:>8} {:>7} {:>7} {:>8} {:>9} {:>9.3f} {:>12.0f} {:>12.5f}\n", size.chains, size.betas, size.hidden, threads,
               binary ? "binary" : "portable", seconds, steps / seconds,
               1e9 * seconds / (steps * static_cast<double>(visible * size.hidden)));
    std::fflush(stdout);
}

/// A number of kB in /proc/self/status, in bytes.
auto memory(const std::string& what) -> double {
    auto file = std::ifstream("/proc/self/status");
    for (auto line = std::string{}; std::getline(file, line);) {
        if (line.starts_with(what + ":")) { return 1024.0 * std::stod(line.substr(what.size() + 1)); }
    }
    throw nbm::FileError("/proc/self/status", "has no " + what);
}

}  // namespace

auto print_scaling(const std::vector<std::size_t>& threads, const std::vector<bool>& binary_paths) -> void {
    auto sizes = std::vector<Size>{};
    for (const std::size_t chains : {100, 1'000, 10'000, 100'000}) { sizes.push_back({chains, 20, 500}); }
    for (const std::size_t betas : {100, 1'000, 10'000}) { sizes.push_back({100, betas, 500}); }
    for (const std::size_t hidden : {100, 500, 1'000, 2'000, 4'000}) { sizes.push_back({100, 200, hidden}); }
    fmt::print("AIS of RBMs with {} visible units; the whole estimate, with its error bars\n", visible);
    fmt::print("{:>8} {:>7} {:>7} {:>8} {:>9} {:>9} {:>12} {:>12}\n", "chains", "betas", "hidden", "threads", "path", "seconds",
               "steps/s", "ns a weight");
    for (const auto count : threads) {
        for (const auto binary : binary_paths) {
            for (const auto& size : sizes) { print_row(size, count, binary); }
        }
    }
    fmt::print("ns a weight: of a step of one chain, which uses each weight twice\n");
}

auto print_memory() -> void {
    constexpr std::size_t chains = 100'000;
    constexpr std::size_t betas = 5;
    constexpr auto mebibyte = 1024.0 * 1024.0;
    auto ais =
        nbm::AIS<float>(make_machine({visible, 500}), {.runs = chains, .betas = betas, .seed = 1, .base = nbm::Base::own_biases});
    ais.positions();
    const auto before = memory("VmRSS");
    ais.run_log_z();
    const auto peak = memory("VmHWM");
    fmt::print(
        "AIS of an RBM 784-500, {} chains, {} threads: at most {:.0f} MiB resident, {:.0f} MiB of them before it began; "
        "{:.0f} bytes a chain more\n",
        chains, nbm::threads(), peak / mebibyte, before / mebibyte, (peak - before) / static_cast<double>(chains));
}

}  // namespace bench
