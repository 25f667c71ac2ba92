#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "likelihood_json.hpp"
#include "people.hpp"
#include "pictures.hpp"

namespace fs = std::filesystem;

namespace {

constexpr std::size_t tiles = 100;

/// A film shows the square of this of chains, as many side by side.
auto film_side(const SheetLayout& layout) -> std::size_t {
    constexpr std::size_t pleasant = 400;  // pixels
    const auto tile = layout.zoom * (std::max(layout.shape.height, layout.shape.width) + 1);
    return std::clamp<std::size_t>(pleasant / tile, 1, 5);
}

auto first_rows(const nbm::Matrix<Real>& rows, std::size_t count) -> nbm::MatrixView<const Real> {
    return nbm::MatrixView<const Real>(rows).slice({0, std::min(count, rows.shape(0))});
}

/// Long chains from training rows, so that one sees whether the machine keeps all kinds of them: a sheet of the visible
/// probabilities given the last hidden samples, and a film of how the first chains begin, which starts with their rows.
auto write_samples(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& train, std::uint64_t seed, const SheetLayout& layout,
                   const fs::path& folder) -> void {
    constexpr std::size_t sweeps = 1000;
    constexpr std::size_t frames = 60;
    constexpr std::size_t sweeps_a_frame = 5;
    auto chains = nbm::make_chains(dbm, tiles, seed, nbm::Purpose::samples);
    const auto rows = nbm::permutation(nbm::Stream(seed, nbm::Purpose::samples), std::uint64_t{1} << 55U, train.shape(0));
    for (std::size_t c = 0; c != tiles; ++c) {
        for (std::size_t k = 0; k != train.shape(1); ++k) { chains.states[0](c, k) = train(rows[c % rows.size()], k); }
    }
    const auto side = film_side(layout);
    const auto across = layout.shape.height == 1 ? std::size_t{1} : side;
    auto film = std::vector<nbm::Image>{};
    const auto add = [&](const nbm::Matrix<Real>& visible) {
        film.push_back(
            nbm::tile_images<Real>(first_rows(visible, side * side), layout.shape, across, nbm::Grey::zero_to_one, layout.zoom));
    };
    add(chains.states[0]);
    auto probabilities = nbm::States<Real>{};
    while (film.size() != frames) {
        nbm::GibbsProb({.steps = sweeps_a_frame}).run(dbm, chains, probabilities);
        add(probabilities[0]);
    }
    nbm::Gibbs({.steps = sweeps - 1 - (frames - 1) * sweeps_a_frame}).run(dbm, chains);
    nbm::GibbsProb({}).run(dbm, chains, probabilities);
    nbm::write_png(nbm::tile_images<Real>(probabilities[0], layout.shape, layout.across, nbm::Grey::zero_to_one, layout.zoom),
                   folder / "final.png");
    write_film(film, folder / "film.gif");
}

auto filters_file(std::size_t layer) -> std::string { return fmt::format("filters-{}.png", nbm::part_name(layer)); }

/// Numbers with a name.
struct Sample {
    std::string name;
    std::vector<double> values;
};

template <class Values>
auto sample_of(const std::string& name, const Values& values) -> Sample {
    auto sample = Sample{name, {}};
    for (const auto value : values) {
        if (std::isfinite(value)) { sample.values.push_back(value); }
    }
    if (const auto missing = values.size() - sample.values.size(); missing != 0) {
        sample.name += fmt::format(", {} not finite", missing);
    }
    return sample;
}

/// Half as many again as Rice's rule gives, within limits that can be seen.
auto bins_for(std::size_t count) -> std::size_t {
    return std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(3.0 * std::cbrt(static_cast<double>(count)))), 10, 80);
}

/// Histograms over the same bins, in per cent, so that few values are seen beside many.
auto histograms(const std::string& title, const std::string& x_label, const std::vector<Sample>& samples) -> nbm::Plot {
    auto all = std::vector<double>{};
    auto most = std::size_t{0};
    for (const auto& sample : samples) {
        all.insert(all.end(), sample.values.begin(), sample.values.end());
        most = std::max(most, sample.values.size());
    }
    const auto edges = nbm::even_edges(all, bins_for(most));
    auto plot = nbm::Plot{.title = title, .x_label = x_label, .y_label = "% of them in each bin", .curves = {}};
    for (const auto& sample : samples) {
        if (sample.values.empty()) { continue; }
        auto& bars = plot.bars.emplace_back(nbm::Bars{.label = sample.name, .edges = edges, .heights = {}});
        for (const auto count : nbm::histogram(sample.values, edges)) {
            bars.heights.push_back(100.0 * static_cast<double>(count) / static_cast<double>(sample.values.size()));
        }
    }
    return plot;
}

auto log_weight_plot(const Annealing& annealing) -> nbm::Plot {
    const auto& log_z = annealing.log_z;
    auto plot = nbm::Plot{.title = fmt::format("AIS: the log weights of {} runs", log_z.runs),
                          .x_label = "log weight + log Z of the base, nats",
                          .y_label = "runs",
                          .curves = {}};
    auto values = std::vector<double>{};
    for (const auto log_w : annealing.log_weights) {
        if (std::isfinite(log_w)) { values.push_back(log_w + annealing.log_z_base); }
    }
    if (values.empty()) { return plot; }
    const auto edges = nbm::even_edges(values, bins_for(values.size()));
    auto& bars = plot.bars.emplace_back(nbm::Bars{.label = "runs", .edges = edges, .heights = {}});
    for (const auto count : nbm::histogram(values, edges)) { bars.heights.push_back(static_cast<double>(count)); }
    const auto top = std::ranges::max(bars.heights);
    const auto estimate = nbm::Curve{.label = "log Z with its bar of 3 standard errors",
                                     .x = {log_z.value, log_z.value, log_z.low, log_z.high},
                                     .y = {0.0, top / 2, top / 2, top / 2},
                                     .low = {},
                                     .high = {}};
    plot.curves.push_back(estimate);
    return plot;
}

auto effective_sample_size_plot(const Annealing& annealing) -> nbm::Plot {
    const auto runs = annealing.log_z.runs;
    auto plot = nbm::Plot{.title = fmt::format("AIS: what {} runs are worth on their way", runs),
                          .x_label = "position on the path (inverse temperature)",
                          .y_label = "effective sample size",
                          .curves = {},
                          .from_zero = true};
    const auto& sizes = annealing.effective_sample_sizes;
    plot.curves.push_back(
        {.label = "effective sample size of the weights so far", .x = sizes.positions, .y = sizes.values, .low = {}, .high = {}});
    const auto limits = nbm::TrustLimits{};
    if (runs >= limits.runs) {
        plot.curves.push_back({.label = fmt::format("needed in the end ({:.0f})", limits.effective_sample_size),
                               .x = {0.0, 1.0},
                               .y = {limits.effective_sample_size, limits.effective_sample_size},
                               .low = {},
                               .high = {}});
    }
    return plot;
}

auto numbers(std::span<const double> values) -> nlohmann::ordered_json {
    auto json = nlohmann::ordered_json::array();
    for (const auto value : values) { json.push_back(number_or_null(value)); }
    return json;
}

}  // namespace

auto write_film(const std::vector<nbm::Image>& frames, const fs::path& path) -> void {
    constexpr std::size_t small = 40'000;  // pixels
    const auto levels = !frames.empty() && frames.front().pixels.size() <= small ? std::size_t{32} : std::size_t{8};
    nbm::write_gif(frames, path, {.delay = 10, .loop = true, .levels = levels});
}

template <class T>
auto write_filters(const nbm::DBM<T>& dbm, const fs::path& folder) -> void {
    for (std::size_t l = 1; l != dbm.layer_count(); ++l) {
        const auto count = std::min(tiles, dbm.size(l));
        const auto layout = sheet_layout(nbm::image_shape_of(dbm.visible_size()), count);
        if (!layout || !nbm::reaches_visible(dbm.topology(), l)) { continue; }
        const auto filters = nbm::filters_of(dbm, l, count);
        nbm::write_png(nbm::tile_images<T>(filters, layout->shape, layout->across, nbm::Grey::symmetric, layout->zoom),
                       folder / filters_file(l));
    }
}

template <class T>
auto write_weight_plots(const nbm::DBM<T>& dbm, const fs::path& folder) -> void {
    auto weights = std::vector<Sample>{};
    for (const auto& synapse : dbm.synapses()) {
        weights.push_back(
            sample_of(fmt::format("{} ({} weights)", nbm::part_name(synapse.edge), synapse.weights.size()), synapse.weights));
    }
    auto biases = std::vector<Sample>{};
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        biases.push_back(sample_of(fmt::format("{} ({} biases)", nbm::part_name(l), dbm.size(l)), dbm.bias(l)));
    }
    const auto plots = std::array{histograms("Weights", "weight", weights), histograms("Biases", "bias", biases)};
    nbm::write_plots(plots, folder / "weights");
}

template auto write_filters(const nbm::DBM<float>&, const fs::path&) -> void;
template auto write_filters(const nbm::DBM<double>&, const fs::path&) -> void;
template auto write_weight_plots(const nbm::DBM<float>&, const fs::path&) -> void;
template auto write_weight_plots(const nbm::DBM<double>&, const fs::path&) -> void;

auto write_ais_plots(const Annealing& annealing, const fs::path& folder) -> void {
    nbm::write_plot(log_weight_plot(annealing), folder / "ais-log-weights");
    nbm::write_plot(effective_sample_size_plot(annealing), folder / "ais-effective-sample-size");
}

auto ais_files() -> std::vector<std::string> {
    return {"ais.json", "ais-log-weights.png", "ais-log-weights.pdf", "ais-effective-sample-size.png",
            "ais-effective-sample-size.pdf"};
}

auto weight_files(const nbm::Topology& topology) -> std::vector<std::string> {
    auto files = std::vector<std::string>{"weights.png", "weights.pdf"};
    for (std::size_t l = 1; l != topology.layer_count(); ++l) {
        if (nbm::reaches_visible(topology, l)) { files.push_back(filters_file(l)); }
    }
    return files;
}

auto write_ais_json(const Annealing& annealing, const fs::path& path) -> void {
    const auto json = nlohmann::ordered_json{{"log_z_base", number_or_null(annealing.log_z_base)},
                                             {"log_weights", numbers(annealing.log_weights)},
                                             {"positions", numbers(annealing.effective_sample_sizes.positions)},
                                             {"effective_sample_size", numbers(annealing.effective_sample_sizes.values)}};
    nbm::write_text(path, text_of(json) + "\n");
}

auto write_pictures(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& train, const Annealing& annealing, const TrainOptions& o,
                    std::FILE* stream) -> std::string {
    const auto folder = fs::path(o.output);
    auto written = std::string{};
    const auto layout = sheet_layout(nbm::image_shape_of(dbm.visible_size()), tiles);
    if (layout) {
        write_samples(dbm, train, o.seed, *layout, folder / "samples");
        write_filters(dbm, folder / "plots");
        written = ", samples/, plots/";
    }
    if (!nbm::has_gnuplot()) {
        say(stream, "no plots of weights and of AIS: the program gnuplot is not there; install the package gnuplot-nox\n");
        return written;
    }
    write_weight_plots(dbm, folder / "plots");
    write_ais_plots(annealing, folder / "plots");
    return layout ? written : ", plots/";
}

auto prepare_plots(const fs::path& folder, const std::vector<std::string>& files, bool overwrite) -> void {
    if (!nbm::has_gnuplot()) {
        throw nbm::InputError(
            fmt::format("--plots {}: the program gnuplot, which draws the plots, is not there; install the package "
                        "gnuplot-nox",
                        folder.string()));
    }
    for (const auto& file : files) {
        if (fs::is_directory(folder / file)) {
            throw nbm::FileError((folder / file).string(), "is a folder, in the way of a result");
        }
        if (!overwrite && fs::exists(folder / file)) {
            throw nbm::FileError((folder / file).string(), "is there already; choose another folder or add --overwrite");
        }
    }
    nbm::make_writable_folder(folder);
}
