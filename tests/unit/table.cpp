#include <boost/test/unit_test.hpp>

#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

constexpr auto inf = std::numeric_limits<double>::infinity();
using Values = std::vector<std::optional<double>>;

auto read(const std::string& text, char separator = ',') -> nbm::Table {
    const auto folder = Temporary();
    std::ofstream(folder / "t.csv", std::ios::binary) << text;
    return nbm::read_table(folder / "t.csv", separator);
}
auto complaint(const std::string& text) -> std::string {
    return message_of<nbm::FileError>([&] { read(text); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(tables_hold_what_the_file_says) {
    const auto table = read("epoch,\"a \"\"b\"\", c\",cost\r\n1,-0.5,1e-3\r\n2,,+7\r\n3,\"4,5\",\"6.25\"\r\n");
    BOOST_TEST((table.names == std::vector<std::string>{"epoch", "a \"b\", c", "cost"}));
    BOOST_TEST(table.rows() == 3U);
    BOOST_TEST((table.column("epoch") == Values{1, 2, 3}));
    BOOST_TEST((table.column("a \"b\", c") == Values{-0.5, std::nullopt, std::nullopt}));
    BOOST_TEST((table.column("cost") == Values{0.001, 7, 6.25}));
    BOOST_TEST(table.has("cost"));
    BOOST_TEST(!table.has("cos"));
    BOOST_TEST(has(message_of<nbm::InputError>([&] { table.column("cots"); }), "unknown column 'cots'; did you mean 'cost'?"));
    BOOST_TEST(message_of<nbm::InputError>([&] { table.column(""); }).size() > 10U);

    const auto special = read("a,b,c,d\nnan,inf,-inf,[1]\n\"[1, 2,\n3]\",0x10,1e999,-1e999\n 5 ,1 2,4.9e-324,1e-999\n").columns;
    BOOST_TEST(std::isnan(special[0][0].value()));
    BOOST_TEST(special[1][0].value() == inf);
    BOOST_TEST(special[2][0].value() == -inf);
    BOOST_TEST((special[0][1] == std::nullopt));
    BOOST_TEST((special[1] == Values{inf, std::nullopt, std::nullopt}));
    BOOST_TEST((special[2] == Values{-inf, inf, 4.9e-324}));
    BOOST_TEST((special[3] == Values{std::nullopt, -inf, 0.0}));
    BOOST_TEST((special[0][2] == 5.0));
}

BOOST_AUTO_TEST_CASE(tables_of_all_line_ends_and_separators) {
    for (const auto* const end : {"\n", "\r\n", "\r"}) {
        const auto e = std::string(end);
        BOOST_TEST((read("x;y" + e + "1;2" + e + e + "3;4" + e, ';').column("y") == Values{2, 4}));
        BOOST_TEST((read("x;y" + e + "1;2", ';').column("y") == Values{2}));
    }
    BOOST_TEST((read("\xEF\xBB\xBFx\ty\n1\t2\n", '\t').column("x") == Values{1}));
    BOOST_TEST((read("x\n1\n\n3\n").column("x") == Values{1, std::nullopt, 3}));  // with one column an empty line is an empty field
    BOOST_TEST(read("x,y\n").rows() == 0U);
    BOOST_TEST(read("x,y").names.size() == 2U);
    BOOST_TEST((read("x,x\n1,2\n").column("x") == Values{1}));
    BOOST_TEST(message_of<nbm::InputError>([&] { read("x", '"'); }).starts_with("a quote"));
}

BOOST_AUTO_TEST_CASE(tables_that_were_cut_off_or_are_damaged) {
    BOOST_TEST((read("x,y\n1,2\n3,4").column("y") == Values{2, 4}));
    BOOST_TEST((read("x,y\n1,2\n3,").column("y") == Values{2, std::nullopt}));
    BOOST_TEST((read("x,y\n1,2\n3").column("y") == Values{2}));
    BOOST_TEST((read("x,y\n1,2\n3,\"[4, ").column("y") == Values{2}));
    BOOST_TEST(has(complaint("x,y\n1,2\n3\n4,5\n"), "line 3 has 1 fields; the first line names 2 columns"));
    BOOST_TEST(has(complaint("x,y\n1,\"a\nb\"\n1,2,3\n"), "line 4 has 3 fields"));  // lines, not records
    BOOST_TEST(has(complaint("x,y\n1,2,3"), "line 2 has 3 fields"));
    BOOST_TEST(has(complaint("x,y\n1,\"2\n3,4\n5,6\n"), "line 2: a quote is never closed"));
    BOOST_TEST(has(complaint("\"x,y\n1,2\n"), "line 1: a quote is never closed"));
    BOOST_TEST(has(complaint(""), "no first line"));
    BOOST_TEST(has(complaint("\n1\n"), "no first line"));
    const auto folder = Temporary();
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::read_table(folder / "none.csv"); }), "there is no such file"));
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::read_table(folder.path()); }), "is a folder"));
}
