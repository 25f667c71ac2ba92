// Rows that are read from a file while they are trained on.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <hdf5.h>

#include "helpers.hpp"
#include "npz_writer.hpp"
#include "temporary.hpp"

import nbm;

#include "resume.hpp"
#include "same.hpp"
#include "stream_helpers.hpp"

namespace tt = boost::test_tools;

// First, for the most memory that was ever used never falls.
BOOST_AUTO_TEST_CASE(memory_stays_within_its_limit) {
    if (sanitized) { return; }
    constexpr auto mebibyte = std::size_t{1} << 20U;
    constexpr auto limit = 32 * mebibyte;
    const auto folder = Temporary();
    const auto npy_rows = write_large_npy(folder / "large.npy", 66'000);  // 197 MiB
    const auto hdf5_rows = write_large_hdf5(folder / "large.h5", 264'000);
    BOOST_TEST(fs::file_size(folder / "large.npy") > 6 * limit);
    BOOST_TEST(fs::file_size(folder / "large.h5") > 6 * limit);

    auto dbm = nbm::DBM<float>({784, 2});
    const auto before = peak_memory();
    for (const auto& name : {npy_rows, hdf5_rows}) {
        const auto data = nbm::StreamedDataset<float>(nbm::open_rows(name), {.memory = limit});
        BOOST_TEST(!data.holds_all());
        nbm::initialise(dbm, data);
        const auto validation = &data.resident().valid;
        nbm::fit(dbm, data, nbm::CD<float>(), nbm::SGD<float>(), {.epochs = 1, .batch_size = 200, .validation = validation});
        BOOST_TEST(peak_memory() - before < limit + 6 * mebibyte, name << ": " << (peak_memory() - before) / mebibyte << " MiB");
    }
    BOOST_TEST(peak_memory() - before > limit / 2);  // it is used
}

BOOST_AUTO_TEST_CASE(an_epoch_visits_every_training_row_once) {
    const auto folder = Temporary();
    struct Case {
        std::string name;
        std::size_t rows;
        std::size_t chunks = 0;  // memory for two rows of them
    };
    const auto cases = std::vector<Case>{{write_npy(folder / "a.npy", 1003), 1003},
                                         {write_npy(folder / "b.npy", 511), 511},
                                         {write_hdf5(folder / "c.h5", 1003), 1003},
                                         {write_hdf5(folder / "d.h5", 1003, {7, 5}), 1003, 2 * 7 * 20 * 8},
                                         {write_hdf5(folder / "e.h5", 600, {90, 16}), 600, 2 * 90 * units * 8}};
    for (const auto& [name, rows, chunks] : cases) {
        for (const std::size_t rest : {20'000, 60'000}) {
            for (const std::size_t batch : {std::size_t{10}, std::size_t{64}, std::size_t{97}, std::size_t{5000}}) {
                const auto options = nbm::StreamOptions{.memory = memory_for(rows, rest) + chunks, .seed = 3};
                const auto data = open(name, options);
                BOOST_REQUIRE(!data.holds_all());
                BOOST_REQUIRE(data.blocks().rows < rows);
                BOOST_REQUIRE(data.block_count() > data.blocks().at_once);
                const auto expected = in_memory(name, nbm::Binarise::grey, 3);
                auto numbers = std::vector<std::size_t>{};
                for (std::size_t r = 0; r != expected.train.shape(0); ++r) {
                    numbers.push_back(number_of(nbm::MatrixView<const double>(expected.train).row(r)));
                }
                std::ranges::sort(numbers);
                BOOST_REQUIRE(numbers.size() == rows - 2 * (rows / 10));
                const auto seen = record(data, {.epochs = 3, .batch_size = batch, .seed = 8});
                const auto all = seen.numbers();
                BOOST_REQUIRE(all.size() == 3 * numbers.size());
                auto epochs = std::vector<std::vector<std::size_t>>{};
                const auto values = numbered_rows(rows);
                for (std::size_t e = 0; e != 3; ++e) {
                    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(e * numbers.size());
                    auto epoch = std::vector<std::size_t>(begin, begin + static_cast<std::ptrdiff_t>(numbers.size()));
                    for (const auto& other : epochs) { BOOST_TEST((other != epoch)); }
                    epochs.push_back(epoch);
                    std::ranges::sort(epoch);
                    BOOST_TEST((epoch == numbers), name << ", batches of " << batch);
                    BOOST_TEST((epoch != epochs.back()));
                }
                for (std::size_t i = 0; i != all.size(); ++i) {
                    BOOST_REQUIRE(std::equal(seen.rows[i].begin(), seen.rows[i].end(), values.begin() + long(all[i] * units)));
                }
                // All batches but the last one of an epoch are full.
                const auto full = std::min(batch, numbers.size());
                BOOST_TEST(std::ranges::count(seen.sizes, full) >= 3 * (long(numbers.size() / full)));
                // The same seed gives the same order, another one another; without shuffling it is that of the file.
                BOOST_TEST((record(data, {.epochs = 3, .batch_size = batch, .seed = 8}).numbers() == all));
                BOOST_TEST((record(data, {.epochs = 3, .batch_size = batch, .seed = 9}).numbers() != all));
                BOOST_TEST((record(data, {.epochs = 1, .batch_size = batch, .shuffle = false}).numbers() == numbers));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(rows_from_all_over_the_file_meet) {
    const auto folder = Temporary();
    const auto data = open(write_npy(folder / "a.npy", 1003), {.memory = memory_for(1003, 60'000), .seed = 3});
    // The first eighth of an epoch, from a file of which a tenth is in memory at a time.
    auto lowest = std::size_t{1003};
    auto highest = std::size_t{0};
    const auto numbers = record(data, {.epochs = 1, .batch_size = 50, .seed = 2}).numbers();
    for (std::size_t i = 0; i != 50; ++i) {
        lowest = std::min(lowest, numbers[i]);
        highest = std::max(highest, numbers[i]);
    }
    BOOST_TEST(lowest < 300U);
    BOOST_TEST(highest > 700U);
}

BOOST_AUTO_TEST_CASE(with_memory_for_all_rows_a_training_is_that_of_a_matrix) {
    const auto folder = Temporary();
    for (const auto& name : {write_npy(folder / "a.npy", 203), write_hdf5(folder / "b.h5", 203, {10, 16})}) {
        for (const auto how : {nbm::Binarise::sample, nbm::Binarise::threshold, nbm::Binarise::grey}) {
            const auto expected = in_memory(name, how, 7);
            const auto data = open(name, {.binarise = how, .seed = 7});
            BOOST_TEST(data.holds_all());
            BOOST_TEST((data.resident().train == expected.train));
            BOOST_TEST((data.resident().valid == expected.valid));
            BOOST_TEST((data.resident().test == expected.test));
            const auto train = [&](const auto& rows) {
                auto dbm = nbm::DBM<double>({units, 5, 3});
                nbm::initialise(dbm, rows, {.seed = 2});
                nbm::fit(dbm, rows, nbm::PCD<double>({.chains = 20}), nbm::SGD<double>({.momentum = 0.5}),
                         {.epochs = 3, .batch_size = 10, .validation = &expected.valid, .seed = 4});
                return dbm;
            };
            BOOST_TEST(same_weights(train(data), train(expected.train)));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_training_by_blocks_is_that_of_a_matrix_in_the_same_order) {
    const auto folder = Temporary();
    const auto name = write_hdf5(folder / "a.h5", 1003, {30, 4});
    const auto path = write_npy(folder / "a.npy", 1003);
    for (const auto how : {nbm::Binarise::sample, nbm::Binarise::threshold, nbm::Binarise::grey}) {
        // Blocks make no difference for the values: the numbers of the rows decide.
        const auto expected = in_memory(path, how, 7);
        const auto options = nbm::StreamOptions{.memory = memory_for(1003, 60'000), .binarise = how, .seed = 7};
        const auto data = open(name, options);
        BOOST_REQUIRE(!data.holds_all());
        const auto seen = record(data, {.epochs = 1, .batch_size = 33, .seed = 4}).numbers();
        auto places = std::vector<std::size_t>(1003);
        for (std::size_t r = 0; r != expected.train.shape(0); ++r) {
            places[number_of(nbm::MatrixView<const double>(expected.train).row(r))] = r;
        }
        auto ordered = nbm::zero_matrix<double>(seen.size(), units);
        auto weights = nbm::zero_vector<double>(seen.size());
        auto ordered_weights = weights;
        for (std::size_t r = 0; r != seen.size(); ++r) { weights[r] = static_cast<double>(1U << r % 3); }
        for (std::size_t i = 0; i != seen.size(); ++i) {
            for (std::size_t c = 0; c != units; ++c) { ordered(i, c) = expected.train(places[seen[i]], c); }
            ordered_weights[i] = weights[places[seen[i]]];
        }
        const auto train = [&](const auto& rows, const nbm::Vector<double>* w, bool shuffle, std::size_t threads) {
            nbm::set_threads(threads);
            auto dbm = nbm::DBM<double>({units, 5});
            nbm::initialise(dbm, ordered, {.seed = 2});
            nbm::fit(dbm, rows, nbm::CD<double>({.steps = 2}), nbm::Adam<double>(),
                     {.epochs = 1, .batch_size = 33, .weights = w, .shuffle = shuffle, .seed = 4});
            nbm::set_threads(0);
            return dbm;
        };
        for (const std::size_t threads : {1, 2, 5}) {
            BOOST_TEST(same_weights(train(data, nullptr, true, threads), train(ordered, nullptr, false, 1)));
            BOOST_TEST(same_weights(train(data, &weights, true, threads), train(ordered, &ordered_weights, false, 1)));
        }
        // What stays in memory are the first rows of each split, and the means are those of all.
        const auto& some = data.resident();
        BOOST_TEST(some.train.shape(0) > 10U);
        BOOST_TEST(some.train.shape(0) < expected.train.shape(0));
        BOOST_TEST((some.train == first_rows(expected.train, some.train.shape(0))));
        BOOST_TEST((some.valid == first_rows(expected.valid, some.valid.shape(0))));
        BOOST_TEST((some.test == first_rows(expected.test, some.test.shape(0))));
        BOOST_TEST(some.valid.shape(0) > 0U);
        BOOST_TEST(data.valid_rows() == 100U);
        BOOST_TEST(data.test_rows() == 100U);
        auto from_blocks = nbm::DBM<double>({units, 5});
        auto from_matrix = from_blocks;
        nbm::initialise(from_blocks, data, {.seed = 2});
        nbm::initialise(from_matrix, expected.train, {.seed = 2});
        for (std::size_t c = 0; c != units; ++c) {
            BOOST_TEST(from_blocks.bias(0)[c] == from_matrix.bias(0)[c], tt::tolerance(1e-10));
        }
        from_blocks.bias(0) = from_matrix.bias(0);
        BOOST_TEST(same_weights(from_blocks, from_matrix));
    }
}

BOOST_AUTO_TEST_CASE(a_resumed_training_ends_as_if_it_had_not_been_interrupted) {
    const auto folder = Temporary();
    const auto name = write_npy(folder / "a.npy", 503);
    const auto options = nbm::StreamOptions{.memory = memory_for(503, 20'000), .binarise = nbm::Binarise::sample, .seed = 7};
    const auto data = open(name, options);
    BOOST_REQUIRE(!data.holds_all());
    const auto train = [&](const nbm::StreamedDataset<double>& rows, const fs::path& resume, std::size_t save,
                           const fs::path& path) {
        auto dbm = nbm::DBM<double>({units, 5});
        nbm::initialise(dbm, rows, {.seed = 1});
        nbm::fit(dbm, rows, nbm::PCD<double>({.chains = 10, .gradient = {.centring = {.on = true}}}), nbm::Adam<double>(),
                 {.epochs = 2, .batch_size = 30, .resume = resume}, nbm::CallbackList(SaveAt{save, path}));
        return dbm;
    };
    const auto whole = train(data, {}, 1000, {});
    for (std::size_t step = 0; step < 28; step += 3) {  // 14 batches an epoch
        const auto path = folder / (std::to_string(step) + ".ckpt");
        train(data, {}, step, path);
        BOOST_TEST(same_weights(train(open(name, options), path, 1000, {}), whole), "resumed after step " << step);
    }
    // Other blocks are another order.
    auto larger = options;
    larger.memory = memory_for(503, 30'000);
    const auto other = open(name, larger);
    BOOST_REQUIRE((other.blocks() != data.blocks()));
    const auto refused = [&](const nbm::StreamedDataset<double>& rows) {
        return message_of<nbm::FileError>([&] { train(rows, folder / "3.ckpt", 1000, {}); });
    };
    BOOST_TEST(has(refused(other), "belongs to a training that reads "));
    BOOST_TEST(has(refused(other), "give it the same memory"));
    larger.memory = std::size_t{1} << 20U;
    BOOST_TEST(has(refused(open(name, larger)), "this one has all rows in memory"));
}

BOOST_AUTO_TEST_CASE(a_file_that_shrinks_ends_the_training_with_a_checkpoint) {
    const auto folder = Temporary();
    const auto name = write_npy(folder / "a.npy", 503);
    const auto bytes = contents(name);
    const auto checkpoint = folder / "last.ckpt";
    const auto options = nbm::StreamOptions{.memory = memory_for(503, 20'000), .seed = 7};
    struct Shrink {
        fs::path path;
        std::size_t step;
        void on_batch_end(const nbm::BatchInfo& info) const {
            if (info.step == step) { fs::resize_file(path, fs::file_size(path) / 4); }
        }
    };
    const auto train = [&](const fs::path& resume, std::size_t shrink_after) {
        auto dbm = nbm::DBM<double>({units, 5});
        const auto data = open(name, options);
        nbm::initialise(dbm, data, {.seed = 1});
        nbm::fit(dbm, data, nbm::PCD<double>({.chains = 10}), nbm::SGD<double>(), {.epochs = 2, .batch_size = 30, .resume = resume},
                 nbm::CallbackList(nbm::Checkpoint({.path = checkpoint, .every_epochs = 0}), Shrink{name, shrink_after}));
        return dbm;
    };
    const auto whole = train({}, 1000);
    fs::remove(checkpoint);
    const auto message = message_of<nbm::FileError>([&] { train({}, 4); });
    BOOST_TEST(message.starts_with(name + ": cannot be read at row "));
    BOOST_TEST(has(message, "; it had 503 rows when it was opened"));
    BOOST_REQUIRE(fs::exists(checkpoint));
    write(name, bytes);
    BOOST_TEST(same_weights(train(checkpoint, 1000), whole));
    // A value that becomes wrong is found when it is met.
    struct Spoil {
        fs::path path;
        void on_batch_end(const nbm::BatchInfo& info) const {
            if (info.step != 4) { return; }
            auto file = std::fstream(path, std::ios::binary | std::ios::in | std::ios::out);
            file.seekp(128);
            for (auto i = 0; i != 503 * 16; ++i) {
                const auto bad = 3.5;
                file.write(reinterpret_cast<const char*>(&bad), sizeof bad);
            }
        }
    };
    auto dbm = nbm::DBM<double>({units, 5});
    const auto data = open(name, options);
    const auto spoilt = message_of<nbm::InputError>([&] {
        nbm::fit(dbm, data, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 2, .batch_size = 30}, nbm::CallbackList(Spoil{name}));
    });
    BOOST_TEST(spoilt.starts_with(name + ": row "));
    BOOST_TEST(has(spoilt, ", column 0 is 3.5; values must be in [0, 1]"));
}

BOOST_AUTO_TEST_CASE(an_hdf5_file_that_shrinks_ends_the_training_with_a_sentence) {
    const auto folder = Temporary();
    const auto name = write_hdf5(folder / "a.h5", 1003);
    const auto data = open(name, {.memory = memory_for(1003, 30'000)});
    fs::resize_file(folder / "a.h5", 8000);
    const auto message = message_of<nbm::FileError>([&] { record(data, {.epochs = 1, .batch_size = 10}); });
    BOOST_TEST(message.starts_with((folder / "a.h5").string() + ": dataset '/x' cannot be read at row "), message);
}

BOOST_AUTO_TEST_CASE(bytes_are_divided_when_one_is_above_1) {
    const auto folder = Temporary();
    const auto path = folder / "a.npy";
    auto bytes = std::vector<std::uint8_t>(300 * 3, 1);
    for (const auto last : {1, 51}) {
        bytes.back() = static_cast<std::uint8_t>(last);  // seen after all others
        write(path, npy<std::uint8_t>("|u1", "(300, 3)", bytes));
        const auto data = open(path.string(), {.memory = 6000, .seed = 2});
        BOOST_TEST(!data.holds_all());
        const auto expected = in_memory(path.string(), nbm::Binarise::grey, 2);
        BOOST_TEST((data.resident().train == first_rows(expected.train, data.resident().train.shape(0))));
        BOOST_TEST(data.means()[0] == (last == 1 ? 1.0 : 1.0 / 255.0), tt::tolerance(1e-12));
    }
    write(path, npy<std::uint8_t>("|b1", "(300, 3)", std::vector<std::uint8_t>(900, 1)));
    BOOST_TEST(open(path.string(), {.memory = 6000}).means()[0] == 1.0);
    // More dimensions are flattened; float32 stays what it is.
    write(path, npy<float>("<f4", "(12, 2, 3)", std::vector<float>(72, 0.3F)));
    const auto data = open(path.string(), {});
    BOOST_TEST(data.units() == 6U);
    BOOST_TEST(data.resident().train(0, 5) == double(0.3F));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_refused_with_a_sentence) {
    const auto folder = Temporary();
    const auto path = (folder / "a.npy").string();
    const auto message = [&](const std::string& name, std::size_t memory = std::size_t{1} << 20U) {
        return message_of<nbm::Error>([&] { open(name, {.memory = memory}); });
    };
    const auto refuse = [&](const std::string& bytes, const std::string& part) {
        write(path, bytes);
        const auto found = message(path);
        BOOST_TEST(found.starts_with(path + ": "), found);
        BOOST_TEST(has(found, part), found << " should say " << part);
    };
    auto values = numbered_rows(1003);
    values[500 * units + 3] = 1.25;
    refuse(npy<double>("<f8", "(1003, 16)", values), "row 500, column 3 is 1.25; values must be in [0, 1]");
    values[500 * units + 3] = std::nan("");
    refuse(npy<double>("<f8", "(1003, 16)", values), "row 500, column 3 is nan");
    refuse(npy<double>("<f8", "(2, 2)", {0, 1, 0, 1}, true), "is in Fortran order");
    refuse(npy<double>("<f8", "(4,)", {0, 1, 0, 1}), "has 1 dimensions");
    refuse(npy<double>("<f8", "(3, 2)", {0, 1, 0, 1}), "holds 32 bytes of data; its shape needs 6 values of 8 bytes");
    refuse(npy<double>("<f8", "(99999999999, 99999999999)", {0}), "truncated");
    refuse(npy<double>(">f8", "(1, 1)", {0}), "little-endian");
    refuse("0,1\n1,0\n", "is no NPY or HDF5 file");
    refuse("\x93NUMPY\x01", "is not in NPY format");
    write(path, npy<double>("<f8", "(0, 2)", {}));
    BOOST_TEST(has(message(path), path + " is empty"));
    BOOST_TEST(has(message((folder / "none.npy").string()), "there is no such .npy or HDF5 file"));
    const auto rows = write_npy(path, 1003);
    BOOST_TEST(has(message(rows + ":x"), "has no parts"));
    BOOST_TEST(has(message(rows, 5000), "1003 rows of 16 units cannot be read with 0 MiB of memory; at least 1 are needed"));
    const auto hdf5 = write_hdf5(folder / "b.h5", 50, {50, 16});
    const auto file = (folder / "b.h5").string();
    BOOST_TEST(has(message(file + ":/y"), "b.h5: has no dataset '/y'"));
    BOOST_TEST(open(file, {}).units() == units);  // the only one
    BOOST_TEST(open(file + ":/", {}).units() == units);
    BOOST_TEST(has(message(hdf5, 15'000), "cannot be read with"));  // its chunk alone needs more
    auto dbm = nbm::DBM<double>({4, 2});
    const auto data = open(hdf5, {});
    BOOST_CHECK_THROW(nbm::fit(dbm, data, nbm::CD<double>(), nbm::SGD<double>()), nbm::ShapeError);
    BOOST_CHECK_THROW(nbm::initialise(dbm, data), nbm::ShapeError);
}

BOOST_AUTO_TEST_CASE(rows_may_come_from_anywhere_and_waiting_for_them_is_counted) {
    auto reads = std::size_t{0};
    const auto data = nbm::StreamedDataset<double>(std::make_unique<SlowRows>(reads), {.memory = memory_for(1000, 60'000)});
    reads = 0;
    auto dbm = nbm::DBM<double>({units, 2});
    auto profile = nbm::Profile{};
    nbm::fit(dbm, data, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 1, .batch_size = 20, .profile = &profile});
    BOOST_TEST(reads >= data.block_count());
    const auto paused = static_cast<double>(reads) * 0.01;
    // Training itself takes next to nothing, so most pauses are waited for.
    BOOST_TEST(profile.data > 0.4 * paused);
    BOOST_TEST(profile.sum() > 0.9 * profile.total);
    BOOST_TEST(profile.rows == 800U);
}
