#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "report/run_files.hpp"

/// Histograms of the weights between two layers and of the biases of each, as figures; empty without weights.
auto weight_figures(const Run& run) -> std::string;

/// The log weights of the runs of AIS, and the effective sample size along the path, from ais.json; empty without it.
auto ais_figures(const Run& run, nlohmann::ordered_json& data) -> std::string;
