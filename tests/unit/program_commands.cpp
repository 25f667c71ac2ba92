// Commands that tell what is there: versions, the contents of files, configurations.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "helpers.hpp"
#include "program_json.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;
namespace tt = boost::test_tools;

/// 3 visible units; of the 4 hidden ones, 2 has weights near 0 and 3 is held at 0 by its bias.
auto machine_with_dead_units() -> nbm::DBM<double> {
    auto dbm = nbm::DBM<double>({3, 4});
    const double weights[3][4] = {{1, -2, 0.01, 1}, {3, 0, 0.01, 1}, {-1, 0, 0.01, 1}};
    for (auto i = 0U; i != 3; ++i) {
        for (auto j = 0U; j != 4; ++j) { dbm.weights(0, 1)(i, j) = weights[i][j]; }
    }
    dbm.bias(1)(1) = 5;
    dbm.bias(1)(3) = -20;
    return dbm;
}

constexpr auto quick = "train --data bars-and-stripes:2 --hidden 3 --epochs 2 --ais-runs 20 --ais-betas 50 --output run";

/// One byte in the middle is another one.
auto damage(const fs::path& path) -> void {
    auto bytes = contents(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_version_is_told) {
    const auto folder = Temporary();
    const auto json = json_of(folder, "version");
    BOOST_TEST(json.at("version") == NBM_VERSION);
    BOOST_TEST(json.at("blas") == nbm::blas_name());
    BOOST_TEST(json.at("compiler") == __VERSION__);
    BOOST_TEST(json.at("instruction_set") == std::string(nbm::instruction_set()));
    BOOST_TEST(json.at("threads") == nbm::threads());
    const auto text = run_program(folder, "version");
    BOOST_TEST(text.status == 0);
    for (const auto& part : {std::string("nbm " NBM_VERSION "\n"), nbm::blas_name(), std::string(nbm::instruction_set())}) {
        BOOST_TEST(has(text.out, part));
    }
    ::setenv("NBM_ISA", "baseline", 1);
    BOOST_TEST(json_of(folder, "version").at("instruction_set") == "baseline");
    ::unsetenv("NBM_ISA");
}

BOOST_AUTO_TEST_CASE(numbers_of_a_machine_are_told) {
    const auto folder = Temporary();
    nbm::save_weights(machine_with_dead_units(), folder / "m.h5");
    const auto json = json_of(folder, "inspect m.h5");
    BOOST_TEST(json.at("kind") == "weights");
    BOOST_TEST(json.at("topology") == "3-4");
    BOOST_TEST(json.at("parameters") == 3 + 4 + 12);
    BOOST_TEST(json.at("non_finite") == 0);
    const auto& synapse = json.at("synapses").at(0);
    BOOST_TEST(synapse.at("name") == "h0-1");
    BOOST_TEST((synapse.at("shape") == nlohmann::json{3, 4}));
    const auto& weights = synapse.at("weights");
    BOOST_TEST(weights.at("min") == -2.0);
    BOOST_TEST(weights.at("max") == 3.0);
    BOOST_TEST(weights.at("mean").get<double>() == 4.03 / 12, tt::tolerance(1e-12));
    const auto squares = 1 + 4 + 1 + 9 + 1 + 1 + 1 + 3e-4;
    BOOST_TEST(weights.at("norm").get<double>() == std::sqrt(squares), tt::tolerance(1e-12));
    const auto variance = squares / 12 - 4.03 / 12 * 4.03 / 12;
    BOOST_TEST(weights.at("standard_deviation").get<double>() == std::sqrt(variance), tt::tolerance(1e-12));
    BOOST_TEST(synapse.at("longest_vector").get<double>() == std::sqrt(11.0), tt::tolerance(1e-12));
    BOOST_TEST(json.at("layers").at(1).at("biases").at("min") == -20.0);
    // Unit 1 only moves between sigmoid(3) and sigmoid(5), which is more than 0.01.
    BOOST_TEST((json.at("layers").at(1).at("dead_units") == nlohmann::json{2, 3}));
    BOOST_TEST(json.at("layers").at(0).at("dead_units").empty());
    const auto text = run_program(folder, "inspect m.h5").out;
    BOOST_TEST(has(text, "dead units of h1: 2: 2, 3\n"));
    BOOST_TEST(has(text, "3x4"));
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_are_counted_and_refused_elsewhere) {
    const auto folder = Temporary();
    auto dbm = nbm::DBM<float>({2, 2});
    dbm.weights(0, 1)(0, 0) = std::numeric_limits<float>::quiet_NaN();
    dbm.weights(0, 1)(0, 1) = std::numeric_limits<float>::infinity();
    dbm.weights(0, 1)(1, 0) = 2;
    dbm.bias(1).fill(std::numeric_limits<float>::quiet_NaN());
    nbm::save_weights(dbm, folder / "m.h5");
    const auto json = json_of(folder, "inspect m.h5");
    BOOST_TEST(json.at("non_finite") == 4);
    const auto& synapse = json.at("synapses").at(0);
    BOOST_TEST(synapse.at("weights").at("non_finite") == 2);
    BOOST_TEST(synapse.at("weights").at("max") == 2.0);
    BOOST_TEST(synapse.at("weights").at("mean") == 1.0);
    BOOST_TEST(synapse.at("longest_vector").is_null());
    BOOST_TEST(json.at("layers").at(1).at("biases").at("min").is_null());
    refuse_program(folder, "exact m.h5", {"m.h5: 2 of the 2 numbers of h1 are not finite", "nbm inspect"});
}

BOOST_AUTO_TEST_CASE(weights_of_deep_machines_and_double_files_are_read) {
    const auto folder = Temporary();
    auto dbm = nbm::DBM<double>(nbm::Topology({2, 3, 2, 2}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}}));
    dbm.weights(0, 3)(1, 1) = 0.1;
    nbm::save_weights(dbm, folder / "m.h5");
    const auto json = json_of(folder, "inspect m.h5");
    BOOST_TEST(json.at("topology") == dbm.topology().describe());
    BOOST_TEST(json.at("synapses").size() == 4);
    BOOST_TEST(json.at("synapses").at(1).at("name") == "h0-3");
    BOOST_TEST(json.at("synapses").at(1).at("weights").at("max") == 0.1);  // all digits
    // sigmoid(0.1) - 1/2 = 0.025: these two see each other; all others see nobody.
    BOOST_TEST((json.at("layers").at(0).at("dead_units") == nlohmann::json{0}));
    BOOST_TEST((json.at("layers").at(3).at("dead_units") == nlohmann::json{0}));
    BOOST_TEST((json.at("layers").at(1).at("dead_units") == nlohmann::json{0, 1, 2}));
}

BOOST_AUTO_TEST_CASE(checkpoints_and_run_folders_are_read) {
    const auto folder = Temporary();
    BOOST_TEST(run_program(folder, quick).status == 0);
    const auto checkpoint = nbm::newest_checkpoint<float>(folder / "run").path;
    const auto of_run = json_of(folder, "inspect run");
    const auto of_checkpoint = json_of(folder, "inspect " + checkpoint.string());
    BOOST_TEST(of_run.at("file") == "run/weights/final.h5");
    BOOST_TEST(of_run.at("kind") == "weights");
    BOOST_TEST(of_checkpoint.at("kind") == "checkpoint");
    BOOST_TEST(of_run.at("synapses") == of_checkpoint.at("synapses"));
    fs::remove(folder / "run/weights/final.h5");
    BOOST_TEST(json_of(folder, "inspect run").at("kind") == "checkpoint");
    damage(checkpoint);
    refuse_program(folder, "inspect " + checkpoint.string(), {checkpoint.string(), "was changed after it was written"});
    fs::remove_all(folder / "run/checkpoints");
    refuse_program(folder, "inspect run", {"run/weights/final.h5: there is no such file", "holds no checkpoint"});
    nbm::save_training(machine_with_dead_units(), nbm::State(), folder / "double.ckpt");
    BOOST_TEST(json_of(folder, "inspect double.ckpt").at("synapses").at(0).at("weights").at("max") == 3.0);
}

BOOST_AUTO_TEST_CASE(files_that_are_no_machines_are_refused) {
    const auto folder = Temporary();
    nbm::save_weights(nbm::DBM<float>({2, 2}), folder / "weights.h5");
    std::ofstream(folder / "text.h5") << "text";
    const auto wrong = std::vector<std::pair<std::string, std::vector<std::string>>>{
        {"inspect", {"file is required"}},
        {"inspect weigths.h5", {"weigths.h5: there is no such", "did you mean 'weights.h5'"}},
        {"inspect text.h5", {"text.h5"}},
        {"inspect weights.h5 --jsn", {"unknown option '--jsn'", "did you mean '--json'"}},
        {"inspect /dev", {"/dev/weights/final.h5: there is no such file"}},
        {"version --threads 2", {"unknown option '--threads'"}},
        {"inspcet weights.h5", {"unknown command 'inspcet'", "did you mean 'inspect'"}}};
    for (const auto& [arguments, parts] : wrong) { refuse_program(folder, arguments, parts); }
}

BOOST_AUTO_TEST_CASE(the_printed_configuration_is_that_of_a_training) {
    const auto folder = Temporary();
    const auto options = std::string(
        "--data bars-and-stripes:2 --hidden 3 --epochs 2 --trainer pt --temperatures 3 --ais-runs 5 --ais-betas 9 --ais-every 2 "
        "--save-epochs 1,2 --output run");
    const auto printed = run_program(folder, "config " + options);
    BOOST_TEST(printed.status == 0);
    BOOST_TEST(printed.err == "");
    BOOST_TEST(!fs::exists(folder / "run"));
    BOOST_TEST(run_program(folder, "train " + options).status == 0);
    BOOST_TEST(printed.out == contents(folder / "run/config.toml"));
    // It stays what it is, and options on the command line win.
    BOOST_TEST(run_program(folder, "config run/config.toml --output run").out == printed.out);
    BOOST_TEST(has(run_program(folder, "config run/config.toml --epochs 7").out, "epochs = 7\n"));
}

BOOST_AUTO_TEST_CASE(the_default_configuration_is_the_default) {
    const auto folder = Temporary();
    const auto defaults = run_program(folder, "config --default");
    BOOST_TEST(defaults.status == 0);
    std::ofstream(folder / "default.toml") << defaults.out;
    const auto usual = run_program(folder, "config");
    BOOST_TEST(usual.status == 0);
    BOOST_TEST(has(usual.out, "hidden = 500\n"));
    BOOST_TEST(run_program(folder, "config default.toml").out == usual.out);
    // Every setting is there, with what the help says about it.
    const auto help = run_program(folder, "train --help").out;
    auto found = 0;
    for (auto at = help.find("  --"); at != std::string::npos; at = help.find("  --", at + 1)) {
        auto key = help.substr(at + 4, help.find_first_of(" ,\n", at + 4) - at - 4);
        std::ranges::replace(key, '-', '_');
        // These are about one start of the program.
        if (key == "help" || key == "overwrite" || key == "resume" || key == "set" || key == "quiet" || key == "json") { continue; }
        BOOST_TEST(has(defaults.out, "\n" + key + " = ") != has(defaults.out, "\n# " + key + " = "), key);
        ++found;
    }
    BOOST_TEST(found > 40);
    BOOST_TEST(has(defaults.out, "# Gibbs sweeps an update\nsteps = 1\n"));
    BOOST_TEST(has(defaults.out, "(cd|pcd|pt|exact)\ntrainer = \"pcd\"\n"));
}

BOOST_AUTO_TEST_CASE(wrong_configurations_are_refused) {
    const auto folder = Temporary();
    std::ofstream(folder / "c.toml") << "stepz = 1\n";
    std::ofstream(folder / "d.toml") << "default = true\n";
    refuse_program(folder, "config c.toml", {"c.toml:1: unknown key 'stepz'", "did you mean 'steps'"});
    refuse_program(folder, "config d.toml", {"d.toml:1: unknown key 'default'"});
    refuse_program(folder, "config none.toml", {"none.toml: there is no such file"});
    refuse_program(folder, "config --epohcs 3", {"unknown option '--epohcs'", "did you mean '--epochs'"});
    refuse_program(folder, "config --hidden 3 --layers 4,3", {"hidden and layers are both given"});
}
