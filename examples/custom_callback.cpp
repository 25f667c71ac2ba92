// A callback of one's own: it measures something, logs it as a metric, and stops the training when it is good enough.
#include <cmath>
#include <cstddef>
#include <cstdio>

import nbm;

namespace {

/// Logs how many hidden units a machine really uses: those whose weights are longer than `length`.
struct UsedUnits {
    static constexpr auto stage = nbm::Stage::produce;
    double length = 1.0;
    nbm::MetricId metric = {};

    void setup(nbm::SetupInfo& info) { metric = info.logs().declare({.name = "used_units", .better = nbm::Better::higher}); }

    template <nbm::Real T>
    void on_epoch_end(nbm::ModelContext<nbm::EpochInfo, T>& context) {
        const auto& weights = context.model.synapses().front().weights;  // [visible, hidden]
        auto used = 0.0;
        for (std::size_t j = 0; j != weights.shape(1); ++j) {
            auto squares = 0.0;
            for (std::size_t i = 0; i != weights.shape(0); ++i) { squares += double(weights(i, j)) * double(weights(i, j)); }
            if (std::sqrt(squares) > length) { used += 1.0; }
        }
        context.logs().set(metric, used);
    }
};

/// Ends the training as soon as a metric reaches a value.
struct StopAt {
    static constexpr auto stage = nbm::Stage::control;
    const char* name;
    double target;

    auto on_epoch_end(const nbm::EpochInfo& info) -> nbm::Flow {
        const auto value = info.logs().get(name);
        return value && *value >= target ? info.stop("it is enough") : nbm::Flow::proceed;
    }
};

}  // namespace

int main() {
    const auto data = nbm::digits({.train = 2000, .valid = 500, .seed = 1});
    auto rbm = nbm::DBM{{784, 50}};
    nbm::initialise(rbm, data.train, {.seed = 1, .weights = nbm::Weights::normal});
    const auto history =
        nbm::fit(rbm, data.train, nbm::PCD{{.steps = 1}}, nbm::SGD{{.learning_rate = 0.1}}, {.epochs = 30, .seed = 1},
                 nbm::CallbackList{UsedUnits{}, StopAt{"used_units", 45.0}, nbm::ProgressBar{}});
    std::printf("%zu of 30 epochs: %s\n", history.rows().size(), history.stop_reason().c_str());
}
