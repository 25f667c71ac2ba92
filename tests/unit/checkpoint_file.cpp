// Checkpoint files: what they hold, and what is not taken for one.
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <hdf5.h>
#include <sys/resource.h>
#include <zlib.h>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

#include "state_helpers.hpp"

namespace {

namespace fs = std::filesystem;

auto write(const fs::path& path, const std::string& bytes) -> void { std::ofstream(path, std::ios::binary) << bytes; }

/// A machine as bytes: equal when all of its numbers are.
template <class T>
auto bytes_of(const nbm::DBM<T>& dbm) -> std::string {
    const auto folder = Temporary();
    nbm::save_weights(dbm, folder / "w.h5");
    return contents(folder / "w.h5");
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
