// Features and samples of the program: against conditional probabilities and enumeration.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <hdf5.h>

#include "helpers.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

#include "filled_machine.hpp"

namespace {

namespace fs = std::filesystem;
namespace tt = boost::test_tools;

auto sigmoid(double x) -> double { return 1.0 / (1.0 + std::exp(-x)); }

/// The numbers that a dataset of an HDF5 file holds.
auto read_hdf5(const fs::path& path, const char* name, std::size_t count) -> std::vector<float> {
    const auto file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const auto set = H5Dopen2(file, name, H5P_DEFAULT);
    auto values = std::vector<float>(count);
    BOOST_TEST(static_cast<std::size_t>(H5Dget_storage_size(set)) == count * sizeof(float));
    BOOST_TEST(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
    H5Dclose(set);
    H5Fclose(file);
    return values;
}

auto run_well(const Temporary& folder, const std::string& arguments) -> void {
    const auto answer = run_program(folder, arguments);
    BOOST_TEST_CONTEXT(arguments << " -> " << answer.err) {
        BOOST_TEST(answer.status == 0);
        BOOST_TEST(answer.err == "");
    }
}

/// p(v) of all 16 states of four visible units; bit k of the number is unit k.
auto probabilities_of(const nbm::DBM<float>& dbm) -> std::array<double, 16> {
    auto all = nbm::zero_matrix<float>(16, 4);
    for (auto n = 0U; n != 16; ++n) {
        for (auto k = 0U; k != 4; ++k) { all(n, k) = static_cast<float>(n >> k & 1U); }
    }
    const auto logs = nbm::exact_log_probability(dbm, all);
    auto p = std::array<double, 16>{};
    for (auto n = 0U; n != 16; ++n) { p[n] = std::exp(logs[n]); }
    return p;
}

/// How often each state of four units is among the rows of an array.
auto frequencies_of(const nbm::NpyArray& array) -> std::array<double, 16> {
    auto result = std::array<double, 16>{};
    BOOST_TEST_REQUIRE(array.shape.at(1) == 4U);
    for (std::size_t r = 0; r != array.shape[0]; ++r) {
        auto n = 0U;
        for (auto k = 0U; k != 4; ++k) {
            const auto x = array.values[4 * r + k];
            BOOST_TEST_REQUIRE((x == 0.0 || x == 1.0));
            n |= static_cast<unsigned>(x) << k;
        }
        result[n] += 1.0 / static_cast<double>(array.shape[0]);
    }
    return result;
}

/// Five standard deviations.
auto close(double frequency, double p, double count) -> bool {
    return std::abs(frequency - p) < 5 * std::sqrt(p * (1 - p) / count);
}

constexpr auto many = 20'000.0;

}  // namespace

BOOST_AUTO_TEST_CASE(features_of_an_rbm_are_its_conditional_probabilities) {
    const auto folder = Temporary();
    const auto rbm = filled_machine<float>({4, 3});
    nbm::save_weights(rbm, folder / "m.h5");
    const auto data = nbm::bars_and_stripes<float>(2);
    run_well(folder, "transform m.h5 --data bars-and-stripes:2 --output f.npz");
    // A data set of its own, for a machine on top.
    const auto features = nbm::load_npz<float>(folder / "f.npz");
    BOOST_TEST(features.train_labels == data.train_labels, tt::per_element());
    BOOST_TEST((features.test == features.train));
    BOOST_TEST_REQUIRE((features.train.shape(0) == 6U && features.train.shape(1) == 3U));
    for (std::size_t r = 0; r != 6; ++r) {
        for (std::size_t j = 0; j != 3; ++j) {
            auto z = static_cast<double>(rbm.bias(1)(j));
            for (std::size_t i = 0; i != 4; ++i) { z += static_cast<double>(data.train(r, i) * rbm.weights(0, 1)(i, j)); }
            BOOST_TEST(features.train(r, j) == sigmoid(z), tt::tolerance(1e-5));
        }
    }
    run_well(folder, "transform m.h5 --data bars-and-stripes:2 --split valid --output f.csv");
    const auto table = nbm::read_table(folder / "f.csv");
    BOOST_TEST(table.names == (std::vector<std::string>{"row", "h1_0", "h1_1", "h1_2"}), tt::per_element());
    run_well(folder, "transform m.h5 --data bars-and-stripes:2 --output new/f.h5");
    const auto in_hdf5 = read_hdf5(folder / "new/f.h5", "test.data", 18);
    for (std::size_t r = 0; r != 6; ++r) {
        for (std::size_t j = 0; j != 3; ++j) {
            BOOST_TEST(static_cast<float>(table.column("h1_" + std::to_string(j))[r].value()) == features.train(r, j));
            BOOST_TEST(in_hdf5[3 * r + j] == features.train(r, j));
        }
    }
    run_well(folder, "train --data f.npz --binarise grey --hidden 2 --epochs 1 --ais-runs 5 --ais-betas 5 --output above");
}

BOOST_AUTO_TEST_CASE(features_of_a_deep_machine_are_a_fixed_point_of_mean_field) {
    const auto folder = Temporary();
    const auto dbm = filled_machine<float>({4, 3, 2});
    nbm::save_weights(dbm, folder / "m.h5");
    auto means = nbm::States<float>(3);
    means[0] = nbm::bars_and_stripes<float>(2).train;
    for (std::size_t layer = 1; layer != 3; ++layer) {
        run_well(folder, "transform m.h5 --data bars-and-stripes:2 --overwrite --output f.npz --layer " + std::to_string(layer));
        means[layer] = nbm::load_npz<float>(folder / "f.npz").train;
    }
    for (std::size_t layer = 1; layer != 3; ++layer) {
        auto conditional = nbm::Matrix<float>{};
        dbm.conditional(layer, means, conditional);
        BOOST_TEST_REQUIRE(conditional.size() == means[layer].size());
        for (std::size_t k = 0; k != conditional.size(); ++k) {
            BOOST_TEST(std::abs(conditional.data()[k] - means[layer].data()[k]) < 1e-5F);
        }
    }
    // The topmost layer when none is named.
    run_well(folder, "transform m.h5 --data bars-and-stripes:2 --output top.npz");
    BOOST_TEST((nbm::load_npz<float>(folder / "top.npz").train == means[2]));
}

BOOST_AUTO_TEST_CASE(samples_have_the_distribution_of_the_machine) {
    for (const auto& topology : {nbm::Topology({4, 3}), nbm::Topology({4, 3, 2})}) {
        const auto folder = Temporary();
        const auto dbm = filled_machine<float>(topology);
        nbm::save_weights(dbm, folder / "m.h5");
        run_well(folder, "sample m.h5 --count 20000 --steps 50 --output s.npz");
        const auto arrays = nbm::read_npz(folder / "s.npz");
        const auto expected = probabilities_of(dbm);
        const auto found = frequencies_of(arrays.at("samples"));
        const auto start = frequencies_of(arrays.at("start"));
        for (auto n = 0U; n != 16; ++n) {
            BOOST_TEST(close(found[n], expected[n], many), topology.describe() << ", state " << n);
            BOOST_TEST(close(start[n], 1.0 / 16, many));
        }
        // Probabilities given the rest have the same means as what is drawn from them.
        const auto& p = arrays.at("probabilities");
        auto mean = 0.0;
        auto mean_drawn = 0.0;
        for (std::size_t r = 0; r != p.shape[0]; ++r) {
            mean += p.values[4 * r] / many;
            mean_drawn += arrays.at("samples").values[4 * r] / many;
        }
        BOOST_TEST(close(mean, mean_drawn, many));
        BOOST_TEST(std::ranges::any_of(p.values, [](double x) { return x > 0.0 && x < 1.0; }));
    }
}

BOOST_AUTO_TEST_CASE(completions_have_the_conditional_distribution) {
    const auto held_of = std::vector<std::pair<std::string, std::array<unsigned, 2>>>{
        {"left", {0, 2}}, {"right", {1, 3}}, {"top", {0, 1}}, {"bottom", {2, 3}}};
    for (const auto& topology : {nbm::Topology({4, 3}), nbm::Topology({4, 3, 2})}) {
        const auto folder = Temporary();
        const auto dbm = filled_machine<float>(topology);
        nbm::save_weights(dbm, folder / "m.h5");
        auto row = nbm::zero_matrix<float>(1, 4);
        row(0, 0) = row(0, 3) = 1;
        nbm::write_npz<float>(folder / "row.npz", {{"train.data", row}});
        const auto p = probabilities_of(dbm);
        for (const auto& [side, held] : held_of) {
            run_well(folder, "sample m.h5 --data row.npz --count 20000 --steps 30 --overwrite --output s.npz --clamp " + side);
            const auto agrees = [&, &units = held](unsigned n) {
                return std::ranges::all_of(units, [&](unsigned k) { return (n >> k & 1U) == (k == 0 || k == 3 ? 1U : 0U); });
            };
            auto evidence = 0.0;
            for (auto n = 0U; n != 16; ++n) { evidence += agrees(n) ? p[n] : 0.0; }
            const auto found = frequencies_of(nbm::read_npz(folder / "s.npz").at("samples"));
            for (auto n = 0U; n != 16; ++n) {
                BOOST_TEST_CONTEXT(topology.describe() << ", " << side << ", state " << n) {
                    if (agrees(n)) {
                        BOOST_TEST(close(found[n], p[n] / evidence, many));
                    } else {
                        BOOST_TEST(found[n] == 0.0);
                    }
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(chains_start_from_data_and_pictures_show_their_probabilities) {
    const auto folder = Temporary();
    nbm::save_weights(filled_machine<float>({4, 3}), folder / "m.h5");
    const auto all = nbm::bars_and_stripes<float>(2).test;
    run_well(folder, "sample m.h5 --data bars-and-stripes:2 --start data --count 6 --steps 2 --output s.npz");
    const auto arrays = nbm::read_npz(folder / "s.npz");
    BOOST_TEST(arrays.at("start").values == arrays.at("data").values, tt::per_element());
    // Six chains begin at six different rows.
    auto seen = frequencies_of(arrays.at("start"));
    auto expected = std::array<double, 16>{};
    for (std::size_t r = 0; r != 6; ++r) {
        auto n = 0U;
        for (auto k = 0U; k != 4; ++k) { n |= static_cast<unsigned>(all(r, k)) << k; }
        expected[n] = 1.0 / 6;
    }
    BOOST_TEST(seen == expected, tt::per_element());
    run_well(folder, "sample m.h5 --data bars-and-stripes:2 --start data --count 6 --steps 2 --threads 1 --output s.png");
    auto probabilities = nbm::zero_matrix<float>(6, 4);
    const auto& values = arrays.at("probabilities").values;
    for (std::size_t k = 0; k != 24; ++k) { probabilities.data()[k] = static_cast<float>(values[k]); }
    const auto png = nbm::encode_png(nbm::tile_images<float>(probabilities, {2, 2}, 6, nbm::Grey::zero_to_one, 8));
    BOOST_TEST((contents(folder / "s.png") == std::string(png.begin(), png.end())));
    run_well(folder, "sample m.h5 --data bars-and-stripes:2 --clamp left --count 2 --steps 2 --output c.npz");
    run_well(folder, "sample m.h5 --data bars-and-stripes:2 --clamp left --count 2 --steps 2 --output c.png");
    const auto clamped = nbm::read_npz(folder / "c.npz");
    auto tiles = nbm::zero_matrix<float>(6, 4);
    for (auto r = 0U; r != 2; ++r) {
        for (auto k = 0U; k != 4; ++k) {
            const auto row = static_cast<float>(clamped.at("data").values[4 * r + k]);
            tiles(3 * r, k) = k % 2 == 0 ? row : 0.5F;
            tiles(3 * r + 1, k) = static_cast<float>(clamped.at("probabilities").values[4 * r + k]);
            tiles(3 * r + 2, k) = row;
        }
    }
    const auto triples = nbm::encode_png(nbm::tile_images<float>(tiles, {2, 2}, 6, nbm::Grey::zero_to_one, 8));
    BOOST_TEST((contents(folder / "c.png") == std::string(triples.begin(), triples.end())));
}

BOOST_AUTO_TEST_CASE(a_run_folder_gives_data_but_not_the_steps_of_its_training) {
    const auto folder = Temporary();
    run_well(folder, "train --data bars-and-stripes:2 --hidden 3 --steps 2 --epochs 1 --ais-runs 5 --ais-betas 5 --output run");
    const auto answer = run_program(folder, "sample run --start data --count 2 --output s.npz");
    BOOST_TEST(answer.status == 0);
    BOOST_TEST(has(answer.out, "2 samples of 4-3 after 1000 Gibbs sweeps in s.npz"));
    run_well(folder, "transform run --output f.npz");
    BOOST_TEST(nbm::load_npz<float>(folder / "f.npz").train.shape(0) == 6U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_made_is_refused) {
    const auto folder = Temporary();
    nbm::save_weights(filled_machine<float>({4, 3, 2}), folder / "m.h5");
    nbm::save_weights(filled_machine<float>({3, 2}), folder / "odd.h5");
    std::ofstream(folder / "there.npz") << "mine";
    const auto data = std::string(" --data bars-and-stripes:2");
    const auto wrong = std::vector<std::pair<std::string, std::vector<std::string>>>{
        {"transform m.h5" + data, {"--output is required"}},
        {"transform m.h5 --output f.npz", {"--data is needed"}},
        {"transform m.h5 --output f.txt" + data, {"--output f.txt", "'.txt'", ".npz or .csv or .h5"}},
        {"transform m.h5 --output f.csv" + data, {"--split is needed", "train, valid and test"}},
        {"transform m.h5 --output f.npz --layer 3" + data, {"--layer 3", "4-3-2", "1 to 2"}},
        {"transform m.h5 --output f.npz --layer 0" + data, {"--layer", "'0'"}},
        {"transform m.h5 --output there.npz" + data, {"there.npz", "--overwrite"}},
        {"transform odd.h5 --output f.npz" + data, {"4 values", "3 visible units"}},
        {"sample m.h5 --output s.jpg", {"'.jpg'", ".png or .gif or .npz"}},
        {"sample m.h5 --output s.png --start data", {"--data is needed"}},
        {"sample m.h5 --output s.png --clamp left", {"--data is needed"}},
        {"sample m.h5 --output s.png --clamp lft", {"--clamp", "did you mean 'left'"}},
        {"sample m.h5 --output s.png --height 3", {"--height 3", "4 visible units"}},
        {"sample odd.h5 --output s.png --clamp top", {"--clamp top", "1 x 3", "choose left or right"}},
        {"sample m.h5 --output s.png --count 0", {"--count", "from 1"}},
        {"sample m.h5 --output there.npz", {"there.npz", "--overwrite"}}};
    for (const auto& [arguments, parts] : wrong) {
        refuse_program(folder, arguments, parts);
        BOOST_TEST(contents(folder / "stdout") == "", arguments);
    }
    BOOST_TEST(contents(folder / "there.npz") == "mine");
    for (const auto* name : {"f.npz", "f.csv", "s.png"}) { BOOST_TEST(!fs::exists(folder / name)); }
}
