#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "results.hpp"

import nbm;

/// null for what is no finite number, which JSON cannot have.
auto number_or_null(double x) -> nlohmann::ordered_json;

auto to_json(const nbm::Estimate& estimate) -> nlohmann::ordered_json;
auto to_json(const nbm::LogZ& log_z) -> nlohmann::ordered_json;

/// log_z, with --ais-reverse log_z_reverse, and for each split train_log_prob and so on, or train_bound for a deep machine; null
/// without rows.
auto to_json(const Likelihood& likelihood) -> nlohmann::ordered_json;

/// Indented; bytes that are not valid UTF-8, which names of files may have, are replaced.
auto text_of(const nlohmann::ordered_json& json) -> std::string;
