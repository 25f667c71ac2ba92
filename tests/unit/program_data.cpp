// The commands data and convert: against counts by hand, files of NumPy's form, and the machine itself.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "program_json.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

#include "filled_machine.hpp"

namespace {

namespace fs = std::filesystem;
namespace tt = boost::test_tools;

auto run_well(const Temporary& folder, const std::string& arguments) -> Answer {
    auto answer = run_program(folder, arguments);
    BOOST_TEST_CONTEXT(arguments << " -> " << answer.err) {
        BOOST_TEST(answer.status == 0);
        BOOST_TEST(answer.err == "");
    }
    return answer;
}

auto matrix_of(std::size_t units, const std::vector<float>& values) -> nbm::Matrix<float> {
    auto m = nbm::zero_matrix<float>(values.size() / units, units);
    std::ranges::copy(values, m.begin());
    return m;
}

/// Five training rows of four units with one duplicate, two test rows one of which is a training row; unit 2 never changes.
auto write_small(const Temporary& folder) -> void {
    nbm::save_dataset(nbm::Dataset<float>{.train = matrix_of(4, {0, 1, 0, 1,  //
                                                                 1, 1, 0, 0,  //
                                                                 0, 1, 0, 1,  //
                                                                 0, 0, 0, 0,  //
                                                                 0, 1, 0, 0.5F}),
                                          .test = matrix_of(4, {1, 1, 0, 0,  //
                                                                1, 1, 1, 1}),
                                          .train_labels = {3, 4, 3, 3, -1},
                                          .test_labels = {4, 9}},
                      folder / "small.npz");
}

/// The bits of all numbers of a machine.
template <class T>
auto same_bits(const nbm::DBM<T>& a, const nbm::DBM<T>& b) -> bool {
    auto same = a.topology().describe() == b.topology().describe();
    const auto compare = [&](const auto& x, const auto& y) {
        same = same && x.size() == y.size() && std::equal(x.begin(), x.end(), y.begin());
    };
    for (std::size_t l = 0; same && l != a.layer_count(); ++l) { compare(a.bias(l), b.bias(l)); }
    for (std::size_t s = 0; same && s != a.synapses().size(); ++s) {
        same = a.synapses()[s].edge == b.synapses()[s].edge;
        compare(a.synapses()[s].weights, b.synapses()[s].weights);
    }
    return same;
}

/// With numbers that no shorter type has.
template <class T>
auto awkward_machine(const nbm::Topology& topology) -> nbm::DBM<T> {
    auto dbm = filled_machine<T>(topology);
    for (auto& synapse : dbm.synapses()) {
        for (auto& w : synapse.weights) { w = w / T{3} + std::nextafter(T{0}, T{1}); }
    }
    dbm.bias(0)(0) = T{-0.0};
    return dbm;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_data_set_is_summed_up) {
    const auto folder = Temporary();
    write_small(folder);
    const auto json = json_of(folder, "data small.npz");
    BOOST_TEST(json["units"] == 4);
    BOOST_TEST((json["picture"] == nlohmann::json{{"height", 2}, {"width", 2}}));
    BOOST_TEST(json["kind"] == "grey");
    BOOST_TEST(json["distinct_values"] == 3);
    BOOST_TEST((json["constant_units"] == nlohmann::json{2}));
    const auto& train = json["splits"]["train"];
    BOOST_TEST(train["rows"] == 5);
    BOOST_TEST(train["min"] == 0.0);
    BOOST_TEST(train["max"] == 1.0);
    BOOST_TEST(train["mean"].get<double>() == 7.5 / 20, tt::tolerance(1e-12));
    BOOST_TEST(train["ones"].get<double>() == 7.0 / 20, tt::tolerance(1e-12));
    BOOST_TEST(train["duplicate_rows"] == 1);
    BOOST_TEST((train["labels"] == nlohmann::json{{"-1", 1}, {"3", 3}, {"4", 1}}));
    const auto& test = json["splits"]["test"];
    BOOST_TEST(test["duplicate_rows"] == 0);
    BOOST_TEST(test["also_in_train"] == 1);
    BOOST_TEST((test["labels"] == nlohmann::json{{"4", 1}, {"9", 1}}));
    BOOST_TEST(!json["splits"].contains("valid"));
    BOOST_TEST(json_of(folder, "data small.npz --binarise threshold --threshold 0.5")["kind"] == "binary");
    // The same for people.
    const auto text = run_well(folder, "data small.npz").out;
    for (const auto* part : {"7 rows of 4 units, pictures of 2 x 2", "grey, 3 different ones", "training rows: 1: 2\n",
                             "test rows that are also training rows: 1;"}) {
        BOOST_TEST(has(text, part), text << " should say " << part);
    }
    // A file may be called as a command is.
    fs::copy_file(folder / "small.npz", folder / "data");
    BOOST_TEST(json_of(folder, "data data")["units"] == 4);
    // What is no square, whole or in [0, 1].
    std::ofstream(folder / "words.csv") << "a,b,class\n-1,0.25,dog\n3,0.5,cat\n3,0.5,dog\n";
    const auto real = json_of(folder, "data words.csv --resplit 100/0/0");
    BOOST_TEST(real["kind"] == "real");
    BOOST_TEST(real["picture"].is_null());
    BOOST_TEST((real["label_names"] == nlohmann::json{"cat", "dog"}));
    BOOST_TEST((real["splits"]["train"]["labels"] == nlohmann::json{{"0", 1}, {"1", 2}}));
    const auto words = run_well(folder, "data words.csv").out;
    BOOST_TEST(has(words, "\ncat            1\ndog            2\n"), words);
    BOOST_TEST(has(words, "a training needs values in [0, 1]"));
}

BOOST_AUTO_TEST_CASE(data_sets_are_converted_and_split) {
    const auto folder = Temporary();
    write_small(folder);
    const auto small = nbm::load_npz<float>(folder / "small.npz");
    run_well(folder, "data small.npz --output new/small.h5");
    const auto in_hdf5 = nbm::load_dataset<float>((folder / "new/small.h5").string());
    BOOST_TEST((in_hdf5.train == small.train && in_hdf5.test == small.test));
    BOOST_TEST((in_hdf5.train_labels == small.train_labels && in_hdf5.test_labels == small.test_labels));
    run_well(folder, "data new/small.h5 --output back.npz");
    BOOST_TEST((contents(folder / "back.npz") == contents(folder / "small.npz")));
    run_well(folder, "data small.npz --split test --output test.csv");
    BOOST_TEST(contents(folder / "test.csv") == "x0,x1,x2,x3,label\n1,1,0,0,4\n1,1,1,1,9\n");
    // Rows without a split keep their order in a file of one set of rows, and are split by the seed in another.
    auto csv = std::string("a,b,label\n");
    for (auto r = 0; r != 20; ++r) { csv += std::to_string(r / 32.0) + ",1," + (r < 9 ? "w\n" : "v\n"); }
    std::ofstream(folder / "rows.csv") << csv;
    run_well(folder, "data rows.csv --output rows.npy");
    const auto rows = nbm::read_npy(folder / "rows.npy");
    BOOST_TEST((rows.shape == std::vector<std::size_t>{20, 2}));
    for (std::size_t r = 0; r != 20; ++r) { BOOST_TEST(rows.values[2 * r] == double(r) / 32.0); }
    BOOST_TEST(nbm::read_npy(folder / "rows.lbl.npy").values[8] == 1.0);
    BOOST_TEST(nbm::read_npy(folder / "rows.lbl.npy").values[9] == 0.0);
    run_well(folder, "data rows.npy --output again.csv");
    run_well(folder, "data rows.csv --output same.csv");
    BOOST_TEST(has(contents(folder / "again.csv"), "0.28125,1,0\n"));
    BOOST_TEST(has(contents(folder / "same.csv"), "0.28125,1,v\n"));
    for (const auto seed : {1, 2}) {
        const auto end = " --overwrite --output s.npz --seed " + std::to_string(seed);
        run_well(folder, "data rows.csv" + end);
        const auto expected = nbm::load_dataset<float>((folder / "rows.csv").string(), static_cast<std::size_t>(seed));
        BOOST_TEST((nbm::load_npz<float>(folder / "s.npz").train == expected.train));
        run_well(folder, "data rows.csv --resplit 80/10/10" + end);
        BOOST_TEST((nbm::load_npz<float>(folder / "s.npz").test == expected.test));
        BOOST_TEST((nbm::load_npz<float>(folder / "s.npz").test_labels == expected.test_labels));
    }
    run_well(folder, "data rows.csv --resplit 50/25/25 --overwrite --output s.npz");
    BOOST_TEST(nbm::load_npz<float>(folder / "s.npz").valid.shape(0) == 5U);
    run_well(folder, "train --data s.npz --hidden 2 --epochs 1 --ais-runs 5 --ais-betas 5 --output run");
}

BOOST_AUTO_TEST_CASE(data_sets_are_binarised_and_whitened_as_the_library_does) {
    const auto folder = Temporary();
    auto data = nbm::digits<float>({.train = 60, .valid = 8, .test = 9, .seed = 3});
    for (auto* rows : {&data.train, &data.valid, &data.test}) {  // blurred, so that there is something to compare
        for (std::size_t r = 0; r != rows->shape(0); ++r) {
            for (std::size_t k = 0; k + 1 != 784; ++k) { (*rows)(r, k) = 0.7F * (*rows)(r, k) + 0.3F * (*rows)(r, k + 1); }
        }
    }
    nbm::save_dataset(data, folder / "d.npz");
    const auto result = [&](const std::string& options) {
        run_well(folder, "data d.npz --overwrite --output o.h5 " + options);
        return nbm::load_dataset<float>((folder / "o.h5").string(), {.allowed = nbm::Allowed::real});
    };
    const auto expect = [&](const std::string& options, const nbm::Dataset<float>& expected) {
        const auto found = result(options);
        BOOST_TEST((found.train == expected.train && found.valid == expected.valid && found.test == expected.test), options);
        BOOST_TEST((found.valid_labels == expected.valid_labels));
    };
    expect("", data);
    auto binary = data;
    nbm::binarise(binary, nbm::Binarise::sample, 7);
    expect("--binarise sample --seed 7", binary);
    binary = data;
    nbm::binarise(binary, 0.25);
    expect("--binarise threshold --threshold 0.25", binary);
    binary = data;
    nbm::binarise(binary, nbm::otsu_threshold(data.train));
    expect("--binarise otsu", binary);
    auto white = data;
    nbm::whiten(white, {.kind = nbm::Whiten::pca, .epsilon = 0.5});
    expect("--whiten pca --epsilon 0.5", white);
    white = data;
    const auto whitening = nbm::whiten(white, {.kind = nbm::Whiten::zca});
    expect("--whiten zca --map m.npz", white);
    const auto map = nbm::read_npz(folder / "m.npz");
    BOOST_TEST(std::ranges::equal(map.at("transform").values, whitening.transform));
    BOOST_TEST(std::ranges::equal(map.at("inverse").values, whitening.inverse));
    BOOST_TEST(std::ranges::equal(map.at("mean").values, whitening.mean));
    auto squashed = white;
    nbm::squash(squashed, nbm::Squash::range);
    expect("--whiten zca --squash range", squashed);
    nbm::squash(white, nbm::Squash::logistic);
    expect("--whiten zca --squash logistic", white);
    // What is binarised in a file, and what a training does by itself, is the same.
    run_well(folder, "train --data d.npz --binarise otsu --hidden 2 --epochs 1 --ais-runs 5 --ais-betas 5 --output run");
    BOOST_TEST(has(contents(folder / "run/config.toml"), "binarise = \"otsu\""));
    result("--binarise otsu");
    run_well(folder, "train --data o.h5 --hidden 2 --epochs 1 --ais-runs 5 --ais-betas 5 --output run2");
    BOOST_TEST(same_bits(nbm::load_weights<float>(folder / "run/weights/final.h5"),
                         nbm::load_weights<float>(folder / "run2/weights/final.h5")));
    const auto threshold = std::string("train --data d.npz --binarise threshold --threshold 0.8 --hidden 2 --epochs 1 ");
    run_well(folder, threshold + "--ais-runs 5 --ais-betas 5 --output run3");
    BOOST_TEST(has(contents(folder / "run3/config.toml"), "threshold = 0.8"));
    // Later commands binarise as the run did, unless another way is typed.
    const auto likelihoods = [&](const std::string& options) { return run_well(folder, "exact run3 --json " + options).out; };
    BOOST_TEST(likelihoods("") == likelihoods("--binarise threshold --threshold 0.8"));
    BOOST_TEST(likelihoods("") != likelihoods("--binarise threshold --threshold 0.2"));
    BOOST_TEST(likelihoods("--binarise grey") == likelihoods("--binarise grey --threshold 0.5"));
    BOOST_TEST(!same_bits(nbm::load_weights<float>(folder / "run/weights/final.h5"),
                          nbm::load_weights<float>(folder / "run3/weights/final.h5")));
}

BOOST_AUTO_TEST_CASE(a_preview_shows_rows_as_pictures) {
    const auto folder = Temporary();
    write_small(folder);
    const auto small = nbm::load_npz<float>(folder / "small.npz");
    const auto png = [](const nbm::Matrix<float>& rows, nbm::ImageShape shape, std::size_t across, nbm::Grey grey) {
        const auto bytes = nbm::encode_png(nbm::tile_images<float>(rows, shape, across, grey, 8));
        return std::string(bytes.begin(), bytes.end());
    };
    run_well(folder, "data small.npz --preview p.png");
    BOOST_TEST((contents(folder / "p.png") == png(small.train, {2, 2}, 5, nbm::Grey::zero_to_one)));
    run_well(folder, "data small.npz --preview p.png --overwrite --split test --rows 1 --height 4");
    BOOST_TEST((contents(folder / "p.png") == png(matrix_of(4, {1, 1, 0, 0}), {4, 1}, 1, nbm::Grey::zero_to_one)));
    // Random rows: others for another seed, the same for the same one.
    auto seen = std::map<std::string, int>{};
    for (const auto seed : {1, 2, 3, 4, 5, 5}) {
        run_well(folder, "data small.npz --preview p.png --overwrite --random --rows 3 --seed " + std::to_string(seed));
        ++seen[contents(folder / "p.png")];
    }
    BOOST_TEST(seen.size() > 1U);
    BOOST_TEST(std::ranges::any_of(seen, [](const auto& picture) { return picture.second > 1; }));
    auto white = small;
    nbm::whiten(white);
    run_well(folder, "data small.npz --whiten zca --preview p.png --overwrite");
    BOOST_TEST((contents(folder / "p.png") == png(white.train, {2, 2}, 5, nbm::Grey::symmetric)));
}

BOOST_AUTO_TEST_CASE(weights_go_from_hdf5_to_npz_and_back_bit_for_bit) {
    const auto check = [](auto number) {
        using T = decltype(number);
        for (const auto& topology : {nbm::Topology({4, 3}), nbm::Topology({4, 3, 2}, {{0, 1}, {1, 2}}),
                                     nbm::Topology({3, 2, 4, 2}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}})}) {
            const auto folder = Temporary();
            const auto dbm = awkward_machine<T>(topology);
            nbm::save_weights(dbm, folder / "m.h5");
            run_well(folder, "convert m.h5 m.npz");
            run_well(folder, "convert m.npz back.h5");
            BOOST_TEST((contents(folder / "back.h5") == contents(folder / "m.h5")), topology.describe());
            const auto arrays = nbm::read_npz(folder / "m.npz");
            BOOST_TEST(arrays.size() == topology.layer_count() + dbm.synapses().size());
            BOOST_TEST(arrays.at("h0_b").type == (sizeof(T) == 4 ? "<f4" : "<f8"));
            BOOST_TEST(std::ranges::equal(arrays.at("h0_b").values, dbm.bias(0)));
            BOOST_TEST(std::signbit(arrays.at("h0_b").values[0]));
            BOOST_TEST((arrays.at("h1_b").shape == std::vector{dbm.size(1)}));
            BOOST_TEST((arrays.at("h0-1_W").shape == std::vector{dbm.size(0), dbm.size(1)}));
            BOOST_TEST(std::ranges::equal(arrays.at("h0-1_W").values, dbm.weights(0, 1)));
        }
    };
    check(float{});
    check(double{});
}

BOOST_AUTO_TEST_CASE(weights_are_taken_from_runs_and_checkpoints) {
    const auto folder = Temporary();
    run_well(folder, "train --data bars-and-stripes:2 --hidden 3 --epochs 2 --ais-runs 5 --ais-betas 5 --output run");
    run_well(folder, "convert run w.npz");
    run_well(folder, "convert w.npz w.h5");
    const auto weights = nbm::load_weights<float>(folder / "run/weights/final.h5");
    BOOST_TEST(same_bits(nbm::load_weights<float>(folder / "w.h5"), weights));
    auto checkpoint = fs::path{};
    for (const auto& entry : fs::directory_iterator(folder / "run/checkpoints")) { checkpoint = entry.path(); }
    run_well(folder, "convert " + checkpoint.string() + " c.h5");
    BOOST_TEST(same_bits(nbm::load_weights<float>(folder / "c.h5"), weights));
}

BOOST_AUTO_TEST_CASE(scikit_learns_machines_come_and_go) {
    const auto folder = Temporary();
    // Three hidden units, two visible ones; more arrays than are needed.
    nbm::write_npz(folder / "sk.npz", {{"components_", {"<f8", {3, 2}, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}}},
                                       {"intercept_hidden_", {"<f8", {3}, {1, 2, 3}}},
                                       {"intercept_visible_", {"<f8", {2}, {-1, -2}}},
                                       {"h_samples_", {"<f8", {1, 3}, {0, 1, 0}}}});
    run_well(folder, "convert sk.npz m.h5");
    const auto rbm = nbm::load_weights<double>(folder / "m.h5");
    BOOST_TEST(rbm.topology().describe() == "2-3");
    BOOST_TEST((rbm.weights(0, 1) == nbm::Matrix<double>{{0.1, 0.3, 0.5}, {0.2, 0.4, 0.6}}));
    BOOST_TEST((rbm.bias(0) == nbm::Vector<double>{-1, -2}));
    BOOST_TEST((rbm.bias(1) == nbm::Vector<double>{1, 2, 3}));
    run_well(folder, "convert m.h5 back.npz --layout sklearn");
    const auto before = nbm::read_npz(folder / "sk.npz");
    const auto back = nbm::read_npz(folder / "back.npz");
    BOOST_TEST(back.size() == 3U);
    for (const auto& [name, array] : back) {
        BOOST_TEST((array.type == "<f8" && array.shape == before.at(name).shape && array.values == before.at(name).values));
    }
}

BOOST_AUTO_TEST_CASE(labels_that_cannot_be_written_cost_no_file) {
    const auto folder = Temporary();
    std::ofstream(folder / "good.csv") << "0,1,5\n1,0,3\n1,1,3\n";
    std::ofstream(folder / "large.csv") << "0,1,20000000\n1,0,3\n";
    BOOST_TEST(run_program(folder, "data good.csv:label=2,header=no --output rows.npy").status == 0);
    const auto rows = contents(folder / "rows.npy");
    const auto labels = contents(folder / "rows.lbl.npy");
    refuse_program(folder, "data large.csv:label=2,header=no --output rows.npy --overwrite", {"20000000"});
    BOOST_TEST(contents(folder / "rows.npy") == rows);
    BOOST_TEST(contents(folder / "rows.lbl.npy") == labels);
    refuse_program(folder, "data good.csv:label=2,header=no --whiten pca --output a.npz --map ./a.npz",
                   {"--map", "--output", "two names"});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_converted_is_refused) {
    const auto folder = Temporary();
    write_small(folder);
    nbm::save_weights(filled_machine<float>({4, 3}), folder / "m.h5");
    nbm::save_weights(filled_machine<float>({4, 3, 2}), folder / "deep.h5");
    std::ofstream(folder / "there.npz") << "mine";
    std::ofstream(folder / "rows.csv") << "a,b\n-1,0\n1,2\n0,1\n";
    const auto npz = [&](const char* name, const std::map<std::string, nbm::NpyArray>& arrays) {
        nbm::write_npz(folder / name, arrays);
    };
    const auto two = nbm::NpyArray{"<f4", {2}, {0, 0}};
    const auto three = nbm::NpyArray{"<f4", {3}, {0, 0, 0}};
    const auto square = nbm::NpyArray{"<f4", {2, 2}, {0, 0, 0, 0}};
    const auto wide = nbm::NpyArray{"<f4", {2, 3}, {0, 0, 0, 0, 0, 0}};
    npz("shape.npz", {{"h0_b", two}, {"h1_b", three}, {"h0-1_W", square}});
    npz("gap.npz", {{"h0_b", two}, {"h2_b", three}, {"h0-1_W", square}});
    npz("none.npz", {{"h0_b", two}, {"h1_b", three}});
    npz("odd.npz", {{"h0_b", two}, {"h1_b", three}, {"h0-1_w", square}});
    npz("matrix.npz", {{"h0_b", square}, {"h1_b", three}, {"h0-1_W", wide}});
    npz("sk.npz", {{"components_", wide}, {"intercept_hidden_", three}, {"intercept_visible_", three}});
    npz("sk2.npz", {{"components_", wide}, {"intercept_visible_", three}});
    const auto wrong = std::vector<std::pair<std::string, std::vector<std::string>>>{
        {"convert", {"in is required"}},
        {"convert m.h5", {"--output is required"}},
        {"convert m.h5 m.txt", {"m.txt", "'.txt'", ".h5 or .hdf5 or .npz"}},
        {"convert no.h5 new.npz", {"no.h5", "there is no such"}},
        {"convert no.npz new.h5", {"no.npz", "there is no such"}},
        {"convert m.h5 there.npz", {"there.npz", "is there already", "--overwrite"}},
        {"convert rows.csv new.h5", {"rows.csv", "nbm data IN --output OUT"}},
        {"convert small.npz new.h5", {"small.npz", "holds a data set", "nbm data IN --output OUT"}},
        {"convert deep.h5 new.npz --layout sklearn", {"--layout sklearn", "4-3-2"}},
        {"convert m.h5 new.h5 --layout sklearn", {"--layout sklearn", "'.h5'"}},
        {"convert m.h5 new.npz --layout scikit", {"--layout", "nbm, sklearn"}},
        {"convert shape.npz new.h5", {"shape.npz", "'h0-1_W' is [2 x 2]", "[2 x 3]"}},
        {"convert gap.npz new.h5", {"gap.npz", "no biases of layer 1, 'h1_b'"}},
        {"convert none.npz new.h5", {"none.npz", "no valid machine"}},
        {"convert odd.npz new.h5", {"odd.npz", "'h0-1_w'", "h0-1_W"}},
        {"convert matrix.npz new.h5", {"matrix.npz", "'h0_b' is [2 x 2]", "[4]"}},
        {"convert sk.npz new.h5", {"sk.npz", "'intercept_hidden_' is [3]", "'components_' of [2 x 3]", "needs [2]"}},
        {"convert sk2.npz new.h5", {"sk2.npz", "no array 'intercept_hidden_'", "intercept_visible_"}},
        {"convert there.npz new.h5", {"there.npz", "is not an NPZ file"}},
        {"data", {"data is required"}},
        {"data smal.npz", {"smal.npz", "there is no such file"}},
        {"data small.npz --output there.npz", {"there.npz", "is there already", "--overwrite"}},
        {"data small.npz --output new.mat", {"new.mat", "'.mat'", ".npz"}},
        {"data small.npz --output new.csv", {"--split is needed", "new.csv"}},
        {"data small.npz --output new.npz --split valid", {"--split valid", "train, test"}},
        {"data small.npz --split test", {"--split needs --output or --preview"}},
        {"data small.npz --preview new.jpg", {"--preview new.jpg", "'.jpg'", ".png"}},
        {"data small.npz --preview new.png --height 3", {"--height 3", "4 visible units"}},
        {"data small.npz --rows 3", {"--rows needs --preview"}},
        {"data small.npz --epsilon 3", {"--epsilon needs --whiten"}},
        {"data small.npz --whiten zac", {"--whiten", "did you mean 'zca'"}},
        {"data small.npz --whiten zca --epsilon 0 --output new.npz", {"do not vary in", "epsilon"}},
        {"data small.npz --whiten zca --binarise sample --output new.npz", {"--binarise sample", "--squash"}},
        {"data rows.csv --resplit 100/0/0 --binarise sample --output new.npz", {"--binarise sample", "rows.csv, train", "is -1"}},
        {"data small.npz --threshold 0.3", {"--threshold 0.3", "--binarise threshold", "grey"}},
        {"data small.npz --threshold 1", {"--threshold", "below 1"}},
        {"data small.npz --resplit 80/20", {"--resplit 80/20", "80/10/10"}},
        {"data small.npz --resplit 80/10/20", {"80, 10 and 20 percent", "100 in all"}},
        {"data small.npz --resplit 80/10/10/", {"--resplit", "80/10/10"}},
        {"train --data rows.csv --output new", {"rows.csv", "column 0 ('a') is -1", "[0, 1]"}},
        {"train --data small.npz --threshold 0.3 --output new", {"--threshold 0.3", "found --binarise sample"}}};
    for (const auto& [arguments, parts] : wrong) {
        refuse_program(folder, arguments, parts);
        BOOST_TEST(contents(folder / "stdout") == "", arguments);
    }
    BOOST_TEST(contents(folder / "there.npz") == "mine");
    for (const auto* name : {"new.h5", "new.npz", "new.csv", "new.png"}) { BOOST_TEST(!fs::exists(folder / name), name); }
    run_well(folder, "convert m.h5 there.npz --overwrite");
    BOOST_TEST(nbm::read_npz(folder / "there.npz").size() == 3U);
}
