// Trains an RBM on bars and stripes with a callback of its own and checks the AIS estimate against the exact log Z.
#include <cstdio>

import nbm;

namespace {

/// Keeps the best validation probability that it sees.
class BestProbability {
public:
    static constexpr auto stage = nbm::Stage::control;

    void setup(const nbm::SetupInfo& info) { metric_ = info.logs().find("val_prob"); }
    auto on_epoch_end(const nbm::EpochInfo& info) -> nbm::Flow {
        const auto value = info.logs().get(metric_);
        if (value && *value > best_) { best_ = *value; }
        return best_ > -3.6 ? nbm::Flow::stop : nbm::Flow::proceed;
    }
    auto best() const -> double { return best_; }

private:
    nbm::MetricId metric_;
    double best_ = -1e9;
};

}  // namespace

int main() {
    const auto data = nbm::bars_and_stripes(3);
    auto dbm = nbm::DBM{{9, 12}};
    nbm::initialise(dbm, data.train, {.seed = 1, .weights = nbm::Weights::normal, .scale = 0.1});

    auto best = BestProbability{};
    const auto history = nbm::fit(dbm, data.train,
        nbm::PCD{{.steps = 5, .chains = 50}},
        nbm::SGD{{.learning_rate = 0.1F, .momentum = 0.5F}},
        {.epochs = 5000, .batch_size = 14, .validation = &data.valid, .seed = 1},
        nbm::CallbackList{
            nbm::Every{nbm::every(100), nbm::AISCallback{{.runs = 50, .betas = 200}}},
            best,
            nbm::CSVLogger{"history.csv"}});

    const auto log_z = nbm::AIS{dbm, data.train, {.runs = 500, .betas = nbm::linear(1000)}}.run_log_z();
    const auto exact = nbm::exact_log_z(dbm);
    std::printf("%zu epochs, best %.3f, log Z %.4f [%.4f, %.4f], exact %.4f\n", history.rows().size(), best.best(), log_z.value,
                log_z.low, log_z.high, exact);
    const auto good = log_z.low <= exact && exact <= log_z.high && log_z.high - log_z.low < 0.5 && best.best() > -3.6 &&
                      history.outcome() == nbm::Outcome::stopped;
    return good ? 0 : 1;
}
