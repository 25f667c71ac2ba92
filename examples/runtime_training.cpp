// Callbacks that are chosen at run time, from a TOML file.  Usage: runtime_training [FILE.toml]
#include <cstdio>
#include <exception>
#include <filesystem>

import nbm;

namespace {

constexpr auto usual = R"(
[[callbacks]]
type = "learning_rate_scheduler"
kind = "exponential"
initial = 0.1
rate = 0.9

[[callbacks]]
type = "pseudo_likelihood"

[[callbacks]]
type = "early_stopping"
monitor = "val_pslike"
patience = 3

[[callbacks]]
type = "csv_logger"
)";

}  // namespace

int main(int argc, char** argv) try {
    const auto folder = std::filesystem::path("runtime_training");
    const auto config = argc > 1 ? nbm::read_config(argv[1]) : nbm::parse_config(usual, "usual callbacks");
    auto callbacks = nbm::make_callbacks(nbm::builtin_callbacks<float>(), config, folder);

    const auto data = nbm::digits({.train = 2000, .valid = 500, .seed = 1});
    auto rbm = nbm::DBM{{784, 50}};
    nbm::initialise(rbm, data.train, {.seed = 1, .weights = nbm::Weights::normal});
    const auto history = nbm::fit(rbm, data.train, nbm::PCD{{.steps = 1}}, nbm::SGD{{.learning_rate = 0.1}},
                                  {.epochs = 15, .validation = &data.valid, .seed = 1}, callbacks);

    nbm::save_weights(rbm, folder / "weights.h5");
    std::printf("%s", callbacks.describe().c_str());
    std::printf("%zu epochs; history and weights are in %s/\n", history.rows().size(), folder.c_str());
} catch (const std::exception& error) {
    std::fprintf(stderr, "runtime_training: %s\n", error.what());
    return 2;
}
