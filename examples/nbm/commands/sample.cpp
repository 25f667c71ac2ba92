#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "commands/command.hpp"
#include "machine_file.hpp"
#include "option_kinds.hpp"
#include "people.hpp"
#include "pictures.hpp"
#include "rows.hpp"
#include "sheet.hpp"

import nbm;

namespace {

struct SampleOptions : MachineOptions {
    std::size_t count = 100;
    std::size_t steps = 1000;
    std::string start = "noise";
    std::string clamp;  // empty: nothing is held
    std::size_t height = 0;
    std::size_t frames = 60;  // of a film
};

/// Which visible units keep the values of the data: a half of the picture, without the middle line where there is one.
auto held_units(nbm::ImageShape shape, const std::string& side) -> std::vector<bool> {
    auto held = std::vector<bool>(shape.height * shape.width, false);
    if (side.empty()) { return held; }
    const auto across = side == "left" || side == "right";
    const auto length = across ? shape.width : shape.height;
    if (length < 2) {
        throw nbm::InputError(fmt::format("--clamp {}: pictures of {} x {} have no such half; {}", side, shape.height, shape.width,
                                          across ? "choose top or bottom" : "choose left or right, or give --height"));
    }
    for (std::size_t i = 0; i != held.size(); ++i) {
        const auto at = across ? i % shape.width : i / shape.width;
        held[i] = side == "left" || side == "top" ? at < length / 2 : at >= length - length / 2;
    }
    return held;
}

auto hold(const std::vector<bool>& held, const nbm::Matrix<Real>& rows, nbm::Matrix<Real>& values) -> void {
    for (std::size_t r = 0; r != rows.shape(0); ++r) {
        for (std::size_t k = 0; k != held.size(); ++k) {
            if (held[k]) { values(r, k) = rows(r, k); }
        }
    }
}

struct Samples {
    nbm::Matrix<Real> start;
    nbm::Matrix<Real> states;
    nbm::Matrix<Real> probabilities;
};

/// Called with the visible units' probabilities after so many sweeps; at first, after 0, with their states.
using OnSweep = std::function<void(std::size_t sweep, const nbm::Matrix<Real>& probabilities)>;

/// Chains of which some visible units are held. Visible units are independent given the others, so that drawing all and putting
/// these back draws the rest given them. on_sweep: for a film, else empty.
auto draw(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>* rows, const std::vector<bool>& held, const SampleOptions& o,
          const OnSweep& on_sweep) -> Samples {
    auto chains = nbm::make_chains(dbm, o.count, o.run.seed, nbm::Purpose::samples);
    const auto clamped = !o.clamp.empty();
    if (o.start == "data") { chains.states[0] = *rows; }
    if (clamped) { hold(held, *rows, chains.states[0]); }
    auto result = Samples{.start = chains.states[0], .states = {}, .probabilities = {}};
    auto probabilities = nbm::States<Real>{};
    const auto one_by_one = clamped || on_sweep;
    if (on_sweep) { on_sweep(0, result.start); }
    if (!one_by_one && o.steps > 1) { nbm::Gibbs({.steps = o.steps - 1}).run(dbm, chains); }
    for (auto sweep = one_by_one ? std::size_t{1} : o.steps; sweep <= o.steps; ++sweep) {
        nbm::GibbsProb({}).run(dbm, chains, probabilities);
        if (clamped) {
            hold(held, *rows, chains.states[0]);
            hold(held, *rows, probabilities[0]);
        }
        if (on_sweep) { on_sweep(sweep, probabilities[0]); }
    }
    result.states = std::move(chains.states[0]);
    result.probabilities = std::move(probabilities[0]);
    return result;
}

/// Samples alone or, with a half held, in triples.
auto layout_of(nbm::ImageShape shape, const SampleOptions& o) -> SheetLayout {
    return required_sheet_layout(shape, o.count, o.clamp.empty() ? 1 : 3, "--output " + o.output);
}

/// A sheet of probabilities or of triples: what is held on grey, the completion, the row of data.
auto picture_of(const nbm::Matrix<Real>& probabilities, const nbm::Matrix<Real>* rows, const std::vector<bool>& held,
                nbm::ImageShape shape, const SampleOptions& o) -> nbm::Image {
    const auto layout = layout_of(shape, o);
    if (o.clamp.empty()) {
        return nbm::tile_images<Real>(probabilities, shape, layout.across, nbm::Grey::zero_to_one, layout.zoom);
    }
    auto tiles = nbm::zero_matrix<Real>(3 * o.count, held.size());
    for (std::size_t r = 0; r != o.count; ++r) {
        for (std::size_t k = 0; k != held.size(); ++k) {
            tiles(3 * r, k) = held[k] ? (*rows)(r, k) : Real{0.5};
            tiles(3 * r + 1, k) = probabilities(r, k);
            tiles(3 * r + 2, k) = (*rows)(r, k);
        }
    }
    return nbm::tile_images<Real>(tiles, shape, layout.across, nbm::Grey::zero_to_one, layout.zoom);
}

/// The first frame shows where the chains start, the last one what a .png would; the others are evenly spread over the sweeps.
auto draw_film(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>* rows, const std::vector<bool>& held, nbm::ImageShape shape,
               const SampleOptions& o) -> std::size_t {
    auto frames = std::vector<nbm::Image>{};
    const auto gaps = std::min(o.frames - 1, o.steps);
    draw(dbm, rows, held, o, [&](std::size_t sweep, const nbm::Matrix<Real>& visible) {
        if (sweep == frames.size() * o.steps / gaps) { frames.push_back(picture_of(visible, rows, held, shape, o)); }
    });
    write_film(frames, o.output);
    return frames.size();
}

auto sample(CLI::App& command, SampleOptions& o) -> void {
    const auto ending = ending_of(o.output, {".png", ".gif", ".npz"});
    const auto machine = open_machine(command, o);
    const auto shape = picture_shape(machine.dbm.visible_size(), o.height);
    const auto held = held_units(shape, o.clamp);
    if (ending != ".npz") { layout_of(shape, o); }  // throws before it takes time
    const auto needs_rows = o.start == "data" || !o.clamp.empty();
    auto rows = nbm::Matrix<Real>{};
    if (needs_rows) {
        const auto data = rows_for(machine, o);
        rows = some_rows(*chosen_split(data, o).rows, o.count, o.run.seed);
    }
    const auto* const given = needs_rows ? &rows : nullptr;
    check_output_file(o);
    if (ending == ".gif") {
        const auto frames = draw_film(machine.dbm, given, held, shape, o);
        say(people(o.run.quiet, false), "a film of {} chains of {}, {} frames over {} Gibbs sweeps, in {}\n", o.count,
            machine.dbm.topology().describe(), frames, o.steps, o.output);
        return;
    }
    const auto samples = draw(machine.dbm, given, held, o, {});
    if (ending == ".png") {
        nbm::write_png(picture_of(samples.probabilities, given, held, shape, o), o.output);
    } else {
        auto arrays = std::vector<std::pair<std::string, nbm::Matrix<Real>>>{
            {"start", samples.start}, {"samples", samples.states}, {"probabilities", samples.probabilities}};
        if (needs_rows) { arrays.emplace_back("data", rows); }
        nbm::write_npz<Real>(o.output, arrays);
    }
    say(people(o.run.quiet, false), "{} samples of {} after {} Gibbs sweeps in {}\n", o.count, machine.dbm.topology().describe(),
        o.steps, o.output);
}

}  // namespace

auto add_sample_command(CLI::App& app) -> Command {
    const auto o = std::make_shared<SampleOptions>();
    auto* const command =
        app.add_subcommand("sample", "Draw samples by Gibbs sampling, or complete pictures half of which is given");
    add_file_and_data(*command, *o);
    add_option(*command, "Sampling", "--count", o->count, whole(1, 1'000'000), "Chains, each of which gives a sample");
    add_option(*command, "Sampling", "--steps", o->steps, whole(1), "Gibbs sweeps of each chain");
    add_option(*command, "Sampling", "--start", o->start, one_of({"noise", "data"}),
               "Where chains begin: fair coins or rows of data");
    const auto sides = one_of({"left", "right", "top", "bottom"});
    command->add_option("--clamp", o->clamp, "Hold this half of rows of data, and complete the other one")
        ->type_name(sides.word)
        ->check(sides.check)
        ->group("Sampling")
        ->take_last();
    add_option(*command, "Sampling", "--height", o->height, whole(0),
               "Of pictures; 0: a square where the units make one, else one row");
    add_option(*command, "Sampling", "--frames", o->frames, whole(2, 1000), "Of a film, ten of which are shown in a second");
    add_split(*command, *o, "Which rows; by default test, or train where there are no test rows");
    add_run_options(*command, o->run, "Sampling");
    add_output(*command, *o, "FILE", "A .png file for a sheet of pictures, .gif for a film of the chains, or .npz for the numbers")
        ->required();
    add_quiet(*command, o->run.quiet);
    return {command, [o, command] { sample(*command, *o); }};
}
