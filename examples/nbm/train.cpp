#include "train.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

import nbm;

namespace fs = std::filesystem;

namespace {

using Real = float;

constexpr std::size_t tiles_across = 10;
constexpr std::size_t tiles = 100;

auto load(const TrainOptions& o) -> nbm::Dataset<Real> {
    auto dataset = nbm::load_dataset<Real>(o.data, o.seed);
    const auto how = o.binarise == "grey"        ? nbm::Binarise::grey
                     : o.binarise == "threshold" ? nbm::Binarise::threshold
                                                 : nbm::Binarise::sample;
    nbm::binarise(dataset, how, o.seed);
    return dataset;
}

/// Everything that can be found wrong with the output folder is found before training.
auto prepare_output(const TrainOptions& o) -> fs::path {
    auto folder = fs::path(o.output);
    if (!o.overwrite && fs::exists(folder / "summary.json")) {
        throw nbm::FileError(folder.string(), "holds the results of an earlier run; choose another folder or add --overwrite");
    }
    nbm::make_writable_folder(folder);
    return folder;
}

/// Long chains from training rows, so that one sees whether the machine keeps all kinds of them; the visible probabilities given
/// the last hidden samples.
auto draw_samples(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& train, const TrainOptions& o) -> nbm::Matrix<Real> {
    constexpr std::size_t sweeps = 1000;
    auto chains = nbm::make_chains(dbm, tiles, o.seed, nbm::Purpose::samples);
    const auto rows = nbm::permutation(nbm::Stream(o.seed, nbm::Purpose::samples), std::uint64_t{1} << 55U, train.shape(0));
    for (std::size_t c = 0; c != tiles; ++c) {
        for (std::size_t k = 0; k != train.shape(1); ++k) { chains.states[0](c, k) = train(rows[c % rows.size()], k); }
    }
    auto probabilities = nbm::States<Real>{};
    nbm::Gibbs({.steps = sweeps - 1}).run(dbm, chains);
    nbm::GibbsProb({}).run(dbm, chains, probabilities);
    return probabilities[0];
}

auto write_pictures(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& samples, const fs::path& folder) -> void {
    const auto shape = nbm::image_shape_of(dbm.visible_size());
    const auto zoom = shape.width < 10 ? std::size_t{8} : std::size_t{2};
    nbm::write_png(nbm::tile_images<Real>(samples, shape, tiles_across, nbm::Grey::zero_to_one, zoom), folder / "samples.png");
    const auto& weights = dbm.weights(0, 1);
    auto filters = nbm::zero_matrix<Real>(std::min(tiles, dbm.size(1)), dbm.visible_size());
    for (std::size_t j = 0; j != filters.shape(0); ++j) {
        for (std::size_t i = 0; i != filters.shape(1); ++i) { filters(j, i) = weights(i, j); }
    }
    nbm::write_png(nbm::tile_images<Real>(filters, shape, tiles_across, nbm::Grey::symmetric, zoom), folder / "filters.png");
}

auto to_json(const nbm::Estimate& e) -> nlohmann::json {
    const auto finite = [](double x) { return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(nullptr); };
    return {{"value", finite(e.value)}, {"low", finite(e.low)}, {"high", finite(e.high)}};
}

auto show(const nbm::Estimate& e) -> std::string { return fmt::format("{:.2f} nats [{:.2f}, {:.2f}]", e.value, e.low, e.high); }

auto betas(const TrainOptions& o) -> nbm::Betas {
    return o.ais_schedule == "linear" ? nbm::linear(o.ais_betas) : nbm::three_piece(o.ais_betas);
}

auto fit_options(const TrainOptions& o, const nbm::Dataset<Real>& data) -> nbm::FitOptions<Real> {
    return {.epochs = o.epochs,
            .batch_size = o.batch_size,
            .validation = data.valid.shape(0) == 0 ? nullptr : &data.valid,
            .penalty = {.l1 = o.l1, .l2 = o.l2},
            .seed = o.seed};
}

/// Throws InputError when a parameter is not finite: nothing that follows would mean anything.
auto check_finite(const nbm::DBM<Real>& dbm) -> void {
    const auto finite = [](const auto& values) { return std::ranges::all_of(values, [](Real x) { return std::isfinite(x); }); };
    const auto good = std::ranges::all_of(dbm.layers(), [&](const auto& layer) { return finite(layer.bias); }) &&
                      std::ranges::all_of(dbm.synapses(), [&](const auto& synapse) { return finite(synapse.weights); });
    if (!good) {
        throw nbm::InputError(
            "the training diverged: some weights are not finite numbers; lower --learning-rate, --momentum or --l2");
    }
}

auto run_fit(nbm::DBM<Real>& dbm, const nbm::Dataset<Real>& data, const TrainOptions& o, const fs::path& folder) -> nbm::History {
    auto optimiser =
        nbm::SGD<Real>({.learning_rate = o.learning_rate, .momentum = o.momentum, .nesterov = o.nesterov, .decay = o.decay});
    auto callbacks = nbm::CallbackList(
        nbm::AISCallback({.runs = o.ais_runs, .betas = betas(o), .seed = o.seed}, nbm::every(o.ais_every)),
        nbm::CSVLogger(folder / "history.csv"),
        nbm::PeriodicSave((folder / "weights").string() + "/epoch-{epoch:04d}.h5", nbm::Epochs(o.save_every, o.save_epochs, false)),
        nbm::ProgressBar());
    const auto options = fit_options(o, data);
    if (o.trainer == "cd") { return nbm::fit(dbm, data.train, nbm::CD<Real>({.steps = o.steps}), optimiser, options, callbacks); }
    return nbm::fit(dbm, data.train, nbm::PCD<Real>({.steps = o.steps, .chains = o.chains}), optimiser, options, callbacks);
}

}  // namespace

auto train(const TrainOptions& o) -> void {
    const auto begin = std::chrono::steady_clock::now();
    nbm::set_threads(o.threads);
    const auto folder = prepare_output(o);
    const auto data = load(o);
    fmt::print("data {}: {} training, {} validation, {} test rows of {} units\n", o.data, data.train.shape(0), data.valid.shape(0),
               data.test.shape(0), data.train.shape(1));

    auto dbm = nbm::DBM<Real>(nbm::Topology({data.train.shape(1), o.hidden}));
    nbm::initialise(dbm, data.train,
                    {.seed = o.seed, .weights = o.weights == "orthogonal" ? nbm::Weights::orthogonal : nbm::Weights::normal});
    fmt::print("training an RBM {} by {}-{} for {} epochs\n", dbm.topology().describe(), o.trainer == "cd" ? "CD" : "PCD", o.steps,
               o.epochs);
    run_fit(dbm, data, o, folder);
    check_finite(dbm);
    nbm::save_weights(dbm, folder / "weights.h5");

    fmt::print("estimating log Z by AIS: {} runs x {} inverse temperatures ({})\n", o.ais_runs, o.ais_betas, o.ais_schedule);
    auto ais = nbm::AIS<Real>(dbm, data.train, {.runs = o.ais_runs, .betas = betas(o), .seed = o.seed});
    const auto log_z = ais.run_log_z();
    const auto train_probability = nbm::mean_log_probability(dbm, data.train, log_z);
    auto test_probability = std::optional<nbm::Estimate>{};
    if (data.test.shape(0) != 0) { test_probability = nbm::mean_log_probability(dbm, data.test, log_z); }
    write_pictures(dbm, draw_samples(dbm, data.train, o), folder);

    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    auto summary =
        nlohmann::ordered_json{{"log_z", to_json(log_z)},
                               {"train_log_prob", to_json(train_probability)},
                               {"test_log_prob", test_probability ? to_json(*test_probability) : nlohmann::json(nullptr)},
                               {"seed", o.seed},
                               {"seconds", seconds},
                               {"command", o.command}};
    nbm::write_text(folder / "summary.json", summary.dump(2) + "\n");

    fmt::print("\nlog Z                 {}   (effective sample size {:.1f} of {} runs)\n", show(log_z), log_z.effective_sample_size,
               log_z.runs);
    fmt::print("train log-probability {}\n", show(train_probability));
    if (test_probability) { fmt::print("test log-probability  {}\n", show(*test_probability)); }
    if (log_z.effective_sample_size < 0.1 * static_cast<double>(log_z.runs)) {
        fmt::print("few runs carry most of the weight: raise --ais-betas before you trust these numbers\n");
    }
    fmt::print("{:.1f} s; results in {}/: history.csv, weights.h5, samples.png, filters.png, summary.json\n", seconds,
               folder.string());
}
