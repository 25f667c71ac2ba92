#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <clocale>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <zlib.h>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

using Numbers = std::vector<double>;
using Names = std::vector<std::string>;

/// A folder with one text file.
class TextFile {
public:
    auto path() const -> fs::path { return folder_ / "a.csv"; }
    auto read(const std::string& text, const nbm::CsvOptions& options = {}) const -> nbm::CsvTable {
        std::ofstream(path(), std::ios::binary) << text;
        return nbm::read_csv(path(), options);
    }
    auto refused(const std::string& text, const nbm::CsvOptions& options = {}) const -> std::string {
        return message_of<nbm::Error>([&] { read(text, options); });
    }
    /// The data set, by name and with `part` behind it.
    auto load(const std::string& text, const std::string& part = {}) const -> nbm::Dataset<double> {
        std::ofstream(path(), std::ios::binary) << text;
        return nbm::load_dataset<double>(path().string() + part);
    }

private:
    Temporary folder_;
};

/// Rows that differ: row r holds r / count and a half.
auto rows_of(std::size_t count) -> std::string {
    auto text = std::string("a,y,b\n");
    for (std::size_t r = 0; r != count; ++r) { text += std::to_string(double(r) / 128.0) + "," + std::to_string(r) + ",0.5\n"; }
    return text;
}

auto gzip(const fs::path& path, const std::string& text) -> void {
    auto* const file = gzopen(path.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
}

}  // namespace

BOOST_AUTO_TEST_CASE(delimiters_and_line_ends_are_found) {
    const auto file = TextFile();
    const auto expected = Numbers{0.5, 1, 0, 0.25, 0.125, 1};
    const auto texts = std::vector<std::string>{
        "0.5,1,0\n.25,0.125,1e0\n",
        "0.5;1;0\n.25;0.125;1e0\n",
        "0.5\t1\t0\n.25\t0.125\t1e0\n",
        "0.5 1 0\n.25 0.125 1e0\n",
        "  0.5      1   0  \n   .25  0.125 1e0\n",  // columns of equal width
        "0.5, 1, 0\n.25 ,0.125 , 1e0 \n",
        "0.5\t 1\t0\n.25 \t0.125\t1e0\n",
        "0.5,1,0\r\n.25,0.125,1e0\r\n",
        "0.5,1,0\r.25,0.125,1e0",
        "0.5,1,0\n.25,0.125,1e0\n\n\r\n  \n",
        "\xEF\xBB\xBF"
        "0.5,1,0\n.25,0.125,1e0",
        "\"0.5\",\"1\",0\n.25,\"0.125\" , 1e0\n",
        "+0.5,+1,-0\n.25,+125e-3,1.000\n",
    };
    for (const auto& text : texts) {
        BOOST_TEST_CONTEXT(text) {
            const auto table = file.read(text);
            BOOST_TEST((table.values == expected));
            BOOST_TEST(table.names.empty());
            BOOST_TEST(table.labels.empty());
            BOOST_TEST((table.columns == std::vector<std::size_t>{0, 1, 2}));
            BOOST_TEST((table.lines == std::vector<std::size_t>{1, 2}));
        }
    }
    // A single column, and a single value.
    BOOST_TEST((file.read("0.5\n1\n").values == Numbers{0.5, 1}));
    BOOST_TEST((file.read("0.5").columns == std::vector<std::size_t>{0}));
    BOOST_TEST((file.read("x\n0.5").values == Numbers{0.5}));
}

BOOST_AUTO_TEST_CASE(quoted_fields_are_those_of_rfc_4180) {
    const auto file = TextFile();
    const auto table = file.read("\"a, or \"\"b\"\"\",\"two\r\nlines\",\"\"\"\",c\n\"1\",0,1,0\n0,0,1,\"0.5\"");
    BOOST_TEST((table.names == Names{"a, or \"b\"", "two\r\nlines", "\"", "c"}));
    BOOST_TEST((table.values == Numbers{1, 0, 1, 0, 0, 0, 1, 0.5}));
    BOOST_TEST((table.lines == std::vector<std::size_t>{3, 4}));
    // A delimiter within quotes is no delimiter.
    BOOST_TEST((file.read("\"a;1\",\"b;2\"\n0,1\n").names == Names{"a;1", "b;2"}));
}

BOOST_AUTO_TEST_CASE(headers_are_told_from_values) {
    const auto file = TextFile();
    BOOST_TEST((file.read("a,b\n0,1\n").names == Names{"a", "b"}));
    BOOST_TEST((file.read("0,1\n1,1\n").values == Numbers{0, 1, 1, 1}));
    BOOST_TEST((file.read("0,1,2\n1,1,0\n").names == Names{"0", "1", "2"}));  // as pandas names columns
    BOOST_TEST((file.read(",0,1,2\n1,1,0,0\n").names == Names{"", "0", "1", "2"}));
    BOOST_TEST((file.read("0,1,3\n1,1,0\n").values == Numbers{0, 1, 3, 1, 1, 0}));
    BOOST_TEST((file.read("label,1\n7,0\n").names == Names{"1"}));
    BOOST_TEST((file.read("digit,1\n7,0\n", {.label = "digit"}).labels == std::vector{7}));
    BOOST_TEST((file.read("0,1,2\n1,1,0\n", {.header = false}).values == Numbers{0, 1, 2, 1, 1, 0}));
    BOOST_TEST((file.read("0,1\n1,1\n", {.header = true}).values == Numbers{1, 1}));
}

BOOST_AUTO_TEST_CASE(labels_are_found_by_name_or_number) {
    const auto file = TextFile();
    for (const auto* name : {"label", "class", "target", "y", "Label", "CLASS"}) {
        const auto table = file.read("a," + std::string(name) + ",b\n0,7,1\n1,-3,0\n");
        BOOST_TEST((table.labels == std::vector{7, -3}));
        BOOST_TEST((table.values == Numbers{0, 1, 1, 0}));
        BOOST_TEST((table.names == Names{"a", "b"}));
        BOOST_TEST((table.columns == std::vector<std::size_t>{0, 2}));
    }
    BOOST_TEST((file.read("a,digit\n0,7\n", {.label = "digit"}).labels == std::vector{7}));
    BOOST_TEST((file.read("a,y\n5,1\n", {.label = "a"}).values == Numbers{1}));
    BOOST_TEST((file.read("a,y\n5,1\n", {.label = "0"}).labels == std::vector{5}));
    BOOST_TEST((file.read("0.5,3\n1,4\n", {.label = "1"}).labels == std::vector{3, 4}));
    BOOST_TEST((file.read("1,0\n5,6\n", {.label = "0", .header = true}).labels == std::vector{6}));  // the name before the number
    BOOST_TEST(file.read("a,y\n0,1\n", {.label = "none"}).labels.empty());
    BOOST_TEST((file.read("a,y\n0,1\n", {.label = "none"}).values == Numbers{0, 1}));
    BOOST_TEST((file.read("none,y\n4,1\n", {.label = "none"}).labels == std::vector{4}));
    BOOST_TEST(file.read("a,labels\n0,1\n").labels.empty());
}

BOOST_AUTO_TEST_CASE(broken_csv_files_are_refused_with_a_sentence) {
    const auto file = TextFile();
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::read_csv(file.path()); }), "there is no such file"));
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::read_csv(file.path().parent_path()); }), "is a folder"));
    struct Case {
        std::string text;
        nbm::CsvOptions options;
        std::string message;
    };
    const auto cases = std::vector<Case>{
        {"", {}, "is empty"},
        {"\n\n", {}, "is empty"},
        {"\xEF\xBB\xBF", {}, "is empty"},
        {"a,b\n", {}, "holds no rows below its header"},
        {"a,b\n0,1\n1,x\n", {}, "line 3, row 1, column 1 ('b'): 'x' is no number"},
        {"0,1\n1,x\n", {}, "line 2, row 1, column 1: 'x' is no number"},
        {"a,y,b\n0,1,0\n0,1,1O\n", {}, "line 3, row 1, column 2 ('b'): '1O' is no number"},
        {"\"a\n\nb\",c\n0,1\n1,\n", {}, "line 5, row 1, column 1 ('c'): the field is empty"},
        {"0,1\n0x1,1\n", {}, "'0x1' is no number"},
        {"0,1\n+-1,1\n", {}, "'+-1' is no number"},
        {"0;1\n0,5;1\n", {}, "line 2, row 1, column 0: '0,5' is no number"},
        {"0,1\n1e999,1\n", {}, "'1e999' is no number"},
        {"0,5;0,25\n1;0\n0;1\n", {}, "line 1: '0,5' is no number; a decimal point is expected"},
        {",a,b\n0,1,0\n1,0,1\n", {}, "column 0 has no name and counts the rows"},
        {"0,1\n\n1,1\n", {}, "line 2 is empty"},
        {"0,1\n1\n", {}, "line 2 has 1 fields, separated by commas; the lines before it have 2"},
        {"a;b;c\n0;1;0\n0;1;0;1\n", {}, "line 3 has 4 fields, separated by semicolons; the lines before it have 3"},
        {"0,1,x\n1,1,1\n", {}, "line 1: column 0 holds the number '0' and column 2 holds 'x'"},
        {"0,\"1\n1,1\n", {}, "line 1: a quoted field has no end"},
        {"0,1\n1,\"1\"1\n", {}, "line 2: something follows the end of the quoted field '1'"},
        {"y,class,b\n0,1,1\n", {}, "columns 0 ('y') and 1 ('class') may both be the labels; say which, as in label=0"},
        {"a,b\n0,1\n", {.label = "c1"}, "has no column 'c1' for the labels"},
        {"first,second\n0,1\n", {.label = "secnd"}, "did you mean 'second'"},
        {"a,b\n0,1\n", {.label = "2"}, "has no column '2' for the labels; its 2 columns are counted from 0"},
        {"y\n0\n", {}, "has no column of values besides the labels"},
        {"a,y\n0,1\n0,1.5\n", {}, "line 3, row 1: the label in column 1 is '1.5'; labels are whole numbers"},
        {"a,y\n0,nan\n", {}, "the label in column 1 is 'nan'"},
        {"a,y\n0,1e300\n", {}, "the label in column 1 is '1e300'"},
        {std::string("0,1\n1,\0", 7), {}, "is no text: byte 6 is 0"},
        {"\xFF\xFE"
         "0,1\n",
         {},
         "UTF-16"},
    };
    for (const auto& c : cases) {
        const auto message = file.refused(c.text, c.options);
        BOOST_TEST(has(message, c.message), message << " should say " << c.message);
        BOOST_TEST(message.starts_with(file.path().string() + ": "));
    }
}

BOOST_AUTO_TEST_CASE(csv_numbers_do_not_depend_on_the_locale) {
    const auto file = TextFile();
    for (const auto* name : {"de_DE.UTF-8", "fr_FR.UTF-8"}) { std::setlocale(LC_ALL, name); }  // where they are installed
    BOOST_TEST((file.read("0.1,0.30000000000000004\n").values == Numbers{0.1, 0.30000000000000004}));
    std::setlocale(LC_ALL, "C");
}

BOOST_AUTO_TEST_CASE(csv_values_are_scaled_and_checked) {
    const auto file = TextFile();
    const auto grey = file.load("label,a,b\n7,0,255\n1,51,1\n");
    BOOST_REQUIRE(grey.train.shape(0) == 2U);
    const auto first = grey.train_labels[0] == 7 ? 0U : 1U;
    BOOST_TEST(grey.train(first, 0) == 0.0);
    BOOST_TEST(grey.train(first, 1) == 1.0);
    BOOST_TEST(grey.train(1 - first, 0) == 0.2);
    BOOST_TEST(grey.train(1 - first, 1) == 1.0 / 255.0);
    BOOST_TEST(file.load("0,1\n").train(0, 1) == 1.0);
    BOOST_TEST(file.load("0,16\n", ":scale=16").train(0, 1) == 1.0);
    BOOST_TEST(file.load("0,3\n", ":scale=16,label=none").train(0, 1) == 3.0 / 16.0);
    BOOST_TEST(file.load("0,3\n", ":label=1,header=no").train_labels.at(0) == 3);
    const auto refused = [&](const std::string& text, const std::string& part = {}) {
        return message_of<nbm::InputError>([&] { file.load(text, part); });
    };
    const auto where = file.path().string() + ": ";
    BOOST_TEST(refused("a,y,b\n1,9,0\n0,9,7\n") ==
               where + "line 3, row 1, column 2 ('b') is 7; values must be in [0, 1]; the largest is 7, divide by it (scale=7)");
    BOOST_TEST(refused("0,254\n") ==
               where + "line 1, row 0, column 1 is 254; values must be in [0, 1]; the largest is 254, divide by it (scale=254)");
    BOOST_TEST(has(refused("0,255\n0.5,1"), "line 1, row 0, column 1 is 255"));  // no grey levels, for 0.5 is none
    BOOST_TEST(has(refused("0,256\n255,1"), "column 1 is 256"));
    BOOST_TEST(
        has(refused("3,-1\n0,1"), "column 0 is 3; values must be in [0, 1]; these are from -1 to 3, write (x + 1) / 4 for them"));
    BOOST_TEST(has(refused("0,nan\n0,1"), "column 1 is nan; values must be in [0, 1]"));
    BOOST_TEST(has(refused("0,inf\n0,1"), "column 1 is inf"));
    BOOST_TEST(has(refused("0,3\n", ":scale=2"), "column 1 is 1.5"));
    for (const auto* part : {":scale=0", ":scale=-1", ":scale=x", ":scale=inf", ":scale="}) {
        BOOST_TEST(has(refused("0,1\n", part), "a number above 0 is expected"));
    }
    for (const auto* part : {":labl=y", ":label=", ":header=maybe", ":y", ":scale=1,,"}) {
        BOOST_TEST(has(refused("0,1\n", part), "is no option of a CSV file"));
    }
}

BOOST_AUTO_TEST_CASE(rows_without_a_split_are_shuffled_and_split_by_the_seed) {
    const auto file = TextFile();
    for (const auto& [rows, tenth] :
         std::vector<std::pair<std::size_t, std::size_t>>{{1, 0}, {9, 0}, {10, 1}, {19, 1}, {100, 10}}) {
        const auto data = file.load(rows_of(rows));
        BOOST_TEST(data.train.shape(0) == rows - 2 * tenth);
        BOOST_TEST(data.valid.shape(0) == tenth);
        BOOST_TEST(data.test.shape(0) == tenth);
        auto seen = std::multiset<int>{};
        for (const auto& [matrix, labels] : {std::pair(&data.train, &data.train_labels), std::pair(&data.valid, &data.valid_labels),
                                             std::pair(&data.test, &data.test_labels)}) {
            BOOST_REQUIRE(labels->size() == matrix->shape(0));
            for (std::size_t r = 0; r != labels->size(); ++r) {
                BOOST_TEST((*matrix)(r, 0) == std::stod(std::to_string((*labels)[r] / 128.0)));  // labels stay with their rows
                BOOST_TEST((*matrix)(r, 1) == 0.5);
                seen.insert((*labels)[r]);
            }
        }
        BOOST_TEST(std::set<int>(seen.begin(), seen.end()).size() == rows);
        BOOST_TEST(seen.size() == rows);
    }
    const auto one = nbm::load_csv<float>(file.path(), {}, 1);
    BOOST_TEST((one.train == nbm::load_csv<float>(file.path(), {}, 1).train));
    BOOST_TEST(!(one.train == nbm::load_csv<float>(file.path(), {}, 2).train));
    auto sorted = one.train_labels;
    std::ranges::sort(sorted);
    BOOST_TEST((sorted != one.train_labels));
    BOOST_TEST(one.train(0, 0) == static_cast<float>(std::stod(std::to_string(one.train_labels[0] / 128.0))));
}

BOOST_AUTO_TEST_CASE(cut_and_damaged_csv_files_are_read_or_refused) {
    const auto file = TextFile();
    const auto good = "\"a\",y,\"b \"\"c\"\"\"\r\n" + rows_of(5).substr(6);
    for (std::size_t length = 0; length <= good.size(); ++length) { file.refused(good.substr(0, length)); }
    for (std::size_t at = 0; at != good.size(); ++at) {
        for (const auto other : {'"', '\n', '\r', ',', ' ', '\t', '\0', '\xFF'}) {
            auto damaged = good;
            damaged[at] = other;
            file.refused(damaged);
        }
    }
    BOOST_TEST(file.refused(good) == "nothing was thrown");
}

BOOST_AUTO_TEST_CASE(csv_files_are_recognised_by_ending_or_contents) {
    const auto folder = Temporary();
    for (const auto* name : {"a.csv", "a.tsv", "a.txt", "A.CSV", "a.dat", "a", "a:b.csv", "caf\u00e9.csv"}) {
        std::ofstream(folder / name) << "0 1\n0 1\n";
        BOOST_TEST(nbm::load_dataset<float>((folder / name).string()).train.shape(1) == 2U);
        BOOST_TEST(nbm::load_dataset<float>((folder / name).string() + ":scale=1").train(0, 1) == 1.0F);
    }
    std::ofstream(folder / "b") << "0 1\n\x01 1\n";
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::load_dataset<float>((folder / "b").string()); }), "is none of a CSV"));
    BOOST_TEST(
        has(message_of<nbm::FileError>([&] { nbm::load_dataset<float>((folder / "no.csv:label=y").string()); }), "no such file"));
    BOOST_TEST(has(message_of<nbm::Error>([] { nbm::load_dataset<float>("digts"); }), "CSV"));
    BOOST_TEST(has(message_of<nbm::Error>([] { nbm::load_dataset<float>(std::string(5000, 'x')); }), "unknown data set"));
}

BOOST_AUTO_TEST_CASE(packed_csv_files_are_read_as_plain_ones) {
    const auto folder = Temporary();
    auto text = std::string("a,label,b\n");
    for (auto r = 0; r != 40; ++r) { text += std::to_string(r / 64.0) + (r % 2 == 0 ? ",1,0.5\n" : ",0,1\n"); }
    std::ofstream(folder / "a.csv") << text;
    const auto plain = nbm::load_dataset<double>((folder / "a.csv").string());
    for (const auto* name : {"a.csv.gz", "a.tsv.gz", "A.TXT.GZ", "packed"}) {
        gzip(folder / name, text);
        const auto packed = nbm::load_dataset<double>((folder / name).string());
        BOOST_TEST((packed.train == plain.train && packed.valid == plain.valid && packed.test == plain.test));
        BOOST_TEST((packed.train_labels == plain.train_labels));
    }
    BOOST_TEST(nbm::load_dataset<double>((folder / "a.csv.gz").string() + ":label=none").train.shape(1) == 3U);
    fs::create_directory(folder / "set");
    gzip(folder / "set/train.csv.gz", text);
    gzip(folder / "set/test.csv.gz", text);
    BOOST_TEST(nbm::load_dataset<double>((folder / "set").string()).test.shape(0) == 40U);
    gzip(folder / "bad.csv.gz", "a,b\n0,1\n1,x\n");
    const auto load = [&](const char* name) { nbm::load_dataset<double>((folder / name).string()); };
    BOOST_TEST(has(message_of<nbm::FileError>([&] { load("bad.csv.gz"); }), "line 3, row 1, column 1 ('b'): 'x' is no number"));
    const auto bytes = contents(folder / "a.csv.gz");
    std::ofstream(folder / "cut.csv.gz") << bytes.substr(0, bytes.size() / 2);
    BOOST_TEST(has(message_of<nbm::FileError>([&] { load("cut.csv.gz"); }), "is damaged or truncated"));
    nbm::write_npy(folder / "b.npy", plain.train);
    gzip(folder / "b.npy.gz", contents(folder / "b.npy"));
    BOOST_TEST(has(message_of<nbm::FileError>([&] { load("b.npy.gz"); }), "is packed by gzip"));
}

BOOST_AUTO_TEST_CASE(labels_may_be_words) {
    const auto folder = Temporary();
    const auto path = folder / "a.csv";
    const auto load = [&](const std::string& text, const std::string& part = "") {
        std::ofstream(path) << text;
        return nbm::load_dataset<double>(path.string() + part, nbm::LoadOptions{.split = false});
    };
    const auto data = load("a,class\n0,setosa\n1,\"virginica, true\"\n0,Versicolor\n0.5,setosa\n");
    BOOST_TEST((data.label_names == std::vector<std::string>{"Versicolor", "setosa", "virginica, true"}));
    BOOST_TEST((data.train_labels == std::vector{1, 2, 0, 1}));
    // Without a header, by the number of the column.
    const auto bare = load("0,1,b\n1,0,a\n", ":label=2");
    BOOST_TEST((bare.train == nbm::Matrix<double>{{0, 1}, {1, 0}}));
    BOOST_TEST((bare.train_labels == std::vector{1, 0}));
    BOOST_TEST(load("a,label\n0,3\n").label_names.empty());
    const auto refused = [&](const std::string& text, const std::string& part = "") {
        return message_of<nbm::FileError>([&] { load(text, part); });
    };
    BOOST_TEST(
        has(refused("a,label\n0,3\n0,x\n"), "line 3, row 1: the label in column 1 is 'x'; those above it are whole numbers"));
    BOOST_TEST(has(refused("a,label\n0,x\n0,3\n"), "line 3, row 1: the label in column 1 is '3'; those above it are words"));
    BOOST_TEST(has(refused("a,label\n0,x\n0,\n"), "line 3, row 1: the label in column 1 is empty"));
    BOOST_TEST(has(refused("a,label\n0,1.5\n"), "is '1.5'; labels are whole numbers or words"));
    BOOST_TEST(has(refused("0,1,b\n1,0,a\n"), "add :label=2"));
    // The numbers are the same in all splits, also of words that one of them lacks.
    fs::create_directory(folder / "set");
    std::ofstream(folder / "set/train.csv") << "a,label\n0,cat\n1,dog\n";
    std::ofstream(folder / "set/test.csv") << "a,label\n0,dog\n1,bird\n";
    const auto set = nbm::load_dataset<double>((folder / "set").string());
    BOOST_TEST((set.label_names == std::vector<std::string>{"bird", "cat", "dog"}));
    BOOST_TEST((set.train_labels == std::vector{1, 2}));
    BOOST_TEST((set.test_labels == std::vector{2, 0}));
    std::ofstream(folder / "set/test.csv") << "a,label\n0,1\n1,2\n";
    BOOST_TEST(
        has(message_of<nbm::FileError>([&] { nbm::load_dataset<double>((folder / "set").string()); }), "has words as labels"));
}
