// What greedy pretraining does for a deep Boltzmann machine.
#include <cstdio>
#include <initializer_list>

import nbm;

namespace {

auto bound_of(const nbm::DBM<float>& dbm, const nbm::Dataset<float>& data) -> nbm::VariationalBound {
    const auto log_z = nbm::AIS{dbm, data.train, {.runs = 100, .betas = 2000, .seed = 1}}.run_log_z();
    return nbm::variational_bound(dbm, data.test, log_z);
}

}  // namespace

int main() {
    const auto data = nbm::digits({.train = 3000, .test = 500, .seed = 1});
    for (const auto pretrained : {false, true}) {
        auto dbm = nbm::DBM{{784, 80, 60}};
        nbm::initialise(dbm, data.train, {.seed = 1, .weights = nbm::Weights::normal});
        if (pretrained) {
            nbm::pretrain(dbm, data.train, nbm::CD{{.steps = 1}}, nbm::SGD{{.learning_rate = 0.05, .momentum = 0.5}},
                          {.epochs = 10});
        }
        nbm::fit(dbm, data.train, nbm::PCD{{.steps = 5}}, nbm::SGD{{.learning_rate = 0.02}}, {.epochs = 10, .seed = 1});
        const auto bound = bound_of(dbm, data);
        std::printf("%-20s lower bound of the test log-probability %.2f nats [%.2f, %.2f]\n",
                    pretrained ? "with pretraining:" : "without pretraining:", bound.value, bound.low, bound.high);
    }
}
