#include <chrono>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "commands/enumerable.hpp"
#include "estimate.hpp"
#include "likelihood_json.hpp"
#include "machine_file.hpp"
#include "people.hpp"
#include "pictures.hpp"
#include "rows.hpp"

import nbm;

namespace fs = std::filesystem;

namespace {

auto optional_rows(const Machine& machine, const MachineOptions& o) -> std::optional<nbm::Dataset<Real>> {
    return o.run.data.empty() ? std::nullopt : std::optional(rows_for(machine, o));
}

auto introduce(const Machine& machine, const std::optional<nbm::Dataset<Real>>& data, const MachineOptions& o) -> void {
    auto* const stream = people(o.run.quiet, o.json);
    say(stream, "machine {}: {} {}\n", machine.file.path.string(), machine.dbm.topology().is_rbm() ? "an RBM" : "a DBM",
        machine.dbm.topology().describe());
    if (data) {
        say(stream, "data {}: {} training, {} validation, {} test rows\n", o.run.data, data->train.shape(0), data->valid.shape(0),
            data->test.shape(0));
    }
}

auto heading(const Machine& machine, const MachineOptions& o) -> nlohmann::ordered_json {
    return {{"file", machine.file.path.string()},
            {"topology", machine.dbm.topology().describe()},
            {"data", o.run.data.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(o.run.data)}};
}

auto exact(CLI::App& command, MachineOptions& o) -> void {
    const auto machine = open_machine(command, o);
    require_enumerable(machine);
    const auto data = optional_rows(machine, o);
    introduce(machine, data, o);
    const auto log_z = nbm::exact_log_z(machine.dbm, watched(people(o.run.quiet, o.json), "log Z"));
    auto json = heading(machine, o);
    json["log_z"] = to_json(nbm::exactly(log_z));
    if (!o.json) { fmt::print("\n{:<21} {:.6f} nats\n", "log Z", log_z); }
    for (const auto& split : data ? splits_of(*data) : std::vector<Split>{}) {
        const auto mean = nbm::mean_log_probability(nbm::exact_free_energy(machine.dbm, *split.rows), nbm::exactly(log_z));
        json[split.name + "_log_prob"] = to_json(mean);
        if (!o.json) {
            fmt::print("{:<21} {:.6f} nats (standard error over the rows {:.6f})\n", split.name + " log-probability", mean.value,
                       mean.standard_error);
        }
    }
    if (o.json) {
        fmt::print("{}\n", text_of(json));
    } else if (data && !is_binary(*data)) {
        fmt::print("grey data: these are lower bounds on the log-probability of binary rows drawn from them\n");
    }
}

auto ais(CLI::App& command, MachineOptions& o) -> void {
    const auto begin = std::chrono::steady_clock::now();
    const auto machine = open_machine(command, o);
    choose_base(command, o);
    if (o.run.data.empty() && o.run.ais_reverse != 0) {
        throw nbm::InputError("--ais-reverse needs --data: its chains begin at training rows");
    }
    const auto data = optional_rows(machine, o);
    if (!o.plots.empty()) { prepare_plots(o.plots, ais_files(), o.overwrite); }
    o.run.json = o.json;
    introduce(machine, data, o);
    announce_ais(o.run);
    auto likelihood = estimate(machine.dbm, data ? &*data : nullptr, o.run, true);
    likelihood.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (!o.plots.empty()) {
        write_ais_json(likelihood.annealing, fs::path(o.plots) / "ais.json");
        write_ais_plots(likelihood.annealing, o.plots);
    }
    if (!o.json) {
        fmt::print("{}", describe(likelihood, !data || is_binary(*data)));
        if (!o.plots.empty()) { fmt::print("plots of the log weights and of what they are worth in {}\n", o.plots); }
        return;
    }
    auto json = heading(machine, o);
    json.update(to_json(likelihood));
    json["seed"] = o.run.seed;
    json["seconds"] = likelihood.seconds;
    fmt::print("{}\n", text_of(json));
}

}  // namespace

auto require_enumerable(const Machine& machine) -> void {
    const auto units = enumerated_units(machine.dbm.topology());
    if (units > nbm::max_enumerated_units) {
        throw nbm::InputError(
            fmt::format("{}: log Z of {} cannot be enumerated: the smaller side has {} units, at most {} are possible; estimate it "
                        "with nbm ais",
                        machine.file.path.string(), machine.dbm.topology().describe(), units, nbm::max_enumerated_units));
    }
}

auto choose_base(const CLI::App& command, MachineOptions& o) -> void {
    if (!o.run.data.empty()) { return; }
    if (o.run.ais_path == "moments") { throw nbm::InputError("--ais-path moments needs --data"); }
    if (command.get_option("--ais-base")->count() == 0) { o.run.ais_base = "mean-field"; }
    if (o.run.ais_base == "data") {
        throw nbm::InputError("--ais-base data needs --data; without, there are uniform, own-biases and mean-field");
    }
}

auto add_exact_command(CLI::App& app) -> Command {
    const auto o = std::make_shared<MachineOptions>();
    auto* const command =
        app.add_subcommand("exact", "Enumerate log Z of a small machine and, with data, the mean log-probability of its rows");
    add_file_and_data(*command, *o);
    add_run_options(*command, o->run, "Data");
    add_report_options(*command, o->run.quiet, o->json);
    return {command, [o, command] { exact(*command, *o); }};
}

auto add_ais_command(CLI::App& app) -> Command {
    const auto o = std::make_shared<MachineOptions>();
    auto* const command = app.add_subcommand(
        "ais", "Estimate log Z and, with data, the mean log-probability of the rows, or a lower bound of it for a deep machine");
    add_file_and_data(*command, *o);
    add_run_options(*command, o->run, "Likelihood");
    add_ais_options(*command, o->run);
    add_reverse_option(*command, o->run);
    add_plots(*command, *o, "Draw the log weights and what they are worth along the path, and write their numbers to ais.json");
    add_report_options(*command, o->run.quiet, o->json);
    return {command, [o, command] { ais(*command, *o); }};
}
