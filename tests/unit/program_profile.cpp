#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "helpers.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

// nbm train --profile.

namespace {

constexpr auto phases = {"data", "positive", "negative", "gradient", "update", "callbacks", "validation", "pretraining"};

auto summary(const Temporary& folder) -> nlohmann::json { return nlohmann::json::parse(contents(folder / "run/summary.json")); }

/// 1022 rows of 81 units, that is 11 batches an epoch.
const auto larger = std::string("train --data bars-and-stripes:9 --ais-runs 10 --ais-betas 20 --threads 1 --output run ");

/// The number in the row of the printed table, in its column.
auto printed(const std::string& out, const std::string& row, int column) -> double {
    const auto at = out.find("\n  " + row + " ");
    BOOST_REQUIRE_MESSAGE(at != std::string::npos, row << " is not in " << out);
    auto words = std::istringstream(out.substr(at, out.find('\n', at + 1) - at));
    auto name = std::string{};
    auto unit = std::string{};
    auto numbers = std::array<double, 2>{};
    words >> name >> numbers[0] >> unit >> numbers[1];
    BOOST_REQUIRE(unit == "s");
    return numbers[static_cast<std::size_t>(column)];
}

auto check_sum(const nlohmann::json& profile) -> void {
    auto sum = 0.0;
    for (const auto* phase : phases) {
        BOOST_TEST(profile.at(phase).get<double>() >= 0.0, phase);
        sum += profile.at(phase).get<double>();
    }
    const auto total = profile.at("total").get<double>();
    BOOST_TEST(sum <= total * (1.0 + 1e-9));
    BOOST_TEST(sum >= 0.95 * total);
}

/// Of sgemm on one thread.
auto seconds_of_product(std::size_t rows, std::size_t inner, std::size_t columns) -> double {
    const auto a = nbm::zero_matrix<float>(rows, inner);
    const auto b = nbm::zero_matrix<float>(inner, columns);
    auto out = nbm::zero_matrix<float>(rows, columns);
    auto best = std::numeric_limits<double>::infinity();
    for (int i = 0; i != 200; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        nbm::multiply<float>(a, b, out);
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    return best;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_profile_is_printed_and_in_the_summary) {
    const auto folder = Temporary();
    const auto answer = run_program(folder, larger + "--hidden 300 --trainer pcd --epochs 60 --no-pictures --profile");
    BOOST_REQUIRE_MESSAGE(answer.status == 0, answer.err);
    const auto all = summary(folder);
    const auto& profile = all.at("profile");
    check_sum(profile);
    const auto total = profile.at("total").get<double>();
    BOOST_TEST(total < all.at("seconds").get<double>());
    for (const auto* phase : {"data", "positive", "negative", "gradient", "update", "callbacks", "validation"}) {
        const auto seconds = profile.at(phase).get<double>();
        BOOST_TEST(seconds > 0.0, phase);
        BOOST_TEST(std::abs(printed(answer.out, phase, 0) - seconds) <= 0.00051);
        BOOST_TEST(std::abs(printed(answer.out, phase, 1) - 100.0 * seconds / total) <= 0.051);
    }
    BOOST_TEST(std::abs(printed(answer.out, "wall", 0) - total) <= 0.00051);
    BOOST_TEST(printed(answer.out, "sum", 1) >= 95.0);
    BOOST_TEST(!has(answer.out, "\n  pretraining "));
    // The epochs of the history are timed on their own.
    const auto history = nbm::read_table(folder / "run/history.csv");
    auto epochs = 0.0;
    for (const auto x : history.column("seconds")) { epochs += x.value(); }
    BOOST_TEST(epochs <= total);
    BOOST_TEST(epochs >= 0.5 * total);
    BOOST_TEST(profile.at("updates") == 660);
    BOOST_TEST(profile.at("threads") == 1);
    const auto floor = profile.at("floor_seconds").get<double>();
    BOOST_TEST(has(answer.out, "matrix products alone (sgemm, 1 thread): "));
    BOOST_TEST(floor > 0.0);
    // 5 products for each of 60 x 10.22 batches.
    const auto expected = 60 * 10.22 * 5 * seconds_of_product(100, 81, 300);
    BOOST_TEST(floor > expected / 3);
    BOOST_TEST(floor < expected * 3);
}

BOOST_AUTO_TEST_CASE(the_floor_is_that_of_the_training) {
    const auto floor = [](const std::string& options) {
        const auto folder = Temporary();
        const auto answer =
            run_program(folder, larger + (has(options, "--layers") ? "" : "--hidden 300 ") + "--epochs 2 --profile " + options);
        BOOST_REQUIRE_MESSAGE(answer.status == 0, answer.err);
        return summary(folder)["profile"]["floor_seconds"].get<double>();
    };
    // With k sweeps of r replicas: 1 + 2 k r products, and those of the statistics.
    const auto usual = floor("--trainer pcd");
    const auto within = [&](double found, double products) {
        BOOST_TEST(found > 0.6 * products / 5 * usual);
        BOOST_TEST(found < 1.6 * products / 5 * usual);
    };
    within(floor("--trainer cd"), 5);
    within(floor("--trainer pcd --steps 6"), 15);
    within(floor("--trainer pt --temperatures 10"), 23);
    within(floor("--trainer pcd --epochs 4"), 10);
    // The passes up and the statistics of the data are 2, the rest has twice as many rows.
    within(floor("--trainer pcd --chains 200"), 8);
    BOOST_TEST(floor("--layers 81,300,300 --edges 0-1,1-2") > 4 * usual);
}

BOOST_AUTO_TEST_CASE(an_exact_gradient_has_no_floor) {
    const auto folder = Temporary();
    const auto small =
        std::string("train --data bars-and-stripes:3 --hidden 6 --epochs 100 --ais-runs 10 --ais-betas 20 --output run ");
    const auto answer = run_program(folder, small + "--trainer exact --profile");
    BOOST_REQUIRE_MESSAGE(answer.status == 0, answer.err);
    const auto profile = summary(folder)["profile"];
    check_sum(profile);
    BOOST_TEST(profile.at("floor_seconds").is_null());
    BOOST_TEST(profile.at("positive").get<double>() > 0.0);
    BOOST_TEST(has(answer.out, "\n  negative "));
    BOOST_TEST(!has(answer.out, "matrix products"));
    // Without being asked for there is none.
    const auto plain = run_program(folder, small + "--trainer exact --overwrite");
    BOOST_TEST(plain.status == 0);
    BOOST_TEST(!has(plain.out, "\n  negative "));
    BOOST_TEST(!summary(folder).contains("profile"));
    BOOST_TEST(has(contents(folder / "run/config.toml"), "profile = false\n"));
}

BOOST_AUTO_TEST_CASE(a_file_and_a_resumed_run_may_ask_for_a_profile) {
    const auto folder = Temporary();
    std::ofstream(folder / "c.toml") << "data = \"bars-and-stripes:3\"\nhidden = 6\nepochs = 3\nbatch_size = 5\nais_runs = 10\n"
                                        "ais_betas = 20\nprofile = true\n";
    BOOST_TEST(has(run_program(folder, "train c.toml --output run").out, "\n  negative "));
    BOOST_TEST(summary(folder)["profile"]["updates"] == 9);
    BOOST_TEST(has(run_program(folder, "resume run --epochs 5").out, "\n  negative "));
    BOOST_TEST(summary(folder)["profile"]["updates"] == 6);
    BOOST_TEST(!has(run_program(folder, "train c.toml --output run --overwrite --profile=false").out, "\n  negative "));
    const auto answer = run_program(folder, "resume run --epochs 4 --profile");
    BOOST_TEST(has(answer.out, "\n  negative "), answer.err);
    BOOST_TEST(summary(folder)["profile"]["updates"] == 3);
    check_sum(summary(folder)["profile"]);
    BOOST_TEST(has(contents(folder / "run/config.toml"), "profile = true\n"));
    // Nothing is left to train.
    const auto nothing = run_program(folder, "resume run");
    BOOST_TEST(nothing.status == 0, nothing.err);
    BOOST_TEST(summary(folder)["profile"]["updates"] == 0);
    BOOST_TEST(summary(folder)["profile"]["floor_seconds"].is_null());
}

BOOST_AUTO_TEST_CASE(pretraining_is_a_phase_of_its_own) {
    const auto folder = Temporary();
    const auto answer = run_program(folder,
                                    "train --data bars-and-stripes:3 --layers 9,6,4 --pretrain --pretrain-epochs 300 --epochs 3 "
                                    "--ais-runs 10 --ais-betas 20 --output run --profile");
    BOOST_REQUIRE_MESSAGE(answer.status == 0, answer.err);
    const auto profile = summary(folder)["profile"];
    check_sum(profile);
    BOOST_TEST(has(answer.out, "\n  pretraining "));
    BOOST_TEST(profile.at("pretraining").get<double>() > profile.at("positive").get<double>());
    BOOST_TEST(profile.at("updates") == 3);
}
