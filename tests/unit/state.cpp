#include <boost/test/unit_test.hpp>

#include <bit>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <hdf5.h>
#include <sys/resource.h>
#include <zlib.h>

#include "oracle.hpp"
#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

using namespace std::string_literals;
using Doubles = std::vector<double>;
using Wholes = std::vector<std::uint64_t>;
using Texts = std::vector<std::string>;

constexpr auto no_number = std::numeric_limits<double>::quiet_NaN();
constexpr auto inf = std::numeric_limits<double>::infinity();
const auto other_no_number = std::bit_cast<double>(std::uint64_t{0xFFF80000DEADBEEF});

template <class T>
auto machine(std::vector<std::size_t> sizes = {5, 3, 2}) -> nbm::DBM<T> {
    auto dbm = nbm::DBM<T>(sizes.size() == 3 ? nbm::Topology(sizes, {{0, 1}, {1, 2}}) : nbm::Topology(sizes, {{0, 1}}));
    oracle::randomise(dbm, 71, 1.0);
    return dbm;
}

auto write(const fs::path& path, const std::string& bytes) -> void { std::ofstream(path, std::ios::binary) << bytes; }

/// A machine as bytes: equal when all of its numbers are.
template <class T>
auto bytes_of(const nbm::DBM<T>& dbm) -> std::string {
    const auto folder = Temporary();
    nbm::save_weights(dbm, folder / "w.h5");
    return contents(folder / "w.h5");
}

/// The state after a checkpoint with it was written and read.
auto reread(const nbm::State& state) -> nbm::State {
    const auto folder = Temporary();
    nbm::save_training(machine<float>(), state, folder / "c.h5");
    return nbm::load_training<float>(folder / "c.h5").state;
}

template <class V>
auto bits(const V& values) -> std::string {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(*values.data())};
}

/// A value of each type.
auto small_state() -> nbm::State {
    auto state = nbm::State{};
    state.put("done", true);
    state.put("epoch", std::uint64_t{7});
    state.put("offset", std::int64_t{-7});
    state.put("best", -0.5);
    auto& child = state.child("callbacks").child("early_stopping");
    child.put("metric", "val_cost"s);
    child.put("history", Doubles{1, no_number});
    child.put("epochs", Wholes{1, 2});
    child.put("names", Texts{"a", "b"});
    child.put("chains", nbm::Matrix<float>({{0, 1, 1}, {1, 0, 0}}));
    child.put("sums", nbm::Matrix<double>({{0.1}, {0.2}}));
    child.put("velocity", nbm::Vector<float>({0.1F, 0.2F}));
    child.put("means", nbm::Vector<double>({0.1, 0.2}));
    return state;
}

auto message(const fs::path& path) -> std::string {
    return message_of<nbm::FileError>([&] { nbm::load_training<float>(path); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_value_comes_back_bit_for_bit) {
    auto state = nbm::State{};
    state.put("yes", true);
    state.put("no", false);
    state.put("largest", std::numeric_limits<std::uint64_t>::max());
    state.put("smallest", std::numeric_limits<std::int64_t>::min());
    state.put("size", std::size_t{12});
    const auto doubles = Doubles{0.0, -0.0, no_number, other_no_number, inf, -inf, 5e-324, 1.7976931348623157e308, 0.1};
    for (std::size_t i = 0; i != doubles.size(); ++i) { state.put("double" + std::to_string(i), doubles[i]); }
    state.put("doubles", doubles);
    state.put("no doubles", Doubles{});
    state.put("wholes", Wholes{0, 1, ~std::uint64_t{0}});
    state.put("no wholes", Wholes{});
    const auto texts = Texts{"",
                             "\0"s,
                             "\0a\0\0"s,
                             "a\nb\r\n",
                             "%",
                             "%41",
                             "%%",
                             "\xC3\xA9\xE2\x82\xAC",
                             "\xFF\xFE\x80",
                             "a/b.c",
                             std::string(100000, 'x'),
                             " ",
                             "\x7F\x01"};
    for (std::size_t i = 0; i != texts.size(); ++i) { state.put("text" + std::to_string(i), texts[i]); }
    state.put("texts", texts);
    state.put("no texts", Texts{});
    state.put("an empty text", Texts{""});
    state.put("empty texts", Texts{"", ""});
    auto floats = nbm::Vector<float>({0.0F, -0.0F, static_cast<float>(no_number), static_cast<float>(-inf), 1e-45F});
    auto matrix = nbm::Matrix<double>({{0.0, no_number, other_no_number}, {-inf, -0.0, 1.0}});
    state.put("floats", floats);
    state.put("vector", nbm::Vector<double>({other_no_number, 2.0}));
    state.put("matrix", matrix);
    state.put("float matrix", nbm::Matrix<float>({{1.0F, 2.0F, 3.0F}, {4.0F, 5.0F, -0.0F}}));
    state.put("no rows", nbm::zero_matrix<float>(0, 5));
    state.put("no columns", nbm::zero_matrix<double>(5, 0));
    state.put("default matrix", nbm::Matrix<float>{});
    state.put("default vector", nbm::Vector<double>{});

    const auto back = reread(state);
    BOOST_TEST((back == state));
    BOOST_TEST(back.names() == state.names(), boost::test_tools::per_element());
    BOOST_TEST(back.get<bool>("yes"));
    BOOST_TEST(!back.get<bool>("no"));
    BOOST_TEST(back.get<std::uint64_t>("largest") == 18446744073709551615ULL);
    BOOST_TEST(back.get<std::int64_t>("smallest") == std::numeric_limits<std::int64_t>::min());
    BOOST_TEST(back.get<std::size_t>("size") == 12U);
    for (std::size_t i = 0; i != doubles.size(); ++i) {
        const auto value = back.get<double>("double" + std::to_string(i));
        BOOST_TEST(std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(doubles[i]));
    }
    BOOST_TEST((bits(back.get<Doubles>("doubles")) == bits(doubles)));
    BOOST_TEST((back.get<Wholes>("wholes") == Wholes{0, 1, ~std::uint64_t{0}}));
    for (std::size_t i = 0; i != texts.size(); ++i) { BOOST_TEST((back.get<std::string>("text" + std::to_string(i)) == texts[i])); }
    BOOST_TEST((back.get<Texts>("texts") == texts));
    BOOST_TEST(back.get<Texts>("no texts").empty());
    BOOST_TEST((back.get<Texts>("an empty text") == Texts{""}));
    BOOST_TEST((back.get<Texts>("empty texts") == Texts{"", ""}));
    BOOST_TEST((bits(back.get<nbm::Vector<float>>("floats")) == bits(floats)));
    BOOST_TEST((bits(back.get<nbm::Matrix<double>>("matrix")) == bits(matrix)));
    BOOST_TEST(back.get<nbm::Matrix<double>>("matrix").shape(1) == 3U);
    BOOST_TEST(back.get<nbm::Matrix<float>>("float matrix")(1, 0) == 4.0F);
    BOOST_TEST(back.get<nbm::Matrix<float>>("no rows").shape(1) == 5U);
    BOOST_TEST(back.get<nbm::Matrix<double>>("no columns").shape(0) == 5U);
    BOOST_TEST(back.get<nbm::Matrix<float>>("default matrix").size() == 0U);
    BOOST_TEST(back.get<nbm::Vector<double>>("default vector").size() == 0U);
}

BOOST_AUTO_TEST_CASE(names_are_any_bytes) {
    const auto names = Texts{"",
                             ".",
                             "..",
                             "/",
                             "a/b",
                             "/a",
                             "a.b",
                             ".a",
                             "#",
                             "%",
                             "%%",
                             "a%",
                             "%2F",
                             "%41",
                             "A",
                             "\0"s,
                             "a\0b"s,
                             "a\0"s,
                             "\n",
                             " ",
                             "\xC3\xA9",
                             "\xFF",
                             std::string(70000, 'n')};
    auto state = nbm::State{};
    for (std::size_t i = 0; i != names.size(); ++i) {
        state.put(names[i], i);
        state.child(names[i]).child(names[i]).put(names[i], names[i]);  // a value and a child may share a name
        state.child("children only").child(names[i]).put("i", i);
    }
    const auto back = reread(state);
    BOOST_TEST((back == state));
    BOOST_TEST(back.names().size() == names.size());
    for (std::size_t i = 0; i != names.size(); ++i) {
        BOOST_TEST(back.get<std::size_t>(names[i]) == i);
        BOOST_TEST((back.child(names[i]).child(names[i]).get<std::string>(names[i]) == names[i]));
        BOOST_TEST(back.child("children only").child(names[i]).get<std::size_t>("i") == i);
    }
    auto deep = nbm::State{};
    auto* at = &deep;
    for (auto i = 0; i != 200; ++i) { at = &at->child("level"); }
    at->put("x", 1.0);
    BOOST_TEST((reread(deep) == deep));
}

BOOST_AUTO_TEST_CASE(a_state_is_a_tree_of_named_values) {
    auto state = nbm::State{};
    BOOST_TEST((state == nbm::State{}));
    state.put("b", 1.0);
    state.put("a", 2.0);
    state.put("b", "replaced"s);
    BOOST_TEST(state.get<std::string>("b") == "replaced");
    BOOST_TEST((state.names() == Texts{"a", "b"}));
    BOOST_TEST(state.has("a"));
    BOOST_TEST(!state.has("c"));
    BOOST_TEST(!state.has_child("a"));
    state.child("z").put("x", true);
    state.child("z").put("y", false);  // the child that is there
    state.child("c");
    BOOST_TEST((state.children() == Texts{"c", "z"}));
    BOOST_TEST(state.child("z").get<bool>("x"));
    BOOST_TEST(state.has_child("c"));

    const auto differs = [&](auto change) {
        auto other = state;
        BOOST_TEST((other == state));
        change(other);
        BOOST_TEST(!(other == state));
        BOOST_TEST(!(state == other));
    };
    differs([](auto& s) { s.put("a", std::uint64_t{2}); });
    differs([](auto& s) { s.put("a", 2.5); });
    differs([](auto& s) { s.put("c", 2.0); });
    differs([](auto& s) { s.child("d"); });
    differs([](auto& s) { s.child("z").put("x", false); });
    const auto of = [](auto value) {
        auto s = nbm::State{};
        s.put("v", value);
        return s;
    };
    BOOST_TEST((of(no_number) == of(no_number)));
    BOOST_TEST(!(of(no_number) == of(other_no_number)));
    BOOST_TEST(!(of(0.0) == of(-0.0)));
    BOOST_TEST((of(Doubles{no_number}) == of(Doubles{no_number})));
    BOOST_TEST(!(of(Doubles{0.0}) == of(Doubles{-0.0})));
    BOOST_TEST(!(of(Doubles{0.0}) == of(nbm::Vector<double>({0.0}))));
    BOOST_TEST((of(nbm::Matrix<double>({{no_number}})) == of(nbm::Matrix<double>({{no_number}}))));
    BOOST_TEST(!(of(nbm::zero_matrix<float>(2, 3)) == of(nbm::zero_matrix<float>(3, 2))));
    BOOST_TEST(!(of(nbm::zero_matrix<float>(0, 3)) == of(nbm::zero_matrix<float>(0, 2))));
    state = state.child("z");
    BOOST_TEST((state.names() == Texts{"x", "y"}));
    BOOST_TEST(state.children().empty());
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_named_with_its_path) {
    auto state = nbm::State{};
    auto& child = state.child("callbacks").child("early_stopping");
    child.put("best", 1.0);
    child.put("wait", std::uint64_t{3});
    const auto& read = state;
    const auto said = [](auto f) { return message_of<nbm::InputError>(f); };
    BOOST_TEST(said([&] { read.child("callbacks").child("early_stopping").get<std::uint64_t>("best"); }) ==
               "the state has no 'callbacks.early_stopping.best' (whole number): there it is a number");
    BOOST_TEST(said([&] { read.child("callbacks").child("early_stopping").get<double>("bset"); }) ==
               "the state has no 'callbacks.early_stopping.bset' (number): unknown value 'bset'; did you mean 'best'? (valid: "
               "best, wait)");
    BOOST_TEST(said([&] { read.child("callbacks").child("early_stoping"); }) ==
               "the state has no part 'callbacks.early_stoping': unknown part 'early_stoping'; did you mean 'early_stopping'? "
               "(valid: early_stopping)");
    BOOST_TEST(said([&] { read.get<std::string>("x"); }) == "the state has no 'x' (text): it has no value there");
    // Signed and unsigned, float and double, and the two kinds of vectors are types of their own.
    BOOST_TEST(said([&] { child.get<std::int64_t>("wait"); }) ==
               "the state has no 'callbacks.early_stopping.wait' (signed whole number): there it is a whole number");
    child.put("v", nbm::Vector<float>({1.0F}));
    BOOST_CHECK_THROW(child.get<nbm::Vector<double>>("v"), nbm::InputError);
    BOOST_CHECK_THROW(child.get<Doubles>("v"), nbm::InputError);
    // Paths follow a state to where it is put, and are there again after reading.
    auto made_elsewhere = nbm::State{};
    made_elsewhere.child("b").put("c", true);
    state.child("a") = made_elsewhere;
    BOOST_TEST(has(said([&] { state.child("a").child("b").get<bool>("d"); }), "'a.b.d'"));
    BOOST_TEST(has(said([&] { reread(state).child("a").child("b").get<bool>("d"); }), "'a.b.d'"));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_holds_machine_and_state) {
    const auto folder = Temporary();
    nbm::save_training(machine<float>(), small_state(), folder / "new/folder/f.h5");
    nbm::save_training(machine<double>(), small_state(), folder / "d.h5");
    const auto f = nbm::load_training(folder / "new/folder/f.h5");
    const auto d = nbm::load_training<double>(folder / "d.h5");
    BOOST_TEST((bytes_of(f.model) == bytes_of(machine<float>())));
    BOOST_TEST((bytes_of(d.model) == bytes_of(machine<double>())));
    BOOST_TEST((f.state == small_state()));
    BOOST_TEST((d.state == small_state()));
    BOOST_TEST((bytes_of(nbm::load_weights<float>(folder / "new/folder/f.h5")) == bytes_of(machine<float>())));
    BOOST_TEST((bytes_of(nbm::load_weights<double>(folder / "d.h5")) == bytes_of(machine<double>())));
    const auto wrong = message_of<nbm::FileError>([&] { nbm::load_training<double>(folder / "new/folder/f.h5"); });
    BOOST_TEST(has(wrong, "is the checkpoint of a float32 machine, not of a float64 one; read it with load_training<float>"));
    BOOST_TEST(has(message(folder / "d.h5"), "is the checkpoint of a float64 machine, not of a float32 one"));
    // Other programs find the values under their names.
    const auto file = H5Fopen((folder / "d.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    BOOST_REQUIRE(file >= 0);
    const auto set = H5Dopen2(file, "/state/callbacks/early_stopping/chains", H5P_DEFAULT);
    float values[6] = {};
    BOOST_TEST(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    BOOST_TEST(values[3] == 1.0F);
    H5Dclose(set);
    H5Fclose(file);
}

BOOST_AUTO_TEST_CASE(equal_states_give_equal_files) {
    const auto folder = Temporary();
    nbm::save_training(machine<float>(), small_state(), folder / "a.h5");
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // files hold no times
    auto other_order = nbm::State{};
    const auto state = small_state();
    other_order.child("callbacks") = state.child("callbacks");
    other_order.put("offset", state.get<std::int64_t>("offset"));
    other_order.put("epoch", 0.0);
    other_order.put("epoch", state.get<std::uint64_t>("epoch"));
    other_order.put("done", true);
    other_order.put("best", state.get<double>("best"));
    nbm::save_training(machine<float>(), other_order, folder / "b.h5");
    BOOST_TEST((contents(folder / "a.h5") == contents(folder / "b.h5")));
    const auto back = nbm::load_training<float>(folder / "a.h5");
    nbm::save_training(back.model, back.state, folder / "a.h5");
    BOOST_TEST((contents(folder / "a.h5") == contents(folder / "b.h5")));
    other_order.put("epoch", std::uint64_t{8});
    nbm::save_training(machine<float>(), other_order, folder / "b.h5");
    BOOST_TEST((contents(folder / "a.h5") != contents(folder / "b.h5")));
}

BOOST_AUTO_TEST_CASE(every_changed_byte_and_every_length_is_refused) {
    const auto folder = Temporary();
    const auto path = folder / "c.h5";
    nbm::save_training(machine<float>({2, 1}), small_state(), path);
    const auto good = contents(path);
    const auto end = good.size() - 28;
    BOOST_REQUIRE(good.substr(end, 14) == "checkpoint end");
    auto accepted = std::size_t{0};
    auto not_named = std::size_t{0};
    const auto expect = [&](const char* problem) {
        const auto said = message(path);
        accepted += said.starts_with(path.string()) ? 0U : 1U;
        not_named += has(said, problem) ? 0U : 1U;
    };
    const auto set_byte = [&](std::size_t at, unsigned value) {
        auto file = std::fstream(path, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(value));
    };
    for (std::size_t i = 0; i != good.size(); ++i) {
        const auto byte = static_cast<unsigned char>(good[i]);
        for (const auto flip : {1U << i % 8, 0xFFU}) {
            set_byte(i, byte ^ flip);
            expect(i >= end && i < end + 14 ? "or changed at its end" : "was changed after it was written");
        }
        set_byte(i, byte);
    }
    BOOST_TEST((contents(path) == good));
    const auto mark = good.find("nbm checkpoint");
    BOOST_REQUIRE(mark < 2048U);
    for (auto length = good.size(); length-- > 0;) {
        fs::resize_file(path, length);
        expect(length >= mark + 14 ? "it was cut short"
               : length >= 4       ? "only the beginning of a checkpoint"
               : length > 0        ? "is not a checkpoint"
                                   : "is empty");
    }
    BOOST_TEST(accepted == 0U);
    BOOST_TEST(not_named == 0U);
    for (const auto& bytes : {good + '\n', good + good, good.substr(1), "\n" + good}) {
        write(path, bytes);
        BOOST_TEST(message(path).starts_with(path.string()));
    }
    write(path, good);
    BOOST_TEST((nbm::load_training(path).state == small_state()));
    BOOST_TEST_MESSAGE("all of " << good.size() << " bytes");
}

BOOST_AUTO_TEST_CASE(other_files_are_not_taken_for_checkpoints) {
    const auto folder = Temporary();
    const auto path = folder / "c.h5";
    BOOST_TEST(message(path) == path.string() + ": there is no such file");
    BOOST_TEST(has(message(folder.path()), "is a folder; a checkpoint is expected"));
    BOOST_TEST(has(message("/dev/zero"), "is no file"));
    BOOST_TEST(has(message(folder / std::string(300, 'x')), "cannot be read: File name too long"));
    nbm::save_weights(machine<float>(), path);
    BOOST_TEST(has(message(path), "is not a checkpoint but another HDF5 file"));
    BOOST_TEST(has(message(path), "load_weights reads weight files"));
    write(path, "text of any length that is longer than the end of a checkpoint\n");
    BOOST_TEST(message(path) == path.string() + ": is not a checkpoint");
    write(path, "short");
    BOOST_TEST(message(path) == path.string() + ": is not a checkpoint");
    // All is well with a file but that its end says something else: where the version is, then the length.
    const auto changed_with_checksum = [&](std::size_t from_end) {
        nbm::save_training(machine<float>(), small_state(), path);
        auto bytes = contents(path);
        ++bytes[bytes.size() - from_end];
        const auto checked = bytes.size() - 4;
        const auto sum =
            static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(checked)));
        for (auto i = 0U; i != 4; ++i) { bytes[checked + i] = static_cast<char>(sum >> (8 * i)); }
        write(path, bytes);
        return message(path);
    };
    BOOST_TEST(
        has(changed_with_checksum(14), "has the checkpoint format 2; this program knows format 1, so a newer nbm is needed"));
    BOOST_TEST(has(changed_with_checksum(11), "bytes before its end"));
}

BOOST_AUTO_TEST_CASE(a_failed_checkpoint_leaves_the_earlier_one) {
    const auto folder = Temporary();
    const auto path = folder / "c.h5";
    nbm::save_training(machine<float>(), small_state(), path);
    const auto good = contents(path);
    auto state = small_state();
    state.put("large", Doubles(10000, 1.0));
    // As on a full disk, a write fails in the middle.
    auto before = rlimit{};
    getrlimit(RLIMIT_FSIZE, &before);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    const auto limited = rlimit{20000, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
    const auto said = message_of<nbm::FileError>([&] { nbm::save_training(machine<float>(), state, path); });
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    BOOST_TEST(has(said, path.string() + ": cannot be written"));
    BOOST_TEST((contents(path) == good));
    BOOST_TEST(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::save_training(machine<float>(), state, folder.path()); }), "is a folder"));
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::save_training(machine<float>(), state, path / "c.h5"); }),
                   "cannot make this folder"));
    BOOST_CHECK_THROW(nbm::save_training(machine<float>(), state, "/proc/nbm/c.h5"), nbm::FileError);
    BOOST_CHECK_THROW(nbm::save_training(machine<float>(), state, folder / std::string(300, 'x')), nbm::FileError);
    BOOST_TEST((contents(path) == good));
    nbm::save_training(machine<float>(), state, path);
    BOOST_TEST((nbm::load_training(path).state == state));
}

BOOST_AUTO_TEST_CASE(large_states_are_fast) {
    const auto folder = Temporary();
    auto state = nbm::State{};
    auto values = Doubles(3000000);
    for (std::size_t i = 0; i != values.size(); ++i) { values[i] = static_cast<double>(i) * 0.1; }
    state.put("values", values);
    state.put("matrix", nbm::zero_matrix<double>(1000, 1000));
    state.put("texts", Texts(100000, "a text"));
    for (std::size_t i = 0; i != 3000; ++i) { state.child("many").put(std::to_string(i), i); }
    const auto start = std::chrono::steady_clock::now();
    nbm::save_training(machine<float>(), state, folder / "c.h5");
    const auto back = nbm::load_training(folder / "c.h5");
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    BOOST_TEST_MESSAGE("written and read in " << seconds << " s");
    BOOST_TEST(seconds < 20.0);  // it takes below 1 s; a quadratic way would take minutes
    BOOST_TEST((back.state == state));
}
