#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "commands/command.hpp"
#include "machine_file.hpp"
#include "option_kinds.hpp"
#include "people.hpp"

import nbm;

namespace {

struct TransformOptions : MachineOptions {
    std::size_t layer = 0;  // 0: the topmost
};

/// The means of a layer given the rows, by mean field until they stay.
auto means_of(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& rows, std::size_t layer) -> nbm::Matrix<Real> {
    auto means = dbm.propup(rows);
    means[0] = rows;
    const auto result = nbm::MeanField(nbm::to_convergence()).run(dbm, means);
    if (!result.converged) {
        fmt::print(stderr, "nbm: warning: mean field has not converged in {} sweeps; means still move by {:.2g}\n", result.steps,
                   result.change);
    }
    return std::move(means[layer]);
}

auto csv_of(const nbm::Matrix<Real>& features, const std::string& layer) -> std::string {
    auto csv = std::string("row");
    for (std::size_t k = 0; k != features.shape(1); ++k) { csv += fmt::format(",{}_{}", layer, k); }
    csv += '\n';
    for (std::size_t r = 0; r != features.shape(0); ++r) {
        csv += fmt::format("{}", r);
        for (std::size_t k = 0; k != features.shape(1); ++k) { fmt::format_to(std::back_inserter(csv), ",{}", features(r, k)); }
        csv += '\n';
    }
    return csv;
}

/// A column; labels are small enough to be exact.
auto as_column(const std::vector<int>& labels) -> nbm::Matrix<Real> {
    auto column = nbm::zero_matrix<Real>(labels.size(), 1);
    for (std::size_t r = 0; r != labels.size(); ++r) { column(r, 0) = static_cast<Real>(labels[r]); }
    return column;
}

auto transform(CLI::App& command, TransformOptions& o) -> void {
    const auto ending = ending_of(o.output, {".npz", ".csv", ".h5"});
    const auto machine = open_machine(command, o);
    const auto top = machine.dbm.layer_count() - 1;
    const auto layer = o.layer == 0 ? top : o.layer;
    if (layer > top) {
        throw nbm::InputError(
            fmt::format("--layer {}: the hidden layers of {} are 1 to {}", layer, machine.dbm.topology().describe(), top));
    }
    const auto data = rows_for(machine, o);
    const auto splits = o.split.empty() ? splits_of(data) : std::vector{chosen_split(data, o)};
    if (ending == ".csv" && splits.size() > 1) {
        throw nbm::InputError("--split is needed: a CSV file holds one of train, valid and test");
    }
    check_output_file(o);
    auto arrays = std::vector<std::pair<std::string, nbm::Matrix<Real>>>{};
    auto rows = std::size_t{0};
    for (const auto& split : splits) {
        arrays.emplace_back(split.name + ".data", means_of(machine.dbm, *split.rows, layer));
        rows += split.rows->shape(0);
        if (!split.labels->empty()) { arrays.emplace_back(split.name + ".lbl", as_column(*split.labels)); }
    }
    if (ending == ".csv") {
        nbm::write_text(o.output, csv_of(arrays.front().second, nbm::part_name(layer)));
    } else if (ending == ".npz") {
        nbm::write_npz<Real>(o.output, arrays);
    } else {
        nbm::write_hdf5<Real>(o.output, arrays);
    }
    say(people(o.run.quiet, false), "the {} units of layer {} for {} rows of {} in {}\n", machine.dbm.size(layer), layer, rows,
        o.run.data, o.output);
}

}  // namespace

auto add_transform_command(CLI::App& app) -> Command {
    const auto o = std::make_shared<TransformOptions>();
    auto* const command = app.add_subcommand("transform", "Turn rows of data into means of hidden units, as features");
    add_file_and_data(*command, *o);
    add_split(*command, *o, "Which rows; by default all splits");
    add_run_options(*command, o->run, "Data");
    const auto kind = whole(1, 1000);
    command->add_option("--layer", o->layer, "Whose units; 1 is the first hidden layer; by default the topmost")
        ->type_name(kind.word)
        ->check(kind.check)
        ->take_last();
    add_output(*command, *o, "FILE", "An .npz, .csv or .h5 file for the means")->required();
    add_quiet(*command, o->run.quiet);
    return {command, [o, command] { transform(*command, *o); }};
}
