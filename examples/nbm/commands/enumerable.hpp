#pragma once

#include <algorithm>
#include <cstddef>

#include <CLI/CLI.hpp>

#include "machine_file.hpp"

import nbm;

/// How many units are enumerated for log Z.
inline auto enumerated_units(const nbm::Topology& topology) -> std::size_t {
    return std::min(topology.units(nbm::Parity::even), topology.units(nbm::Parity::odd));
}

/// Throws InputError for a machine that is too large.
auto require_enumerable(const Machine& machine) -> void;

/// Without data, AIS begins at the machine's mean field. Throws InputError for options that need data.
auto choose_base(const CLI::App& command, MachineOptions& options) -> void;
