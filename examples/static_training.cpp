// Callbacks that are chosen at compile time: their hooks are inlined, and hooks that they lack cost nothing.
#include <cmath>
#include <cstddef>
#include <cstdio>

import nbm;

int main() {
    const auto data = nbm::bars_and_stripes(4);
    auto rbm = nbm::DBM{{16, 12}};
    nbm::initialise(rbm, data.train, {.seed = 3, .weights = nbm::Weights::normal, .scale = 0.1});

    const auto history =
        nbm::fit(rbm, data.train, nbm::PCD{{.steps = 5, .chains = 100}}, nbm::SGD{{.learning_rate = 0.2}},
                 {.epochs = 4000, .batch_size = 10, .validation = &data.valid, .seed = 3},
                 nbm::CallbackList{
                     nbm::LearningRateScheduler{[](std::size_t epoch) { return 0.2 / (1.0 + 0.001 * static_cast<double>(epoch)); }},
                     nbm::Every{nbm::every(100), nbm::ExactLogLikelihood{}},
                     nbm::EarlyStopping{{.monitor = "val_exact_prob", .patience = 5, .restore_best = true}},
                     nbm::Every{nbm::every(1000), nbm::AISCallback{{.runs = 100, .betas = 1000}}},
                     nbm::CSVLogger{"static_training.csv"},
                 });

    const auto rows = static_cast<double>(data.train.shape(0));
    const auto log_z = nbm::exactly(nbm::exact_log_z(rbm));
    const auto trained = nbm::mean_log_probability(rbm, data.train, log_z);
    std::printf("%zu epochs, %s\n", history.rows().size(),
                history.stop_reason().empty() ? "completed" : history.stop_reason().c_str());
    std::printf("mean log-probability %.3f nats; no model can do better than %.3f\n", trained.value, -std::log(rows));
}
