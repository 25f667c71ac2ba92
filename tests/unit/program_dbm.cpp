// Deep machines and pretraining, as a user of the program meets them.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "helpers.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

#include "same.hpp"

namespace {

namespace fs = std::filesystem;

constexpr auto quick = "train --data bars-and-stripes:3 --epochs 3 --batch-size 5 --ais-runs 20 --ais-betas 200 --output run ";

auto with(const std::string& more) -> std::string { return quick + more; }

/// Status 2, one sentence on stderr that has all parts, no run folder.
auto refuses(const std::string& arguments, const std::vector<std::string>& parts) -> void {
    const auto folder = Temporary();
    refuse_program(folder, arguments, parts);
    BOOST_TEST(!fs::exists(folder / "run"), arguments);
}

auto weights_in(const fs::path& run) -> nbm::DBM<float> { return nbm::load_weights<float>(run / "weights/final.h5"); }

/// The program, sent a signal after some seconds; the exit status of the shell.
auto run_until(const Temporary& folder, const std::string& signal, double seconds, const std::string& arguments) -> int {
    const auto command = "cd " + folder.path().string() + " && timeout --foreground --preserve-status -s " + signal + " " +
                         std::to_string(seconds) + " " NBM_PROGRAM " " + arguments + " > stdout 2> stderr";
    return WEXITSTATUS(std::system(command.c_str()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_deep_machine_trains_and_its_log_z_is_right) {
    const auto folder = Temporary();
    const auto answer = run_program(folder, with("--layers 9,6,4,3"));
    BOOST_TEST(answer.status == 0);
    BOOST_TEST(answer.err == "");
    BOOST_TEST(has(answer.out, "training a DBM 9-6-4-3 by PCD-1 for 3 epochs"));
    BOOST_TEST(!has(answer.out, "pretraining"));
    BOOST_TEST(has(answer.out, "train bound"));
    BOOST_TEST(has(answer.out, "bounds are at or below the mean log-probability"));
    const auto dbm = weights_in(folder / "run");
    BOOST_TEST((dbm.topology() == nbm::Topology{9, 6, 4, 3}));
    const auto summary = nlohmann::json::parse(contents(folder / "run/summary.json"));
    BOOST_TEST(summary.at("log_z").at("low").get<double>() <= nbm::exact_log_z(dbm));
    BOOST_TEST(summary.at("log_z").at("high").get<double>() >= nbm::exact_log_z(dbm));
    BOOST_TEST(summary.at("train_bound").at("value").get<double>() < 0.0);
    BOOST_TEST(!summary.contains("train_log_prob"));
    for (const auto* file : {"samples/final.png", "plots/filters-h1.png"}) {
        BOOST_TEST(fs::file_size(folder / "run" / file) > 100U);
    }
    BOOST_TEST(!fs::exists(folder / "run/checkpoints/pretrained.ckpt"));
}

BOOST_AUTO_TEST_CASE(hidden_is_short_for_two_layers) {
    const auto folder = Temporary();
    const auto answer = run_program(folder, with("--layers 9,4"));
    BOOST_TEST(has(answer.out, "training an RBM 9-4"));
    BOOST_TEST(has(answer.out, "test log-probability"));
    BOOST_TEST(run_program(folder, with("--hidden 4 --output other")).status == 0);
    BOOST_TEST(same_weights(weights_in(folder / "run"), weights_in(folder / "other")));
}

BOOST_AUTO_TEST_CASE(layers_can_be_connected_otherwise) {
    const auto folder = Temporary();
    BOOST_TEST(run_program(folder, with("--layers 9,5,4,3 --edges 0-1,1-2,2-3,0-3")).status == 0);
    BOOST_TEST((weights_in(folder / "run").topology() == nbm::Topology({9, 5, 4, 3}, {{0, 1}, {0, 3}, {1, 2}, {2, 3}})));
    BOOST_TEST(has(contents(folder / "run/config.toml"), "edges = [\"0-1\", \"1-2\", \"2-3\", \"0-3\"]\n"));
    // The visible layer need not be connected to layer 1.
    BOOST_TEST(run_program(folder, with("--layers 9,5,4,3 --edges 0-3,1-2 --overwrite")).status == 0);
    BOOST_TEST(fs::exists(folder / "run/plots/filters-h3.png"));
    BOOST_TEST(!fs::exists(folder / "run/plots/filters-h1.png"));  // no path leads down from layer 1
}

BOOST_AUTO_TEST_CASE(pretraining_is_that_of_the_library_and_chains_begin_after_it) {
    const auto folder = Temporary();
    const auto answer = run_program(
        folder, with("--layers 9,6,4 --pretrain --pretrain-epochs 7 --pretrain-steps 2 --pretrain-learning-rate 0.2 --l2 0.001 "
                     "--trainer pcd --mean-field-steps 2 --learning-rate 0.03 --momentum 0.7 --seed 3"));
    BOOST_TEST(answer.status == 0);
    for (const auto* text : {"pretraining layers 0-1 (1 of 2) by CD-2 for 7 epochs", "epoch 7/7",
                             "pretraining layers 1-2 (2 of 2) by CD-2", "training all layers\n"}) {
        BOOST_TEST(has(answer.out, text));
    }
    const auto data = nbm::bars_and_stripes<float>(3);
    auto dbm = nbm::DBM<float>({9, 6, 4});
    nbm::initialise(dbm, data.train, {.seed = 3, .weights = nbm::Weights::normal});
    nbm::pretrain(dbm, data.train, nbm::CD<float>({.steps = 2}), nbm::SGD<float>({.learning_rate = 0.2, .momentum = 0.7}),
                  {.epochs = 7, .batch_size = 5, .penalty = {.l2 = 0.001}, .seed = 3});
    nbm::fit(dbm, data.train, nbm::PCD<float>({.mean_field = {.steps = 2}}),
             nbm::SGD<float>({.learning_rate = 0.03, .momentum = 0.7, .decay = 0.005}),
             {.epochs = 3, .batch_size = 5, .penalty = {.l2 = 0.001}, .seed = 3});
    BOOST_TEST(same_weights(weights_in(folder / "run"), dbm));
}

BOOST_AUTO_TEST_CASE(the_configuration_reproduces_a_pretrained_machine_and_the_command_line_wins) {
    const auto folder = Temporary();
    std::ofstream(folder / "c.toml") << "data = \"bars-and-stripes:3\"\nlayers = [9, 6, 4]\nedges = [\"0-1\", \"1-2\"]\n"
                                        "pretrain = true\npretrain_epochs = 4\nepochs = 2\nais_runs = 5\nais_betas = 20\n";
    const auto trains = [&](const std::string& arguments) {
        const auto answer = run_program(folder, "train " + arguments);
        BOOST_TEST_CONTEXT(arguments << " -> " << answer.err) { BOOST_TEST(answer.status == 0); }
        return answer.out;
    };
    BOOST_TEST(has(trains("c.toml --output a"), "pretraining layers 1-2 (2 of 2) by CD-1 for 4 epochs"));
    trains("a/config.toml --output b");
    BOOST_TEST(same_weights(weights_in(folder / "a"), weights_in(folder / "b")));
    BOOST_TEST(contents(folder / "a/config.toml") == contents(folder / "b/config.toml"));
    // Another machine on the command line takes the place of the file's, edges included.
    BOOST_TEST(has(trains("a/config.toml --output c --hidden 7"), "training an RBM 9-7"));
    BOOST_TEST(has(trains("c/config.toml --output d --layers 9,5,3"), "training a DBM 9-5-3"));
    BOOST_TEST(has(trains("a/config.toml --output e --layers 9,5,3,2"), "training a DBM 9-5-3-2 by"));
    BOOST_TEST(!has(contents(folder / "d/config.toml"), "hidden"));
    BOOST_TEST(!has(contents(folder / "c/config.toml"), "layers"));
}

BOOST_AUTO_TEST_CASE(a_resumed_machine_ends_as_one_that_was_trained_at_once_and_is_not_pretrained_again) {
    const auto folder = Temporary();
    const auto options = std::string("--layers 9,6,4 --pretrain --pretrain-epochs 5 ");
    BOOST_TEST(run_program(folder, with(options)).status == 0);
    const auto answer = run_program(folder, "resume run --epochs 6");
    BOOST_TEST(answer.status == 0);
    BOOST_TEST(has(answer.out, "going on from run/checkpoints/0003.ckpt"));
    BOOST_TEST(!has(answer.out, "pretraining"));
    BOOST_TEST(run_program(folder, with(options + "--epochs 6 --output whole")).status == 0);
    BOOST_TEST(same_weights(weights_in(folder / "run"), weights_in(folder / "whole")));
    // From the checkpoint after the pretraining, too.
    BOOST_TEST(run_program(folder, "resume run --checkpoint run/checkpoints/pretrained.ckpt").status == 0);
    BOOST_TEST(same_weights(weights_in(folder / "run"), weights_in(folder / "whole")));
}

BOOST_AUTO_TEST_CASE(a_pretraining_that_is_interrupted_says_how_to_start_again) {
    const auto folder = Temporary();
    const auto status = run_until(folder, "INT", 2.0, with("--layers 9,6,4 --pretrain --pretrain-epochs 100000000"));
    BOOST_TEST(status == 130);
    const auto out = contents(folder / "stdout");
    BOOST_TEST(contents(folder / "stderr") == "");
    const auto command = std::string("nbm train run/config.toml --output run --overwrite");
    BOOST_TEST(has(out, "interrupted while pretraining, of which nothing is kept; start again with: " + command + "\n"));
    BOOST_TEST(!has(out, "training all layers"));
    BOOST_TEST(!fs::exists(folder / "run/weights/final.h5"));
    const auto resumed = run_program(folder, "resume run");
    BOOST_TEST(resumed.status == 2);
    BOOST_TEST(has(resumed.err, "holds no checkpoint; a pretraining that was interrupted begins anew with: " + command));
    BOOST_TEST(run_program(folder, command.substr(4) + " --pretrain-epochs 2").status == 0);
    BOOST_TEST((weights_in(folder / "run").topology() == nbm::Topology{9, 6, 4}));
}

BOOST_AUTO_TEST_CASE(a_run_that_is_killed_after_its_pretraining_goes_on_from_there) {
    const auto folder = Temporary();
    run_until(folder, "KILL", 2.0, with("--layers 9,6,4 --pretrain --pretrain-epochs 2 --epochs 100000000"));
    BOOST_TEST(has(contents(folder / "stdout"), "training all layers"));
    BOOST_TEST(fs::exists(folder / "run/checkpoints/pretrained.ckpt"));
    BOOST_TEST(run_until(folder, "INT", 2.0, "resume run") == 130);
    const auto out = contents(folder / "stdout");
    BOOST_TEST(has(out, "going on from run/checkpoints/pretrained.ckpt"));
    BOOST_TEST(!has(out, "pretraining layers"));
    BOOST_TEST(has(out, "go on with: nbm resume run"));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_found_before_an_hour_of_pretraining) {
    const auto folder = Temporary();
    std::ofstream(folder / "c.toml") << "[[callbacks]]\ntype = \"checkpoint\"\nmonitor = \"val_prob\"\nkeep_best = 1\n";
    const auto answer = run_program(
        folder, "train c.toml " + std::string(quick).substr(6) + "--layers 9,6,4 --pretrain --pretrain-epochs 100000000");
    BOOST_TEST(answer.status == 2);
    BOOST_TEST(has(answer.err, "unknown metric 'val_prob'"));
    BOOST_TEST(!has(answer.out, "pretraining layers"));
    const auto diverged = run_program(folder, with("--layers 9,6,4 --pretrain --pretrain-epochs 100 --pretrain-learning-rate 1e8 "
                                                   "--l2 1"));
    BOOST_TEST(diverged.status == 2);
    BOOST_TEST(has(diverged.err, "nbm: the pretraining diverged in its training 1 of 2"));
    BOOST_TEST(!fs::exists(folder / "run/weights/final.h5"));
}

BOOST_AUTO_TEST_CASE(machines_that_cannot_be_had_are_refused) {
    refuses(with("--layers 8,6,4"), {"--layers begins with 8 units; the rows of bars-and-stripes:3 have 9"});
    refuses(with("--layers 9"), {"--layers 9", "at least two layers"});
    refuses(with("--layers 9,0,4"), {"--layers", "'0'", "from 1 to"});
    refuses(with("--layers 9,six,4"), {"--layers", "'six'"});
    refuses(with("--layers 9,6,4 --hidden 6"), {"hidden and layers are both given"});
    refuses(with("--layers 9,6,4 --edges 0_1"), {"--edges", "'0_1'", "two layers as in 0-1"});
    refuses(with("--layers 9,6,4 --edges 0-1,1-"), {"--edges", "'1-'"});
    refuses(with("--layers 9,6,4 --edges 0-1,0-2"), {"edge 0-2", "same parity"});
    refuses(with("--layers 9,6,4 --edges 0-1,2-3"), {"edge 2-3", "only layers 0 to 2"});
    refuses(with("--layers 9,6,4 --edges 0-1"), {"layer 2 has no edge"});
    refuses(with("--layers 9,5,4,3 --edges 0-1,1-2,2-3,0-3 --pretrain"), {"needs a chain of layers", "edges 0-1 0-3 1-2 2-3"});
    refuses(with("--layers 9,6,4 --pretrain --pretrain-epochs 0"), {"--pretrain-epochs", "'0'"});
    refuses(with("--layer 9,6,4"), {"unknown option '--layer'", "did you mean '--layers'"});
    const auto folder = Temporary();
    const auto refuses_file = [&](const std::string& text, const std::string& part) {
        std::ofstream(folder / "c.toml") << text;
        const auto answer = run_program(folder, "train c.toml " + std::string(quick).substr(6));
        BOOST_TEST_CONTEXT(text << " -> " << answer.err) {
            BOOST_TEST(answer.status == 2);
            BOOST_TEST(has(answer.err, part));
            BOOST_TEST(!fs::exists(folder / "run"));
        }
    };
    refuses_file("layers = [9, 4]\nhidden = 4\n", "hidden and layers are both given");
    refuses_file("layers = 9\n", "c.toml:1: layers = 9; expected a list of whole numbers");
    refuses_file("layers = [9, -4]\n", "c.toml:1: ");
    refuses_file("layers = [9, 4]\nedges = [0, 1]\n", "c.toml:2: edges = [0, 1]; expected a list of texts");
    refuses_file("layers = [9, 4]\nedges = [\"0:1\"]\n", "c.toml:2: ");
    refuses_file("pretrain = 1\n", "c.toml:1: pretrain = 1; expected true or false");
    // An earlier run is not touched by one that cannot be.
    BOOST_TEST(run_program(folder, with("--layers 9,6,4")).status == 0);
    BOOST_TEST(run_program(folder, with("--overwrite --layers 9,5,4,3 --edges 0-1,1-2,2-3,0-3 --pretrain")).status == 2);
    BOOST_TEST((weights_in(folder / "run").topology() == nbm::Topology{9, 6, 4}));
}

BOOST_AUTO_TEST_CASE(a_training_begins_with_the_weights_of_a_trained_machine) {
    const auto folder = Temporary();
    const auto ok = [&](const std::string& arguments) {
        const auto answer = run_program(folder, arguments);
        BOOST_TEST(answer.status == 0, arguments << ": " << answer.err);
    };
    ok(with("--hidden 6 --output lower"));
    const auto lower = weights_in(folder / "lower");
    const auto still = std::string("--learning-rate 1e-30 ");  // too small to change a weight
    ok(with(still + "--initial-weights lower --hidden 6 --output same"));
    BOOST_TEST(same_weights(weights_in(folder / "same"), lower));
    ok(with(still + "--initial-weights lower/weights/final.h5 --layers 9,6,4 --output deep"));
    const auto deep = weights_in(folder / "deep");
    BOOST_TEST((deep.weights(0, 1) == lower.weights(0, 1)));
    BOOST_TEST((deep.bias(0) == lower.bias(0)));
    BOOST_TEST((deep.bias(1) == lower.bias(1)));
    BOOST_TEST(std::ranges::any_of(deep.weights(1, 2), [](float w) { return w != 0.0F; }));

    // A checkpoint has all: the file is not read again.
    ok(with("--initial-weights lower --layers 9,6,4 --output whole"));
    ok(with("--initial-weights lower --layers 9,6,4 --epochs 1 --output part"));
    fs::rename(folder / "lower", folder / "elsewhere");
    ok("resume part --epochs 3");
    BOOST_TEST(same_weights(weights_in(folder / "part"), weights_in(folder / "whole")));

    refuses(with("--hidden 6 --initial-weights lower"), {"lower"});
    const auto refuse = [&](const std::string& arguments, const std::vector<std::string>& parts) {
        refuse_program(folder, with(arguments), parts);
        BOOST_TEST(!fs::exists(folder / "run"), arguments);
    };
    refuse("--hidden 5 --initial-weights elsewhere", {"9-6 is no lower part of 9-5", "layer 1 has 6 units, not 5"});
    refuse("--hidden 6 --initial-weights deep", {"9-6-4 is no lower part of 9-6", "more layers"});
    refuse("--layers 9,6,4 --edges 0-1,1-2 --initial-weights elsewhere --pretrain", {"--initial-weights and --pretrain"});
    refuse("--layers 9,4,6,3 --edges 0-1,1-2,2-3 --initial-weights elsewhere", {"layer 1 has 6 units, not 4"});
}
