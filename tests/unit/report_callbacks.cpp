#include <boost/test/unit_test.hpp>

#include <cmath>
#include <sstream>
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

#include "output_helpers.hpp"

namespace {

namespace fs = std::filesystem;
using Values = std::vector<double>;

/// Plots a CSV file without any training.
auto plot_of(const fs::path& folder, const std::string& csv, char separator = ',', const nbm::Logs& logs = {})
    -> std::set<std::string> {
    std::ofstream(folder / "h.csv") << csv;
    fs::remove_all(folder / "plots");
    auto callback = nbm::PlotCallback({.save_folder = folder / "plots", .csv_filepath = folder / "h.csv", .separator = separator});
    auto record = logs;
    const auto info = nbm::TrainInfo(record);
    callback.on_train_begin(info);
    callback.on_train_end(info);
    auto names = std::set<std::string>{};
    if (!fs::exists(folder / "plots")) { return names; }
    for (const auto& path : files_in(folder / "plots")) { names.insert(path.filename().string()); }
    return names;
}

/// PNG and PDF of each.
auto both(const std::vector<std::string>& names) -> std::set<std::string> {
    auto result = std::set<std::string>{};
    for (const auto& name : names) {
        result.insert(name + ".png");
        result.insert(name + ".pdf");
    }
    return result;
}

/// Whether the PNG is what this plot draws.
auto shows(const fs::path& png, const nbm::Plot& plot) -> bool {
    const auto folder = Temporary();
    nbm::write_plot(plot, folder / "expected");
    return contents(png) == contents(folder / "expected.png");
}

/// Metrics with the given values in epochs 1, 2, ...; NaN stands for absent.
struct Values3 {
    Values up, down, plain;
    std::vector<nbm::MetricId> ids = {};
    void setup(nbm::SetupInfo& info) {
        ids = {
            info.logs().declare({.name = "up", .unit = "nat", .better = nbm::Better::higher, .low = "up_low", .high = "up_high"}),
            info.logs().declare({.name = "up_low", .unit = "nat", .better = nbm::Better::higher}),
            info.logs().declare({.name = "up_high", .unit = "nat", .better = nbm::Better::higher}),
            info.logs().declare({.name = "down", .unit = "", .better = nbm::Better::lower}), info.logs().declare({"plain"})};
    }
    void on_epoch_end(nbm::EpochInfo& info) {
        const auto set = [&](std::size_t i, const Values& values, double offset) {
            const auto value = values.at(info.epoch);
            if (!std::isnan(value)) { info.logs().set(ids[i], value + offset); }
        };
        set(0, up, 0.0);
        set(1, up, -1.0);
        set(2, up, 1.0);
        set(3, down, 0.0);
        set(4, plain, 0.0);
    }
};

constexpr auto absent = std::numeric_limits<double>::quiet_NaN();

/// Calls a function with each update.
struct Each {
    std::function<nbm::Flow(const nbm::BatchInfo&)> call;
    auto on_batch_end(const nbm::BatchInfo& info) const -> nbm::Flow { return call(info); }
};

struct Warner {
    void on_train_begin(nbm::TrainInfo& info) { info.warn("the machine is lukewarm"); }
};

/// The lines of a summary that begin with `what`, with runs of spaces as one.
auto line_of(const fs::path& path, const std::string& what) -> std::string {
    for (const auto& line : lines_of(path)) {
        if (!line.starts_with(what + " ")) { continue; }
        auto result = std::string{};
        for (const auto c : line) {
            if (c != ' ' || result.back() != ' ') { result += c; }
        }
        return result;
    }
    return "none";
}

}  // namespace

BOOST_AUTO_TEST_CASE(plots_are_made_of_the_columns_that_are_there) {
    const auto folder = Temporary();
    const auto csv =
        "epoch,cost,val_cost,seconds,pslike,momentum,logz,logz_low,logz_high,free_energy,prob,prob_low,prob_high,"
        "val_free_energy,val_prob,val_prob_low,val_prob_high\n"
        "1,3,4,1,,nan,,,,,,,,,,,\n"
        "2,2,3.5,1,,nan,9,8,10,-20,-3,-4,-2,-18,-4,-5,-3\n"
        "3,1,3,1,,nan,8,7.5,inf,-22,-2,-3,-1,-19,-3.5,-4,-3\n";
    auto logs = nbm::Logs();
    for (const auto* name : {"cost", "logz", "prob", "val_prob", "free_energy"}) { logs.declare({name, "nat"}); }
    // No pslike or momentum: no number in them; no recon or learning rate: no column.
    BOOST_TEST((plot_of(folder.path(), csv, ',', logs) ==
                both({"cost", "free_energy", "logz", "logz_errorbars", "prob", "prob_errorbars"})));
    BOOST_TEST(contents(folder / "plots/cost.pdf").starts_with("%PDF"));
    const auto x = Values{1, 2, 3};
    BOOST_TEST(
        shows(folder / "plots/cost.png", {.title = "Cost",
                                          .x_label = "epoch",
                                          .y_label = "nats",
                                          .curves = {{.label = "training", .x = x, .y = {3, 2, 1}, .low = {}, .high = {}},
                                                     {.label = "validation", .x = x, .y = {4, 3.5, 3}, .low = {}, .high = {}}}}));
    BOOST_TEST(shows(folder / "plots/free_energy.png",
                     {.title = "Free energy, validation minus training rows",
                      .x_label = "epoch",
                      .y_label = "nats",
                      .curves = {{.label = "val_free_energy - free_energy", .x = x, .y = {absent, 2, 3}, .low = {}, .high = {}}}}));
    BOOST_TEST(
        shows(folder / "plots/logz_errorbars.png", {.title = "Log Z, bars of 3 standard errors",
                                                    .x_label = "epoch",
                                                    .y_label = "nats",
                                                    .curves = {{.label = "logz",
                                                                .x = x,
                                                                .y = {absent, 9, 8},
                                                                .low = {absent, 8, 7.5},
                                                                .high = {absent, 10, std::numeric_limits<double>::infinity()}}}}));
    BOOST_TEST(shows(
        folder / "plots/prob_errorbars.png",
        {.title = "Mean log-probability, bars of 3 standard errors",
         .x_label = "epoch",
         .y_label = "nats",
         .curves = {{.label = "training", .x = x, .y = {absent, -3, -2}, .low = {absent, -4, -3}, .high = {absent, -2, -1}},
                    {.label = "validation", .x = x, .y = {absent, -4, -3.5}, .low = {absent, -5, -4}, .high = {absent, -3, -3}}}}));
}

BOOST_AUTO_TEST_CASE(plots_tell_named_estimates_apart) {
    const auto folder = Temporary();
    const auto csv =
        "epoch;cost;logz_fast;logz_low_fast;logz_high_fast;logz_exact_fast;free_energy_fast;prob_fast;prob_low_fast;prob_high_fast;"
        "logz_low;logz_high_x;free_energy_gap;learning_rate;recon\n"
        "1;1;2;1;3;2.5;5;1;0;2;7;7;-1;0.1;[1, 2]\n";
    // A single epoch; only one half of some pairs; the free energy without a validation.
    BOOST_TEST((plot_of(folder.path(), csv, ';') == both({"cost", "learning_rate", "logz_fast", "logz_errorbars_fast", "prob_fast",
                                                          "prob_errorbars_fast", "free_energy_gap"})));
    BOOST_TEST(
        shows(folder / "plots/logz_fast.png", {.title = "Log Z, estimate",
                                               .x_label = "epoch",
                                               .y_label = "",
                                               .curves = {{.label = "logz_fast", .x = {1}, .y = {2}, .low = {}, .high = {}},
                                                          {.label = "exact", .x = {1}, .y = {2.5}, .low = {}, .high = {}}}}));
    // Names of other metrics; ends of error bars are none; nothing overwrites anything.
    BOOST_TEST((plot_of(folder.path(),
                        "epoch,pslike,pslike_low,pslike_high,pslike_s,pslike_low_s,pslike_high_s,recon_s,val_recon_s,"
                        "exact_prob,val_exact_prob,exact_logz,exact_logz_s,free_energy,val_free_energy,"
                        "free_energy_gap,free_energy_gap_s\n1,1,0,2,1,0,2,3,4,-1,-2,5,5,7,9,-3,4\n") ==
                both({"pslike", "pslike_s", "recon_s", "exact_prob", "exact_logz", "exact_logz_s", "free_energy", "free_energy_gap",
                      "free_energy_gap_s"})));
    BOOST_TEST(
        shows(folder / "plots/recon_s.png", {.title = "Reconstruction error",
                                             .x_label = "epoch",
                                             .y_label = "",
                                             .curves = {{.label = "training", .x = {1}, .y = {3}, .low = {}, .high = {}},
                                                        {.label = "validation", .x = {1}, .y = {4}, .low = {}, .high = {}}}}));
    BOOST_TEST((plot_of(folder.path(), "epoch,recon_a/b,recon_a_b\n1,1,2\n") == both({"recon_a_b", "recon_a_b_"})));
    BOOST_TEST(plot_of(folder.path(), "epoch,cost\n").empty());
    BOOST_TEST(plot_of(folder.path(), "epoch,cost\n1,\n").empty());
    const auto refusal = [&](const std::string& text) { return message_of<nbm::Error>([&] { plot_of(folder.path(), text); }); };
    BOOST_TEST(has(refusal("epoch;cost\n1;2\n"), "no column 'epoch'; is ',' its separator?"));
    BOOST_TEST(has(refusal(""), "h.csv"));
}

BOOST_AUTO_TEST_CASE(plots_need_the_file_and_the_program_before_training) {
    const auto folder = Temporary();
    auto updates = 0;
    const auto counting = Each{[&](const auto&) { return ++updates, nbm::Flow::proceed; }};
    auto alone = nbm::CallbackList(counting, nbm::PlotCallback(folder / "p", folder / "h.csv"));
    BOOST_TEST(
        has(message_of<nbm::Error>([&] { train({4, 2}, {.epochs = 1}, alone); }), "a CSVLogger with that filename is needed"));
    auto summary = nbm::CallbackList(counting, nbm::SummaryCallback(folder / "p", folder / "h.csv"));
    BOOST_TEST(
        has(message_of<nbm::Error>([&] { train({4, 2}, {.epochs = 1}, summary); }), "a CSVLogger with that filename is needed"));
    const auto path = std::string(std::getenv("PATH"));
    ::setenv("PATH", folder.path().c_str(), 1);
    auto list = nbm::CallbackList(counting, nbm::CSVLogger(folder / "h.csv"), nbm::PlotCallback(folder / "p", folder / "h.csv"));
    const auto message = message_of<nbm::Error>([&] { train({4, 2}, {.epochs = 1}, list); });
    ::setenv("PATH", path.c_str(), 1);
    BOOST_TEST(has(message, "install the package gnuplot-nox"));
    BOOST_TEST(updates == 0);
    BOOST_TEST(!fs::exists(folder / "p"));
}

BOOST_AUTO_TEST_CASE(plots_are_drawn_whatever_ends_the_training) {
    for (const auto cancel : {false, true}) {
        const auto folder = Temporary();
        auto source = std::stop_source();
        auto list = nbm::DynamicCallbackList<double>();
        auto plot = nbm::PlotCallback({.save_folder = folder / "p", .csv_filepath = folder / "h.csv", .each_epoch = true});
        auto seen = std::vector<bool>{};
        list.append(plot);  // before the logger: the stages order them
        list.append(Each{[&](const nbm::BatchInfo& info) {
            seen.push_back(fs::exists(folder / "p/cost.png"));
            if (info.step != 3) { return nbm::Flow::proceed; }
            fs::remove(folder / "p/cost.png");
            if (cancel) { source.request_stop(); }
            return cancel ? nbm::Flow::proceed : nbm::Flow::stop;
        }});
        list.append(nbm::CSVLogger(folder / "h.csv"));
        const auto history = train({4, 2}, {.epochs = 5, .stop = source.get_token()}, list).second;
        BOOST_TEST((history.outcome() == (cancel ? nbm::Outcome::cancelled : nbm::Outcome::stopped)));
        BOOST_TEST((seen == std::vector<bool>{false, false, true, true}));  // each epoch
        BOOST_TEST(fs::exists(folder / "p/cost.png"));
    }
}

BOOST_AUTO_TEST_CASE(a_resumed_training_is_plotted_and_summed_up_whole) {
    const auto folder = Temporary();
    const auto checkpoint = nbm::CheckpointOptions{.path = (folder / "c/{epoch}.ckpt").string(), .on_end = false, .keep = 0};
    const auto list_of = [&](const std::string& csv, auto&& extra) {
        return nbm::CallbackList(Values3{.up = {1, 5, 5, 2}, .down = {9, 8, 8, 8}, .plain = {1, 2, 3, 4}},
                                 nbm::CSVLogger(folder / csv), nbm::PlotCallback(folder / (csv + "-plots"), folder / csv),
                                 nbm::SummaryCallback(folder / (csv + "-summary"), folder / csv), nbm::Checkpoint(checkpoint),
                                 extra);
    };
    auto crashing = list_of("b", Each{[](const nbm::BatchInfo& info) -> nbm::Flow {
                                if (info.step == 5) { throw std::runtime_error("no power"); }
                                return nbm::Flow::proceed;
                            }});
    BOOST_CHECK_THROW(train({4, 2}, {.epochs = 4}, crashing), nbm::CallbackError);
    const auto summary = folder / "b-summary/summary.txt";
    BOOST_TEST(has(line_of(summary, "outcome"), "failed - "));
    BOOST_TEST(line_of(summary, "epochs") == "epochs 2 of 4");
    auto resumed = list_of("b", Each{[](const auto&) { return nbm::Flow::proceed; }});
    train({4, 2}, {.epochs = 4, .resume = folder / "c/1.ckpt"}, resumed);
    BOOST_TEST(line_of(summary, "epochs") == "epochs 4 of 4");
    BOOST_TEST(line_of(summary, "outcome") == "outcome completed");
    BOOST_TEST(line_of(summary, "up") == "up nat 2 4 5 2");  // the first of the two best
    auto whole = list_of("a", Each{[](const auto&) { return nbm::Flow::proceed; }});
    train({4, 2}, {.epochs = 4}, whole);
    BOOST_TEST((contents(folder / "a-plots/cost.png") == contents(folder / "b-plots/cost.png")));
}

BOOST_AUTO_TEST_CASE(a_summary_tells_last_and_best_values_and_the_outcome) {
    const auto folder = Temporary();
    const auto data = nbm::bars_and_stripes<double>(2);
    auto dbm = nbm::DBM<double>({4, 3, 2});
    auto list =
        nbm::CallbackList(Values3{.up = {-3, -1, absent, -1}, .down = {absent, 4, 2, 2}, .plain = {7, absent, 8, absent}},
                          nbm::CSVLogger(folder / "h.csv", ';'), Warner{},
                          nbm::SummaryCallback({.save_folder = folder / "s", .csv_filepath = folder / "h.csv", .separator = ';'}));
    nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(),
             {.epochs = 4, .batch_size = 4, .validation = &data.valid, .on_warning = {}}, list);
    const auto path = folder / "s/summary.txt";
    BOOST_TEST(line_of(path, "machine") == "machine 4-3-2, 3 layers, 27 parameters");  // 9 units, 12 + 6 weights
    BOOST_TEST(line_of(path, "training rows") == "training rows 6 in 2 batches of at most 4");
    BOOST_TEST(line_of(path, "validation rows") == "validation rows 6");
    BOOST_TEST(line_of(path, "epochs") == "epochs 4 of 4");
    BOOST_TEST(line_of(path, "outcome") == "outcome completed");
    BOOST_TEST(line_of(path, "up") == "up nat -1 4 -1 2");
    BOOST_TEST(line_of(path, "down") == "down 2 4 2 3");
    BOOST_TEST(line_of(path, "plain") == "plain 8 3 - -");
    BOOST_TEST(line_of(path, "up_low") == "none");
    const auto lines = lines_of(path);
    BOOST_TEST(std::ranges::count(lines, "  the machine is lukewarm") == 1);
    // The error bar has a table of its own, in which `up` comes again.
    const auto table = std::ranges::find_if(lines, [](const auto& line) { return line.starts_with("last estimate"); });
    BOOST_REQUIRE((table != lines.end() && table + 1 != lines.end()));
    BOOST_TEST((table + 1)->starts_with("up "));
    BOOST_TEST((table + 1)->ends_with("  -1   -2     0      4"));
    BOOST_TEST(has(line_of(path, "epochs took"), " s each"));
}

BOOST_AUTO_TEST_CASE(a_summary_of_long_times_and_of_values_that_are_no_numbers) {
    const auto folder = Temporary();
    struct Nothing {
    } nothing;
    auto dbm = nbm::DBM<double>({4, 2});
    auto logs = nbm::Logs();
    logs.declare({.name = "up", .better = nbm::Better::higher, .low = "up_low", .high = "up_high"});
    logs.declare({.name = "up_low"});
    logs.declare({.name = "up_high"});
    logs.declare({.name = "down", .better = nbm::Better::lower});
    const auto data = nbm::bars_and_stripes<double>(2);
    const auto run = nbm::Run<double, Nothing, Nothing>{dbm, data.train, nullptr, nothing, nothing};
    const auto context = nbm::ModelContext<nbm::TrainInfo, double>(nbm::TrainInfo(logs), run);
    const auto sum_up = [&](const std::string& csv) {
        std::ofstream(folder / "h.csv") << csv;
        auto summary = nbm::SummaryCallback(folder.path(), folder / "h.csv");
        summary.on_train_begin(context);
        summary.on_train_end(context);
        return folder / "summary.txt";
    };
    const auto path = sum_up(
        "epoch,seconds,up,up_low,up_high,down\n"
        "1,3723,inf,inf,inf,-inf\n2,3723,4,3,5,7\n3,,6,,,-nan\n");
    BOOST_TEST(line_of(path, "epochs took") == "epochs took 2 h 04 min 06 s, 1 h 02 min 03 s each");
    BOOST_TEST(line_of(path, "up") == "up 6 3 6 3");
    BOOST_TEST(line_of(path, "down") == "down nan 3 7 2");
    const auto lines = lines_of(path);
    const auto table = std::ranges::find_if(lines, [](const auto& line) { return line.starts_with("last estimate"); });
    BOOST_REQUIRE((table != lines.end() && table + 1 != lines.end()));
    BOOST_TEST((table + 1)->ends_with("  4    3     5      2"));  // the last epoch that has all three
    sum_up("epoch,seconds\n1,99.4\n2,101.6\n");
    BOOST_TEST(line_of(path, "epochs took") == "epochs took 3 min 21 s, 1 min 41 s each");
    sum_up("epoch,seconds\n1,1.25\n2,-nan\n");
    BOOST_TEST(line_of(path, "epochs took") == "epochs took nan s, nan s each");
}

BOOST_AUTO_TEST_CASE(a_summary_of_a_stop_in_the_first_epoch) {
    const auto folder = Temporary();
    auto list = nbm::DynamicCallbackList<double>();
    list.append(nbm::SummaryCallback(folder.path(), folder / "h.csv"));
    list.append(nbm::CSVLogger({.filename = folder / "h.csv", .times = false}));
    list.append(Each{[](const auto&) { return nbm::Flow::stop; }}, "impatient");
    train({4, 2}, {.epochs = 7}, list);
    const auto path = folder / "summary.txt";
    BOOST_TEST(line_of(path, "epochs") == "epochs 1 of 7, the last one not complete");
    BOOST_TEST(line_of(path, "outcome") == "outcome stopped - impatient asked for it");
    BOOST_TEST(line_of(path, "validation rows") == "validation rows none");
    BOOST_TEST(line_of(path, "epochs took") == "none");  // the file has no times
    // The same objects again, for one whole epoch.
    auto once = nbm::DynamicCallbackList<double>();
    auto summary = nbm::SummaryCallback(folder.path(), folder / "h.csv");
    auto logger = nbm::CSVLogger(folder / "h.csv");
    for (auto i = 0; i != 2; ++i) {
        train({4, 2}, {.epochs = 1}, nbm::CallbackList(summary, logger));
        BOOST_TEST(line_of(path, "epochs") == "epochs 1 of 1");
    }
}

BOOST_AUTO_TEST_CASE(a_failed_setup_leaves_an_earlier_summary_alone) {
    struct Broken {
        void setup(const nbm::SetupInfo&) { throw std::runtime_error("broken"); }
    };
    const auto folder = Temporary();
    auto summary = nbm::SummaryCallback(folder.path(), folder / "h.csv");
    auto logger = nbm::CSVLogger(folder / "h.csv");
    train({4, 2}, {.epochs = 1}, nbm::CallbackList(summary, logger));
    const auto before = contents(folder / "summary.txt");
    BOOST_CHECK_THROW(train({4, 2}, {.epochs = 1}, nbm::CallbackList(summary, logger, nbm::BestEffort(Broken{}))),
                      nbm::CallbackError);
    BOOST_TEST(contents(folder / "summary.txt") == before);
}

BOOST_AUTO_TEST_CASE(reports_come_from_a_configuration_and_change_nothing) {
    const auto folder = Temporary();
    const auto config = nbm::parse_config(R"(
[[callbacks]]
type = "csv_logger"
separator = ";"
[[callbacks]]
type = "plots"
separator = ";"
[[callbacks]]
type = "summary"
separator = ";"
)",
                                          "c.toml");
    auto list = nbm::make_callbacks(nbm::builtin_callbacks<double>(), config, folder.path());
    const auto dbm = train({4, 2}, {.epochs = 2}, list).first;
    BOOST_TEST(fs::exists(folder / "plots/cost.pdf"));
    BOOST_TEST(line_of(folder / "summary.txt", "epochs") == "epochs 2 of 2");
    BOOST_TEST(same_parameters(dbm, train({4, 2}, {.epochs = 2}, nbm::CallbackList()).first));
}
