// Likelihoods of machines that are there already, as the program tells them: against the library and enumeration.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "helpers.hpp"
#include "program_json.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

#include "filled_machine.hpp"

namespace {

namespace fs = std::filesystem;
namespace tt = boost::test_tools;

constexpr auto quick =
    "train --data bars-and-stripes:2 --hidden 3 --epochs 20 --batch-size 2 --ais-runs 20 --ais-betas 50 --seed 3 --output run";

auto mean_of(const nbm::Vector<double>& values) -> double {
    auto sum = 0.0;
    for (const auto x : values) { sum += x; }
    return sum / static_cast<double>(values.size());
}

/// The second column of a CSV file; the first one counts the rows.
auto values_of(const Temporary& folder, const std::string& csv, const std::string& name) -> std::vector<double> {
    std::ofstream(folder / "values.csv") << csv;
    const auto table = nbm::read_table(folder / "values.csv");
    BOOST_TEST(table.names == (std::vector<std::string>{"row", name}), tt::per_element());
    auto values = std::vector<double>{};
    for (std::size_t r = 0; r != table.rows(); ++r) {
        BOOST_TEST(table.columns[0][r].value() == static_cast<double>(r));
        values.push_back(table.columns[1][r].value());
    }
    return values;
}

auto check_equal(const std::vector<double>& found, const nbm::Vector<double>& expected) -> void {
    BOOST_TEST_REQUIRE(found.size() == expected.size());
    for (std::size_t r = 0; r != found.size(); ++r) { BOOST_TEST(found[r] == expected[r]); }
}

/// What both `nbm train` and `nbm ais` print in the end.
auto likelihood_lines(const std::string& out) -> std::string {
    const auto begin = out.find("estimating log Z");
    const auto end = out.find(" s; results in");
    auto lines = out.substr(begin, end == std::string::npos ? end : out.rfind('\n', end) + 1 - begin);
    // That of the validation rows is told by `nbm ais` alone.
    if (const auto valid = lines.find("valid log-prob"); valid != std::string::npos) {
        lines.erase(valid, lines.find('\n', valid) + 1 - valid);
    }
    return lines;
}

/// Three rows of a machine's four visible units, without a test split.
auto write_rows(const fs::path& path) -> nbm::Matrix<float> {
    auto rows = nbm::zero_matrix<float>(3, 4);
    rows(1, 2) = rows(2, 0) = rows(2, 3) = 1;
    nbm::write_npz<float>(path, {{"train.data", rows}});
    return rows;
}

}  // namespace

BOOST_AUTO_TEST_CASE(exact_values_are_those_of_the_enumeration) {
    const auto folder = Temporary();
    const auto rows = nbm::bars_and_stripes<float>(2).train;
    for (const auto& topology : {nbm::Topology({4, 3}), nbm::Topology({4, 3, 2}), nbm::Topology({4, 2, 3, 2})}) {
        const auto dbm = filled_machine<float>(topology);
        nbm::save_weights(dbm, folder / "m.h5");
        const auto json = json_of(folder, "exact m.h5 --data bars-and-stripes:2");
        BOOST_TEST(json.at("topology") == topology.describe());
        BOOST_TEST(json.at("log_z").at("value") == nbm::exact_log_z(dbm));
        const auto log_probabilities = nbm::exact_log_probability(dbm, rows);
        const auto mean = mean_of(log_probabilities);
        auto variance = 0.0;
        for (const auto x : log_probabilities) { variance += (x - mean) * (x - mean) / 5; }
        for (const auto* split : {"train_log_prob", "valid_log_prob", "test_log_prob"}) {
            BOOST_TEST(json.at(split).at("value").get<double>() == mean, tt::tolerance(1e-12));
            BOOST_TEST(json.at(split).at("standard_error").get<double>() == std::sqrt(variance / 6), tt::tolerance(1e-9));
        }
        const auto alone = json_of(folder, "exact m.h5");
        BOOST_TEST(alone.at("log_z") == json.at("log_z"));
        BOOST_TEST(alone.at("data").is_null());
        BOOST_TEST(!alone.contains("train_log_prob"));
    }
}

BOOST_AUTO_TEST_CASE(a_run_folder_gives_data_and_options) {
    const auto folder = Temporary();
    const auto training = run_program(folder, quick);
    BOOST_TEST(training.status == 0);
    const auto dbm = nbm::load_weights<float>(folder / "run/weights/final.h5");
    const auto exact = json_of(folder, "exact run");
    BOOST_TEST(exact.at("log_z").at("value") == nbm::exact_log_z(dbm));
    BOOST_TEST(exact.at("data") == "bars-and-stripes:2");
    const auto summary = nlohmann::json::parse(contents(folder / "run/summary.json"));
    const auto ais = json_of(folder, "ais run");
    for (const auto* key : {"log_z", "train_log_prob", "test_log_prob", "seed"}) { BOOST_TEST(ais.at(key) == summary.at(key)); }
    BOOST_TEST(ais.at("valid_log_prob") == ais.at("train_log_prob"));  // the same rows
    BOOST_TEST(!summary.contains("valid_log_prob"));
    BOOST_TEST(has(likelihood_lines(training.out), "train log-probability"));
    BOOST_TEST(likelihood_lines(run_program(folder, "ais run").out) == likelihood_lines(training.out));
    // What is typed wins.
    const auto typed = json_of(folder, "ais run --ais-betas 70 --seed 4 --data bars-and-stripes:2");
    const auto expected =
        nbm::AIS<float>(dbm, nbm::bars_and_stripes<float>(2).train, {.runs = 20, .betas = nbm::three_piece(70), .seed = 4})
            .run_log_z();
    BOOST_TEST(typed.at("log_z").at("value") == expected.value);
    BOOST_TEST(typed.at("log_z").at("high") == expected.high);
    BOOST_TEST(typed.at("seed") == 4);
    // The whole configuration is checked, not only what the command uses.
    const auto config = contents(folder / "run/config.toml");
    std::ofstream(folder / "run/config.toml") << "stepz = 2\n" << config;
    refuse_program(folder, "ais run", {"run/config.toml:1: unknown key 'stepz'", "did you mean 'steps'"});
}

BOOST_AUTO_TEST_CASE(ais_needs_no_data_and_bounds_deep_machines) {
    const auto folder = Temporary();
    const auto rbm = filled_machine<float>({4, 3});
    nbm::save_weights(rbm, folder / "rbm.h5");
    const auto alone = json_of(folder, "ais rbm.h5 --ais-runs 30 --ais-betas 40 --ais-schedule linear");
    const auto expected = nbm::AIS<float>(rbm, {.runs = 30, .betas = nbm::linear(40), .base = nbm::Base::mean_field}).run_log_z();
    BOOST_TEST(alone.at("log_z").at("value") == expected.value);
    BOOST_TEST(alone.at("log_z").at("trustworthy") == expected.trustworthy().yes);
    BOOST_TEST(alone.at("train_log_prob").is_null());
    BOOST_TEST(!has(run_program(folder, "ais rbm.h5 --ais-runs 30 --ais-betas 40").out, "log-probability"));
    const auto dbm = filled_machine<float>({4, 3, 2});
    nbm::save_weights(dbm, folder / "dbm.h5");
    const auto rows = nbm::bars_and_stripes<float>(2).train;
    const auto deep = json_of(folder, "ais dbm.h5 --data bars-and-stripes:2 --ais-runs 30 --ais-betas 40");
    const auto log_z = nbm::AIS<float>(dbm, rows, {.runs = 30, .betas = nbm::three_piece(40)}).run_log_z();
    BOOST_TEST(deep.at("test_bound").at("value") == nbm::variational_bound(dbm, rows, log_z).value);
    BOOST_TEST(deep.at("valid_bound").at("low") == nbm::variational_bound(dbm, rows, log_z).low);
}

BOOST_AUTO_TEST_CASE(each_row_has_its_log_probability) {
    const auto folder = Temporary();
    const auto rows = write_rows(folder / "rows.npz");
    const auto rbm = filled_machine<float>({4, 3});
    nbm::save_weights(rbm, folder / "rbm.h5");
    const auto printed = run_program(folder, "loglik rbm.h5 --data rows.npz");
    BOOST_TEST(printed.status == 0);
    BOOST_TEST(has(printed.err, "log Z"));
    BOOST_TEST(has(printed.err, "by enumeration"));
    const auto values = values_of(folder, printed.out, "log_prob");
    check_equal(values, nbm::log_probabilities(rbm, rows, nbm::exactly(nbm::exact_log_z(rbm))));
    const auto truth = nbm::exact_log_probability(rbm, rows);
    for (std::size_t r = 0; r != 3; ++r) { BOOST_TEST(values[r] == truth[r], tt::tolerance(1e-5)); }
    BOOST_TEST(run_program(folder, "loglik rbm.h5 --data rows.npz --output out/rows.csv").status == 0);
    BOOST_TEST(contents(folder / "out/rows.csv") == printed.out);
    // By AIS when asked.
    const auto estimated = run_program(folder, "loglik rbm.h5 --data rows.npz --log-z ais --ais-runs 10 --ais-betas 9");
    BOOST_TEST(has(estimated.err, "by AIS"));
    BOOST_TEST(has(estimated.err, "do not trust log Z yet"));
    const auto log_z = nbm::AIS<float>(rbm, rows, {.runs = 10, .betas = nbm::three_piece(9)}).run_log_z();
    check_equal(values_of(folder, estimated.out, "log_prob"), nbm::log_probabilities(rbm, rows, log_z));
}

BOOST_AUTO_TEST_CASE(log_z_of_large_machines_is_estimated) {
    const auto folder = Temporary();
    const auto rbm = filled_machine<float>({27, 27});
    nbm::save_weights(rbm, folder / "m.h5");
    auto rows = nbm::zero_matrix<float>(2, 27);
    rows(1, 5) = 1;
    nbm::write_npz<float>(folder / "rows.npz", {{"train.data", rows}});
    const auto answer = run_program(folder, "loglik m.h5 --data rows.npz --ais-runs 10 --ais-betas 20");
    BOOST_TEST(has(answer.err, "by AIS"));
    const auto log_z = nbm::AIS<float>(rbm, rows, {.runs = 10, .betas = nbm::three_piece(20)}).run_log_z();
    check_equal(values_of(folder, answer.out, "log_prob"), nbm::log_probabilities(rbm, rows, log_z));
}

BOOST_AUTO_TEST_CASE(each_row_of_a_deep_machine_has_a_bound) {
    const auto folder = Temporary();
    const auto dbm = filled_machine<float>({4, 3, 2});
    nbm::save_weights(dbm, folder / "dbm.h5");
    const auto rows = nbm::bars_and_stripes<float>(2).test;
    const auto bounds = values_of(folder, run_program(folder, "loglik dbm.h5 --data bars-and-stripes:2").out, "bound");
    check_equal(bounds, nbm::variational_bounds(dbm, rows, nbm::exactly(nbm::exact_log_z(dbm))));
    const auto truth = nbm::exact_log_probability(dbm, rows);
    for (std::size_t r = 0; r != bounds.size(); ++r) { BOOST_TEST(bounds[r] <= truth[r] + 1e-5); }
}

BOOST_AUTO_TEST_CASE(splits_are_chosen) {
    const auto folder = Temporary();
    const auto rbm = filled_machine<float>({4, 3});
    nbm::save_weights(rbm, folder / "m.h5");
    auto train = nbm::zero_matrix<float>(1, 4);
    auto test = nbm::zero_matrix<float>(2, 4);
    test(0, 0) = test(1, 1) = 1;
    nbm::write_npz<float>(folder / "rows.npz", {{"train.data", train}, {"test.data", test}});
    const auto log_z = nbm::exactly(nbm::exact_log_z(rbm));
    const auto of = [&](const std::string& more) {
        return values_of(folder, run_program(folder, "loglik m.h5 --data rows.npz " + more).out, "log_prob");
    };
    check_equal(of(""), nbm::log_probabilities(rbm, test, log_z));
    check_equal(of("--split test"), nbm::log_probabilities(rbm, test, log_z));
    check_equal(of("--split train"), nbm::log_probabilities(rbm, train, log_z));
    refuse_program(folder, "loglik m.h5 --data rows.npz --split valid", {"--split valid", "rows.npz", "train, test"});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_estimated_is_refused) {
    const auto folder = Temporary();
    nbm::save_weights(filled_machine<float>({4, 3}), folder / "m.h5");
    nbm::save_weights(nbm::DBM<float>({40, 31}), folder / "large.h5");
    std::ofstream(folder / "there.csv") << "mine";
    fs::create_directory(folder / "folder.csv");
    const auto wrong = std::vector<std::pair<std::string, std::vector<std::string>>>{
        {"exact large.h5", {"large.h5", "40-31", "31 units", "at most 30", "nbm ais"}},
        {"exact m.h5 --data bars-and-stripes:3", {"--data bars-and-stripes:3", "9 values", "m.h5", "4 visible units"}},
        {"exact m.h5 --data digts", {"did you mean 'digits'"}},
        {"exact m.h5 --ais-runs 3", {"unknown option '--ais-runs'"}},
        {"ais m.h5 --ais-base data", {"--ais-base data needs --data", "mean-field"}},
        {"ais m.h5 --ais-path moments", {"--ais-path moments needs --data"}},
        {"ais m.h5 --ais-bse data", {"did you mean '--ais-base'"}},
        {"ais none.h5", {"none.h5: there is no such"}},
        {"loglik m.h5", {"--data is needed"}},
        {"loglik m.h5 --data bars-and-stripes:2 --split tets", {"--split", "did you mean 'test'"}},
        {"loglik m.h5 --data bars-and-stripes:2 --log-z exakt", {"--log-z", "did you mean 'exact'"}},
        {"loglik large.h5 --data bars-and-stripes:2", {"40 visible units"}},
        {"loglik m.h5 --data bars-and-stripes:2 --output there.csv", {"there.csv", "--overwrite"}},
        {"loglik m.h5 --data bars-and-stripes:2 --output folder.csv", {"folder.csv: is a folder"}},
        {"loglik m.h5 --data bars-and-stripes:2 --output /proc/nbm/x.csv", {"/proc/nbm"}}};
    for (const auto& [arguments, parts] : wrong) {
        refuse_program(folder, arguments, parts);
        BOOST_TEST(contents(folder / "stdout") == "", arguments);
    }
    BOOST_TEST(contents(folder / "there.csv") == "mine");
    BOOST_TEST(run_program(folder, "loglik m.h5 --data bars-and-stripes:2 --output there.csv --overwrite").status == 0);
    BOOST_TEST(contents(folder / "there.csv").starts_with("row,log_prob\n0,"));
}
