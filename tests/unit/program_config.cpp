// Configuration files, resuming and the list of callbacks, as a user of the program meets them.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "helpers.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

constexpr auto settings = "data = \"bars-and-stripes:3\"\nhidden = 4\nepochs = 3\nais_runs = 20\nais_betas = 50\n";

auto write(const Temporary& folder, const std::string& text) -> void { std::ofstream(folder / "c.toml") << text; }

/// Status 2, one sentence on stderr that has all parts, no run folder.
auto refuses(const std::string& config, const std::vector<std::string>& parts) -> void {
    const auto folder = Temporary();
    write(folder, config);
    BOOST_TEST_CONTEXT(config) { refuse_program(folder, "train c.toml --output run", parts); }
    BOOST_TEST(!fs::exists(folder / "run"), config);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_key_and_the_option_of_its_name_mean_the_same_and_the_command_line_wins) {
    const auto folder = Temporary();
    write(folder, std::string(settings) + "learning_rate = 0.2\nnesterov = true\nsave_epochs = [1, 3]\n");
    const auto one = run_program(folder, "train c.toml --output a --epochs 4");
    BOOST_TEST(one.err == "");
    BOOST_TEST(one.status == 0);
    const auto two = run_program(folder,
                                 "train --data bars-and-stripes:3 --hidden 4 --epochs 4 --ais-runs 20 --ais-betas 50 "
                                 "--learning-rate 0.2 --nesterov --output b");
    BOOST_TEST(has(one.out, "epoch 4/4"));
    BOOST_TEST((contents(folder / "a/weights/final.h5") == contents(folder / "b/weights/final.h5")));
    BOOST_TEST(fs::exists(folder / "a/weights/epoch-0001.h5"));
    BOOST_TEST(fs::exists(folder / "a/weights/epoch-0003.h5"));
    BOOST_TEST(!fs::exists(folder / "b/weights/epoch-0001.h5"));
}

BOOST_AUTO_TEST_CASE(the_configuration_in_the_run_folder_reproduces_the_run) {
    const auto folder = Temporary();
    write(folder, std::string(settings) +
                      "[[callbacks]]\ntype = \"csv_logger\"\nfilename = \"sub/mine.csv\"\nseparator = \";\"\ntimes = false\n"
                      "[[callbacks]]\ntype = \"ais\"\nruns = 5\nbetas = 10\nevery = 2\n");
    BOOST_TEST(run_program(folder, "train c.toml --output a --seed 9 --ais-every 3 --ais-schedule linear").status ==
               2);  // logz twice
    BOOST_TEST(run_program(folder, "train c.toml --output a --seed 9 --save-every 2 --overwrite").status == 0);
    const auto config = contents(folder / "a/config.toml");
    BOOST_TEST(has(config, "seed = 9\n"));
    BOOST_TEST(has(config, "separator = \";\"\n"));
    BOOST_TEST(has(config, "type = \"checkpoint\"\n"));
    BOOST_TEST(!has(config, "history.csv"));
    fs::create_directory(folder / "elsewhere");
    BOOST_TEST(run_program(folder, "train a/config.toml --output elsewhere/b").status == 0);
    BOOST_TEST((contents(folder / "a/weights/final.h5") == contents(folder / "elsewhere/b/weights/final.h5")));
    BOOST_TEST(contents(folder / "a/sub/mine.csv") == contents(folder / "elsewhere/b/sub/mine.csv"));
    BOOST_TEST(contents(folder / "elsewhere/b/config.toml") == config);
    BOOST_TEST(fs::exists(folder / "elsewhere/b/weights/epoch-0002.h5"));
}

BOOST_AUTO_TEST_CASE(a_configuration_that_no_run_wrote_is_never_replaced) {
    const auto folder = Temporary();
    const auto mine = std::string("# mine\n") + settings;
    std::ofstream(folder / "config.toml") << mine;
    refuse_program(folder, "train config.toml --output .", {"--overwrite"});
    refuse_program(folder, "train config.toml --output . --overwrite", {"config.toml", "comments", "--output"});
    BOOST_TEST(contents(folder / "config.toml") == mine);
    std::ofstream(folder / "config.toml") << settings;
    std::ofstream(folder / "other.toml") << settings << "seed = 2\n";
    refuse_program(folder, "train other.toml --output . --overwrite", {"config.toml", "no run wrote it", "--output"});
    BOOST_TEST(contents(folder / "config.toml") == settings);
    BOOST_TEST(!fs::exists(folder / "weights"));
    // Its settings are not lost when a run begins with them.
    fs::create_directory(folder / "prepared");
    const auto all = run_program(folder, "config other.toml --output prepared").out;
    std::ofstream(folder / "prepared/config.toml") << "# mine\n" << all;
    refuse_program(folder, "train prepared/config.toml --output prepared --resume", {"config.toml", "comments", "--output"});
    std::ofstream(folder / "prepared/config.toml") << all;
    BOOST_TEST(run_program(folder, "train prepared/config.toml --output prepared --resume").status == 0);
    // That of a run is, also when all that it made is its folder for weights.
    BOOST_TEST(run_program(folder, "train config.toml --output run").status == 0);
    for (const auto* name : {"summary.json", "history.csv", "weights/final.h5"}) { fs::remove(folder / "run" / name); }
    BOOST_TEST(run_program(folder, "train run/config.toml --output run --overwrite --hidden 5").status == 0);
    BOOST_TEST(has(contents(folder / "run/config.toml"), "hidden = 5\n"));
}

BOOST_AUTO_TEST_CASE(what_is_left_of_a_run_that_was_killed_in_its_first_moments_is_in_no_ones_way) {
    const auto folder = Temporary();
    write(folder, settings);
    fs::create_directories(folder / "run/weights");
    std::ofstream(folder / "run/.nbm-lock") << "1\n";
    std::ofstream(folder / "run/config.toml.tmp1") << "data";
    BOOST_TEST(run_program(folder, "train c.toml --output run --resume").status == 0);
    BOOST_TEST(fs::exists(folder / "run/summary.json"));
    BOOST_TEST(!fs::exists(folder / "run/config.toml.tmp1"));
}

BOOST_AUTO_TEST_CASE(wrong_configurations_are_refused) {
    const auto s = std::string(settings);
    refuses(s + "lerning_rate = 0.1\n", {"c.toml:6: unknown key 'lerning_rate'", "did you mean 'learning_rate'?"});
    refuses(s + "learning-rate = 0.1\n", {"c.toml:6", "did you mean 'learning_rate'?"});
    refuses(s + "learning_rate = \"fast\"\n", {"c.toml:6: learning_rate = \"fast\"; expected a number"});
    refuses(s + "epochs = 3\n", {"c.toml:6: ", "epochs"});
    refuses(s + "steps = 0\n", {"c.toml:6: ", "found '0', expected a whole number from 1"});
    refuses(s + "steps = 1.5\n", {"c.toml:6: steps = 1.5; expected a whole number"});
    refuses(s + "steps = [1, 2]\n", {"c.toml:6: ", "steps"});
    refuses(s + "nesterov = \"maybe\"\n", {"c.toml:6: ", "nesterov"});
    refuses(s + "trainer = \"pdc\"\n", {"c.toml:6: ", "did you mean 'pcd'"});
    refuses(s + "[[callbacks]]\ntype = \"csv_loger\"\n",
            {"c.toml:7: unknown callback type 'csv_loger'; did you mean 'csv_logger'?"});
    refuses(s + "[[callbacks]]\ntype = \"checkpoint\"\nkeep_best = 1\n", {"c.toml:7: Checkpoint: keep_best needs a monitor"});
    refuses(s + "[model]\nlayers = 3\n", {"c.toml:6: unknown table 'model'"});
    const auto folder = Temporary();
    BOOST_TEST(has(run_program(folder, "train none.toml").err, "none.toml: there is no such file"));
    BOOST_TEST(run_program(folder, "train --no-such-thing").status == 2);
}

BOOST_AUTO_TEST_CASE(errors_of_set_up_leave_no_results) {
    const auto folder = Temporary();
    write(folder, std::string(settings) + "[[callbacks]]\ntype = \"checkpoint\"\nmonitor = \"val_prob\"\nkeep_best = 1\n");
    const auto answer = run_program(folder, "train c.toml --output run");
    BOOST_TEST(answer.status == 2);
    BOOST_TEST(has(answer.err, "unknown metric 'val_prob'"));
    BOOST_TEST(!fs::exists(folder / "run/weights/final.h5"));
    BOOST_TEST(!fs::exists(folder / "run/history.csv"));
}

BOOST_AUTO_TEST_CASE(more_epochs_can_be_added_to_a_finished_run) {
    const auto folder = Temporary();
    write(folder, std::string(settings) + "[[callbacks]]\ntype = \"csv_logger\"\ntimes = false\n");
    BOOST_TEST(run_program(folder, "train c.toml --output a").status == 0);
    BOOST_TEST(run_program(folder, "resume a --epochs 6").status == 0);
    BOOST_TEST(run_program(folder, "train c.toml --output b --epochs 6").status == 0);
    BOOST_TEST((contents(folder / "a/weights/final.h5") == contents(folder / "b/weights/final.h5")));
    BOOST_TEST(contents(folder / "a/history.csv") == contents(folder / "b/history.csv"));
    BOOST_TEST(has(contents(folder / "a/config.toml"), "epochs = 6\n"));
    // Nothing is left to do, and nothing is spoilt by trying.
    BOOST_TEST(run_program(folder, "resume a").status == 0);
    BOOST_TEST((contents(folder / "a/weights/final.h5") == contents(folder / "b/weights/final.h5")));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_resumed_is_said) {
    const auto folder = Temporary();
    BOOST_TEST(has(run_program(folder, "resume").err, "run is required"));
    BOOST_TEST(has(run_program(folder, "resume none").err, "none: there is no such run folder"));
    fs::create_directory(folder / "empty");
    BOOST_TEST(has(run_program(folder, "resume empty").err, "empty/config.toml: there is no such file"));
    write(folder, settings);
    BOOST_TEST(run_program(folder, "train c.toml --output a").status == 0);
    BOOST_TEST(has(run_program(folder, "train c.toml --output a").err, "go on with: nbm resume a"));
    BOOST_TEST(has(run_program(folder, "resume a --epochs 2").err, "is at epoch 3 of 2"));
    fs::remove_all(folder / "a/checkpoints");
    const auto answer = run_program(folder, "resume a");
    BOOST_TEST(answer.status == 2);
    BOOST_TEST(has(answer.err, "holds no checkpoint"));
}

BOOST_AUTO_TEST_CASE(callbacks_are_listed) {
    const auto folder = Temporary();
    const auto answer = run_program(folder, "callbacks");
    BOOST_TEST(answer.status == 0);
    for (const auto* name : {"csv_logger\n", "checkpoint\n", "ais\n", "every_seconds", "all of them also have"}) {
        BOOST_TEST(has(answer.out, name));
    }
    BOOST_TEST(has(run_program(folder, "callbacks --markdown").out, "| `every_seconds` |"));
}
