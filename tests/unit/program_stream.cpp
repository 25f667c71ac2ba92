// nbm train --stream.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "helpers.hpp"
#include "npz_writer.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

/// 6000 rows of 784 bytes; as float32 they need 17.9 MiB.
auto write_rows(const fs::path& path) -> void {
    auto pixels = std::vector<std::uint8_t>(6000 * 784);
    for (std::size_t i = 0; i != pixels.size(); ++i) {
        pixels[i] = static_cast<std::uint8_t>(static_cast<std::uint32_t>(i) * 2654435761U >> 24U);
    }
    std::ofstream(path, std::ios::binary) << npy<std::uint8_t>("|u1", "(6000, 28, 28)", pixels);
}

const auto usual = std::string("train --data x.npy --hidden 5 --ais-runs 10 --ais-betas 20 ");
const auto small = usual + "--stream --stream-memory 16 ";

auto run_well(const Temporary& folder, const std::string& arguments) -> Answer {
    auto answer = run_program(folder, arguments);
    BOOST_REQUIRE_MESSAGE(answer.status == 0, arguments << " -> " << answer.err);
    return answer;
}

auto weights(const Temporary& folder, const std::string& run) -> nbm::DBM<float> {
    return nbm::load_weights<float>(nbm::newest_checkpoint<float>(folder / run).path);
}

auto same(const nbm::DBM<float>& a, const nbm::DBM<float>& b) -> bool {
    return a.weights(0, 1) == b.weights(0, 1) && a.bias(0) == b.bias(0) && a.bias(1) == b.bias(1);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_is_trained_on_in_blocks) {
    const auto folder = Temporary();
    write_rows(folder / "x.npy");
    const auto answer = run_well(folder, small + "--epochs 2 --threads 2 --profile --output two");
    BOOST_TEST(has(answer.out, "data x.npy: 4800 training, 600 validation, 600 test rows of 784 units\nread in blocks of "));
    BOOST_TEST(answer.err == "");
    const auto config = contents(folder / "two/config.toml");
    BOOST_TEST(has(config, "stream = true\n"));
    BOOST_TEST(has(config, "stream_memory = 16\n"));
    BOOST_TEST(nbm::read_table(folder / "two/history.csv").column("cost").size() == 2U);
    // Neither threads nor an interruption make a difference.
    run_well(folder, small + "--epochs 2 --threads 1 --output one");
    BOOST_TEST(same(weights(folder, "one"), weights(folder, "two")));
    run_well(folder, small + "--epochs 1 --output part");
    BOOST_TEST(!same(weights(folder, "part"), weights(folder, "two")));
    run_well(folder, "resume part --epochs 2");
    BOOST_TEST(same(weights(folder, "part"), weights(folder, "two")));
    // Another order does.
    run_well(folder, small + "--epochs 2 --stream-memory 17 --output other");
    BOOST_TEST(!same(weights(folder, "other"), weights(folder, "two")));
    // Commands on the machine see the rows in memory, and say so, but not on standard output.
    const auto ais = run_well(folder, "ais two --json");
    BOOST_TEST(nlohmann::json::parse(ais.out).contains("log_z"));
    BOOST_TEST(has(ais.err, "read in blocks of "));
    // The same estimate as at the end of the training.
    const auto summary = nlohmann::json::parse(contents(folder / "two/summary.json"));
    BOOST_TEST((nlohmann::json::parse(ais.out)["log_z"] == summary["log_z"]));
}

BOOST_AUTO_TEST_CASE(with_enough_memory_the_result_is_that_of_a_usual_training) {
    const auto folder = Temporary();
    write_rows(folder / "x.npy");
    for (const auto* how : {"sample", "grey"}) {
        const auto common = std::string("--epochs 1 --overwrite --binarise ") + how;
        const auto memory = run_well(folder, usual + common + " --output memory");
        const auto stream = run_well(folder, usual + common + " --stream --output stream");
        BOOST_TEST(same(weights(folder, "memory"), weights(folder, "stream")));
        BOOST_TEST(!has(stream.out, "blocks"));
        BOOST_TEST(has(contents(folder / "memory/config.toml"), "stream = false\n"));
        const auto log_prob = [&](const char* run) {
            return nlohmann::json::parse(contents(folder / run / "summary.json")).at("test_log_prob");
        };
        BOOST_TEST((log_prob("memory") == log_prob("stream")));
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_does_not_fit_is_read_in_blocks_without_being_asked) {
    const auto folder = Temporary();
    auto line = std::string{};
    auto free = std::size_t{0};
    for (auto file = std::ifstream("/proc/meminfo"); std::getline(file, line);) {
        if (line.starts_with("MemAvailable:")) { std::istringstream(line.substr(13)) >> free; }
    }
    if (free == 0) { return; }
    // float64, as many bytes as are free: half of these as float32, and some. Nothing is stored but the first value.
    constexpr auto units = std::size_t{1'000'000};
    const auto rows = free * 1024 * 6 / 5 / (units * sizeof(double)) + 1;
    const auto path = folder / "x.npy";
    std::ofstream(path, std::ios::binary) << npy<double>("<f8", "(" + std::to_string(rows) + ", 1000000)", {7.0});
    fs::resize_file(path, 128 + rows * units * sizeof(double));
    const auto options = std::string("train --data x.npy --hidden 2 --stream-memory 2000 --output run");
    const auto answer = run_program(folder, options);
    BOOST_TEST(answer.status == 2);
    BOOST_TEST(has(answer.out, "x.npy needs "));
    BOOST_TEST(has(answer.out, " are free: its rows are read while they are trained on, as by --stream\n"));
    BOOST_TEST(answer.err == "nbm: x.npy: row 0, column 0 is 7; values must be in [0, 1]\n");
    BOOST_TEST(!fs::exists(folder / "run"));
}

BOOST_AUTO_TEST_CASE(a_training_whose_file_is_lost_tells_how_to_go_on) {
    const auto folder = Temporary();
    write_rows(folder / "x.npy");
    // The program is in the background of a shell that shortens the file as soon as the training has begun.
    const auto answer = run_program(folder, "version >/dev/null; " NBM_PROGRAM " " + small +
                                                "--epochs 5000 --output run >log 2>error & pid=$!; "
                                                "until [ -e run/config.toml ] || ! kill -0 $pid; do sleep 0.1; done; "
                                                "truncate -s 1000000 x.npy; wait $pid");
    BOOST_TEST(answer.status == 2);
    const auto error = contents(folder / "error");
    BOOST_TEST(error.starts_with("nbm: x.npy: cannot be read at row "), error);
    BOOST_TEST(error.ends_with("; when its rows can be read again, go on with: nbm resume run\n"), error);
    // There is a checkpoint, though the minute in which the first one is due is not over.
    BOOST_TEST(nbm::load_training<float>(nbm::newest_checkpoint<float>(folder / "run").path).model.visible_size() == 784U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_streamed_is_refused_with_a_sentence) {
    const auto folder = Temporary();
    write_rows(folder / "x.npy");
    refuse_program(folder, "train --data digits --stream", {"digits: there is no such .npy or HDF5 file"});
    std::ofstream(folder / "x.csv") << "0,1\n1,0\n";
    refuse_program(folder, "train --data x.csv --stream", {"x.csv: is no NPY or HDF5 file"});
    refuse_program(folder, "train --data x.npy --stream --layers 784,5,4 --pretrain",
                   {"--pretrain needs all rows in memory", "--stream=false"});
    refuse_program(folder, small + "--stream-memory 15", {"--stream-memory", "15"});
    refuse_program(folder, small + "--strem", {"did you mean '--stream'?"});
}
