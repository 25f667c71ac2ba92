// nbm report and nbm compare: what the pages say, and that nothing in a run can harm them.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "helpers.hpp"
#include "program_json.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

auto write(const fs::path& path, const std::string& text) -> void {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

auto count(const std::string& text, std::string_view part) -> std::size_t {
    auto result = std::size_t{0};
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) { ++result; }
    return result;
}

/// The page of a run.
auto report_of(const Temporary& folder, const std::string& run) -> std::string {
    const auto answer = run_program(folder, "report '" + run + "'");
    BOOST_TEST_CONTEXT(answer.err) { BOOST_TEST(answer.status == 0); }
    BOOST_TEST(answer.out == "report in " + run + "/report.html\n");
    return contents(folder / run / "report.html");
}

/// What the script of a page reads.
auto data_of(const std::string& page) -> nlohmann::json {
    constexpr auto begin = std::string_view(R"(<script type="application/json" id="data">)");
    const auto from = page.find(begin) + begin.size();
    return nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
}

/// The bytes of the n-th picture of a page.
auto picture_in(const std::string& page, std::size_t n, const std::string& kind = "png") -> std::string {
    const auto begin = "data:image/" + kind + ";base64,";
    auto at = std::size_t{0};
    for (std::size_t k = 0; k <= n; ++k) {
        at = page.find(begin, at);
        if (at == std::string::npos) { return {}; }
        at += begin.size();
    }
    auto bytes = std::string{};
    auto word = 0U;
    auto bits = 0U;
    for (; page[at] != '"' && page[at] != '='; ++at) {
        const auto c = page[at];
        const auto digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                           : c >= 'a' && c <= 'z' ? c - 'a' + 26
                           : c >= '0' && c <= '9' ? c - '0' + 52
                           : c == '+'             ? 62
                                                  : 63;
        word = word << 6U | static_cast<unsigned>(digit);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes += static_cast<char>(word >> bits & 255U);
        }
    }
    return bytes;
}

/// A sheet that no compression makes smaller.
auto write_noise(const fs::path& path, std::size_t side) -> void {
    auto image = nbm::Image{.height = side, .width = side, .pixels = {}};
    auto state = std::uint32_t{1};
    for (std::size_t k = 0; k != side * side; ++k) {
        state = state * 1664525U + 1013904223U;
        image.pixels.push_back(static_cast<std::uint8_t>(state >> 24U));
    }
    nbm::write_png(image, path);
}

auto estimate(double value, double low, double high, double error) -> nlohmann::json {
    return {{"value", value}, {"low", low}, {"high", high}, {"standard_error", error}};
}

/// A run of a machine 784-300: log Z 500, its standard error 0.1.
auto write_run(const fs::path& run, double train, double test, double half = 0.3, bool trusted = true) -> void {
    write(run / "config.toml", "data = \"digits\"\nhidden = 300\nepochs = 3\ntrainer = \"pcd\"\nsteps = 5\nseed = 1\n");
    write(run / "history.csv", "epoch,cost,val_cost\r\n1,3,4\r\n2,2,3\r\n3,1,2\r\n");
    auto z = estimate(500, 500 - half, 500 + half, 0.1);
    z["effective_sample_size"] = 80.25;
    z["largest_weight_share"] = 0.05;
    z["log_weight_variance"] = 0.21;
    z["trustworthy"] = trusted;
    z["verdict"] = trusted ? "all is well" : "too few inverse temperatures";
    const auto summary = nlohmann::json{{"log_z", z},
                                        {"train_log_prob", estimate(train, train - half, train + half, 0.5)},
                                        {"test_log_prob", estimate(test, test - half, test + half, 0.7)},
                                        {"seconds", 75},
                                        {"command", "nbm train --hidden 300"}};
    write(run / "summary.json", summary.dump());
}

/// A history with a likelihood in each epoch.
auto write_curve(const fs::path& run, const std::vector<double>& prob) -> void {
    auto text = std::string("epoch,cost,val_prob,val_prob_low,val_prob_high\n");
    for (std::size_t k = 0; k != prob.size(); ++k) {
        text += std::to_string(k + 1) + ",0," + std::to_string(prob[k]) + "," + std::to_string(prob[k] - 0.1) + "," +
                std::to_string(prob[k] + 0.1) + "\n";
    }
    write(run / "history.csv", text);
}

constexpr auto quick = "train --data bars-and-stripes:3 --hidden 4 --epochs 5 --ais-runs 60 --ais-betas 100 --output run";

}  // namespace

BOOST_AUTO_TEST_CASE(a_page_tells_what_the_files_of_a_run_say) {
    const auto folder = Temporary();
    BOOST_TEST(run_program(folder, quick).status == 0);
    const auto page = report_of(folder, "run");
    BOOST_TEST(page.size() < 5'000'000U);
    BOOST_TEST(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    // Nothing is fetched.
    for (const auto* part : {"src=\"http", "href=\"http", "url(", "@import", "<link rel=\"stylesheet", "<script src"}) {
        BOOST_TEST(count(page, part) == 0U);
    }
    BOOST_TEST(has(page, "Content-Security-Policy\" content=\"default-src 'none'"));
    // All numbers of the history, to the last digit.
    const auto table = nbm::read_table(folder / "run/history.csv");
    const auto data = data_of(page);
    auto seen = std::size_t{0};
    for (const auto& chart : data) {
        if (chart.at("series").size() != 2) { continue; }
        for (const auto& [k, name] : {std::pair(0, "cost"), std::pair(1, "val_cost")}) {
            const auto& y = chart.at("series").at(static_cast<std::size_t>(k)).at("y");
            BOOST_TEST(y.size() == 5U);
            for (std::size_t i = 0; i != 5; ++i) {
                BOOST_TEST(chart.at("x").at(i) == static_cast<double>(i + 1));
                BOOST_TEST(y.at(i).get<double>() == *table.column(name)[i]);
                ++seen;
            }
        }
    }
    BOOST_TEST(seen == 10U);
    for (const auto* heading :
         {"Summary", "Verdict", "Learning curves", "Samples", "Filters", "Weights", "Reproduce", "Configuration"}) {
        BOOST_TEST(has(page, ">" + std::string(heading) + "</h2>"), heading);
    }
    BOOST_TEST(has(page, "nbm train run/config.toml --output run-again"));
    BOOST_TEST(has(page, "A restricted Boltzmann machine 9\u20134"));
    BOOST_TEST(has(page, "<li class=\"badge\">49 parameters</li>"));  // 9 + 4 + 9 * 4
    auto pictures = std::vector<std::string>{};
    for (std::size_t n = 0; n != count(page, "data:image/png"); ++n) { pictures.push_back(picture_in(page, n)); }
    const auto has_picture = [&](std::initializer_list<const char*> names) {
        return std::ranges::any_of(names, [&](const char* name) {
            return fs::exists(folder / name) && std::ranges::find(pictures, contents(folder / name)) != pictures.end();
        });
    };
    BOOST_TEST(has_picture({"run/samples.png", "run/samples/final.png"}));
    BOOST_TEST(has_picture({"run/filters.png", "run/plots/filters-h1.png"}));
    // The same again replaces it.
    BOOST_TEST(report_of(folder, "run") == page);
    BOOST_TEST(run_program(folder, "report run --output other/page.html").status == 0);
    BOOST_TEST(contents(folder / "other/page.html") == page);
}

BOOST_AUTO_TEST_CASE(likelihoods_are_told_with_their_error_bars_and_judged) {
    const auto folder = Temporary();
    write_run(folder / "a", -90, -97.25);
    auto page = report_of(folder, "a");
    for (const auto* part : {"\u221297.25", "\u221297.55 to \u221296.95", "\u221290.00", "log Z can be trusted", "All is well.",
                             "Effective sample size 80.2", "1 min 15 s", "nbm train --hidden 300"}) {
        BOOST_TEST(has(page, part), part);
    }
    // The rows alone: sqrt(0.5^2 - 0.1^2) and sqrt(0.7^2 - 0.1^2), so 3 sqrt(0.24 + 0.48) = 2.546.
    BOOST_TEST(has(page, "7.25 nats above that of the test rows (\u00B1 2.55,"));
    BOOST_TEST(has(page, "A gap between training and test rows"));
    write_run(folder / "a", -95, -97.25, 0.3, false);
    page = report_of(folder, "a");
    BOOST_TEST(has(page, "No sign of overfitting"));  // 2.25 < 2.55
    BOOST_TEST(has(page, "Do not trust log Z yet"));
    BOOST_TEST(has(page, "Too few inverse temperatures."));
    write_run(folder / "a", -50, -97.25);
    BOOST_TEST(has(report_of(folder, "a"), "The machine overfits"));
    BOOST_TEST(!has(page, "lower bound"));

    auto summary = nlohmann::json::parse(contents(folder / "a/summary.json"));
    summary["train_bound"] = summary["train_log_prob"];
    summary["test_bound"] = summary["test_log_prob"];
    summary["test_bound"]["low"] = nullptr;
    summary.erase("train_log_prob");
    summary.erase("test_log_prob");
    write(folder / "a/summary.json", summary.dump());
    page = report_of(folder, "a");
    BOOST_TEST(has(page, "Test lower bound"));
    BOOST_TEST(has(page, "The log-probabilities are lower bounds"));
    BOOST_TEST(has(page, "\u2212\u221E to \u221296.95"));
    BOOST_TEST(!has(page, "Test log-probability"));
}

BOOST_AUTO_TEST_CASE(curves_are_judged) {
    const auto folder = Temporary();
    write(folder / "a/config.toml", "epochs = 12\n");
    const auto claim = [&](const std::vector<double>& prob) {
        write_curve(folder / "a", prob);
        return report_of(folder, "a");
    };
    BOOST_TEST(has(claim({-200, -180, -160, -150, -140, -130, -120, -110, -100, -90, -80, -70}), "Training has not converged"));
    BOOST_TEST(
        has(claim({-200, -150, -120, -110, -101, -100.4, -100.2, -100.1, -100, -100, -100, -100}), "The curves have levelled off"));
    const auto fallen = claim({-200, -150, -120, -110, -101, -100, -105, -110, -120, -130, -140, -150});
    BOOST_TEST(has(fallen, "The curves got worse again"));
    BOOST_TEST(has(fallen, "best after epoch 6 (\u2212100.00 nats) and has fallen by 50.00 nats"));
    // Early stopping that has put back its best epoch did no harm.
    write_run(folder / "a", -90, -91);
    auto summary = nlohmann::json::parse(contents(folder / "a/summary.json"));
    summary["outcome"] = "stopped";
    write(folder / "a/summary.json", summary.dump());
    write(folder / "a/config.toml", "[[callbacks]]\ntype = \"early_stopping\"\nmonitor = \"val_prob\"\nrestore_best = true\n");
    BOOST_TEST(has(claim({-200, -150, -120, -110, -101, -100, -105, -110, -120, -130, -140, -150}), "The best epoch was put back"));
    BOOST_TEST(has(claim({-200, -150}), "Too few values"));
    write(folder / "a/history.csv", "epoch,cost\n1,2\n2,nan\n");
    BOOST_TEST(has(report_of(folder, "a"), "The training diverged"));
}

BOOST_AUTO_TEST_CASE(nothing_in_a_run_can_harm_the_page) {
    const auto folder = Temporary();
    const auto run = std::string("a<b>&\"c");
    const auto evil = std::string("</script><script>alert(1)</script><!--");
    write_run(folder / run, -90, -97);
    write(folder / run / "history.csv", "epoch,cost,\"" + evil + "\",\xFF\xFE\n1,2,3,4\n2,3,4,5\n");
    write(folder / run / "config.toml", "data = \"<img src=x onerror=alert(1)> & 'co' \\\"\"\nepochs = 2\n# " + evil + "\n");
    auto summary = nlohmann::json::parse(contents(folder / run / "summary.json"));
    summary["command"] = "nbm train '" + evil + "'";
    summary["log_z"]["verdict"] = evil;
    summary["environment"] = {{evil, "<b>"}, {"blas", {{"name", "&amp;"}}}};
    write(folder / run / "summary.json", summary.dump());
    write(folder / run / "ais.json", R"({"log_weights": [1, 2, null], "positions": [0, 1], "effective_sample_size": [3, 2.5]})");
    const auto page = report_of(folder, run);
    BOOST_TEST(count(page, "<script") == 2U);
    BOOST_TEST(count(page, "</script") == 2U);
    BOOST_TEST(count(page, "<!--") == 0U);
    BOOST_TEST(count(page, "<img src=x") == 0U);
    BOOST_TEST(count(page, "<b>\"") == 0U);
    BOOST_TEST(has(page, "&lt;img src=x onerror=alert(1)&gt; &amp; &#39;co&#39;"));
    BOOST_TEST(has(page, "a&lt;b&gt;&amp;&quot;"));
    BOOST_TEST(has(page, "<dd>&amp;amp;</dd>"));
    auto titles = std::vector<std::string>{};
    for (const auto& chart : data_of(page)) { titles.push_back(chart.at("series").at(0).at("name")); }
    BOOST_TEST(std::ranges::count(titles, evil) == 1);
    BOOST_TEST(std::ranges::count(titles, "\uFFFD\uFFFD") == 1);
    BOOST_TEST(run_program(folder, "compare '" + run + "' '" + run + "/../" + run + "/' --output c.html").status == 2);
    write_run(folder / "b", -90, -98);
    BOOST_TEST(run_program(folder, "compare '" + run + "' b --output c.html").status == 0);
    const auto both = contents(folder / "c.html");
    BOOST_TEST(count(both, "<script") == 2U);
    BOOST_TEST(count(both, "<!--") == 0U);
}

BOOST_AUTO_TEST_CASE(runs_that_lack_files_have_pages) {
    const auto folder = Temporary();
    write(folder / "a/config.toml", "hidden = 3\nepochs = 7\nstarted = 2020-01-01\n");
    BOOST_TEST(has(report_of(folder, "a"), "No likelihood was estimated"));
    write(folder / "a/history.csv", "epoch,cost\n");
    BOOST_TEST(has(report_of(folder, "a"), "No epoch is recorded"));
    fs::remove(folder / "a/config.toml");
    write(folder / "a/history.csv", "epoch,cost\n1,2\n2,3");
    write(folder / "a/samples.png", "no picture");
    write(folder / "a/weights.h5", "no weights");
    const auto page = report_of(folder, "a");
    BOOST_TEST(has(page, "samples.png is left out: it is damaged."));
    BOOST_TEST(has(page, "The weights are left out: "));
    BOOST_TEST(has(page, "unfinished"));
    BOOST_TEST(!has(page, "<h2 id=\"configuration-heading\">"));

    // Old names, and the new ones, which count where both are there.
    write_noise(folder / "a/samples.png", 30);
    write_noise(folder / "a/filters.png", 31);
    auto both = report_of(folder, "a");
    BOOST_TEST(picture_in(both, 0) == contents(folder / "a/samples.png"));
    BOOST_TEST(picture_in(both, 1) == contents(folder / "a/filters.png"));
    write_noise(folder / "a/samples/final.png", 32);
    write_noise(folder / "a/samples/epoch-0010.png", 33);
    write_noise(folder / "a/samples/epoch-0009.png", 34);
    write_noise(folder / "a/plots/filters-h1.png", 35);
    write_noise(folder / "a/plots/filters-h2.png", 36);
    write(folder / "a/samples/film.gif", "GIF89a\x02" + std::string("\0\x03\0", 3) + std::string(10, 'x') + ";");
    both = report_of(folder, "a");
    auto n = std::size_t{0};
    for (const auto* name : {"samples/final", "samples/epoch-0009", "samples/epoch-0010", "plots/filters-h1", "plots/filters-h2"}) {
        BOOST_TEST((picture_in(both, n++) == contents(folder / "a" / (std::string(name) + ".png"))), name);
    }
    BOOST_TEST(count(both, "data:image/png") == 5U);
    BOOST_TEST(picture_in(both, 0, "gif") == contents(folder / "a/samples/film.gif"));
    BOOST_TEST(has(both, "width=\"2\" height=\"3\" alt=\"A film"));
}

BOOST_AUTO_TEST_CASE(pages_stay_small) {
    const auto folder = Temporary();
    write_run(folder / "a", -90, -97);
    write_noise(folder / "a/samples/final.png", 2000);  // 4 MB
    for (auto epoch = 1; epoch <= 30; ++epoch) {
        write_noise(folder / "a/samples" / ("epoch-" + std::to_string(1000 + epoch) + ".png"), 400);
    }
    auto history = std::string("epoch");
    for (auto metric = 0; metric != 100; ++metric) { history += ",m" + std::to_string(metric); }
    for (auto epoch = 1; epoch <= 2000; ++epoch) {
        history += "\n" + std::to_string(epoch);
        for (auto metric = 0; metric != 100; ++metric) { history += "," + std::to_string(metric * 0.1 + epoch / 7.0); }
    }
    write(folder / "a/history.csv", history + "\n");
    const auto page = report_of(folder, "a");
    BOOST_TEST(page.size() < 5'000'000U);
    BOOST_TEST(has(page, "samples/final.png is shown smaller than it is"));
    BOOST_TEST(has(page, "of 30 sheets are in this page"));
    BOOST_TEST(has(page, "epoch 1001<"));  // the first and the last sheet are always there
    BOOST_TEST(has(page, "epoch 1030<"));
    BOOST_TEST(has(page, "60 more metrics are in history.csv"));
    for (const auto& chart : data_of(page)) {
        BOOST_TEST(chart.at("x").front() == 1.0);
        BOOST_TEST(chart.at("x").back() == 2000.0);
        BOOST_TEST(chart.at("x").size() <= 600U);
    }
}

BOOST_AUTO_TEST_CASE(wrong_input_is_refused) {
    const auto folder = Temporary();
    write_run(folder / "run1", -90, -97);
    refuse_program(folder, "report run2", {"run2: there is no such run folder", "did you mean 'run1'?"});
    refuse_program(folder, "report run1/config.toml", {"is a file; the folder of a run is needed"});
    fs::create_directories(folder / "empty");
    refuse_program(folder, "report empty", {"empty: is no run folder", "config.toml"});
    write(folder / "notes.txt", "mine");
    refuse_program(folder, "report run1 --output notes.txt", {"notes.txt: exists and is no page that nbm wrote"});
    BOOST_TEST(contents(folder / "notes.txt") == "mine");
    refuse_program(folder, "report run1 --output empty", {"empty: is a folder"});
    const auto damaged = [&](const std::string& name, const std::string& text, const std::vector<std::string>& parts) {
        const auto path = folder / "run1" / name;
        const auto before = contents(path);
        write(path, text);
        refuse_program(folder, "report run1", parts);
        before.empty() ? static_cast<void>(fs::remove(path)) : write(path, before);
    };
    damaged("history.csv", "epoch,cost\n1,2,3\n", {"run1/history.csv: line 2 has 3 fields"});
    damaged("history.csv", "step,cost\n1,2\n", {"run1/history.csv: is damaged", "'epoch'"});
    damaged("history.csv", "epoch,cost\n2,2\n1,2\n", {"run1/history.csv: is damaged: row 2"});
    damaged("summary.json", "{\"log_z\": ", {"run1/summary.json: is damaged: no JSON"});
    damaged("summary.json", "{\"seconds\": 1e999}", {"run1/summary.json: is damaged: it has a number"});
    damaged("summary.json", "[1]", {"run1/summary.json: is damaged: no JSON object"});
    damaged("summary.json", "{\"log_z\": {\"value\": \"big\"}}", {"run1/summary.json: is damaged: value in log_z is no number"});
    damaged("ais.json", "{\"positions\": [1], \"effective_sample_size\": []}", {"run1/ais.json: is damaged: 1 positions"});
    damaged("config.toml", "hidden = = 3\n", {"run1/config.toml:1"});
    BOOST_TEST(!fs::exists(folder / "run1/report.html"));
    refuse_program(folder, "report", {"run"});
    refuse_program(folder, "compare run1", {"at least two runs"});
    refuse_program(folder, "compare run1 ./run1/", {"are the same run"});
    refuse_program(folder, "compare run1 run3", {"run3: there is no such run folder"});
    BOOST_TEST(!fs::exists(folder / "compare.html"));
}

BOOST_AUTO_TEST_CASE(runs_are_compared_within_their_error_bars) {
    const auto folder = Temporary();
    write_run(folder / "a", -90, -97.5, 0.3);
    write_run(folder / "b", -90, -96.9, 0.3);
    write(folder / "b/config.toml", "data = \"digits\"\nhidden = 500\nepochs = 3\ntrainer = \"pcd\"\nsteps = 5\nseed = 1\n");
    auto json = json_of(folder, "compare a b");
    BOOST_TEST(json.at("best") == "b");
    BOOST_TEST(json.at("split") == "test");
    // 0.6 against sqrt(0.3^2 + 0.3^2) = 0.424
    BOOST_TEST(json.at("beyond_error_bars") == true);
    BOOST_TEST(json.at("runs").at(0).at("below_best").at("value").get<double>() == 0.6, boost::test_tools::tolerance(1e-9));
    BOOST_TEST(json.at("runs").at(0).at("below_best").at("bar").get<double>() == std::sqrt(0.18),
               boost::test_tools::tolerance(1e-9));
    BOOST_TEST(json.at("runs").at(1).at("below_best").is_null());
    BOOST_TEST((json.at("runs").at(0).at("settings") == nlohmann::json{{"hidden", "300"}}));
    BOOST_TEST((json.at("runs").at(1).at("settings") == nlohmann::json{{"hidden", "500"}}));
    BOOST_TEST(json.at("output") == "compare.html");
    const auto page = contents(folder / "compare.html");
    BOOST_TEST(has(page, "b is best"));
    BOOST_TEST(data_of(page).at("curve1").at("series").size() == 2U);
    BOOST_TEST(data_of(page).at("curve1").at("series").at(1).at("name") == "b");

    refuse_program(folder, "compare a b", {"compare.html: exists", "--overwrite"});
    refuse_program(folder, "compare a b --output a/history.csv --overwrite",
                   {"a/history.csv: exists and is no page that nbm wrote"});
    write_run(folder / "a", -90, -97.2, 0.3);
    const auto table = run_program(folder, "compare a b --overwrite").out;
    BOOST_TEST(has(table, "hidden   300"));
    BOOST_TEST(has(table, "-96.90 [-97.20, -96.60] *"));
    BOOST_TEST(has(table, "b and a cannot be told apart"));  // 0.3 < 0.424
    BOOST_TEST(has(contents(folder / "compare.html"), "cannot be told apart"));

    write_run(folder / "a", -90, -99, 0.3, false);
    json = json_of(folder, "compare a b --overwrite");
    BOOST_TEST(has(json.at("conclusions").dump(), "Not every log Z can be trusted"));
    // A bound far below may still be of the better machine.
    const auto make_bound = [&](const std::string& run) {
        auto summary = nlohmann::json::parse(contents(folder / run / "summary.json"));
        summary["test_bound"] = summary["test_log_prob"];
        summary.erase("test_log_prob");
        write(folder / run / "summary.json", summary.dump());
    };
    make_bound("a");
    json = json_of(folder, "compare a b --overwrite");
    BOOST_TEST(json.at("best") == "b");
    BOOST_TEST(json.at("beyond_error_bars") == false);
    // So may that of two bounds.
    make_bound("b");
    json = json_of(folder, "compare a b --overwrite");
    BOOST_TEST(json.at("best") == "b");
    BOOST_TEST(json.at("beyond_error_bars") == false);
    // Other thresholds make other rows.
    write(folder / "a/config.toml", "data = \"digits\"\nbinarise = \"threshold\"\nthreshold = 0.3\n");
    write(folder / "b/config.toml", "data = \"digits\"\nbinarise = \"threshold\"\nthreshold = 0.9\n");
    BOOST_TEST(json_of(folder, "compare a b --overwrite").at("best").is_null());
    // Other data, other rows: nothing is best.
    write(folder / "b/config.toml", "data = \"bars-and-stripes:4\"\n");
    json = json_of(folder, "compare a b --overwrite");
    BOOST_TEST(json.at("best").is_null());
    BOOST_TEST(has(json.at("conclusions").dump(), "cannot be compared"));
    fs::remove(folder / "a/summary.json");
    BOOST_TEST(has(run_program(folder, "compare a b --overwrite").out, "There is nothing to compare yet"));
}
