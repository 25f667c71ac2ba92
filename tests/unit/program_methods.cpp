#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include "helpers.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

// The program's trainers, optimisers and ways to estimate.

namespace fs = std::filesystem;

namespace {

auto summary(const Temporary& folder) -> nlohmann::json {
    return nlohmann::json::parse(contents(folder.path() / "run/summary.json"));
}

const auto small = std::string(
    "train --data bars-and-stripes:3 --hidden 6 --epochs 3 --batch-size 14 --ais-runs 100 --ais-betas 300 --output run ");

}  // namespace

BOOST_AUTO_TEST_CASE(every_trainer_and_optimiser_trains) {
    for (const std::string trainer : {"cd", "pcd", "pt", "exact"}) {
        for (const std::string optimiser : {"sgd", "adam", "nadam"}) {
            const auto folder = Temporary();
            const auto answer =
                run_program(folder, small + "--trainer " + trainer + " --optimiser " + optimiser + " --centre --max-norm 3");
            BOOST_TEST(answer.status == 0, answer.err);
            BOOST_TEST(has(contents(folder.path() / "run/history.csv"), "swap_rate_min") == (trainer == "pt"));
            const auto weights = nbm::load_weights<float>(folder.path() / "run/weights/final.h5");
            const auto exact = nbm::exact_log_z(weights);
            const auto log_z = summary(folder)["log_z"];
            BOOST_TEST(log_z["low"].get<double>() < exact);
            BOOST_TEST(log_z["high"].get<double>() > exact);
            BOOST_TEST(log_z["trustworthy"].get<bool>());
        }
    }
}

BOOST_AUTO_TEST_CASE(the_exact_gradient_learns_bars_and_stripes) {
    const auto folder = Temporary();
    const auto answer =
        run_program(folder, small + "--trainer exact --optimiser adam --learning-rate 0.05 --epochs 400 --quiet-is-no-option");
    BOOST_TEST(answer.status == 2);
    const auto trained = run_program(folder, small + "--trainer exact --optimiser adam --learning-rate 0.05 --epochs 400");
    BOOST_REQUIRE_MESSAGE(trained.status == 0, trained.err);
    // 14 patterns: the best possible mean log-probability is -log 14.
    BOOST_TEST(summary(folder)["train_log_prob"]["value"].get<double>() > -std::log(14.0) - 0.5);
}

BOOST_AUTO_TEST_CASE(every_way_to_estimate_agrees_with_the_exact_value) {
    for (const std::string how :
         {"--ais-base uniform", "--ais-base own-biases", "--ais-base mean-field", "--ais-path moments", "--ais-schedule adaptive",
          "--ais-schedule linear", "--ais-summed even", "--ais-summed odd", "--ais-sweeps 2"}) {
        const auto folder = Temporary();
        const auto answer = run_program(folder, small + how);
        BOOST_TEST(answer.status == 0, answer.err);
        const auto exact = nbm::exact_log_z(nbm::load_weights<float>(folder.path() / "run/weights/final.h5"));
        const auto log_z = summary(folder)["log_z"];
        BOOST_TEST(log_z["low"].get<double>() < exact, how);
        BOOST_TEST(log_z["high"].get<double>() > exact, how);
    }
}

BOOST_AUTO_TEST_CASE(reverse_ais_comes_from_the_other_side) {
    const auto folder = Temporary();
    const auto trained = run_program(folder, small + "--ais-reverse 1000");
    BOOST_REQUIRE_MESSAGE(trained.status == 0, trained.err);
    BOOST_TEST(has(trained.out, "log Z, reverse AIS"));
    const auto exact = nbm::exact_log_z(nbm::load_weights<float>(folder.path() / "run/weights/final.h5"));
    auto told = summary(folder);
    const auto reverse = told["log_z_reverse"];
    BOOST_TEST(reverse["low"].get<double>() < exact);
    BOOST_TEST(reverse["high"].get<double>() > exact);
    BOOST_TEST(reverse["value"].get<double>() != told["log_z"]["value"].get<double>());
    BOOST_TEST(has(contents(folder / "run/report.html"), "Both sides agree on log Z"));

    const auto again = nlohmann::json::parse(run_program(folder, "ais run --json").out);
    BOOST_TEST(again["log_z_reverse"] == reverse);
    BOOST_TEST(!nlohmann::json::parse(run_program(folder, "ais run --ais-reverse 0 --json").out).contains("log_z_reverse"));
    const auto no_rows = run_program(folder, "ais run/weights/final.h5 --ais-reverse 10");
    BOOST_TEST(no_rows.status == 2);
    BOOST_TEST(has(no_rows.err, "--ais-reverse needs --data"));

    for (const auto* key : {"value", "low", "high"}) { told["log_z_reverse"][key] = told["log_z"][key].get<double>() + 2.0; }
    nbm::write_text(folder.path() / "run/summary.json", told.dump());
    BOOST_TEST(run_program(folder, "report run").status == 0);
    BOOST_TEST(has(contents(folder / "run/report.html"), "The two sides do not agree on log Z"));
}

BOOST_AUTO_TEST_CASE(reverse_ais_begins_at_samples_of_the_machine_not_at_rows) {
    // A machine that leaves nearly all visible units at 0, unlike every row.
    const auto folder = Temporary();
    auto rbm = nbm::DBM<float>({9, 4});
    std::ranges::fill(rbm.bias(0), -4.0F);
    std::ranges::fill(rbm.weights(0, 1), 0.1F);
    nbm::save_weights(rbm, folder / "machine.h5");
    const auto exact = nbm::exact_log_z(rbm);
    const auto answer = nlohmann::json::parse(
        run_program(folder, "ais machine.h5 --data bars-and-stripes:3 --ais-reverse 100 --ais-betas 1000 --ais-runs 400 --json")
            .out);
    BOOST_TEST(answer["log_z_reverse"]["low"].get<double>() < exact);
    BOOST_TEST(answer["log_z_reverse"]["high"].get<double>() > exact);
}

BOOST_AUTO_TEST_CASE(a_deep_machine_gets_a_bound) {
    const auto folder = Temporary();
    const auto answer = run_program(
        folder,
        "train --data bars-and-stripes:3 --layers 9,5,4 --epochs 20 --batch-size 14 --ais-runs 100 --ais-betas 1000 --output run");
    BOOST_REQUIRE_MESSAGE(answer.status == 0, answer.err);
    BOOST_TEST(has(answer.out, "train bound"));
    const auto dbm = nbm::load_weights<float>(folder.path() / "run/weights/final.h5");
    const auto rows = nbm::load_dataset<float>("bars-and-stripes:3", 1).train;
    auto log_p = 0.0;
    for (const auto x : nbm::exact_log_probability(dbm, rows)) { log_p += x / static_cast<double>(rows.shape(0)); }
    const auto bound = summary(folder)["train_bound"];
    BOOST_TEST(bound["low"].get<double>() < log_p);
    BOOST_TEST(bound["high"].get<double>() > log_p - 1.0);
    BOOST_TEST(!summary(folder).contains("train_log_prob"));
}

BOOST_AUTO_TEST_CASE(wrong_methods_are_refused) {
    const auto folder = Temporary();
    for (const std::string wrong : {"--trainer ptt", "--optimiser adamw", "--ais-base dat", "--ais-path moment", "--temperatures 1",
                                    "--sparsity-target 2", "--ais-sweeps 0"}) {
        const auto answer = run_program(folder, small + wrong);
        BOOST_TEST(answer.status == 2, wrong);
        BOOST_TEST(!fs::exists(folder.path() / "run"));
    }
    BOOST_TEST(run_program(folder, small + "--ais-every 1 --ais-base uniform").status == 2);
    const auto off = run_program(folder, small + "--centre=0 --nesterov=off");
    BOOST_TEST(off.status == 0, off.err);
    BOOST_TEST(has(contents(folder / "run/config.toml"), "centre = false"));
    BOOST_TEST(has(contents(folder / "run/config.toml"), "nesterov = false"));
    BOOST_TEST(has(run_program(folder, small + "--trainer ptt").err, "did you mean 'pt'"));
    const auto large = run_program(folder, "train --data digits --hidden 50 --trainer exact --output large");
    BOOST_TEST(large.status == 2);
    BOOST_TEST(has(large.err, "20"));
}
