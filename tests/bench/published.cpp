// Machines of the literature, trained and measured anew: a Markdown table of published and own values, one row as each is done.
// Usage: bench_published FOLDER [NAME...] with the folder of the MNIST files; without names all of them. Long-running.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

import nbm;

namespace {

using Clock = std::chrono::steady_clock;
using Rows = nbm::Matrix<float>;

constexpr std::uint64_t seed = 1;

struct Experiment {
    const char* name;
    const char* what;
    const char* published;  // test log-probability and source
    std::string (*run)(const std::filesystem::path& folder);
};

auto sampled(const std::filesystem::path& folder) -> nbm::Dataset<float> {
    return nbm::load_dataset<float>((folder / "mnist_sampled.npz").string(), seed);
}

/// The training rows of the sampled set, with the validation rows: 60,000, as most papers use.
auto with_validation(const nbm::Dataset<float>& data) -> Rows {
    auto rows = Rows::from_shape({data.train.shape(0) + data.valid.shape(0), data.train.shape(1)});
    std::copy(data.valid.begin(), data.valid.end(), std::copy(data.train.begin(), data.train.end(), rows.begin()));
    return rows;
}

auto thresholded(const std::filesystem::path& folder) -> nbm::Dataset<float> {
    auto data = nbm::load_dataset<float>(folder.string(), seed);
    nbm::binarise(data, nbm::Binarise::threshold, seed);
    data.train = with_validation(data);
    return data;
}

auto text(const nbm::Estimate& e) -> std::string {
    auto buffer = std::vector<char>(100);
    std::snprintf(buffer.data(), buffer.size(), "%.2f [%.2f, %.2f]", e.value, e.low, e.high);
    return buffer.data();
}

auto number(const char* format, double x) -> std::string {
    auto buffer = std::vector<char>(60);
    std::snprintf(buffer.data(), buffer.size(), format, x);
    return buffer.data();
}

auto machine(const Rows& train, std::size_t hidden) -> nbm::DBM<float> {
    auto rbm = nbm::DBM<float>({train.shape(1), hidden});
    nbm::initialise(rbm, train, {.seed = seed, .weights = nbm::Weights::normal});
    return rbm;
}

/// PyDeep's small RBM: PCD-1, rate 0.01, batches of 100, 50 epochs, thresholded digits.
auto sixteen(const std::filesystem::path& folder, bool centred) -> std::string {
    const auto data = thresholded(folder);
    auto rbm = machine(data.train, 16);
    nbm::fit(rbm, data.train, nbm::PCD<float>({.gradient = {.centring = {.on = centred}}}),
             nbm::SGD<float>({.learning_rate = 0.01}), {.epochs = 50, .seed = seed});
    const auto log_z = nbm::exact_log_z(rbm);
    const auto test = nbm::mean_log_probability(rbm, data.test, nbm::exactly(log_z));
    return "exact log Z " + number("%.2f", log_z) + ", test " + number("%.2f", test.value);
}

/// Salakhutdinov and Murray's small RBMs: 20 hidden units, contrastive divergence, exact log Z beside AIS.
auto twenty(const std::filesystem::path& folder, std::size_t steps) -> std::string {
    const auto data = sampled(folder);
    const auto train = with_validation(data);
    auto rbm = machine(train, 20);
    nbm::fit(rbm, train, nbm::CD<float>({.steps = steps}), nbm::SGD<float>({.learning_rate = 0.05, .momentum = 0.5, .decay = 1e-4}),
             {.epochs = 30, .seed = seed});
    const auto log_z = nbm::exact_log_z(rbm);
    auto ais = nbm::AIS<float>(rbm, train, {.runs = 100, .betas = nbm::three_piece(14'500), .seed = seed});
    const auto estimate = ais.run_log_z();
    const auto test = nbm::mean_log_probability(rbm, data.test, nbm::exactly(log_z));
    return "exact log Z " + number("%.2f", log_z) + ", AIS " + text(estimate) + ", test " + number("%.2f", test.value);
}

/// The same size, trained by persistent chains with a centred gradient.
auto twenty_centred(const std::filesystem::path& folder) -> std::string {
    const auto data = sampled(folder);
    const auto train = with_validation(data);
    auto rbm = machine(train, 20);
    nbm::fit(rbm, train, nbm::PCD<float>({.gradient = {.centring = {.on = true}}}),
             nbm::SGD<float>({.learning_rate = 0.02, .decay = 1e-4}), {.epochs = 60, .seed = seed});
    const auto log_z = nbm::exact_log_z(rbm);
    const auto test = nbm::mean_log_probability(rbm, data.test, nbm::exactly(log_z));
    auto ais = nbm::AIS<float>(rbm, train, {.runs = 100, .betas = nbm::three_piece(14'500), .seed = seed});
    const auto both = ais.run_sandwich(nbm::exact_samples(rbm, 100, seed));
    return "exact log Z " + number("%.2f", log_z) + ", AIS " + text(both.below) + ", reverse AIS " + text(both.above) + ", test " +
           number("%.2f", test.value);
}

/// 500 hidden units, persistent chains, a rate that falls; AIS with their three pieces, 14,500 betas, 100 runs.
auto five_hundred(const std::filesystem::path& folder) -> std::string {
    const auto data = sampled(folder);
    const auto train = with_validation(data);
    auto rbm = machine(train, 500);
    nbm::fit(rbm, train, nbm::PCD<float>({.steps = 5}), nbm::SGD<float>({.learning_rate = 0.1, .decay = 2e-4}),
             {.epochs = 60, .seed = seed});
    auto ais = nbm::AIS<float>(rbm, train, {.runs = 100, .betas = nbm::three_piece(14'500), .seed = seed});
    const auto log_z = ais.run_log_z();
    const auto test = nbm::mean_log_probability(rbm, data.test, log_z);
    return "AIS " + text(log_z) + " (effective sample size " + number("%.1f", log_z.effective_sample_size) + " of 100), test " +
           text(test);
}

/// Salakhutdinov and Hinton's deep machine: layer-wise pretraining, then persistent chains; AIS and the variational bound, and for
/// the first 100 test rows log p(v) itself.
auto deep(const std::filesystem::path& folder) -> std::string {
    const auto data = sampled(folder);
    const auto train = with_validation(data);
    auto dbm = nbm::DBM<float>({784, 500, 1000});
    nbm::initialise(dbm, train, {.seed = seed, .weights = nbm::Weights::normal});
    nbm::pretrain(dbm, train, nbm::CD<float>(), nbm::SGD<float>({.learning_rate = 0.05, .momentum = 0.5, .decay = 1e-4}),
                  {.epochs = 10, .penalty = {.l2 = 1e-4}, .seed = seed});
    nbm::fit(dbm, train, nbm::PCD<float>({.steps = 5, .mean_field = {.steps = 10}}),
             nbm::SGD<float>({.learning_rate = 0.02, .decay = 2e-4}), {.epochs = 20, .seed = seed});
    auto ais = nbm::AIS<float>(dbm, train, {.runs = 100, .betas = nbm::three_piece(20'000), .seed = seed});
    const auto log_z = ais.run_log_z();
    const auto bound = nbm::variational_bound(dbm, data.test, log_z);
    auto some = Rows::from_shape({100, 784});
    std::copy_n(data.test.begin(), some.size(), some.begin());
    const auto some_bound = nbm::variational_bound(dbm, some, log_z);
    const auto rows = nbm::log_probability_by_ais<float>(dbm, some, log_z, {.runs = 20, .betas = 1000, .seed = seed});
    return "AIS " + text(log_z) + " (effective sample size " + number("%.1f", log_z.effective_sample_size) +
           " of 100), test bound " + text(bound) + "; 100 rows: bound " + number("%.2f", some_bound.value) + ", log p " +
           number("%.2f", rows.mean.value);
}

constexpr Experiment experiments[] = {
    {"16", "RBM 784-16, PCD-1, thresholded", "log Z 190.95, test -149.05 (PyDeep, normal)",
     [](const std::filesystem::path& f) { return sixteen(f, false); }},
    {"16-centred", "the same, centred", "log Z 310.18, test -142.56 (PyDeep, centred)",
     [](const std::filesystem::path& f) { return sixteen(f, true); }},
    {"20-cd1", "RBM 784-20, CD-1", "log Z 255.41, AIS 256.52 [255.00, 257.10], test -151.57 (S&M 2008)",
     [](const std::filesystem::path& f) { return twenty(f, 1); }},
    {"20-cd3", "RBM 784-20, CD-3", "log Z 307.47, AIS 307.63 [307.44, 307.79], test -143.03 (S&M 2008)",
     [](const std::filesystem::path& f) { return twenty(f, 3); }},
    {"20-cd25", "RBM 784-20, CD-25", "log Z 279.59, AIS 279.57 [279.46, 279.68], test -141.46 (S&M 2008)",
     [](const std::filesystem::path& f) { return twenty(f, 25); }},
    {"20-centred", "RBM 784-20, PCD-1, centred", "as the row before", twenty_centred},
    {"500", "RBM 784-500, PCD-5", "AIS 451.28 [451.19, 451.37], test -86.34 (S&M 2008, CD-25)", five_hundred},
    {"deep", "DBM 784-500-1000", "AIS 356.18 [356.06, 356.29], test bound -84.62 (S&H 2009); 100 rows: bound -83.35, log p -82.86",
     deep},
};

auto wanted(const Experiment& experiment, int argc, char** argv) -> bool {
    return argc == 2 || std::any_of(argv + 2, argv + argc, [&](const char* name) { return std::string(name) == experiment.name; });
}

}  // namespace

auto main(int argc, char** argv) -> int {
    if (argc < 2) {
        std::fprintf(stderr, "usage: bench_published FOLDER [NAME...]\nnames:");
        for (const auto& e : experiments) { std::fprintf(stderr, " %s", e.name); }
        std::fprintf(stderr, "\n");
        return 2;
    }
    try {
        std::printf("| machine | published | own | seconds |\n| --- | --- | --- | --- |\n");
        for (const auto& experiment : experiments) {
            if (!wanted(experiment, argc, argv)) { continue; }
            const auto begin = Clock::now();
            const auto own = experiment.run(argv[1]);
            const auto seconds = std::chrono::duration<double>(Clock::now() - begin).count();
            std::printf("| %s | %s | %s | %.0f |\n", experiment.what, experiment.published, own.c_str(), seconds);
            std::fflush(stdout);
        }
        return 0;
    } catch (const nbm::Error& error) {
        std::fprintf(stderr, "bench_published: %s\n", error.what());
        return 2;
    }
}
