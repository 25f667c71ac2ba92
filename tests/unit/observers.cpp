// Callbacks that only look on leave the training as it is, all of them at once.
#include <boost/test/unit_test.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

#include "same.hpp"

namespace {

namespace fs = std::filesystem;

/// Every built-in that is an observer; those that change the training on purpose stay idle by their options.
constexpr auto observers = R"(
[[callbacks]]
type = "ais"
runs = 5
betas = 20
exact = true
[[callbacks]]
type = "chain_monitor"
[[callbacks]]
type = "checkpoint"
path = "c/{epoch}-{cost:.1f}.ckpt"
every_batches = 2
monitor = "val_prob"
keep_best = 1
[[callbacks]]
type = "csv_logger"
times = false
[[callbacks]]
type = "early_stopping"
monitor = "val_prob"
patience = 100
[[callbacks]]
type = "exact_log_likelihood"
[[callbacks]]
type = "filter_images"
[[callbacks]]
type = "free_energy_gap"
[[callbacks]]
type = "gradient_clip"
norm = 1e9
[[callbacks]]
type = "jsonl_logger"
times = false
[[callbacks]]
type = "optimizer_spy"
[[callbacks]]
type = "periodic_save"
opt_path = "w/{epoch}.opt"
[[callbacks]]
type = "plots"
[[callbacks]]
type = "pseudo_likelihood"
[[callbacks]]
type = "reconstruction_error"
[[callbacks]]
type = "reduce_on_plateau"
monitor = "val_prob"
patience = 100
[[callbacks]]
type = "samples"
n_chains = 5
n_samples = 2
plot_every = 2
[[callbacks]]
type = "summary"
[[callbacks]]
type = "tensorboard"
histograms = 1
images = 1
[[callbacks]]
type = "terminate_on_non_finite"
[[callbacks]]
type = "time_budget"
seconds = 100000
[[callbacks]]
type = "timing"
[[callbacks]]
type = "weight_average"
final = false
validate = true
[[callbacks]]
type = "weight_statistics"
)";

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(no_observer_changes_the_training, T, decltype(std::tuple<float, double>{})) {
    const auto data = nbm::bars_and_stripes<T>(3);
    const auto train = [&](auto&& callbacks, std::size_t threads) {
        nbm::set_threads(threads);
        auto dbm = nbm::DBM<T>({9, 6});
        nbm::initialise(dbm, data.train, {.seed = 3});
        const auto history =
            nbm::fit(dbm, data.train, nbm::PCD<T>({.steps = 2, .chains = 7}), nbm::SGD<T>({.learning_rate = 0.05, .momentum = 0.5}),
                     {.epochs = 4, .batch_size = 4, .validation = &data.valid, .seed = 2, .on_warning = {}}, callbacks);
        nbm::set_threads(0);
        return std::pair(dbm, history);
    };
    const auto folder = Temporary();
    auto all = nbm::make_callbacks(nbm::builtin_callbacks<T>(), nbm::parse_config(observers, "observers.toml"), folder.path());
    const auto [alone, few] = train(nbm::CallbackList(), 1);
    const auto [observed, many] = train(all, 2);
    BOOST_TEST(same_weights(alone, observed));
    BOOST_TEST((few.column("cost") == many.column("cost")));
    BOOST_TEST(many.metrics().size() > 25U);
    const auto history = contents(folder / "history.csv");
    // The same objects serve a second training, which is the same.
    const auto [again, second] = train(all, 1);
    BOOST_TEST(same_weights(alone, again));
    BOOST_TEST(contents(folder / "history.csv") == history);
    BOOST_TEST(second.rows().size() == 4U);
    for (const auto* name : {"plots/cost.png", "summary.txt", "samples", "filters", "w/4.opt", "history.jsonl"}) {
        BOOST_TEST(fs::exists(folder / name), name);
    }
    BOOST_TEST((nbm::load_training<T>(folder / "w/4.opt").state.child("optimiser").template get<double>("learning_rate") == 0.05));
}

BOOST_AUTO_TEST_CASE(lists_of_values_are_written_as_such) {
    struct Lists {
        nbm::MetricId id = {};
        void setup(nbm::SetupInfo& info) { id = info.logs().declare({"norms"}); }
        void on_epoch_end(nbm::EpochInfo& info) {
            if (info.epoch == 1) { info.logs().set(id, std::vector{1.5, 2.0, -0.25}); }
        }
    };
    const auto folder = Temporary();
    const auto data = nbm::bars_and_stripes<double>(2);
    auto dbm = nbm::DBM<double>({4, 2});
    const auto history = nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 2},
                                  nbm::CallbackList(Lists{}, nbm::CSVLogger({.filename = folder / "h.csv", .times = false}),
                                                    nbm::JSONLLogger({.filename = folder / "h.jsonl", .times = false})));
    const auto csv = contents(folder / "h.csv");
    BOOST_TEST(csv.starts_with("epoch,cost,norms\r\n1,"));
    BOOST_TEST(csv.ends_with(",\"[1.5, 2, -0.25]\"\r\n"));
    BOOST_TEST(has(csv, ",\r\n2,"));  // absent in the first epoch
    BOOST_TEST(has(contents(folder / "h.jsonl"), "[1.5"));
    BOOST_TEST(history.rows()[1].lists[history.metrics().size() - 1] == (std::vector{1.5, 2.0, -0.25}),
               boost::test_tools::per_element());
    BOOST_TEST(!history.last("norms").has_value());
}
