// Pictures, films and plots that the program writes: against what the library computes from the weights.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gif_lib.h>
#include <nlohmann/json.hpp>

#include "environment.hpp"
#include "gif_reader.hpp"
#include "helpers.hpp"
#include "program_json.hpp"
#include "run_program.hpp"
#include "temporary.hpp"

import nbm;

#include "filled_machine.hpp"

namespace {

namespace fs = std::filesystem;
namespace tt = boost::test_tools;

using Pixels = std::vector<std::uint8_t>;

constexpr auto deep =
    "train --data bars-and-stripes:3 --layers 9,4,3 --epochs 2 --ais-runs 60 --ais-betas 300 --seed 3 --output run";

auto run_well(const Temporary& folder, const std::string& arguments) -> std::string {
    const auto answer = run_program(folder, arguments);
    BOOST_TEST_CONTEXT(arguments << " -> " << answer.err) {
        BOOST_TEST(answer.status == 0);
        BOOST_TEST(answer.err == "");
    }
    return answer.out;
}

auto machine_of(const fs::path& run) -> nbm::DBM<float> {
    return nbm::load_weights<float>(fs::exists(run / "weights/final.h5") ? run / "weights/final.h5" : run / "weights.h5");
}

/// Visible probabilities of chains from training rows, after each number of sweeps.
auto samples_of(const nbm::DBM<float>& dbm, const nbm::Matrix<float>& train, std::uint64_t seed, std::size_t sweeps)
    -> nbm::Matrix<float> {
    auto chains = nbm::make_chains(dbm, 100, seed, nbm::Purpose::samples);
    const auto rows = nbm::permutation(nbm::Stream(seed, nbm::Purpose::samples), std::uint64_t{1} << 55U, train.shape(0));
    for (std::size_t c = 0; c != 100; ++c) {
        for (std::size_t k = 0; k != train.shape(1); ++k) { chains.states[0](c, k) = train(rows[c % rows.size()], k); }
    }
    auto probabilities = dbm.make_states(100);
    probabilities[0] = chains.states[0];
    if (sweeps != 0) { nbm::GibbsProb({.steps = sweeps}).run(dbm, chains, probabilities); }
    return probabilities[0];
}

auto sheet(const nbm::Matrix<float>& rows, std::size_t count, std::size_t across) -> Pixels {
    return nbm::tile_images<float>(nbm::MatrixView<const float>(rows).slice({0, count}), {3, 3}, across, nbm::Grey::zero_to_one, 8)
        .pixels;
}

/// Films have 8 levels of grey at least, 255 / 7 apart.
auto same_up_to_levels(const Pixels& film, const Pixels& picture) -> bool {
    return std::ranges::equal(film, picture, [](int a, int b) { return std::abs(a - b) <= 255.0 / 14 + 0.5; });
}

auto has_plot(const fs::path& base, std::size_t height) -> void {
    const auto picture = nbm::read_png(base.string() + ".png");
    BOOST_TEST(picture.width == 900U);
    BOOST_TEST(picture.height == height);
    BOOST_TEST(contents(base.string() + ".pdf").starts_with("%PDF"));
}

auto filters_of(const nbm::DBM<float>& dbm) -> std::pair<nbm::Matrix<float>, nbm::Matrix<float>> {
    auto first = nbm::zero_matrix<float>(dbm.size(1), 9);
    auto second = nbm::zero_matrix<float>(dbm.size(2), 9);
    for (std::size_t i = 0; i != 9; ++i) {
        for (std::size_t j = 0; j != dbm.size(1); ++j) {
            first(j, i) = dbm.weights(0, 1)(i, j);
            for (std::size_t k = 0; k != dbm.size(2); ++k) { second(k, i) += dbm.weights(0, 1)(i, j) * dbm.weights(1, 2)(j, k); }
        }
    }
    return {first, second};
}

/// A grey at most 1 away: products may be summed in another order.
auto shows_filters(const fs::path& png, const nbm::Matrix<float>& filters) -> void {
    const auto found = nbm::read_png(png);
    const auto expected = nbm::tile_images<float>(filters, {3, 3}, 10, nbm::Grey::symmetric, 8);
    BOOST_TEST(found.width == expected.width);
    BOOST_TEST((std::ranges::equal(found.pixels, expected.pixels, [](int a, int b) { return std::abs(a - b) <= 1; })));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_run_has_samples_a_film_and_filters_of_all_layers) {
    const auto folder = Temporary();
    const auto out = run_well(folder, deep);
    for (const auto* name : {"report.html", "samples/", "plots/"}) { BOOST_TEST(has(out, name)); }
    const auto run = folder / "run";
    const auto dbm = machine_of(run);
    const auto train = nbm::bars_and_stripes<float>(3).train;
    BOOST_TEST((nbm::read_png(run / "samples/final.png").pixels == sheet(samples_of(dbm, train, 3, 1000), 100, 10)));
    const auto film = gif::read(run / "samples/film.gif");
    BOOST_TEST(film.frames.size() == 60U);
    BOOST_TEST(film.loops == 0);
    for (const std::size_t f : {0, 1, 30, 59}) {
        BOOST_TEST(same_up_to_levels(film.frames.at(f), sheet(samples_of(dbm, train, 3, 5 * f), 25, 5)));
    }
    const auto [first, second] = filters_of(dbm);
    shows_filters(run / "plots/filters-h1.png", first);
    shows_filters(run / "plots/filters-h2.png", second);
    has_plot(run / "plots/weights", 840);
    has_plot(run / "plots/ais-log-weights", 600);
    has_plot(run / "plots/ais-effective-sample-size", 600);
}

BOOST_AUTO_TEST_CASE(the_numbers_of_ais_are_those_of_the_summary) {
    const auto folder = Temporary();
    run_well(folder, deep);
    const auto ais = nlohmann::json::parse(contents(folder / "run/ais.json"));
    const auto log_z = nlohmann::json::parse(contents(folder / "run/summary.json")).at("log_z");
    const auto log_weights = ais.at("log_weights").get<std::vector<double>>();
    BOOST_TEST(log_weights.size() == 60U);
    auto sum = 0.0;
    auto squares = 0.0;
    for (const auto x : log_weights) {
        sum += std::exp(x - log_weights[0]);
        squares += std::exp(2 * (x - log_weights[0]));
    }
    const auto value = ais.at("log_z_base").get<double>() + log_weights[0] + std::log(sum / 60.0);
    BOOST_TEST(log_z.at("value").get<double>() == value, tt::tolerance(1e-12));
    const auto sizes = ais.at("effective_sample_size").get<std::vector<double>>();
    const auto positions = ais.at("positions").get<std::vector<double>>();
    BOOST_TEST(sizes.size() == positions.size());
    BOOST_TEST(positions.size() > 50U);
    BOOST_TEST(positions.size() <= 200U);
    BOOST_TEST(std::ranges::is_sorted(positions, std::ranges::less_equal{}));
    BOOST_TEST(positions.front() == 0.0);
    BOOST_TEST(positions.back() == 1.0);
    BOOST_TEST(sizes.front() == 60.0);
    BOOST_TEST(sizes.back() == log_z.at("effective_sample_size").get<double>());
    BOOST_TEST(sizes.back() == sum * sum / squares, tt::tolerance(1e-9));

    // The same from nbm ais, in a folder of the user's choice.
    BOOST_TEST(has(run_well(folder, "ais run --plots look"), "in look"));
    BOOST_TEST((nlohmann::json::parse(contents(folder / "look/ais.json")) == ais));
    has_plot(folder / "look/ais-log-weights", 600);
    has_plot(folder / "look/ais-effective-sample-size", 600);
    refuse_program(folder, "ais run --plots look", {"look/ais.json", "is there already", "--overwrite"});
    BOOST_TEST(json_of(folder, "ais run --plots look --overwrite").contains("log_z"));
}

BOOST_AUTO_TEST_CASE(a_new_run_leaves_no_pictures_of_the_old_one) {
    const auto folder = Temporary();
    run_well(folder, deep);
    for (const auto* name : {"run/samples.png", "run/filters.png", "run/plots/mine.png"}) { std::ofstream(folder / name) << "x"; }
    const auto again = " --hidden 2 --epochs 1 --ais-runs 2 --ais-betas 4 --overwrite --output run";
    run_well(folder, std::string("train --data bars-and-stripes:3") + again);
    for (const auto* name : {"samples.png", "filters.png", "plots/filters-h2.png"}) {
        BOOST_TEST(!fs::exists(folder / "run" / name));
    }
    BOOST_TEST(contents(folder / "run/plots/mine.png") == "x");
    // 60,001 values make no picture.
    std::ofstream(folder / "wide.csv") << "0" << [] {
        auto text = std::string();
        for (auto i = 0; i != 60'000; ++i) { text += ",1"; }
        return text + "\n" + "1" + text + "\n";
    }();
    const auto wide = run_program(folder, std::string("train --data wide.csv") + again);
    BOOST_TEST(wide.status == 0);
    BOOST_TEST(has(wide.err, "pictures 60001 pixels wide are too wide"));
    for (const auto* name : {"samples/final.png", "samples/film.gif", "plots/filters-h1.png"}) {
        BOOST_TEST(!fs::exists(folder / "run" / name));
    }
    has_plot(folder / "run/plots/weights", 840);
}

BOOST_AUTO_TEST_CASE(without_gnuplot_a_run_has_pictures_but_no_plots) {
    const auto folder = Temporary();
    nbm::save_weights(filled_machine<float>({9, 3}), folder / "m.h5");
    const auto path = Variable("PATH", folder / "none");
    const auto out = run_well(folder, deep);
    BOOST_TEST(has(out, "install the package gnuplot-nox"));
    BOOST_TEST(fs::exists(folder / "run/plots/filters-h2.png"));
    BOOST_TEST(fs::exists(folder / "run/samples/film.gif"));
    BOOST_TEST(fs::exists(folder / "run/ais.json"));
    BOOST_TEST(!fs::exists(folder / "run/plots/weights.png"));
    refuse_program(folder, "inspect m.h5 --plots look", {"--plots look", "gnuplot-nox"});
    refuse_program(folder, "ais m.h5 --plots look", {"--plots look", "gnuplot-nox"});
    BOOST_TEST(!fs::exists(folder / "look"));
}

BOOST_AUTO_TEST_CASE(inspect_draws_weights_and_filters) {
    const auto folder = Temporary();
    const auto dbm = filled_machine<float>({9, 4, 3});
    nbm::save_weights(dbm, folder / "m.h5");
    BOOST_TEST(has(run_well(folder, "inspect m.h5 --plots look"), "plots of the weights and filters in look"));
    const auto [first, second] = filters_of(dbm);
    shows_filters(folder / "look/filters-h1.png", first);
    shows_filters(folder / "look/filters-h2.png", second);
    has_plot(folder / "look/weights", 840);
    refuse_program(folder, "inspect m.h5 --plots look", {"look/weights.png", "--overwrite"});
    BOOST_TEST(json_of(folder, "inspect m.h5 --plots look --overwrite").at("topology") == "9-4-3");
}

BOOST_AUTO_TEST_CASE(films_of_chains_end_with_the_picture_of_their_samples) {
    const auto folder = Temporary();
    nbm::save_weights(filled_machine<float>({9, 4, 3}), folder / "m.h5");
    const auto data = std::string(" --data bars-and-stripes:3 --count 7 --steps 20 ");
    for (const auto* how : {"--start data", "--start noise", "--clamp top", "--clamp left --seed 9"}) {
        const auto options = data + how + " --overwrite --output ";
        run_well(folder, "sample m.h5" + options + "s.png");
        BOOST_TEST(has(run_well(folder, "sample m.h5 --frames 8" + options + "s.gif"), "8 frames over 20 Gibbs sweeps"));
        const auto film = gif::read(folder / "s.gif");
        const auto picture = nbm::read_png(folder / "s.png");
        BOOST_TEST_CONTEXT(how) {
            BOOST_TEST(film.frames.size() == 8U);
            BOOST_TEST(film.width == picture.width);
            BOOST_TEST(film.height == picture.height);
            BOOST_TEST(same_up_to_levels(film.frames.back(), picture.pixels));
            BOOST_TEST(!same_up_to_levels(film.frames.front(), picture.pixels));
        }
        run_well(folder, "sample m.h5" + data + how + " --overwrite --output s.npz");
        const auto start = nbm::read_npz(folder / "s.npz").at("start");
        if (!has(how, "--clamp")) {
            auto rows = nbm::zero_matrix<float>(7, 9);
            std::ranges::copy(start.values, rows.begin());
            BOOST_TEST(same_up_to_levels(film.frames.front(), sheet(rows, 7, 7)));
        }
    }
    // No more frames than there are sweeps, and the start.
    run_well(folder, "sample m.h5 --count 2 --steps 3 --output few.gif");
    BOOST_TEST(gif::read(folder / "few.gif").frames.size() == 4U);
    refuse_program(folder, "sample m.h5 --frames 1 --output x.gif", {"--frames", "from 2 to 1000"});
    refuse_program(folder, "sample m.h5 --output x.jpg", {"'.jpg'", ".png or .gif or .npz"});
}
