// How many inverse temperatures does AIS need? A machine small enough to know its log Z exactly tells.
#include <cstddef>
#include <cstdio>
#include <initializer_list>

import nbm;

int main() {
    const auto data = nbm::digits({.train = 2000, .seed = 1});
    auto rbm = nbm::DBM{{784, 16}};
    nbm::initialise(rbm, data.train, {.seed = 1, .weights = nbm::Weights::normal});
    nbm::fit(rbm, data.train, nbm::PCD{{.steps = 5}}, nbm::SGD{{.learning_rate = 0.1}}, {.epochs = 20, .seed = 1});

    const auto exact = nbm::exact_log_z(rbm);
    const auto samples = nbm::exact_samples(rbm, 100, 1);
    std::printf("exact log Z = %.3f nats\n\n%7s  %9s  %21s  %9s  %6s  %s\n", exact, "betas", "AIS", "error bar", "reverse", "ESS",
                "trustworthy");
    for (const auto betas :
         {std::size_t{10}, std::size_t{30}, std::size_t{100}, std::size_t{300}, std::size_t{1000}, std::size_t{10'000}}) {
        auto ais = nbm::AIS{rbm, data.train, {.runs = 100, .betas = nbm::linear(betas), .seed = 1}};
        const auto [below, above] = ais.run_sandwich(samples);
        std::printf("%7zu  %9.3f  [%8.3f, %8.3f]  %9.3f  %6.1f  %s\n", betas, below.value, below.low, below.high, above.value,
                    below.effective_sample_size, below.trustworthy() ? "yes" : "no");
    }
}
