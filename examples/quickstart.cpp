#include <cstdio>

import nbm;

int main() {
    const auto digits = nbm::digits({.train = 5000, .test = 1000, .seed = 1});
    auto rbm = nbm::DBM{{784, 100}};
    nbm::initialise(rbm, digits.train, {.seed = 1, .weights = nbm::Weights::normal});

    nbm::fit(rbm, digits.train,
        nbm::PCD{{.steps = 1, .chains = 100}},
        nbm::SGD{{.learning_rate = 0.1, .decay = 0.0005}},
        {.epochs = 20, .batch_size = 100, .validation = &digits.valid, .seed = 1},
        nbm::CallbackList{nbm::CSVLogger{"history.csv"}, nbm::ProgressBar{}});

    const auto log_z = nbm::AIS{rbm, digits.train, {.runs = 100, .betas = nbm::three_piece(5000)}}.run_log_z();
    const auto test = nbm::mean_log_probability(rbm, digits.test, log_z);
    std::printf("test log-probability %.2f nats [%.2f, %.2f]\n", test.value, test.low, test.high);
}
