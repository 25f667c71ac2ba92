// The program on a terminal: lines of progress, what bash completes, and the manual page.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helpers.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;
namespace tt = boost::test_tools;

/// What a terminal got, and what stands on it in the end, if it knows carriage returns and the sequence that clears the rest of a
/// line. Nothing else may be sent, and no line may reach its last column.
struct Screen {
    int status = 0;
    std::string bytes;
    std::vector<std::string> lines = {""};
    std::vector<std::string> drawn;  // all lines that were replaced
};

auto show(const std::string& bytes, std::size_t columns) -> Screen {
    auto screen = Screen{};
    screen.bytes = bytes;
    auto column = std::size_t{0};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto& line = screen.lines.back();
        if (bytes[i] == '\r') {
            column = 0;
        } else if (bytes[i] == '\n') {
            screen.lines.emplace_back();
        } else if (bytes.compare(i, 3, "\033[K") == 0) {
            if (!line.empty()) { screen.drawn.push_back(line); }
            line.resize(column);
            i += 2;
        } else {
            BOOST_TEST_REQUIRE(static_cast<unsigned char>(bytes[i]) >= 0x20U);
            line.resize(std::max(line.size(), column + 1));
            line[column++] = bytes[i];
        }
    }
    for (const auto& line : screen.drawn) { BOOST_TEST(line.size() < columns, line); }
    return screen;
}

/// Runs a command of the shell in a folder, on a terminal of so many columns.
auto run_on_terminal(const Temporary& folder, const std::string& command, unsigned short columns, const char* term = "xterm")
    -> Screen {
    auto size = winsize{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    auto terminal = 0;
    const auto child = ::forkpty(&terminal, nullptr, nullptr, &size);
    if (child == 0) {
        ::setenv("TERM", term, 1);
        ::execl("/bin/sh", "sh", "-c", ("cd " + folder.path().string() + " && " + command).c_str(), nullptr);
        ::_exit(127);
    }
    auto bytes = std::string{};
    char buffer[4096];
    for (auto got = ::read(terminal, buffer, sizeof buffer); got > 0; got = ::read(terminal, buffer, sizeof buffer)) {
        bytes.append(buffer, static_cast<std::size_t>(got));
    }
    auto status = 0;
    ::waitpid(child, &status, 0);
    ::close(terminal);
    auto screen = show(bytes, columns);
    screen.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return screen;
}

constexpr auto training = NBM_PROGRAM
    " train --data bars-and-stripes:4 --hidden 12 --epochs 3000 --steps 25 --batch-size 10 --ais-every 1000 --ais-runs 500 "
    "--ais-betas 3000 "
    "--no-pictures --output run ";

auto begin_with(const std::vector<std::string>& lines, const std::string& text) -> std::vector<std::string> {
    auto result = std::vector<std::string>{};
    std::ranges::copy_if(lines, std::back_inserter(result), [&](const std::string& line) { return line.starts_with(text); });
    return result;
}

/// What bash offers for the last of some words.
auto completions(const Temporary& folder, const std::vector<std::string>& words) -> std::vector<std::string> {
    auto script = std::string("source ./nbm.bash\nCOMP_WORDS=(");
    for (const auto& word : words) { script += "'" + word + "' "; }
    script += fmt::format(")\nCOMP_CWORD={}\n_nbm\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n", words.size() - 1);
    std::ofstream(folder / "try.bash") << script;
    const auto command = "cd " + folder.path().string() + " && bash --norc try.bash >words 2>errors";
    BOOST_TEST(std::system(command.c_str()) == 0);
    BOOST_TEST(contents(folder / "errors") == "");
    auto result = std::vector<std::string>{};
    auto stream = std::istringstream(contents(folder / "words"));
    for (auto line = std::string{}; std::getline(stream, line);) {
        if (!line.empty()) { result.push_back(line); }
    }
    std::ranges::sort(result);
    return result;
}

/// The names of commands or options that a help text lists: the first words of its entries.
auto listed(const std::string& help, const std::regex& entry) -> std::vector<std::string> {
    auto names = std::vector<std::string>{};
    auto stream = std::istringstream(help);
    for (auto line = std::string{}; std::getline(stream, line);) {
        auto match = std::smatch{};
        if (std::regex_search(line, match, entry)) { names.push_back(match[1]); }
    }
    return names;
}

auto commands_of(const Temporary& folder) -> std::vector<std::string> {
    const auto help = run_program(folder, "--help").out;
    return listed(help.substr(help.find("Subcommands:")), std::regex("^  ([a-z]+) "));
}

auto options_of(const Temporary& folder, const std::string& command) -> std::vector<std::string> {
    return listed(run_program(folder, command + " --help").out, std::regex("^  (?:-[a-z],)?(--[a-z0-9-]+)"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_line_of_progress_fits_any_width) {
    const auto details = std::vector<std::string>{"5s left", "cost -1.25", "120 rows/s"};
    const auto text = [&](double fraction, std::size_t columns) {
        return nbm::ProgressLine::text("epoch 3/4", fraction, details, columns);
    };
    BOOST_TEST(text(0.5, 100) == "epoch 3/4 [===========>            ]  5s left  cost -1.25  120 rows/s");
    BOOST_TEST(text(1.0, 100) == "epoch 3/4 [========================]  5s left  cost -1.25  120 rows/s");
    BOOST_TEST(text(0.0, 53) == "epoch 3/4 [        ]  5s left  cost -1.25  120 rows/s");
    BOOST_TEST(text(0.5, 52) == "epoch 3/4 [========>          ]  5s left  cost -1.25");
    BOOST_TEST(text(0.5, 20) == "epoch 3/4 [===>    ]");
    BOOST_TEST(text(0.5, 19) == "epoch 3/4");
    BOOST_TEST(text(0.5, 4) == "epoc");
    for (std::size_t columns = 0; columns != 120; ++columns) { BOOST_TEST(text(0.3, columns).size() <= columns); }
    BOOST_TEST(text(std::nan(""), 20) == "epoch 3/4 [        ]");
    const auto durations = std::vector<std::pair<double, std::string>>{
        {0.4, "0s"}, {59.4, "59s"}, {59.6, "1m00s"}, {125, "2m05s"}, {3600, "1h00m"}, {86'399, "23h59m"}, {-1, "0s"}};
    for (const auto& [seconds, expected] : durations) { BOOST_TEST(nbm::ProgressLine::duration(seconds) == expected); }
}

BOOST_AUTO_TEST_CASE(a_training_is_one_line_on_a_terminal) {
    const auto folder = Temporary();
    const auto screen = run_on_terminal(folder, training, 120);
    BOOST_TEST(screen.status == 0);
    const auto steps = begin_with(screen.drawn, "epoch ");
    BOOST_TEST(steps.size() >= 3U);
    const auto form = std::regex(
        R"(epoch +\d+/3000 \[=*>? *\]  +\S+ left  cost [-\d.e]+ *(  val_cost [-\d.e]+ *)?(  val_prob [-\d.e]+)?  \d+ rows/s)");
    for (const auto& line : steps) { BOOST_TEST((std::regex_match(line, form) || line.starts_with("epoch 3000/3000 ")), line); }
    BOOST_TEST(begin_with(screen.drawn, "AIS [").size() >= 1U);
    // What stays: the end of the training with what the history says, nothing of the estimate's line.
    BOOST_TEST(begin_with(screen.lines, "AIS [").empty());
    const auto last = begin_with(screen.lines, "epoch ");
    BOOST_TEST_REQUIRE(last.size() == 1U);
    BOOST_TEST(last[0].starts_with("epoch 3000/3000 [========================]  "));
    const auto history = nbm::read_table(folder / "run/history.csv");
    BOOST_TEST(
        has(last[0], fmt::format("  cost {:<6.4g}  val_cost {:<6.4g}  val_prob {:.5g}  ", history.column("cost").back().value(),
                                 history.column("val_cost").back().value(), history.column("val_prob").back().value())));
    BOOST_TEST(begin_with(screen.lines, "log Z").size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_narrow_terminal_gets_a_short_line_and_a_dumb_one_plain_lines) {
    const auto folder = Temporary();
    const auto narrow = run_on_terminal(folder, training, 30);
    BOOST_TEST(narrow.status == 0);
    const auto last = begin_with(narrow.lines, "epoch ");
    BOOST_TEST_REQUIRE(last.size() == 1U);
    BOOST_TEST(last[0] == "epoch 3000/3000 [===========]");
    const auto dumb = run_on_terminal(folder, std::string(training) + "--overwrite", 120, "dumb");
    BOOST_TEST(!has(dumb.bytes, "\033"));
    BOOST_TEST(dumb.drawn.empty());
    // Of 3,000 epochs the first one and each 30th are told.
    const auto told = begin_with(dumb.lines, "epoch ");
    BOOST_TEST_REQUIRE(told.size() == 101U);
    BOOST_TEST(told[0].starts_with("epoch    1/3000  cost "));
    BOOST_TEST(told[1].starts_with("epoch   30/3000  cost "));
    BOOST_TEST(told[100].starts_with("epoch 3000/3000  cost "));
    const auto all = run_program(folder, std::string(training).substr(sizeof NBM_PROGRAM) +
                                             "--overwrite --ais-betas 10 --epochs 150 --set callbacks.progress_bar.lines=0");
    BOOST_TEST(std::ranges::count(all.out, '\n') > 150);
    BOOST_TEST(has(all.out, "\nepoch 149/150  cost "));
    BOOST_TEST(!has(all.out, "\033"));
}

BOOST_AUTO_TEST_CASE(the_object_for_programs_is_alone_while_a_person_watches) {
    const auto folder = Temporary();
    const auto screen = run_on_terminal(folder, std::string(training) + "--json >object.json", 100);
    BOOST_TEST(screen.status == 0);
    BOOST_TEST(begin_with(screen.drawn, "epoch ").size() >= 3U);
    BOOST_TEST(nlohmann::json::parse(contents(folder / "object.json")) ==
               nlohmann::json::parse(contents(folder / "run/summary.json")));
    const auto quiet = run_on_terminal(folder, std::string(training) + "--quiet --overwrite", 100);
    BOOST_TEST(quiet.bytes == "");
}

BOOST_AUTO_TEST_CASE(bash_completes_what_the_tables_say) {
    const auto folder = Temporary();
    std::ofstream(folder / "nbm.bash") << run_program(folder, "completion bash").out;
    for (const auto* name : {"run/config.toml", "more/one/config.toml", "run/notes.txt", "a.toml", "a b.csv", "other/x"}) {
        fs::create_directories((folder / name).parent_path());
        std::ofstream(folder / name) << "";
    }
    const auto offers = [&](const std::vector<std::string>& words, std::vector<std::string> expected) {
        std::ranges::sort(expected);
        BOOST_TEST_CONTEXT(fmt::format("{}", fmt::join(words, " "))) {
            BOOST_TEST(completions(folder, words) == expected, tt::per_element());
        }
    };
    auto commands = commands_of(folder);
    BOOST_TEST((std::ranges::find(commands, "train") != commands.end()));
    for (const auto* option : {"-h", "--help"}) { commands.emplace_back(option); }
    offers({"nbm", ""}, commands);
    offers({"nbm", "tr"}, {"train", "transform"});
    offers({"nbm", "train", "--trainer", ""}, {"cd", "pcd", "pt", "exact"});
    offers({"nbm", "train", "--trainer", "p"}, {"pcd", "pt"});
    offers({"nbm", "train", "--trainer", "=", "p"}, {"pcd", "pt"});  // --trainer=p
    offers({"nbm", "train", "--trainer", "="}, {"cd", "pcd", "pt", "exact"});
    offers({"nbm", "config", "--epochs", "3", "--binarise", "t"}, {"threshold"});
    offers({"nbm", "train", "--epochs", ""}, {});
    offers({"nbm", "train", "--ais-b"}, {"--ais-base", "--ais-betas"});
    offers({"nbm", "train", ""}, {"a.toml", "more", "other", "run"});
    offers({"nbm", "train", "--overwrite", "run/"}, {"run/config.toml"});
    offers({"nbm", "train", "--output", "o"}, {"other"});
    offers({"nbm", "train", "--data", "a"}, {"a.toml", "a b.csv"});
    offers({"nbm", "train", "--data", "d"}, {"digits"});
    offers({"nbm", "resume", ""}, {"more", "run"});  // not `other`
    offers({"nbm", "resume", "more/"}, {"more/one"});
    offers({"nbm", "inspect", "run/"}, {"run/config.toml", "run/notes.txt"});
    offers({"nbm", "sample", "run", "--clamp", "l"}, {"left"});
    offers({"nbm", "train", "--set", "learning"}, {"learning_rate="});
    offers({"nbm", "train", "--set", "callbacks.early"}, {"callbacks.early_stopping."});
    offers({"nbm", "train", "--set", "trainer", "=", "e"}, {"exact"});
    offers({"nbm", "completion", ""}, {"bash"});
    for (const auto& command : commands_of(folder)) {
        auto options = options_of(folder, command);
        BOOST_TEST(!options.empty());
        offers({"nbm", command, "--"}, options);
    }
}

BOOST_AUTO_TEST_CASE(the_manual_has_every_command_and_option) {
    const auto folder = Temporary();
    const auto page = run_program(folder, "man").out;
    std::ofstream(folder / "nbm.1") << page;
    const auto roff = [](std::string text) { return std::regex_replace(text, std::regex("-"), "\\-"); };
    for (const auto& command : commands_of(folder)) {
        const auto begin = page.find(".SS \"nbm " + command + " ");
        BOOST_TEST_REQUIRE(begin != std::string::npos, command);
        const auto part = page.substr(begin, page.find("\n.S", begin + 1) - begin);
        for (const auto& option : options_of(folder, command)) { BOOST_TEST(has(part, "\\fB" + roff(option) + "\\fR"), option); }
    }
    BOOST_TEST(has(page, "\n.TP\n\\fB\\-\\-trainer\\fR \\fIcd|pcd|pt|exact\\fR\n"));
    if (std::system("command -v groff >/dev/null") == 0) {
        const auto command = "cd " + folder.path().string() + " && groff -man -ww -Tutf8 -z nbm.1 2>warnings";
        BOOST_TEST(std::system(command.c_str()) == 0);
        BOOST_TEST(contents(folder / "warnings") == "");
    }
}
