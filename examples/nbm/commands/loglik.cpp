#include <cstddef>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "commands/command.hpp"
#include "commands/enumerable.hpp"
#include "estimate.hpp"
#include "machine_file.hpp"
#include "option_kinds.hpp"
#include "people.hpp"
#include "rows.hpp"

import nbm;

namespace {

/// Some seconds; each further unit doubles the time, so that AIS soon is quicker.
constexpr auto enumerated_unasked = std::size_t{26};

struct LoglikOptions : MachineOptions {
    std::string log_z = "auto";
};

/// log Z, which is told on standard error.
auto log_z_of(const Machine& machine, const nbm::Dataset<Real>& data, const LoglikOptions& o) -> nbm::Estimate {
    auto* const stream = o.run.quiet ? nullptr : stderr;
    const auto small = enumerated_units(machine.dbm.topology()) <= enumerated_unasked;
    if (o.log_z == "exact" || (o.log_z == "auto" && small)) {
        require_enumerable(machine);
        const auto log_z = nbm::exact_log_z(machine.dbm, watched(stream, "log Z"));
        say(stream, "log Z {:.6f} nats, by enumeration\n", log_z);
        return nbm::exactly(log_z);
    }
    const auto log_z = estimate_log_z(machine.dbm, &data.train, o.run, watched(stream, "AIS")).log_z;
    say(stream, "log Z {}, by AIS, standard error {:.4f} (effective sample size {:.1f} of {} runs)\n", show(log_z),
        log_z.standard_error, log_z.effective_sample_size, log_z.runs);
    if (const auto verdict = log_z.trustworthy(); !verdict) { fmt::print(stderr, "do not trust log Z yet: {}\n", verdict.reason); }
    return log_z;
}

auto loglik(CLI::App& command, LoglikOptions& o) -> void {
    const auto machine = open_machine(command, o);
    const auto data = rows_for(machine, o);
    const auto split = chosen_split(data, o);
    if (!o.output.empty()) { check_output_file(o); }
    const auto log_z = log_z_of(machine, data, o);
    const auto is_rbm = machine.dbm.topology().is_rbm();
    const auto values =
        is_rbm ? nbm::log_probabilities(machine.dbm, *split.rows, log_z) : nbm::variational_bounds(machine.dbm, *split.rows, log_z);
    auto csv = fmt::format("row,{}\n", is_rbm ? "log_prob" : "bound");
    for (std::size_t r = 0; r != values.size(); ++r) { fmt::format_to(std::back_inserter(csv), "{},{}\n", r, values[r]); }
    if (o.output.empty()) {
        fmt::print("{}", csv);
        return;
    }
    nbm::write_text(o.output, csv);
    say(people(o.run.quiet, false), "{} of {} {} rows of {} in {}\n",
        is_rbm ? "log-probabilities" : "lower bounds of the log-probability", values.size(), split.name, o.run.data, o.output);
}

}  // namespace

auto add_loglik_command(CLI::App& app) -> Command {
    const auto o = std::make_shared<LoglikOptions>();
    auto* const command =
        app.add_subcommand("loglik", "Tell the log-probability of each row of data, or a lower bound of it for a deep machine");
    add_file_and_data(*command, *o);
    add_split(*command, *o, "Which rows; by default test, or train where there are no test rows");
    add_option(*command, "Likelihood", "--log-z", o->log_z, one_of({"auto", "exact", "ais"}),
               "By enumeration, by AIS, or by what is quicker");
    add_run_options(*command, o->run, "Likelihood");
    add_ais_options(*command, o->run);
    add_output(*command, *o, "FILE.csv", "File for the values; by default they are printed");
    add_quiet(*command, o->run.quiet);
    return {command, [o, command] { loglik(*command, *o); }};
}
