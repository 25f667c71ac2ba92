// What a hook costs: the same counting callbacks called by hand, through a static list, through a dynamic one, and timed. Prints
// the best of several interleaved rounds, in nanoseconds a batch.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <utility>

import nbm;

namespace {

constexpr std::size_t batches = 1'000'000;
constexpr int rounds = 9;

struct Sum {
    double cost = 0.0;
    void on_batch_end(const nbm::BatchInfo& info) { cost += info.cost; }
};
struct Rows {
    std::size_t rows = 0;
    void on_batch_end(const nbm::BatchInfo& info) { rows += info.size; }
};
struct AtEpochs {
    std::size_t epochs = 0;
    void on_epoch_end(const nbm::EpochInfo&) { ++epochs; }
};

/// Keeps the compiler from working out a loop in advance.
template <class T>
auto keep(T& value) -> void {
    asm volatile("" : "+m"(value) : : "memory");
}

template <class F>
auto nanoseconds(F f, nbm::BatchInfo& info) -> double {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t b = 0; b != batches; ++b) {
        info.batch = b;
        keep(info);
        f();
    }
    return 1e9 * std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / static_cast<double>(batches);
}

}  // namespace

int main() {
    auto logs = nbm::Logs();
    auto dbm = nbm::DBM<float>({4, 2});
    auto cd = nbm::CD<float>();
    auto sgd = nbm::SGD<float>();
    const auto data = nbm::bars_and_stripes<float>(2);
    using Run = nbm::Run<float, nbm::SGD<float>, nbm::CD<float>>;
    auto info = nbm::Context<nbm::BatchInfo, Run>(nbm::BatchInfo(logs), Run{dbm, data.train, nullptr, sgd, cd});
    info.size = 100;
    info.cost = 0.5;

    auto sum = Sum{};
    auto rows = Rows{};
    auto hookless = AtEpochs{};
    auto static_list = nbm::CallbackList(sum, rows);
    auto static_hookless = nbm::CallbackList(hookless, hookless);
    auto dynamic_list = nbm::DynamicCallbackList<float>();
    dynamic_list.append(sum);
    dynamic_list.append(rows);
    auto dynamic_hookless = nbm::DynamicCallbackList<float>();
    dynamic_hookless.append(hookless);
    dynamic_hookless.append(hookless);
    auto timing = nbm::Timing();
    auto timed_list = nbm::CallbackList(timing, sum, rows);

    constexpr auto names = std::array{"empty loop",      "static, no hook",  "dynamic, no hook", "by hand, 2 hooks",
                                      "static, 2 hooks", "dynamic, 2 hooks", "static, 2 timed"};
    auto best = std::array<double, names.size()>{};
    best.fill(std::numeric_limits<double>::infinity());
    for (int round = 0; round != rounds; ++round) {
        const auto measured = std::array{
            nanoseconds([] {}, info),
            nanoseconds([&] { static_hookless.call<nbm::hook::BatchEnd>(info); }, info),
            nanoseconds([&] { dynamic_hookless.call<nbm::hook::BatchEnd>(info); }, info),
            nanoseconds(
                [&] {
                    sum.on_batch_end(info);
                    rows.on_batch_end(info);
                },
                info),
            nanoseconds([&] { static_list.call<nbm::hook::BatchEnd>(info); }, info),
            nanoseconds([&] { dynamic_list.call<nbm::hook::BatchEnd>(info); }, info),
            nanoseconds([&] { timed_list.call<nbm::hook::BatchEnd>(info); }, info),
        };
        for (std::size_t i = 0; i != best.size(); ++i) { best[i] = std::min(best[i], measured[i]); }
    }
    keep(sum);
    keep(rows);
    std::printf("%-20s %10s %16s\n", "", "ns a batch", "above the loop");
    for (std::size_t i = 0; i != names.size(); ++i) { std::printf("%-20s %10.2f %16.2f\n", names[i], best[i], best[i] - best[0]); }
}
