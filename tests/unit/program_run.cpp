// The folder of a run: what is in it, who may write there, how a training goes on, and what it says to programs.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "background.hpp"
#include "helpers.hpp"
#include "program_json.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;
namespace tt = boost::test_tools;

constexpr auto settings = "data = \"bars-and-stripes:3\"\nhidden = 4\nepochs = 3\nais_runs = 20\nais_betas = 50\n";
constexpr auto quick = "train --data bars-and-stripes:3 --hidden 4 --epochs 3 --ais-runs 20 --ais-betas 50 --output run ";

auto write(const fs::path& path, const std::string& text) -> void {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

/// All files in a folder, by their names in it.
auto files_in(const fs::path& folder) -> std::set<std::string> {
    auto names = std::set<std::string>{};
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (!entry.is_directory()) { names.insert(entry.path().lexically_relative(folder).string()); }
    }
    return names;
}

auto lines_of(const fs::path& path) -> std::vector<std::string> {
    auto lines = std::vector<std::string>{};
    auto stream = std::istringstream(contents(path));
    for (auto line = std::string{}; std::getline(stream, line);) { lines.push_back(line); }
    return lines;
}

constexpr auto endless =
    "train --data bars-and-stripes:3 --hidden 4 --epochs 100000000 --no-pictures --output run --set "
    "callbacks.checkpoint.every_batches=10 ";

}  // namespace

BOOST_AUTO_TEST_CASE(a_run_leaves_its_results_and_nothing_else) {
    const auto folder = Temporary();
    const auto answer = run_program(folder, std::string(quick) + "--no-pictures --seed 5");
    BOOST_TEST(answer.status == 0);
    BOOST_TEST((files_in(folder / "run") == std::set<std::string>{"ais.json", "checkpoints/0003.ckpt", "config.toml", "history.csv",
                                                                  "log.jsonl", "report.html", "summary.json", "summary.txt",
                                                                  "weights/final.h5"}));
    const auto log = lines_of(folder / "run/log.jsonl");
    const auto history = nbm::read_table(folder / "run/history.csv");
    BOOST_TEST_REQUIRE((log.size() == 3U && history.rows() == 3U));
    for (std::size_t e = 0; e != 3; ++e) {
        const auto event = nlohmann::json::parse(log[e]);
        BOOST_TEST(event.at("epoch") == e + 1);
        BOOST_TEST(event.at("cost").get<double>() == history.column("cost")[e].value());
    }
    const auto words = contents(folder / "run/summary.txt");
    BOOST_TEST(has(words, "machine           9-4, 2 layers, 49 parameters\n"));
    BOOST_TEST(has(words, "outcome           completed\n"));
    // The likelihood as it is printed.
    const auto printed = answer.out.substr(answer.out.find("\nlog Z"), answer.out.find(" s; results") - answer.out.find("\nlog Z"));
    BOOST_TEST(words.ends_with(printed.substr(0, printed.rfind('\n') + 1)));
    BOOST_TEST(std::count(printed.begin(), printed.end(), '\n') >= 4);

    const auto summary = nlohmann::json::parse(contents(folder / "run/summary.json"));
    BOOST_TEST(summary.at("environment") == json_of(folder, "version"));
    BOOST_TEST(std::regex_match(summary.at("started").get<std::string>(), std::regex(R"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ)")));
    BOOST_TEST(summary.at("outcome") == "completed");
    BOOST_TEST((summary.at("layers") == nlohmann::json{9, 4}));
    BOOST_TEST(summary.at("epochs") == 3);
    const auto data = nlohmann::json{{"name", "bars-and-stripes:3"}, {"train", 14}, {"valid", 14}, {"test", 14}};
    BOOST_TEST(summary.at("data") == data);
    // A run of an earlier version is read, too.
    fs::rename(folder / "run/weights/final.h5", folder / "run/weights.h5");
    BOOST_TEST(json_of(folder, "inspect run").at("file") == "run/weights.h5");
}

BOOST_AUTO_TEST_CASE(a_training_that_a_callback_stopped_says_so) {
    const auto folder = Temporary();
    // No value is better than the first one by so much: two in a row end it.
    write(folder / "c.toml", std::string(settings) +
                                 "no_pictures = true\n[[callbacks]]\ntype = \"early_stopping\"\nmonitor = \"cost\"\n"
                                 "mode = \"lower\"\nmin_delta = 1e9\npatience = 2\n");
    BOOST_TEST(run_program(folder, "train c.toml --epochs 50 --output run").status == 0);
    const auto summary = nlohmann::json::parse(contents(folder / "run/summary.json"));
    BOOST_TEST(summary.at("outcome") == "stopped");
    BOOST_TEST(summary.at("stop_reason").get<std::string>().starts_with("early_stopping: "));
    BOOST_TEST(summary.at("epochs") == 3);
}

BOOST_AUTO_TEST_CASE(pictures_are_drawn_over_the_training_unless_unwanted) {
    const auto folder = Temporary();
    BOOST_TEST(run_program(folder, std::string(quick) + "--epochs 25").status == 0);
    auto sheets = std::set<std::string>{};
    auto plots = std::size_t{0};
    for (const auto& name : files_in(folder / "run")) {
        if (name.starts_with("samples/epoch-") && name.ends_with(".png")) { sheets.insert(name.substr(14, 4)); }
        plots += name.starts_with("plots/cost.") ? 1 : 0;
    }
    BOOST_TEST((sheets == std::set<std::string>{"0003", "0006", "0009", "0012", "0015", "0018", "0021", "0024", "0025"}));
    BOOST_TEST(plots == (nbm::has_gnuplot() ? 2U : 0U));
    // Five chains from rows of data.
    const auto arrays = nbm::read_npz(folder / "run/samples/epoch-0025.npz");
    BOOST_TEST(arrays.at("start").shape == (std::vector<std::size_t>{5, 9}), tt::per_element());
    // Without gnuplot a run is the same but for its plots, without a word; configured ones are missed.
    const auto config = contents(folder / "run/config.toml");
    ::setenv("PATH", "/nonexistent", 1);
    const auto without = run_program(folder, std::string(quick) + "--epochs 25 --overwrite");
    const auto repeated = run_program(folder, "train run/config.toml --output again");
    ::setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    BOOST_TEST(without.status == 0);
    BOOST_TEST(without.err == "");
    for (const auto* name : {"cost.png", "cost.pdf", "weights.png", "ais-log-weights.png"}) {
        BOOST_TEST(!fs::exists(folder / "run/plots" / name));
    }
    BOOST_TEST(contents(folder / "run/config.toml") == config);
    BOOST_TEST(repeated.status == 0);
    BOOST_TEST(has(repeated.err, "nbm: warning: no plots are drawn"));
}

BOOST_AUTO_TEST_CASE(the_number_of_sheets_stays_about_ten) {
    const auto folder = Temporary();
    for (const std::size_t epochs : {1, 7, 10, 14, 15, 60, 94, 100, 1000}) {
        const auto config = nbm::parse_config(run_program(folder, "config --epochs " + std::to_string(epochs)).out, "config");
        const auto samples = std::ranges::find(config.callbacks, "samples", &nbm::CallbackSection::type);
        BOOST_TEST_REQUIRE((samples != config.callbacks.end()));
        auto every = std::size_t{0};
        auto at_end = false;
        for (const auto& [key, value, place] : samples->settings) {
            if (key == "every") { every = static_cast<std::size_t>(std::get<std::int64_t>(value)); }
            if (key == "at_end") { at_end = std::get<bool>(value); }
        }
        BOOST_TEST_REQUIRE(every != 0U);
        const auto sheets = epochs / every + (at_end && epochs % every != 0 ? 1 : 0);
        BOOST_TEST((sheets >= std::min<std::size_t>(epochs, 7) && sheets <= 14), epochs << " epochs: " << sheets << " sheets");
        BOOST_TEST(at_end);
    }
    const auto none = run_program(folder, "config --no-pictures").out;
    BOOST_TEST(has(none, "no_pictures = true\n"));
    for (const auto* type : {"\"samples\"", "\"plots\""}) { BOOST_TEST(!has(none, type)); }
}

BOOST_AUTO_TEST_CASE(overwriting_removes_what_a_run_wrote_and_nothing_else) {
    const auto folder = Temporary();
    write(folder / "c.toml", std::string(settings) +
                                 "[[callbacks]]\ntype = \"csv_logger\"\nfilename = \"sub/mine.csv\"\nseparator = \";\"\n"
                                 "[[callbacks]]\ntype = \"checkpoint\"\npath = \"c/{epoch}-{cost:.2f}.ckpt\"\nevery_epochs = 1\n"
                                 "[[callbacks]]\ntype = \"filter_images\"\n"
                                 "[[callbacks]]\ntype = \"tensorboard\"\n");
    BOOST_TEST(run_program(folder, "train c.toml --save-every 1 --output run").status == 0);
    const auto written = files_in(folder / "run");
    for (const auto* name : {"sub/mine.csv", "weights/epoch-0002.h5", "filters/0003.png", "summary.txt"}) {
        BOOST_TEST(written.contains(name), name);
    }
    BOOST_TEST(has(contents(folder / "run/summary.txt"), "epochs took"));  // from the file of another name
    write(folder / "run/weights/final.h5.tmp123", "cut off");
    const auto mine = std::set<std::string>{
        "notes.txt",        "weights/mine.h5",   "checkpoints/mine.ckpt", "c/best.ckpt",      "samples/mine.png",
        "plots/mine.png",   "sub/mine.csv.orig", "history.csv",           "old/summary.json", "weights/epoch-0001.h5.orig",
        "tensorboard/notes"};
    for (const auto& name : mine) { write(folder / "run" / name, "mine"); }
    const auto diverges = " --overwrite --no-pictures --learning-rate 100 --l2 1 --epochs 200";
    BOOST_TEST(run_program(folder, "train c.toml --output run" + std::string(diverges)).status == 2);
    const auto left = files_in(folder / "run");
    for (const auto& name : mine) { BOOST_TEST((left.contains(name) && contents(folder / "run" / name) == "mine"), name); }
    for (const auto* name : {"weights/epoch-0001.h5", "weights/final.h5", "weights/final.h5.tmp123", "summary.json",
                             "plots/cost.png", "samples/epoch-0001.npz", "samples/epoch-0003.png"}) {
        BOOST_TEST(!left.contains(name), name);
    }
    for (const auto& name : left) {
        BOOST_TEST(!(name.starts_with("c/") && name != "c/best.ckpt" && written.contains(name)), name);
    }
}

BOOST_AUTO_TEST_CASE(two_runs_do_not_share_a_folder) {
    const auto folder = Temporary();
    auto first = Background(folder, endless);
    Background::wait_for(folder / "run/config.toml", "epochs");
    const auto who = "(process " + std::to_string(first.id()) + ")";
    refuse_program(folder, std::string(quick) + "--overwrite", {"run: another nbm", who, "is training in this folder"});
    refuse_program(folder, "resume run", {"another nbm", who});
    refuse_program(folder, std::string(quick) + "--resume", {"another nbm", who});
    // A killed one keeps nobody out.
    first.signal(SIGKILL);
    BOOST_TEST(first.end() == -1);
    BOOST_TEST(run_program(folder, std::string(quick) + "--overwrite").status == 0);
    BOOST_TEST(!fs::exists(folder / "run/.nbm-lock"));
}

BOOST_AUTO_TEST_CASE(a_training_begins_or_goes_on_with_the_same_words) {
    const auto folder = Temporary();
    write(folder / "c.toml",
          "data = \"bars-and-stripes:3\"\nhidden = 4\nepochs = 6\nais_runs = 20\nais_betas = 50\nno_pictures = true\n"
          "[[callbacks]]\ntype = \"csv_logger\"\ntimes = false\n"
          "[[callbacks]]\ntype = \"jsonl_logger\"\nfilename = \"log.jsonl\"\ntimes = false\n"
          "[[callbacks]]\ntype = \"checkpoint\"\nkeep = 0\n");
    fs::create_directory(folder / "run");  // which is empty
    const auto begun = run_program(folder, "train c.toml --output run --resume");
    BOOST_TEST(begun.status == 0);
    BOOST_TEST(!has(begun.out, "going on"));
    BOOST_TEST(run_program(folder, "train c.toml --output calm").status == 0);

    fs::remove(folder / "run/checkpoints/0006.ckpt");
    fs::remove(folder / "run/checkpoints/0005.ckpt");
    const auto again = run_program(folder, "train c.toml --output run --resume --threads 1");
    BOOST_TEST(again.err == "");
    BOOST_TEST(has(again.out, "going on from run/checkpoints/0004.ckpt"));
    for (const auto* name : {"weights/final.h5", "history.csv", "log.jsonl"}) {
        BOOST_TEST((contents(folder / "run" / name) == contents(folder / "calm" / name)), name);
    }
    BOOST_TEST(lines_of(folder / "run/log.jsonl").size() == 6U);
    const auto more = run_program(folder, "train c.toml --output run --resume --epochs 8");
    BOOST_TEST(more.status == 0);
    BOOST_TEST(lines_of(folder / "run/log.jsonl").size() == 8U);

    const auto refused = [&](const std::string& options, const std::vector<std::string>& parts) {
        refuse_program(folder, "train c.toml --output run --resume " + options, parts);
    };
    refused("--hidden 5", {"run/config.toml: hidden is 4 there and 5 now", "--overwrite"});
    refused("--set callbacks.csv_logger.separator=';'", {"callbacks.0.csv_logger.separator is \",\" there and \";\" now"});
    refused("--ais-every 2", {"callback 3 is ", "ais now"});
    refused("--overwrite", {"--resume", "--overwrite", "leave out one"});
    refuse_program(folder, "train c.toml --output run", {"--overwrite", "nbm resume run", "--resume"});
    BOOST_TEST((contents(folder / "calm/weights/final.h5") != contents(folder / "run/weights/final.h5")));

    // Killed before its first checkpoint.
    for (const auto* name : {"checkpoints", "weights", "summary.json"}) { fs::remove_all(folder / "run" / name); }
    const auto anew = run_program(folder, "train c.toml --output run --resume --epochs 8");
    BOOST_TEST(anew.status == 0);
    BOOST_TEST(has(anew.out, "run holds no checkpoint yet: the training begins anew"));
    BOOST_TEST(lines_of(folder / "run/log.jsonl").size() == 8U);
    write(folder / "other/notes.txt", "mine");
    refuse_program(folder, "train c.toml --output other --resume", {"other: holds files but no config.toml"});
    BOOST_TEST((files_in(folder / "other") == std::set<std::string>{"notes.txt"}));
}

BOOST_AUTO_TEST_CASE(settings_are_set_from_the_command_line) {
    const auto folder = Temporary();
    write(folder / "c.toml", std::string(settings) +
                                 "[[callbacks]]\ntype = \"early_stopping\"\nmonitor = \"val_cost\"\nmode = \"lower\"\n"
                                 "[[callbacks]]\ntype = \"optimizer_spy\"\n");
    const auto config = [&](const std::string& options) { return run_program(folder, "config c.toml " + options).out; };
    BOOST_TEST(has(config("--set callbacks.0.patience=5"), "\npatience = 5\n"));
    BOOST_TEST(has(config("--set callbacks.early_stopping.patience=7 --set callbacks.0.patience=8"), "\npatience = 8\n"));
    BOOST_TEST(has(config("--set learning_rate=0.25"), "learning_rate = 0.25\n"));
    BOOST_TEST(has(config("--set trainer=cd"), "trainer = \"cd\"\n"));
    BOOST_TEST(has(config("--set 'trainer=\"pt\"'"), "trainer = \"pt\"\n"));
    BOOST_TEST(has(config("--set nesterov=true"), "nesterov = true\n"));
    BOOST_TEST(has(config("--set layers=[9,3,2]"), "layers = [9, 3, 2]\n"));
    BOOST_TEST(has(config("--set callbacks.samples.at=[1,2]"), "at = [1, 2]\n"));
    BOOST_TEST(has(config("--set callbacks.2.filename=my.csv"), "csv_filepath = \"my.csv\"\n"));  // for those who read it
    // It is what `nbm train` does.
    BOOST_TEST(run_program(folder, "train c.toml --no-pictures --set epochs=2 --set callbacks.2.times=false --output run").status ==
               0);
    BOOST_TEST(contents(folder / "run/config.toml") == config("--no-pictures --set epochs=2 --set callbacks.2.times=false"));
    BOOST_TEST(lines_of(folder / "run/log.jsonl").size() == 2U);
    const auto wrong = std::vector<std::pair<std::string, std::vector<std::string>>>{
        {"learning_rte=1", {"--set learning_rte=1: unknown key 'learning_rte'", "did you mean 'learning_rate'"}},
        {"learning_rate=fast", {"--set learning_rate=fast", "expected a number"}},
        {"learning_rate", {"--set learning_rate: found no value, expected --set learning_rate=VALUE"}},
        {"callbacks.0=5", {"found the path 'callbacks.0'", "callbacks.N.KEY"}},
        {"callback.0.patience=5", {"did you mean 'callbacks'?"}},
        {"callbacks.0.patiense=5",
         {"--set callbacks.0.patiense=5: early_stopping: unknown key 'patiense'", "did you mean 'patience'"}},
        {"callbacks.0.patience=soon", {"patience = \"soon\"; expected whole number"}},
        {"callbacks.99.patience=5", {"there is no callback 99", "0 early_stopping, 1 optimizer_spy, 2 csv_logger"}},
        {"callbacks.early_stoping.patience=5",
         {"no callback 'early_stoping'", "did you mean 'early_stopping'?", "0 early_stopping"}},
        {"overwrite=true", {"unknown key 'overwrite'"}},
        {"epochs=0", {"--set epochs=0", "from 1 to"}}};
    for (const auto& [text, parts] : wrong) { refuse_program(folder, "config c.toml --set " + text, parts); }
    refuse_program(folder, "config --learning-rate 1 --set learning_rate=2", {"--learning-rate is given, too"});
    write(folder / "two.toml",
          "[[callbacks]]\ntype = \"ais\"\nname = \"a\"\n[[callbacks]]\ntype = \"ais\"\nid = \"b\"\nname = \"b\"\n");
    refuse_program(folder, "config two.toml --set callbacks.ais.runs=5", {"callbacks 0, 1 are all 'ais'", "the number"});
    BOOST_TEST(has(run_program(folder, "config two.toml --set callbacks.b.runs=5").out, "runs = 5\n"));
}

BOOST_AUTO_TEST_CASE(programs_get_one_object_and_the_quiet_nothing) {
    const auto folder = Temporary();
    const auto base = std::string(quick) + "--no-pictures --profile ";
    const auto object = json_of(folder, base);
    BOOST_TEST(object == nlohmann::json::parse(contents(folder / "run/summary.json")));
    BOOST_TEST(object.contains("profile"));
    const auto quiet = run_program(folder, base + "--overwrite --quiet");
    BOOST_TEST(quiet.status == 0);
    BOOST_TEST(quiet.out + quiet.err == "");
    BOOST_TEST(run_program(folder, "resume run --quiet").out == "");
    BOOST_TEST(json_of(folder, "resume run --epochs 5").at("epochs") == 5);
    BOOST_TEST(json_of(folder,
                       "train --layers 9,4,3 --data bars-and-stripes:3 --pretrain --pretrain-epochs 1 --epochs 1 --ais-runs 5 "
                       "--ais-betas 9 --no-pictures --output deep")
                   .contains("train_bound"));
    const auto wrong = run_program(folder, "train --data none.csv --quiet --json");
    BOOST_TEST(wrong.status == 2);
    BOOST_TEST(has(wrong.err, "none.csv"));
    BOOST_TEST(wrong.out == "");
    // The quiet get the answer alone.
    const auto answer = run_program(folder, "ais run --quiet");
    BOOST_TEST(answer.out.starts_with("\nlog Z "));
    BOOST_TEST(run_program(folder, "exact run --quiet").out.starts_with("\nlog Z "));
    BOOST_TEST(run_program(folder, "sample run --count 2 --steps 2 --output s.npz --quiet").out == "");
    BOOST_TEST(run_program(folder, "transform run --output f.npz --quiet").out == "");
    const auto rows = run_program(folder, "loglik run --quiet");
    BOOST_TEST(rows.out.starts_with("row,log_prob\n"));
    BOOST_TEST(rows.err == "");
}

BOOST_AUTO_TEST_CASE(an_interrupted_estimate_keeps_the_training) {
    const auto folder = Temporary();
    auto run = Background(folder, std::string(quick) + "--no-pictures --ais-runs 1000 --ais-betas 10000000");
    Background::wait_for(folder / "out.txt", "estimating log Z");
    run.signal(SIGINT);
    BOOST_TEST(run.end() == 130);
    const auto said = contents(folder / "out.txt");
    BOOST_TEST(has(said, "the training is over, its weights are in run/weights/final.h5\n"));
    BOOST_TEST(has(said, "estimate again with: nbm resume run\n"));
    BOOST_TEST(contents(folder / "err.txt") == "");
    BOOST_TEST(nbm::load_weights<float>(folder / "run/weights/final.h5").topology().describe() == "9-4");
    BOOST_TEST(!fs::exists(folder / "run/summary.json"));
    BOOST_TEST(!fs::exists(folder / "run/.nbm-lock"));
    BOOST_TEST(has(contents(folder / "run/summary.txt"), "outcome           completed"));
}

BOOST_AUTO_TEST_CASE(what_is_the_users_stays) {
    const auto folder = Temporary();
    BOOST_TEST_REQUIRE(run_program(folder, quick).status == 0);
    // Files that only look like those of a run, and a lock of somebody else.
    for (const auto* name : {"checkpoints/good.ckpt", "samples/epoch-best.png", ".lock"}) { write(folder / "run" / name, "mine"); }
    BOOST_TEST(run_program(folder, std::string(quick) + "--overwrite").status == 0);
    for (const auto* name : {"checkpoints/good.ckpt", "samples/epoch-best.png", ".lock"}) {
        BOOST_TEST(contents(folder / "run" / name) == "mine", name);
    }
    // A link to a folder stays one, also when the shell has completed it with a slash.
    fs::create_directory(folder / "real");
    fs::create_directory_symlink("real", folder / "link");
    const auto there = [&](const std::string& name) {
        return run_program(
                   folder,
                   "train --data bars-and-stripes:3 --hidden 4 --epochs 1 --ais-betas 10 --no-pictures --overwrite --output " +
                       name)
            .status;
    };
    BOOST_TEST(there("link/") == 0);
    BOOST_TEST(there("link/") == 0);
    BOOST_TEST(fs::is_symlink(folder / "link"));
    BOOST_TEST(fs::exists(folder / "real/summary.json"));
}

BOOST_AUTO_TEST_CASE(a_finished_run_without_checkpoints_is_not_begun_anew) {
    const auto folder = Temporary();
    const auto arguments =
        std::string(quick) + "--no-pictures --set callbacks.checkpoint.path=" + (folder / "else.ckpt").string() + " --resume";
    BOOST_TEST_REQUIRE(run_program(folder, arguments).status == 0);
    const auto summary = contents(folder / "run/summary.json");
    refuse_program(folder, arguments, {"run", "no checkpoint to go on from", "--checkpoint", "--overwrite"});
    BOOST_TEST(contents(folder / "run/summary.json") == summary);
}

BOOST_AUTO_TEST_CASE(a_folder_called_like_a_data_set_is_not_taken_for_it) {
    const auto folder = Temporary();
    BOOST_TEST_REQUIRE(run_program(folder, "train --hidden 4 --epochs 1 --ais-betas 10 --no-pictures --output digits").status == 0);
    for (const auto* epochs : {"2", "3"}) {
        const auto answer = run_program(folder, std::string("resume digits --epochs ") + epochs);
        BOOST_TEST(answer.status == 0, answer.err);
    }
    BOOST_TEST(has(contents(folder / "digits/config.toml"), "data = \"digits\"\n"));
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_keeps_no_likelihood_of_other_weights) {
    const auto folder = Temporary();
    BOOST_TEST_REQUIRE(run_program(folder, quick).status == 0);
    auto run = Background(folder, "resume run --epochs 100000000");
    Background::wait_for(folder / "out.txt", "going on from");
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    run.signal(SIGINT);
    BOOST_TEST(run.end() == 130);
    for (const auto* name : {"summary.json", "ais.json", "report.html", "samples/final.png", "plots/ais-log-weights.png"}) {
        BOOST_TEST(!fs::exists(folder / "run" / name), name);
    }
    BOOST_TEST(run_program(folder, "report run").status == 0);
    BOOST_TEST(!has(contents(folder / "run/report.html"), "trustworthy"));
}

BOOST_AUTO_TEST_CASE(an_interruption_is_told_and_a_second_one_ends_at_once) {
    const auto folder = Temporary();
    auto run = Background(folder, std::string(endless) + "--json");
    Background::wait_for(folder / "run/log.jsonl", "\n");
    run.signal(SIGINT);
    BOOST_TEST(run.end() == 130);
    BOOST_TEST(contents(folder / "out.txt") == "");
    BOOST_TEST(has(contents(folder / "err.txt"), "interrupted in epoch"));
    BOOST_TEST(has(contents(folder / "err.txt"), "go on with: nbm resume run\n"));
    // One batch that takes minutes is not waited for.
    auto slow = Background(folder, "train --data bars-and-stripes:3 --hidden 4 --steps 100000000 --no-pictures --output slow");
    Background::wait_for(folder / "out.txt", "training an RBM");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    slow.signal(SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    slow.signal(SIGINT);
    const auto begin = std::chrono::steady_clock::now();
    BOOST_TEST(slow.end() == -1);
    BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(5)));
}
