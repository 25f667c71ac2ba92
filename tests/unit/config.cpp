#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

/// A callback of a user, with an option of each kind.
enum class Colour : unsigned char { red, green };
struct MineOptions {
    bool flag = false;
    std::size_t count = 3;
    double rate = 0.5;
    char sign = '+';
    std::string text = "a";
    std::filesystem::path file = "x.txt";
    std::filesystem::path pattern = "{epoch}.txt";
    std::vector<std::size_t> list = {};
    std::vector<std::string> names = {};
    std::optional<double> maybe = {};
    Colour colour = Colour::red;
    std::string needed = "";
};
inline MineOptions* last_made = nullptr;
struct Mine {
    using Options = MineOptions;
    static constexpr std::string_view doc = "a user's own";
    MineOptions made;
    explicit Mine(MineOptions options = {}) : made(std::move(options)) {
        if (made.count == 7) { throw nbm::InputError("Mine: 7 is unlucky"); }
        if (last_made != nullptr) { *last_made = made; }
    }
    static auto options(nbm::OptionVisitor& v, MineOptions& o) -> void {
        v.option("flag", o.flag, "a flag");
        v.option("count", o.count, "a count", nbm::within(1, 9));
        v.option("rate", o.rate, "a rate", nbm::at_least(0));
        v.option("sign", o.sign, "a sign");
        v.option("text", o.text, "a text");
        v.option("file", o.file, "a file");
        v.option("pattern", o.pattern, "a file an epoch", nbm::path_template());
        v.option("list", o.list, "numbers");
        v.option("names", o.names, "names");
        v.option("maybe", o.maybe, "perhaps a number");
        v.choice("colour", o.colour, "a colour", {"red", "green"});
        v.option("needed", o.needed, "without it nothing works", nbm::required());
    }
    void on_epoch_end(const nbm::EpochInfo&) {}
};
struct Plain {
    std::size_t epochs = 0;
    void on_epoch_end(const nbm::EpochInfo&) { ++epochs; }
};

auto registry() -> nbm::CallbackRegistry<double> {
    auto result = nbm::builtin_callbacks<double>();
    result.add<Mine>("mine");
    result.add<Plain>("plain");
    return result;
}

auto make(const std::string& text, const std::string& folder = "/run") -> nbm::ConfiguredCallback<double> {
    return nbm::make_callback(registry(), nbm::parse_config(text, "c.toml").callbacks.at(0), folder);
}
auto problem(const std::string& text) -> std::string {
    return message_of<nbm::InputError>([&] { make(text); });
}

const auto mine = std::string("[[callbacks]]\ntype = \"mine\"\nneeded = \"yes\"\n");

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_has_settings_and_callbacks_in_their_order) {
    const auto config = nbm::parse_config(
        "seed = 5\nname = \"x\"\nlr = 0.5\nz = [1, 2]\n\n[[callbacks]]\ntype = \"b\"\nq = 1\n"
        "[[callbacks]]\nk = true\ntype = \"a\"\nb = [1, 2.5]\n",
        "c.toml");
    BOOST_REQUIRE(config.settings.size() == 4U);
    BOOST_TEST(config.settings[0].key == "seed");
    BOOST_TEST(std::get<std::int64_t>(config.settings[0].value) == 5);
    BOOST_TEST(config.settings[2].key == "lr");
    BOOST_TEST(config.settings[3].place == "c.toml:4");
    BOOST_REQUIRE(config.callbacks.size() == 2U);
    BOOST_TEST(config.callbacks[0].type == "b");
    BOOST_TEST(config.callbacks[1].type == "a");
    BOOST_TEST(config.callbacks[1].place == "c.toml:11");
    BOOST_TEST(config.callbacks[1].settings[0].key == "k");
    BOOST_TEST(std::get<std::vector<double>>(config.callbacks[1].settings[1].value)[1] == 2.5);
}

BOOST_AUTO_TEST_CASE(wrong_files_are_refused_with_their_line) {
    const auto parse = [](const std::string& text) {
        return message_of<nbm::InputError>([&] { nbm::parse_config(text, "c.toml"); });
    };
    BOOST_TEST(parse("a = 1\nb = = 2\n").starts_with("c.toml:2: "));
    BOOST_TEST(has(parse("a = 1\n[callback]\nx = 1\n"), "c.toml:2: unknown table 'callback'; did you mean 'callbacks'?"));
    BOOST_TEST(has(parse("[callbacks]\nx = 1\n"), "c.toml:1: write [[callbacks]]"));
    BOOST_TEST(has(parse("[[callbacks]]\nx = 1\n"), "c.toml:1: this callback has no type"));
    BOOST_TEST(has(parse("[[callbacks]]\ntype = 3\n"), "c.toml:2: type is 3; a text is expected"));
    BOOST_TEST(has(parse("callbacks = [1]\n"), "must be tables"));
    BOOST_TEST(
        has(message_of<nbm::FileError>([] { nbm::read_config("/nowhere/c.toml"); }), "/nowhere/c.toml: there is no such file"));
    BOOST_TEST(has(message_of<nbm::FileError>([] { nbm::read_config("/"); }), "no such file"));
}

BOOST_AUTO_TEST_CASE(wrong_callbacks_are_refused_with_line_key_and_what_was_expected) {
    BOOST_TEST(has(problem("[[callbacks]]\ntype = \"csv_loger\"\n"),
                   "c.toml:2: unknown callback type 'csv_loger'; did you mean 'csv_logger'?"));
    BOOST_TEST(has(problem(mine + "cuont = 2\n"), "c.toml:4: mine: unknown key 'cuont'; did you mean 'count'?"));
    BOOST_TEST(problem(mine + "count = \"2\"\n") == "c.toml:4: mine: count = \"2\"; expected whole number from 1 to 9");
    BOOST_TEST(problem(mine + "count = 2.5\n") == "c.toml:4: mine: count = 2.5; expected whole number from 1 to 9");
    BOOST_TEST(problem(mine + "count = -1\n") == "c.toml:4: mine: count = -1; expected whole number from 1 to 9");
    BOOST_TEST(problem(mine + "count = 10\n") == "c.toml:4: mine: count = 10; expected whole number from 1 to 9");
    BOOST_TEST(problem(mine + "rate = -0.5\n") == "c.toml:4: mine: rate = -0.5; expected number >= 0");
    BOOST_TEST(problem(mine + "rate = nan\n") == "c.toml:4: mine: rate = nan; expected number >= 0");
    BOOST_TEST(problem(mine + "flag = 1\n") == "c.toml:4: mine: flag = 1; expected true or false");
    BOOST_TEST(problem(mine + "sign = \"ab\"\n") == "c.toml:4: mine: sign = \"ab\"; expected one character");
    BOOST_TEST(problem(mine + "text = 1\n") == "c.toml:4: mine: text = 1; expected text");
    BOOST_TEST(problem(mine + "file = true\n") == "c.toml:4: mine: file = true; expected path");
    BOOST_TEST(problem(mine + "list = [1, -2]\n") == "c.toml:4: mine: list = [1, -2]; expected list of whole numbers");
    BOOST_TEST(problem(mine + "names = [1]\n") == "c.toml:4: mine: names = [1]; expected list of texts");
    BOOST_TEST(problem(mine + "colour = \"gren\"\n") ==
               "c.toml:4: mine: colour = \"gren\"; expected one of red, green; did you mean 'green'?");
    BOOST_TEST(problem(mine + "text = 2020-01-01\n") == "c.toml:4: mine: text = something that no setting can be; expected text");
    BOOST_TEST(problem("[[callbacks]]\ntype = \"mine\"\n") ==
               "c.toml:2: mine needs the key 'needed' (text; without it nothing works)");
    BOOST_TEST(problem(mine + "count = 7\n") == "c.toml:2: Mine: 7 is unlucky");
    BOOST_TEST(has(problem(mine + "on_error = \"ignore\"\n"), "expected one of propagate, warn, disable"));
}

BOOST_AUTO_TEST_CASE(options_are_assigned_and_paths_lie_in_the_folder_of_the_run) {
    auto o = MineOptions{};
    last_made = &o;
    make(mine +
             "flag = true\ncount = 9\nrate = 2\nsign = \";\"\ntext = \"b\\\"c\"\nfile = \"d/e.txt\"\nlist = [3, 1]\nnames = "
             "[\"p\", \"q\"]\n"
             "maybe = 1.5\ncolour = \"green\"\n",
         "/run{1}");
    BOOST_TEST(o.flag);
    BOOST_TEST(o.count == 9U);
    BOOST_TEST(o.rate == 2.0);
    BOOST_TEST(o.sign == ';');
    BOOST_TEST(o.text == "b\"c");
    BOOST_TEST(o.file == "/run{1}/d/e.txt");
    BOOST_TEST(o.pattern == "/run{{1}}/{epoch}.txt");
    BOOST_TEST(o.list == (std::vector<std::size_t>{3, 1}), boost::test_tools::per_element());
    BOOST_TEST(o.names == (std::vector<std::string>{"p", "q"}), boost::test_tools::per_element());
    BOOST_TEST(o.maybe.value() == 1.5);
    BOOST_TEST((o.colour == Colour::green));
    make(mine + "file = \"/abs/e.txt\"\nnames = []\n");
    BOOST_TEST(o.file == "/abs/e.txt");
    BOOST_TEST(o.names.empty());
    last_made = nullptr;
}

BOOST_AUTO_TEST_CASE(the_effective_configuration_makes_the_same_callback_again) {
    auto first = MineOptions{};
    auto second = MineOptions{};
    last_made = &first;
    const auto made = make(
        mine + "rate = 1e-300\ntext = \"\\u0001\\n\\\"\"\nlist = [4]\nmaybe = 3\ncolour = \"green\"\nevery = 5\nid = \"me\"\n");
    BOOST_TEST(has(made.effective, "rate = 1e-300\n"));
    BOOST_TEST(has(made.effective, "maybe = 3.0\n"));
    BOOST_TEST(has(made.effective, "count = 3\n"));
    BOOST_TEST(has(made.effective, "every = 5\n"));
    BOOST_TEST(made.callback.id() == "me");
    last_made = &second;
    const auto again = make(made.effective);
    last_made = nullptr;
    BOOST_TEST(again.effective == made.effective);
    BOOST_TEST(second.text == first.text);
    BOOST_TEST(second.rate == first.rate);
    BOOST_TEST(again.callback.id() == "me");
}

BOOST_AUTO_TEST_CASE(configured_callbacks_train_as_composed_ones_do) {
    const auto folder = Temporary();
    const auto config = nbm::parse_config(
        "[[callbacks]]\ntype = \"ais\"\nruns = 10\nbetas = 20\nevery = 2\nexact = true\n"
        "[[callbacks]]\ntype = \"csv_logger\"\nfilename = \"h.csv\"\ntimes = false\n"
        "[[callbacks]]\ntype = \"timing\"\n[[callbacks]]\ntype = \"plain\"\nid = \"p\"\n",
        "c.toml");
    auto list = nbm::make_callbacks(registry(), config, folder.path());
    const auto data = nbm::bars_and_stripes<double>(2);
    const auto train = [&](auto& callbacks) {
        auto dbm = nbm::DBM<double>({4, 2});
        return nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 4, .batch_size = 3, .on_warning = {}},
                        callbacks);
    };
    const auto history = train(list);
    auto composed = nbm::CallbackList(nbm::Every(nbm::every(2), nbm::AISCallback({.runs = 10, .betas = 20, .exact = true})),
                                      nbm::CSVLogger({.filename = folder / "static.csv", .times = false}));
    train(composed);
    BOOST_TEST(contents(folder / "h.csv") == contents(folder / "static.csv"));
    BOOST_TEST(!history.column("logz")[0].has_value());
    BOOST_TEST(history.column("logz_exact")[3].has_value());
    BOOST_TEST(has(list.describe(), "on_epoch_end         produce: ais, p; record: csv_logger\n"));
}

BOOST_AUTO_TEST_CASE(all_callbacks_are_listed_with_their_options) {
    const auto text = nbm::list_callbacks(registry());
    BOOST_TEST(has(text, "mine\n    a user's own\n    flag               a flag (true or false; default false)\n"));
    BOOST_TEST(has(text, "    needed             without it nothing works (text; default required)\n"));
    BOOST_TEST(has(text, "    count              a count (whole number from 1 to 9; default 3)\n"));
    BOOST_TEST(has(text, "csv_logger\n"));
    BOOST_TEST(has(nbm::list_callbacks(registry(), true), "| `colour` | one of red, green | `\"red\"` | a colour |\n"));
    auto twice = registry();
    BOOST_TEST(has(message_of<nbm::InputError>([&] { twice.add<Plain>("ais"); }), "'ais' is registered already"));
    BOOST_TEST(registry().find("plain").name == "plain");
}

BOOST_AUTO_TEST_CASE(every_built_in_has_a_complete_table_and_can_be_made_from_its_defaults) {
    const auto builtin = nbm::builtin_callbacks<double>();
    for (const auto& entry : builtin.entries()) {
        BOOST_TEST_CONTEXT(entry.name) {
            struct Check : nbm::OptionVisitor {
                std::vector<std::string> names;
                bool required = false;
                auto visit(nbm::OptionInfo info, nbm::OptionRef) -> void override {
                    BOOST_TEST(!info.name.empty());
                    BOOST_TEST(!info.doc.empty());
                    BOOST_TEST(std::count(names.begin(), names.end(), info.name) == 0);
                    required = required || info.rule.required;
                    names.push_back(info.name);
                }
            };
            auto check = Check();
            entry.list(check);
            BOOST_TEST(check.names.size() >= 8U);
            BOOST_TEST(!entry.doc.empty());
        }
    }
}
