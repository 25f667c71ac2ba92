// The program nbm as a user meets it: what it writes, and what it says to wrong input.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "helpers.hpp"
#include "npz_writer.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

/// Wrong input: status 2, nothing on stdout but what came before, one sentence on stderr that mentions all parts, no results.
auto refuses(const std::string& arguments, const std::vector<std::string>& parts, const Temporary* where = nullptr) -> void {
    const auto own = Temporary();
    const auto& folder = where == nullptr ? own : *where;
    refuse_program(folder, arguments, parts);
    BOOST_TEST(!fs::exists(folder / "run/summary.json"), arguments);
    BOOST_TEST(!fs::exists(folder / "run/weights/final.h5"), arguments);
}

constexpr auto quick = "train --data bars-and-stripes:3 --hidden 4 --epochs 3 --ais-runs 20 --ais-betas 50 --output run ";

}  // namespace

BOOST_AUTO_TEST_CASE(a_training_writes_its_results) {
    const auto folder = Temporary();
    const auto answer = run_program(folder, std::string(quick) + "--save-epochs 1,3 --seed 5 --ais-every 2");
    BOOST_TEST(answer.status == 0);
    BOOST_TEST(answer.err == "");
    for (const auto* text : {"epoch 1/3  cost", "log Z", "train log-probability", "test log-probability", "nats ["}) {
        BOOST_TEST(has(answer.out, text));
    }
    BOOST_TEST(!has(answer.out, "\r"));
    const auto summary = nlohmann::json::parse(contents(folder / "run/summary.json"));
    for (const auto* key : {"log_z", "train_log_prob", "test_log_prob"}) {
        BOOST_TEST(summary.at(key).at("low").get<double>() <= summary.at(key).at("value").get<double>());
        BOOST_TEST(summary.at(key).at("value").get<double>() <= summary.at(key).at("high").get<double>());
    }
    BOOST_TEST(summary.at("seed") == 5);
    BOOST_TEST(summary.at("seconds").get<double>() > 0.0);
    BOOST_TEST(summary.at("command") == "nbm " + std::string(quick) + "--save-epochs 1,3 --seed 5 --ais-every 2");
    // The numbers are those of the weights that were written.
    const auto dbm = nbm::load_weights<float>(folder / "run/weights/final.h5");
    const auto exact = nbm::exact_log_z(dbm);
    BOOST_TEST(summary.at("log_z").at("low").get<double>() <= exact);
    BOOST_TEST(summary.at("log_z").at("high").get<double>() >= exact);
    const auto data = nbm::bars_and_stripes<float>(3);
    const auto truth = nbm::mean_log_probability(dbm, data.train, nbm::Estimate{exact, exact, exact}).value;
    BOOST_TEST(summary.at("train_log_prob").at("low").get<double>() <= truth);
    BOOST_TEST(summary.at("train_log_prob").at("high").get<double>() >= truth);
    const auto history = contents(folder / "run/history.csv");
    BOOST_TEST(history.starts_with("epoch,cost,val_cost,seconds,logz,"));
    BOOST_TEST(std::count(history.begin(), history.end(), '\n') == 4);
    for (const auto* file : {"weights/epoch-0001.h5", "weights/epoch-0003.h5", "samples/final.png", "plots/filters-h1.png"}) {
        BOOST_TEST(fs::file_size(folder / "run" / file) > 100U);
    }
    BOOST_TEST(!fs::exists(folder / "run/weights/epoch-0002.h5"));
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_numbers_for_any_threads) {
    const auto weights = [](const std::string& options) {
        const auto folder = Temporary();
        BOOST_TEST(run_program(folder, quick + options).status == 0);
        auto summary = nlohmann::json::parse(contents(folder / "run/summary.json"));
        return summary.at("test_log_prob").dump();
    };
    BOOST_TEST(weights("--threads 1") == weights("--threads 2"));
    BOOST_TEST(weights("--seed 1") != weights("--seed 2"));
    BOOST_TEST(weights("--trainer cd") != weights("--trainer pcd"));
}

BOOST_AUTO_TEST_CASE(every_kind_of_data_trains) {
    const auto folder = Temporary();
    write_npz(folder / "grey.npz", {{"train.data", npy<float>("<f4", "(2, 3)", {0, 0.5F, 1, 1, 0.25F, 0})}});
    for (const auto* how : {"sample", "threshold", "grey"}) {
        const auto answer = run_program(
            folder,
            std::string("train --data grey.npz --hidden 2 --epochs 2 --ais-betas 9 --overwrite --output run --binarise ") + how);
        BOOST_TEST(answer.status == 0);
        BOOST_TEST(!has(answer.out, "test log-probability"));
        BOOST_TEST(nlohmann::json::parse(contents(folder / "run/summary.json")).at("test_log_prob").is_null());
    }
    auto rows = std::string("a,digit,b\n");
    for (int r = 0; r != 20; ++r) { rows += std::to_string(r % 2) + "," + std::to_string(r) + ",0.5\n"; }
    std::ofstream(folder / "rows.csv") << rows;
    const auto text =
        run_program(folder, "train --data rows.csv:label=digit --hidden 2 --epochs 1 --ais-betas 9 --overwrite --output run");
    BOOST_TEST(text.status == 0);
    BOOST_TEST(has(text.out, "16 training, 2 validation, 2 test rows of 2 units"));
    BOOST_TEST(has(contents(folder / "run/config.toml"), (folder / "rows.csv").string() + ":label=digit\""));
    const auto digits = run_program(folder, "train --hidden 3 --epochs 1 --ais-runs 5 --ais-betas 9 --overwrite --output run");
    BOOST_TEST(digits.status == 0);
    BOOST_TEST(has(digits.out, "5000 training, 1000 validation, 1000 test rows of 784 units"));
}

BOOST_AUTO_TEST_CASE(a_repeated_option_counts_where_it_stands_last) {
    const auto folder = Temporary();
    BOOST_TEST(
        has(run_program(folder, quick + std::string("--epochs 2 --hidden 5")).out, "training an RBM 9-5 by PCD-1 for 2 epochs"));
}

BOOST_AUTO_TEST_CASE(a_diverged_training_says_so_and_writes_no_weights) {
    refuses(std::string(quick) + "--learning-rate 100 --l2 1 --epochs 200", {"diverged", "--learning-rate"});
}

BOOST_AUTO_TEST_CASE(an_interrupted_training_saves_its_weights) {
    const auto folder = Temporary();
    const auto command = "cd " + folder.path().string() +
                         " && timeout --foreground --preserve-status -s INT 2 " NBM_PROGRAM
                         " train --data bars-and-stripes:3 --hidden 4 --epochs 100000000 --output run > stdout 2> stderr";
    const auto status = std::system(command.c_str());
    BOOST_TEST(WEXITSTATUS(status) == 130);
    BOOST_TEST(has(contents(folder / "stdout"), "interrupted in epoch"));
    BOOST_TEST(contents(folder / "stderr") == "");
    BOOST_TEST(nbm::load_weights<float>(folder / "run/weights/final.h5").topology().describe() == "9-4");
    BOOST_TEST(!fs::exists(folder / "run/summary.json"));
    // What it left is a result too: it is not replaced unasked.
    BOOST_TEST(has(run_program(folder, quick).err, "--overwrite"));
}

BOOST_AUTO_TEST_CASE(overwriting_leaves_nothing_of_the_earlier_run) {
    const auto folder = Temporary();
    BOOST_TEST(run_program(folder, quick + std::string("--save-every 1")).status == 0);
    std::ofstream(folder / "run/notes.txt") << "mine";
    BOOST_TEST(run_program(folder, quick + std::string("--overwrite --learning-rate 100 --l2 1 --epochs 200")).status == 2);
    for (const auto* file : {"summary.json", "weights/final.h5", "samples/final.png", "weights/epoch-0001.h5"}) {
        BOOST_TEST(!fs::exists(folder / "run" / file));
    }
    BOOST_TEST(contents(folder / "run/notes.txt") == "mine");
}

BOOST_AUTO_TEST_CASE(strange_folders_and_wide_rows_work) {
    const auto folder = Temporary();
    for (const auto* name : {"'a b'", "'run{1}'", "\"$(printf 'r\\377')\"", "ü"}) {
        BOOST_TEST(run_program(folder, quick + std::string("--save-every 2 --output ") + name).status == 0);
    }
    write_npz(folder / "wide.npz", {{"train.data", npy<std::uint8_t>("|u1", "(2, 60001)", std::vector<std::uint8_t>(120002, 1))}});
    const auto wide = run_program(folder, "train --data wide.npz --hidden 2 --epochs 1 --ais-runs 2 --ais-betas 4 --output wide");
    BOOST_TEST(wide.status == 0);
    BOOST_TEST(fs::exists(folder / "wide/summary.json"));
    BOOST_TEST(!has(wide.out, "final.png"));
}

BOOST_AUTO_TEST_CASE(help_is_complete) {
    const auto folder = Temporary();
    const auto answer = run_program(folder, "train --help");
    BOOST_TEST(answer.status == 0);
    for (const auto* option :
         {"--data", "--binarise", "--hidden", "--trainer", "--steps", "--chains", "--epochs", "--batch-size", "--learning-rate",
          "--momentum", "--seed", "--threads", "--ais-runs", "--ais-betas", "--output", "--overwrite", "--save-epochs"}) {
        BOOST_TEST(has(answer.out, option));
    }
    BOOST_TEST(has(answer.out, "digits, bars-and-stripes:N"));
    BOOST_TEST(has(run_program(folder, "--help").out, "train"));
}

BOOST_AUTO_TEST_CASE(wrong_options_are_refused) {
    const auto with = [](const std::string& more) { return quick + more; };
    refuses(with("--epohcs 3"), {"unknown option '--epohcs'", "did you mean '--epochs'"});
    refuses(with("--epochs=0"), {"--epochs", "'0'", "from 1 to"});
    refuses(with("--epochs -1"), {"--epochs"});
    refuses(with("--epochs ten"), {"--epochs", "'ten'"});
    refuses(with("--epochs 010"), {"--epochs", "'010'"});
    refuses(with("--learning-rate 0x10"), {"--learning-rate", "'0x10'"});
    refuses(with("--save-epochs 1,9"), {"no epoch 9 in 3 epochs"});
    refuses(with("--hidden 1.5"), {"--hidden", "'1.5'"});
    refuses(with("--hidden 99999999999999999999"), {"--hidden"});
    refuses(with("--trainer pdc"), {"--trainer", "'pdc'", "did you mean 'pcd'"});
    refuses(with("--binarise treshold"), {"--binarise", "did you mean 'threshold'"});
    refuses(with("--threads 1000000"), {"--threads", "from 0 to 256"});
#if !__has_feature(address_sanitizer)  // which ends the program instead of throwing
    refuses(with("--chains 999999999 --overwrite"), {"memory"});
#endif
    refuses(with("--output ''"), {"--output", "expected a name"});
    refuses(with("--learning-rate fast"), {"--learning-rate", "'fast'"});
    refuses(with("--learning-rate nan"), {"--learning-rate"});
    refuses(with("--momentum 1"), {"--momentum", "below 1"});
    refuses(with("--ais-betas 1"), {"--ais-betas", "from 4 to"});
    refuses(std::string(quick) + "surplus", {"surplus", "no such file"});
    refuses("tarin", {"unknown command 'tarin'", "did you mean 'train'"});
    refuses("", {"a command is needed"});
}

BOOST_AUTO_TEST_CASE(a_wrong_instruction_set_is_refused) {
    const auto folder = Temporary();
    ::setenv("NBM_ISA", "avx3", 1);
    refuse_program(folder, "train --data digits --output run", {"NBM_ISA is 'avx3'", "avx2"});
    ::unsetenv("NBM_ISA");
    BOOST_TEST(!std::filesystem::exists(folder / "run"));
}

BOOST_AUTO_TEST_CASE(wrong_data_are_refused) {
    const auto base = std::string("train --hidden 4 --epochs 1 --output run --data ");
    refuses(base + "digts", {"did you mean 'digits'"});
    refuses(base + "none.npz", {"none.npz", "no such file"});
    refuses(base + "bars-and-stripes:0", {"1 to 12"});
    const auto folder = Temporary();
    write_npz(folder / "keys.npz", {{"images", npy<double>("<f8", "(1, 1)", {0})}});
    refuses(base + "keys.npz", {"keys.npz", "train.data", "images"}, &folder);
    write_npz(folder / "range.npz", {{"train.data", npy<double>("<f8", "(1, 2)", {0, 2})}});
    refuses(base + "range.npz", {"range.npz", "row 0, column 1 is 2"}, &folder);
    std::ofstream(folder / "cut.npz") << contents(folder / "range.npz").substr(0, 40);
    refuses(base + "cut.npz", {"cut.npz", "not"}, &folder);
    std::ofstream(folder / "rows.csv") << "a,b\n0,1\n0,7\n";
    refuses(base + "rows.csv", {"rows.csv", "line 3, row 1, column 1 ('b') is 7", "scale=7"}, &folder);
    refuses(base + "rows.csv:lable=a", {"'lable=a' is no option"}, &folder);
    fs::create_directory(folder / "idx");
    refuses(base + "idx", {"train-images-idx3-ubyte"}, &folder);
    std::ofstream(folder / "idx/train-images-idx3-ubyte") << "not an idx file";
    refuses(base + "idx", {"train-images-idx3-ubyte", "magic number"}, &folder);
}

BOOST_AUTO_TEST_CASE(output_folders_are_checked_before_training) {
    refuses("train --data bars-and-stripes:3 --output /proc/nbm", {"/proc/nbm"});
    const auto folder = Temporary();
    std::ofstream(folder / "file") << "x";
    refuses("train --data bars-and-stripes:3 --output file/run", {"file/run"}, &folder);
    refuses("train --data bars-and-stripes:3 --output " + std::string(300, 'x'), {"name too long"});
    fs::create_directories(folder / "blocked/samples/final.png");
    refuses("train --data bars-and-stripes:3 --output blocked", {"samples/final.png", "in the way"}, &folder);
    std::ofstream(folder / "blocked/weights") << "x";
    fs::remove(folder / "blocked/samples/final.png");
    refuses("train --data bars-and-stripes:3 --save-every 1 --output blocked", {"blocked/weights", "in the way"}, &folder);
    refuses("train --data none.npz --output a/b/c", {"none.npz"}, &folder);
    BOOST_TEST(!fs::exists(folder / "a"));
    BOOST_TEST(run_program(folder, quick).status == 0);
    const auto before = contents(folder / "run/weights/final.h5");
    const auto again = run_program(folder, quick + std::string("--seed 9"));
    BOOST_TEST(again.status == 2);
    BOOST_TEST(has(again.err, "--overwrite"));
    BOOST_TEST((contents(folder / "run/weights/final.h5") == before));
    BOOST_TEST(run_program(folder, quick + std::string("--seed 9 --overwrite")).status == 0);
    BOOST_TEST((contents(folder / "run/weights/final.h5") != before));
}
