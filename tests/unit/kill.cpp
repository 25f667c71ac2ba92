// A training that is killed at any moment and resumed from its newest checkpoint, over and over, ends as if nothing had happened.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

/// Starts nbm in a folder, its output in a file there.
auto start(const Temporary& folder, const std::vector<std::string>& arguments) -> pid_t {
    const auto child = ::fork();
    if (child != 0) { return child; }
    const auto out = ::open((folder / "out.txt").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (::chdir(folder.path().c_str()) != 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0) { ::_exit(126); }
    auto pointers = std::vector<char*>{const_cast<char*>(NBM_PROGRAM)};
    for (const auto& argument : arguments) { pointers.push_back(const_cast<char*>(argument.c_str())); }
    pointers.push_back(nullptr);
    ::execv(NBM_PROGRAM, pointers.data());
    ::_exit(127);
}

/// Waits for the end of a process; kills it after a while. Returns its exit status, or -1 when it was killed.
auto wait_or_kill(pid_t child, std::chrono::milliseconds patience) -> int {
    const auto end = std::chrono::steady_clock::now() + patience;
    auto status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() >= end) {
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
            break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

auto wait(pid_t child) -> int { return wait_or_kill(child, std::chrono::minutes(5)); }

/// Goes on with the run in a folder, which then ends as the undisturbed one did.
auto resume_as_if_nothing_had_happened(const Temporary& folder, const Temporary& calm) -> void {
    BOOST_TEST(wait(start(folder, {"resume", "run"})) == 0);
    BOOST_TEST((contents(folder / "run/weights/final.h5") == contents(calm / "run/weights/final.h5")));
    BOOST_TEST(contents(folder / "run/history.csv") == contents(calm / "run/history.csv"));
}

constexpr auto config = R"(
data = "digits"
hidden = 60
trainer = "pcd"
steps = 2
epochs = 4
batch_size = 100
momentum = 0.5
decay = 0.001
ais_runs = 10
ais_betas = 20

[[callbacks]]
type = "checkpoint"
every_epochs = 1
every_batches = 3

[[callbacks]]
type = "csv_logger"
times = false

[[callbacks]]
type = "jsonl_logger"
filename = "log.jsonl"
times = false

[[callbacks]]
type = "ais"
runs = 10
betas = 50
every = 2
)";

auto train_arguments(const std::string& threads) -> std::vector<std::string> {
    return {"train", "c.toml", "--output", "run", "--overwrite", "--threads", threads};
}

/// All that callbacks and loop saved last, but times.
auto final_state(const fs::path& run) -> nbm::State {
    auto state = nbm::load_training<float>(nbm::newest_checkpoint(run).path).state;
    state.put("seconds", 0.0);
    state.child("callbacks").child("history").child("seconds") = nbm::State{};
    return state;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_training_survives_being_killed_at_random_moments) {
    auto random = std::mt19937(11);
    for (const std::string threads : {"1", "2"}) {
        const auto calm = Temporary();
        std::ofstream(calm / "c.toml") << config;
        const auto begin = std::chrono::steady_clock::now();
        BOOST_REQUIRE(wait(start(calm, train_arguments(threads))) == 0);
        const auto duration = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
        const auto weights = contents(calm / "run/weights/final.h5");
        const auto history = contents(calm / "run/history.csv");
        const auto log = contents(calm / "run/log.jsonl");
        const auto state = final_state(calm / "run");
        BOOST_TEST(std::count(history.begin(), history.end(), '\n') == 5);
        BOOST_TEST(std::count(log.begin(), log.end(), '\n') == 4);

        auto kills = 0;
        auto resumptions = 0;
        for (auto rounds = 0; kills < 12 && rounds != 40; ++rounds) {
            const auto folder = Temporary();
            std::ofstream(folder / "c.toml") << config;
            for (auto status = -1; status != 0;) {
                auto has_checkpoint = true;
                try {
                    nbm::newest_checkpoint(folder / "run");
                } catch (const nbm::FileError&) { has_checkpoint = false; }
                resumptions += has_checkpoint ? 1 : 0;
                const auto child =
                    start(folder, has_checkpoint ? std::vector<std::string>{"resume", "run"} : train_arguments(threads));
                const auto most = static_cast<int>(std::max<long>(60, duration.count()));
                const auto patience = kills < 12 ? std::uniform_int_distribution(5, most)(random) : 300'000;
                status = wait_or_kill(child, std::chrono::milliseconds(patience));
                kills += status == -1 ? 1 : 0;
                BOOST_REQUIRE_MESSAGE(status <= 0,
                                      "the program failed with status " << status << ": " << contents(folder / "out.txt"));
            }
            BOOST_TEST((contents(folder / "run/weights/final.h5") == weights));
            BOOST_TEST(contents(folder / "run/history.csv") == history);
            BOOST_TEST(contents(folder / "run/log.jsonl") == log);
            BOOST_TEST(has(contents(folder / "run/summary.txt"), "\ntest log-probability "));
            BOOST_TEST((final_state(folder / "run") == state));
        }
        BOOST_TEST(kills >= 12);
        BOOST_TEST(resumptions >= 3);
        BOOST_TEST_MESSAGE(kills << " kills, " << resumptions << " resumptions with " << threads << " threads");
    }
}

BOOST_AUTO_TEST_CASE(a_damaged_checkpoint_is_passed_over_for_the_one_before) {
    const auto folder = Temporary();
    std::ofstream(folder / "c.toml") << config;
    BOOST_REQUIRE(wait(start(folder, train_arguments("2"))) == 0);
    const auto weights = contents(folder / "run/weights/final.h5");
    const auto history = contents(folder / "run/history.csv");
    const auto newest = nbm::newest_checkpoint(folder / "run").path;
    auto bytes = contents(newest);
    bytes[bytes.size() / 2] ^= 1;
    std::ofstream(newest, std::ios::binary) << bytes;
    BOOST_TEST(wait(start(folder, {"resume", "run"})) == 0);
    const auto said = contents(folder / "out.txt");
    BOOST_TEST(has(said, "warning: run/checkpoints/0004.ckpt"));
    BOOST_TEST(has(said, "an earlier one is used"));
    BOOST_TEST(has(said, "going on from run/checkpoints/0003.ckpt"));
    BOOST_TEST((contents(folder / "run/weights/final.h5") == weights));
    BOOST_TEST(contents(folder / "run/history.csv") == history);
}

BOOST_AUTO_TEST_CASE(an_interrupted_training_is_resumed_with_the_same_result) {
    const auto calm = Temporary();
    std::ofstream(calm / "c.toml") << config;
    BOOST_REQUIRE(wait(start(calm, train_arguments("2"))) == 0);
    const auto folder = Temporary();
    std::ofstream(folder / "c.toml") << config;
    const auto child = start(folder, train_arguments("2"));
    while (!fs::exists(folder / "run/history.csv")) { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ::kill(child, SIGINT);
    const auto status = wait(child);
    BOOST_REQUIRE((status == 130 || status == 0));  // 0: it was done already
    if (status == 130) { BOOST_TEST(has(contents(folder / "out.txt"), "go on with: nbm resume run")); }
    resume_as_if_nothing_had_happened(folder, calm);
}

BOOST_AUTO_TEST_CASE(a_training_whose_output_nobody_reads_any_more_ends_as_if_interrupted) {
    const auto arguments = std::vector<std::string>{"train", "c.toml", "--output", "run", "--epochs", "8"};
    const auto calm = Temporary();
    std::ofstream(calm / "c.toml") << config;
    BOOST_REQUIRE(wait(start(calm, arguments)) == 0);
    const auto ways =
        std::vector<std::pair<std::string, std::string>>{{"", "2> err.txt"}, {"", "2>&1"}, {"trap '' PIPE; ", "2>&1"}};
    for (const auto& [before, errors] : ways) {
        const auto folder = Temporary();
        std::ofstream(folder / "c.toml") << config;
        // The two lines are written before the first epoch.
        const auto command = "cd " + folder.path().string() + " && { " + before +
                             NBM_PROGRAM " train c.toml --output run --epochs 8 " + errors +
                             "; echo $? > status; } | head -n 2 > out.txt";
        BOOST_REQUIRE(std::system(command.c_str()) == 0);
        BOOST_TEST(contents(folder / "status") == "1\n");
        if (errors == "2> err.txt") {
            const auto said = contents(folder / "err.txt");
            BOOST_TEST(has(said, "go on with: nbm resume run\n"));
            BOOST_TEST(said.ends_with("nbm: standard output cannot be written\n"));
        }
        BOOST_TEST(fs::exists(folder / "run/weights/final.h5"));
        BOOST_TEST(!fs::exists(folder / "run/summary.json"));
        resume_as_if_nothing_had_happened(folder, calm);
    }
}
