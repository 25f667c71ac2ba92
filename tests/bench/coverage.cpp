// How often the intervals of log Z miss it, for importance weights of known distributions, and how often LogZ::trustworthy() lets
// such an interval pass: the evidence for the defaults of TrustLimits. Prints a table, in per cent of all estimates: "3-sigma" and
// "bootstrap" miss; of these, "passed" are trusted. Argument: estimates for each line (default 4000).
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

import nbm;

namespace {

using Weights = std::vector<double>;

/// Log weights whose weights have the mean 1. `variance`: of the log weights, or for gamma weights of the weights.
auto draw(bool log_normal, double variance, std::mt19937_64& engine, Weights& log_weights) -> void {
    auto normal = std::normal_distribution<double>(-variance / 2.0, std::sqrt(variance));
    auto gamma = std::gamma_distribution<double>(1.0 / variance, variance);
    for (auto& x : log_weights) { x = log_normal ? normal(engine) : std::log(gamma(engine)); }
}

struct Misses {
    double sigma = 0.0;
    double bootstrap = 0.0;

    auto add(const nbm::LogZ& z, double weight) -> void {
        sigma += z.low <= 0.0 && 0.0 <= z.high ? 0.0 : weight;
        bootstrap += z.bootstrap.low <= 0.0 && 0.0 <= z.bootstrap.high ? 0.0 : weight;
    }
};

}  // namespace

int main(int argc, char** argv) {
    const auto estimates = argc > 1 ? std::max(1, std::atoi(argv[1])) : 4000;
    auto engine = std::mt19937_64(1);
    auto worst = Misses{};
    std::printf("weights     variance  runs   trusted   3-sigma (passed)   bootstrap (passed)\n");
    for (const auto log_normal : {true, false}) {
        for (const auto variance : {0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0}) {
            for (const std::size_t runs : {20, 50, 100, 200, 500, 1000}) {
                auto log_weights = Weights(runs);
                auto all = Misses{};
                auto passed = Misses{};
                auto trusted = 0.0;
                for (auto i = 0; i != estimates; ++i) {
                    draw(log_normal, variance, engine, log_weights);
                    const auto z = nbm::estimate_from_weights(log_weights, 0.0, {.replicates = 399, .seed = std::uint64_t(i)});
                    all.add(z, 100.0 / estimates);
                    if (!z.trustworthy()) { continue; }
                    passed.add(z, 100.0 / estimates);
                    trusted += 100.0 / estimates;
                }
                std::printf("%-10s  %8.2f  %4zu  %7.1f%%   %6.1f%% (%5.1f%%)    %6.1f%% (%5.1f%%)\n",
                            log_normal ? "log-normal" : "gamma", variance, runs, trusted, all.sigma, passed.sigma, all.bootstrap,
                            passed.bootstrap);
                worst = {std::max(worst.sigma, passed.sigma), std::max(worst.bootstrap, passed.bootstrap)};
            }
        }
    }
    std::printf("at most passed                        (%5.1f%%)            (%5.1f%%)\n", worst.sigma, worst.bootstrap);
}
