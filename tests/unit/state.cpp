#include <boost/test/unit_test.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

#include "state_helpers.hpp"

namespace {

const auto other_no_number = std::bit_cast<double>(std::uint64_t{0xFFF80000DEADBEEF});

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
