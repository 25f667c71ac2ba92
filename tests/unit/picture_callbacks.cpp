#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "event_reader.hpp"
#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

#include "output_helpers.hpp"

namespace {

namespace fs = std::filesystem;

auto numbers_of(const nbm::NpyArray& array, std::size_t row) -> std::vector<double> {
    const auto first = array.values.begin() + std::ptrdiff_t(row * array.shape[1]);
    return {first, first + std::ptrdiff_t(array.shape[1])};
}

auto row_of(const nbm::Matrix<double>& m, std::size_t r) -> std::vector<double> {
    return {m.data() + r * m.shape(1), m.data() + (r + 1) * m.shape(1)};
}

auto matrix_of(const nbm::NpyArray& array) -> nbm::Matrix<double> {
    auto m = nbm::zero_matrix<double>(array.shape[0], array.shape[1]);
    std::copy(array.values.begin(), array.values.end(), m.data());
    return m;
}

}  // namespace

BOOST_AUTO_TEST_CASE(units_that_make_no_picture_are_warned_of_once) {
    const auto folder = Temporary();
    const auto data = nbm::zero_matrix<double>(4, 5003);
    auto list = nbm::CallbackList(nbm::TensorBoard({.folder = folder / "tb", .images = 1}),
                                  nbm::FilterImages({.path = (folder / "f.png").string()}),
                                  nbm::SampleCallback({.path = (folder / "s").string(), .n_samples = 1, .plot_every = 1}));
    auto dbm = nbm::DBM<double>({5003, 2});
    const auto fit = [&](auto& callbacks) {
        return nbm::fit(dbm, data, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 2, .on_warning = {}}, callbacks);
    };
    const auto history = fit(list);
    BOOST_TEST(history.warnings().size() == 3U);
    for (const auto& warning : history.warnings()) { BOOST_TEST(has(warning, "5003 pixels wide")); }
    BOOST_TEST(!fs::exists(folder / "f.png"));
    BOOST_TEST(!fs::exists(folder / "s.png"));
    BOOST_TEST(nbm::read_npz(folder / "s.npz").at("start").shape[1] == 5003U);
    BOOST_TEST(events::read_events(files_in(folder / "tb").at(0)).size() > 3U);
    auto wrong = nbm::CallbackList(nbm::SampleCallback({.path = (folder / "s").string(), .height = 2}));
    BOOST_TEST(has(message_of<nbm::Error>([&] { fit(wrong); }), "height is 2, but the 5003 visible units"));
}

BOOST_AUTO_TEST_CASE(filters_are_products_of_weights_down_all_paths) {
    const auto folder = Temporary();
    const auto data = nbm::bars_and_stripes<double>(2);
    auto dbm = nbm::DBM<double>(nbm::Topology({4, 3, 5, 2}, {{0, 1}, {0, 3}, {1, 2}, {2, 3}}));
    nbm::initialise(dbm, data.train);
    auto list = nbm::CallbackList(
        nbm::FilterImages({.path = (folder / "{epoch}-1.png").string(), .tiles = 2, .columns = 1, .height = 1}),
        nbm::Named("up", nbm::FilterImages({.path = (folder / "{epoch}-3.png").string(), .layer = 3, .tiles = 0})));
    nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 2}, list);
    BOOST_TEST(fs::exists(folder / "1-1.png"));
    BOOST_TEST((contents(folder / "2-1.png") ==
                bytes(nbm::tile_images<double>(transposed(dbm.weights(0, 1), 2), {1, 4}, 1, nbm::Grey::symmetric))));
    auto up = nbm::zero_matrix<double>(2, 4);
    for (std::size_t k = 0; k != 2; ++k) {
        for (std::size_t i = 0; i != 4; ++i) {
            up(k, i) = dbm.weights(0, 3)(i, k);
            for (std::size_t a = 0; a != 3; ++a) {
                for (std::size_t b = 0; b != 5; ++b) {
                    up(k, i) += dbm.weights(0, 1)(i, a) * dbm.weights(1, 2)(a, b) * dbm.weights(2, 3)(b, k);
                }
            }
        }
    }
    BOOST_TEST((contents(folder / "2-3.png") == bytes(nbm::tile_images<double>(up, {2, 2}, 2, nbm::Grey::symmetric))));
    const auto refusal = [&](const nbm::Topology& topology, std::size_t layer) {
        auto machine = nbm::DBM<double>(topology);
        auto callbacks = nbm::CallbackList(nbm::FilterImages({.path = (folder / "x.png").string(), .layer = layer}));
        return message_of<nbm::Error>(
            [&] { nbm::fit(machine, data.train, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 1}, callbacks); });
    };
    BOOST_TEST(has(refusal({4, 3}, 2), "layer is 2, but the hidden layers of 4-3 are 1 to 1"));
    BOOST_TEST(has(refusal(nbm::Topology({4, 3, 2, 2}, {{0, 1}, {0, 3}, {2, 3}}), 2), "no path leads from layer 2"));
    BOOST_CHECK_THROW(nbm::FilterImages({.layer = 0}), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(chains_start_as_they_are_told) {
    const auto folder = Temporary();
    const auto pictures = nbm::bars_and_stripes<double>(4);  // 30 rows of 16
    auto known = std::set<std::vector<double>>{};
    for (std::size_t r = 0; r != pictures.train.shape(0); ++r) { known.insert(row_of(pictures.train, r)); }
    const auto starts_of = [&](nbm::SampleCallbackOptions options) {
        options.path = (folder / "s").string();
        options.n_samples = 1;
        options.plot_every = 1;
        auto dbm = nbm::DBM<double>({16, 3});
        auto list = nbm::CallbackList(nbm::SampleCallback(options));
        nbm::fit(dbm, pictures.train, nbm::CD<double>(), nbm::SGD<double>(), {.epochs = 1, .validation = &pictures.valid}, list);
        const auto start = nbm::read_npz(folder / "s.npz").at("start");
        BOOST_TEST(start.shape[0] == options.n_chains);
        auto rows = std::vector<std::vector<double>>{};
        for (std::size_t r = 0; r != start.shape[0]; ++r) { rows.push_back(numbers_of(start, r)); }
        for (const auto value : start.values) { BOOST_REQUIRE((value == 0.0 || value == 1.0)); }
        return rows;
    };
    const auto all_known = [&](const auto& rows) {
        return std::ranges::all_of(rows, [&](const auto& row) { return known.contains(row); });
    };
    using enum nbm::SampleStart;
    BOOST_TEST(all_known(starts_of({.n_chains = 30, .start = data})));
    const auto picked = starts_of({.n_chains = 30, .start = data, .data = nbm::SampleData::validation});
    BOOST_TEST(std::set<std::vector<double>>(picked.begin(), picked.end()).size() == known.size());  // none twice
    BOOST_TEST(starts_of({.n_chains = 45, .start = data}).size() == 45U);                            // more than there are rows
    auto ones = 0.0;
    const auto noise_rows = starts_of({.n_chains = 200, .start = noise});
    for (const auto& row : noise_rows) {
        for (const auto value : row) { ones += value; }
    }
    BOOST_TEST(std::abs(ones / 3200.0 - 0.5) < 4.0 * 0.5 / std::sqrt(3200.0));
    BOOST_TEST(all_known(starts_of({.n_chains = 9, .start = flipped, .flip = 0.0})));
    auto inverted = starts_of({.n_chains = 9, .start = flipped, .flip = 1.0});
    for (auto& row : inverted) {
        for (auto& value : row) { value = 1.0 - value; }
    }
    BOOST_TEST(all_known(inverted));
    BOOST_TEST(!all_known(starts_of({.n_chains = 30, .start = flipped, .flip = 0.2})));
    BOOST_TEST(all_known(starts_of({.n_chains = 9, .start = noisy, .noise = 0.0})));
    BOOST_TEST(!all_known(starts_of({.n_chains = 30, .start = noisy, .noise = 1.0})));
    // Masked: one half is as in some row, the other 0 or, with noise, anything.
    const auto half_of = [](std::size_t half, std::size_t pixel) {
        const auto x = pixel % 4, y = pixel / 4;
        return half == 0 ? x < 2 : half == 1 ? x >= 2 : half == 2 ? y < 2 : y >= 2;
    };
    for (const auto fill : {nbm::MaskFill::zero, nbm::MaskFill::noise}) {
        auto halves = std::set<std::size_t>{};
        auto outside = 0.0;
        for (const auto& row : starts_of({.n_chains = 60, .start = masked, .mask_fill = fill})) {
            auto fits = false;
            for (std::size_t half = 0; half != 4 && !fits; ++half) {
                fits = std::ranges::any_of(known, [&](const auto& original) {
                    auto changed = false;
                    for (std::size_t c = 0; c != 16; ++c) {
                        if (half_of(half, c) && fill == nbm::MaskFill::zero && row[c] != 0.0) { return false; }
                        if (!half_of(half, c) && row[c] != original[c]) { return false; }
                        changed = changed || row[c] != original[c];
                    }
                    if (changed) { halves.insert(half); }
                    return true;
                });
            }
            BOOST_TEST(fits);
            outside += known.contains(row) ? 0.0 : 1.0;
        }
        BOOST_TEST(halves.size() == 4U);
        BOOST_TEST(outside > 0.0);
    }
    // All: in fifths, the second and only the second surely of known rows.
    const auto mixed = starts_of({.n_chains = 100, .flip = 1.0});
    const auto part = [&](std::size_t i) {
        return std::vector<std::vector<double>>(mixed.begin() + 20 * std::ptrdiff_t(i), mixed.begin() + 20 * std::ptrdiff_t(i + 1));
    };
    BOOST_TEST(!all_known(part(0)));
    BOOST_TEST(all_known(part(1)));
    BOOST_TEST(!all_known(part(3)));
    auto back = part(2);
    for (auto& row : back) {
        for (auto& value : row) { value = 1.0 - value; }
    }
    BOOST_TEST(all_known(back));
    for (const auto& row : part(4)) { BOOST_TEST(std::count(row.begin(), row.end(), 0.0) >= 8); }
}

BOOST_AUTO_TEST_CASE(samples_have_the_machines_distribution) {
    const auto folder = Temporary();
    for (const auto& sizes :
         {std::vector<std::size_t>{4, 3}, std::vector<std::size_t>{4, 3, 2}, std::vector<std::size_t>{4, 2, 2, 2}}) {
        auto list = nbm::CallbackList(nbm::SampleCallback({.path = (folder / "s").string(),
                                                           .n_chains = 2000,
                                                           .n_samples = 12,
                                                           .plot_every = 60,
                                                           .start = nbm::SampleStart::noise}));
        const auto [dbm, history] = train(sizes, {.epochs = 3}, list);
        // Exact mean of the visible units by enumeration of all layers.
        auto units = std::size_t{0};
        for (const auto size : sizes) { units += size; }
        auto states = dbm.make_states(std::size_t{1} << units);
        for (std::size_t r = 0; r != states[0].shape(0); ++r) {
            auto bits = r;
            for (auto& layer : states) {
                for (std::size_t c = 0; c != layer.shape(1); ++c, bits /= 2) { layer(r, c) = double(bits % 2); }
            }
        }
        const auto energies = dbm.energy(states);
        auto z = 0.0;
        auto exact = std::vector<double>(4);
        for (std::size_t r = 0; r != energies.size(); ++r) {
            const auto p = std::exp(-energies(r));
            z += p;
            for (std::size_t c = 0; c != 4; ++c) { exact[c] += p * states[0](r, c); }
        }
        const auto arrays = nbm::read_npz(folder / "s.npz");
        BOOST_TEST(arrays.size() == 13U);
        BOOST_TEST(arrays.contains("sample_01"));
        for (std::size_t c = 0; c != 4; ++c) {
            auto sum = 0.0;
            auto squares = 0.0;
            for (std::size_t r = 0; r != 2000; ++r) {
                auto chain = 0.0;  // the mean of a chain; chains are independent
                for (const auto& [name, array] : arrays) {
                    if (name != "start") { chain += array.values[r * 4 + c] / 12.0; }
                }
                sum += chain;
                squares += chain * chain;
            }
            const auto mean = sum / 2000.0;
            const auto error = std::sqrt((squares / 2000.0 - mean * mean) / 2000.0);
            BOOST_TEST(std::abs(mean - exact[c] / z) < 4.5 * error);
        }
    }
}

BOOST_AUTO_TEST_CASE(samples_depend_on_seed_and_epoch_alone) {
    const auto folder = Temporary();
    const auto run = [&](const std::string& name, std::uint64_t seed) {
        auto callback = nbm::SampleCallback(
            {.path = (folder / (name + "{epoch}")).string(), .n_chains = 10, .n_samples = 3, .plot_every = 2, .seed = seed});
        if (name == "d") {
            auto list = nbm::DynamicCallbackList<double>();
            list.append(callback);
            return train({4, 3, 2}, {.epochs = 2}, list).first;
        }
        return train({4, 3, 2}, {.epochs = 2}, nbm::CallbackList(callback)).first;
    };
    const auto dbm = run("s", 1);
    run("d", 1);
    run("o", 2);
    for (const auto* epoch : {"1", "2"}) {
        for (const auto* ending : {".npz", ".png"}) {
            const auto text = contents(folder / (std::string("s") + epoch + ending));
            BOOST_TEST(!text.empty());
            BOOST_TEST((text == contents(folder / (std::string("d") + epoch + ending))));
            BOOST_TEST((text != contents(folder / (std::string("o") + epoch + ending))));
        }
    }
    BOOST_TEST((nbm::read_npz(folder / "s1.npz").at("start").values != nbm::read_npz(folder / "s2.npz").at("start").values));
    // The sheet: a row for each chain, its start first.
    const auto arrays = nbm::read_npz(folder / "s2.npz");
    auto rows = nbm::zero_matrix<double>(40, 4);
    for (std::size_t chain = 0; chain != 10; ++chain) {
        auto column = std::size_t{0};
        for (const auto* name : {"start", "sample_1", "sample_2", "sample_3"}) {
            const auto values = row_of(matrix_of(arrays.at(name)), chain);
            std::copy(values.begin(), values.end(), rows.data() + (chain * 4 + column++) * 4);
        }
    }
    BOOST_TEST((contents(folder / "s2.png") == bytes(nbm::tile_images<double>(rows, {2, 2}, 4))));
    BOOST_TEST(same_parameters(dbm, train({4, 3, 2}, {.epochs = 2}, nbm::CallbackList()).first));  // it only observes
}

BOOST_AUTO_TEST_CASE(samples_are_given_up_at_a_stop_and_wrong_options_refused) {
    const auto folder = Temporary();
    auto source = std::stop_source();
    source.request_stop();
    train({4, 2}, {.epochs = 2, .stop = source.get_token()}, nbm::CallbackList(nbm::SampleCallback(folder / "a{b}", 5, 1, 1)));
    BOOST_TEST(files_in(folder.path()).empty());
    train({4, 2}, {.epochs = 2}, nbm::CallbackList(nbm::SampleCallback(folder / "a{b}", 5, 1, 1)));
    BOOST_TEST(fs::exists(folder / "a{b}.0002.png"));
    BOOST_TEST(fs::exists(folder / "a{b}.0001.npz"));
    const auto refusal = [](nbm::SampleCallbackOptions options) {
        return message_of<nbm::InputError>([&] { nbm::SampleCallback(std::move(options)); });
    };
    BOOST_TEST(has(refusal({.n_chains = 7}), "n_chains is 7"));
    BOOST_TEST(refusal({.n_chains = 7, .start = nbm::SampleStart::noise}) == "nothing was thrown");
    BOOST_TEST(has(refusal({.n_samples = 0}), "n_samples is 0"));
    BOOST_TEST(has(refusal({.plot_every = 0}), "plot_every is 0"));
    BOOST_TEST(has(refusal({.flip = 1.5}), "flip is 1.5"));
    BOOST_TEST(has(refusal({.flip = std::nan("")}), "flip is nan"));
    BOOST_TEST(has(refusal({.noise = -1.0}), "noise is -1"));
    auto list = nbm::CallbackList(nbm::SampleCallback({.data = nbm::SampleData::validation}));
    BOOST_TEST(has(message_of<nbm::Error>([&] { train({4, 2}, {.epochs = 1}, list); }), "no validation rows"));
}

BOOST_AUTO_TEST_CASE(all_of_them_come_from_a_configuration) {
    const auto folder = Temporary();
    const auto config = nbm::parse_config(R"(
[[callbacks]]
type = "jsonl_logger"
times = false
[[callbacks]]
type = "tensorboard"
step = "update"
histograms = 1
images = 1
[[callbacks]]
type = "samples"
start = "masked"
mask_fill = "noise"
n_chains = 2
n_samples = 1
at_end = true
[[callbacks]]
type = "filter_images"
layer = 2
every = 2
)",
                                          "c.toml");
    auto list = nbm::make_callbacks(nbm::builtin_callbacks<double>(), config, folder.path());
    const auto dbm = train({4, 3, 2}, {.epochs = 3}, list).first;
    BOOST_TEST(lines_of(folder / "history.jsonl").size() == 3U);
    BOOST_TEST(files_in(folder / "tensorboard").size() == 1U);
    BOOST_TEST(files_in(folder / "samples").size() == 2U);
    BOOST_TEST(fs::exists(folder / "samples/0003.png"));
    BOOST_TEST(files_in(folder / "filters").size() == 1U);
    BOOST_TEST(fs::exists(folder / "filters/0002.png"));
    BOOST_TEST(same_parameters(dbm, train({4, 3, 2}, {.epochs = 3}, nbm::CallbackList()).first));
}
