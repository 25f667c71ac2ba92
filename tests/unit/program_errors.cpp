// What a hurried user gets wrong, as one table: status 2, one sentence that names the mistake and the way out, and nothing lost.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include "helpers.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

namespace {

namespace fs = std::filesystem;

/// All files below a folder with their bytes; "/" for a folder.
auto tree_of(const fs::path& folder) -> std::map<std::string, std::string> {
    auto tree = std::map<std::string, std::string>{};
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const auto name = fs::relative(entry.path(), folder).string();
        if (name == "stdout" || name == "stderr") { continue; }
        tree[name] = entry.is_directory() ? "/" : contents(entry.path());
    }
    return tree;
}

auto write(const fs::path& path, const std::string& text) -> void { std::ofstream(path, std::ios::binary) << text; }

auto must(const Temporary& folder, const std::string& arguments) -> void {
    const auto answer = run_program(folder, arguments);
    BOOST_REQUIRE_MESSAGE(answer.status == 0, arguments + " -> " + answer.err);
}

constexpr auto little = " --data bars-and-stripes:2 --hidden 2 --epochs 2 --ais-runs 10 --ais-betas 10 ";

/// A folder with two runs, configurations and data, some of them wrong.
auto prepare(const Temporary& folder) -> void {
    must(folder, std::string("train") + little + "--output run");
    must(folder,
         std::string("train --layers 4,3,2 --data bars-and-stripes:2 --epochs 2 --ais-runs 10 --ais-betas 10 --output deep"));
    write(folder / "good.csv", "0,1,0\n1,0,1\n0,1,1\n1,1,0\n0,0,1\n1,0,0\n0,1,0\n1,0,1\n0,1,1\n1,1,0\n");
    must(folder, "train --data good.csv --hidden 2 --epochs 2 --ais-runs 10 --ais-betas 10 --output changed");
    write(folder / "good.csv", "0,1\n1,0\n0,1\n1,1\n0,0\n1,0\n0,1\n1,0\n0,1\n1,1\n");
    write(folder / "empty.csv", "");
    write(folder / "word.csv", "0,1\n1,zero\n0,1\n");
    write(folder / "ragged.csv", "0,1\n1,0,1\n0,1\n");
    write(folder / "large.csv", "0,1\n1,7\n0,1\n");
    write(folder / "one.csv", "a,b\n");
    write(folder / "empty.npz", "");
    write(folder / "text.h5", "this is no HDF5 file\n");
    write(folder / "text.npy", "this is no array\n");
    fs::create_directory(folder / "nothing");
    write(folder / "occupied", "a file\n");
    write(folder / "syntax.toml", "epochs = \n");
    write(folder / "key.toml", "hidden = 2\nepohcs = 3\n");
    write(folder / "type.toml", "epochs = \"three\"\n");
    write(folder / "list.toml", "layers = 784\n");
    write(folder / "table.toml", "[training]\nepochs = 3\n");
    write(folder / "callback.toml", "[[callbacks]]\ntype = \"early_stoping\"\nmonitor = \"cost\"\n");
    write(folder / "option.toml", "[[callbacks]]\ntype = \"early_stopping\"\nmonitor = \"cost\"\npatiance = 3\n");
    write(folder / "value.toml", "[[callbacks]]\ntype = \"early_stopping\"\nmonitor = \"cost\"\npatience = -3\n");
    write(folder / "monitor.toml",
          "data = \"bars-and-stripes:2\"\n[[callbacks]]\ntype = \"early_stopping\"\nmonitor = \"val_prob\"\n");
    write(folder / "untyped.toml", "[[callbacks]]\npatience = 3\n");
    write(folder / "cut.h5", contents(folder / "run/weights/final.h5").substr(0, 1000));
    fs::create_directories(folder / "torn/checkpoints");
    fs::copy(folder / "run/config.toml", folder / "torn/config.toml");
    for (const auto& entry : fs::directory_iterator(folder / "run/checkpoints")) {
        const auto bytes = contents(entry.path());
        write(folder / "torn/checkpoints" / entry.path().filename(), bytes.substr(0, bytes.size() / 2));
    }
}

struct Case {
    std::string arguments;
    std::vector<std::string> parts;  // what the sentence must name
};

const auto cases = std::vector<Case>{
    // Commands and options.
    {"", {"a command is needed", "nbm --help"}},
    {"tarin", {"unknown command 'tarin'", "did you mean 'train'"}},
    {"train --epohcs 3", {"unknown option '--epohcs'", "did you mean '--epochs'"}},
    {"train --epochs", {"--epochs needs a value"}},
    {"train --epochs 0", {"--epochs", "'0'", "from 1"}},
    {"train --epochs ten", {"--epochs", "'ten'"}},
    {"train --epochs 1e3", {"--epochs", "'1e3'"}},
    {"train --learning-rate fast", {"--learning-rate", "'fast'"}},
    {"train --learning-rate -0.1", {"--learning-rate", "'-0.1'"}},
    {"train --learning-rate 0,1", {"--learning-rate", "'0,1'"}},
    {"train --momentum 1", {"--momentum", "below 1"}},
    {"train --batch-size 0", {"--batch-size", "'0'"}},
    {"train --hidden -5", {"--hidden"}},
    {"train --data bars-and-stripes:2 --layers 4", {"--layers 4", "two layers", "4,500"}},
    {"train --layers 4,0,2", {"--layers", "'0'"}},
    {"train --data bars-and-stripes:2 --layers 5,3", {"5", "4"}},
    {"train --data bars-and-stripes:2 --hidden 3 --layers 4,3", {"hidden", "layers", "both"}},
    {"train --data bars-and-stripes:2 --layers 4,3,2 --edges 0-1", {"--edges", "layer 2 has no edge"}},
    {"train --data bars-and-stripes:2 --edges 0-2", {"--edges", "0-2", "layers 0 to 1"}},
    {"train --trainer pdc", {"--trainer", "'pdc'", "did you mean 'pcd'"}},
    {"train --optimiser adm", {"--optimiser", "'adm'", "did you mean 'adam'"}},
    {"train --binarise treshold", {"--binarise", "did you mean 'threshold'"}},
    {"train --weights ortogonal", {"--weights", "did you mean 'orthogonal'"}},
    {"train --trainer exact --hidden 300", {"exact", "20"}},
    {"train --threads 1000000", {"--threads", "256"}},
    {"train --ais-betas 1", {"--ais-betas", "from 4"}},
    {"train --save-epochs 99 --epochs 3", {"no epoch 99"}},
    {"train --set epohcs=3", {"epohcs", "did you mean 'epochs'"}},
    {"train --set epochs", {"--set", "epochs"}},
    {"train callback.toml --set callbacks.9.patience=5", {"callbacks.9"}},
    // Data.
    {"train --data digts", {"digts", "did you mean 'digits'"}},
    {"train --data none.npz", {"none.npz", "no such file"}},
    {"train --data digits --redraw mnist", {"--redraw mnist", "unknown data set", "valid: digits"}},
    {"train --data bars-and-stripes:99", {"99 x 99", "1 to 12"}},
    {"train --data empty.csv", {"empty.csv", "empty"}},
    {"train --data word.csv", {"word.csv", "line 2", "'zero'"}},
    {"train --data ragged.csv", {"ragged.csv", "line 2", "3"}},
    {"train --data large.csv", {"large.csv", "line 2", "7", "scale=7"}},
    {"train --data one.csv", {"one.csv"}},
    {"train --data good.csv:lable=a", {"lable=a", "label"}},
    {"train --data good.csv:label=z", {"good.csv", "z"}},
    {"train --data empty.npz", {"empty.npz"}},
    {"train --data text.h5", {"text.h5", "HDF5"}},
    {"train --data text.npy", {"text.npy"}},
    {"train --data nothing", {"nothing"}},
    {"train --data run/weights/final.h5", {"final.h5"}},
    // Configurations.
    {"train none.toml", {"none.toml"}},
    {"train syntax.toml", {"syntax.toml:1"}},
    {"train key.toml", {"key.toml:2", "epohcs", "did you mean 'epochs'"}},
    {"train type.toml", {"type.toml:1", "epochs", "whole number"}},
    {"train list.toml", {"list.toml:1", "layers", "list of whole numbers"}},
    {"train table.toml", {"table.toml:1", "training", "callbacks"}},
    {"train callback.toml", {"callback.toml:", "early_stoping", "did you mean 'early_stopping'"}},
    {"train option.toml", {"option.toml:4", "patiance", "did you mean 'patience'"}},
    {"train value.toml", {"value.toml:4", "patience", "-3"}},
    {"train monitor.toml", {"val_prob", "val_cost", "ais"}},
    {"train untyped.toml", {"untyped.toml:1", "type"}},
    {"config key.toml", {"key.toml:2", "did you mean 'epochs'"}},
    // Folders for results.
    {std::string("train") + little + "--output run", {"run", "--overwrite", "nbm resume run"}},
    {std::string("train") + little + "--output occupied", {"occupied"}},
    {std::string("train") + little + "--output occupied/run", {"occupied"}},
    {std::string("train") + little + "--output /proc/nbm", {"/proc/nbm"}},
    {std::string("train") + little + "--output " + std::string(300, 'x'), {"name too long"}},
    // Resuming.
    {"resume none", {"none", "no such run folder"}},
    {"resume nothing", {"nothing", "config.toml"}},
    {"resume torn", {"torn", "checkpoint"}},
    {"resume run --epochs 1", {"epoch"}},
    {"resume changed --epochs 4", {"2", "3"}},
    {"resume run --checkpoint run/weights/final.h5 --epochs 4", {"final.h5", "checkpoint"}},
    // Commands on a machine.
    {"exact none.h5", {"none.h5"}},
    {"exact run/weights/finale.h5", {"finale.h5", "did you mean 'final.h5'"}},
    {"exact cut.h5", {"cut.h5"}},
    {"exact text.h5", {"text.h5"}},
    {"inspect nothing", {"nothing"}},
    {"ais run --ais-runs 0", {"--ais-runs", "'0'"}},
    {"loglik run --output good.csv", {"good.csv", "--overwrite"}},
    {"loglik run --data good.csv --output new.csv", {"4", "2"}},
    {"sample run", {"--output"}},
    {"sample run --output new.jpg", {"new.jpg", ".png"}},
    {"sample run --output good.csv", {"good.csv", ".png"}},
    {"sample run --clamp lefft --output new.png", {"--clamp", "did you mean 'left'"}},
    {"sample run --count 0 --output new.png", {"--count", "'0'"}},
    {"transform run --output new.txt", {"new.txt"}},
    {"transform run --split tset --output new.csv", {"--split", "did you mean 'test'"}},
    {"transform run --output nothing", {"nothing"}},
    {"report none", {"none"}},
    {"report nothing", {"nothing"}},
    {"compare run", {"two"}},
    {"compare run none", {"none"}},
    {"compare run run", {"run"}},
    {"convert run/weights/final.h5 new.txt", {"new.txt"}},
    {"convert none.h5 new.npz", {"none.h5"}},
    {"convert run/weights/final.h5 good.csv", {"good.csv"}},
    {"data none.npz", {"none.npz"}},
    {"data word.csv", {"word.csv", "line 2", "'zero'"}},
    {"completion fish", {"fish", "bash"}},
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_mistake_is_told_in_one_sentence_and_loses_nothing) {
    BOOST_TEST(cases.size() >= 60U);
    const auto folder = Temporary();
    prepare(folder);
    const auto before = tree_of(folder.path());
    for (const auto& wrong : cases) {
        refuse_program(folder, wrong.arguments, wrong.parts);
        BOOST_TEST((tree_of(folder.path()) == before), "something was changed by: nbm " + wrong.arguments);
    }
}

namespace {

/// Runs a script with mounts of its own; false where this cannot be done.
auto run_with_mounts(const Temporary& folder, const std::string& script) -> bool {
    write(folder / "script.sh", "cd " + folder.path().string() + "\n" + script);
    const auto unshare = std::string(std::system("unshare -m true 2>/dev/null") == 0    ? "unshare -m "
                                     : std::system("unshare -rm true 2>/dev/null") == 0 ? "unshare -rm "
                                                                                        : "");
    if (unshare.empty()) {
        BOOST_TEST_MESSAGE("no mounts here: passed over");
        return false;
    }
    const auto status = std::system((unshare + "bash -eu " + (folder / "script.sh").string()).c_str());
    BOOST_TEST(status == 0);
    return true;
}

auto check_answer(const Temporary& folder, const std::vector<std::string>& parts) -> void {
    const auto err = contents(folder / "err");
    BOOST_TEST_CONTEXT(err) {
        BOOST_TEST(contents(folder / "status") == "2\n");
        BOOST_TEST(std::count(err.begin(), err.end(), '\n') == 1);
        for (const auto& part : parts) { BOOST_TEST(has(err, part)); }
    }
}

constexpr auto run = " 2>err >out && echo 0 >status || echo $? >status\n";

}  // namespace

BOOST_AUTO_TEST_CASE(a_full_disk_ends_the_training_and_spares_what_is_there) {
    const auto folder = Temporary();
    const auto train = std::string(NBM_PROGRAM " train --data digits --hidden 100 --epochs 3 --ais-runs 10 --ais-betas 10 ");
    const auto ran = run_with_mounts(folder,
                                     "mkdir full copy && mount -t tmpfs -o size=300k none full\n"
                                     "echo precious >full/mine\n" +
                                         train + "--output full/run" + run + "cp -r full copy/\n");
    if (!ran) { return; }
    check_answer(folder, {"full/run", "space"});
    BOOST_TEST(contents(folder / "copy/full/mine") == "precious\n");
    // What is there is whole: no file under its own name is cut short, no temporary one stays.
    for (const auto& [name, bytes] : tree_of(folder / "copy/full")) { BOOST_TEST(!has(name, "tmp"), name); }
}

BOOST_AUTO_TEST_CASE(a_read_only_folder_is_told_before_anything_is_trained) {
    const auto folder = Temporary();
    const auto train = std::string(NBM_PROGRAM " train") + little;
    const auto ran = run_with_mounts(
        folder, "mkdir ro && mount -t tmpfs none ro && mkdir ro/old && mount -o remount,ro ro\n" + train + "--output ro/run" + run);
    if (!ran) { return; }
    check_answer(folder, {"ro/run", "Read-only file system"});
    BOOST_TEST(!has(contents(folder / "out"), "epoch 1"));
}

BOOST_AUTO_TEST_CASE(the_second_of_two_runs_in_one_folder_is_refused) {
    const auto folder = Temporary();
    const auto train = std::string(NBM_PROGRAM " train --data bars-and-stripes:2 --hidden 2 --ais-runs 10 --ais-betas 10 ");
    write(folder / "script.sh", "cd " + folder.path().string() + "\n" + train +
                                    "--epochs 100000000 --output run >first 2>&1 &\nfirst=$!\n"
                                    "for i in $(seq 200); do [ -s run/history.csv ] && break; sleep 0.05; done\n" +
                                    train + "--epochs 2 --overwrite --output run" + run +
                                    "kill -TERM $first\nwait $first && echo 0 >ended || echo $? >ended\n");
    BOOST_TEST(std::system(("bash -mu " + (folder / "script.sh").string()).c_str()) == 0);
    check_answer(folder, {"run"});
    BOOST_TEST(contents(folder / "ended") == "130\n");
    BOOST_TEST(has(contents(folder / "first"), "nbm resume run"));
}
