#pragma once

#include <string>
#include <vector>

#include "report/judgement.hpp"
#include "report/run_files.hpp"

/// "A restricted Boltzmann machine 784-300", as far as it is known; plain text.
auto describe_machine(const Run& run) -> std::string;

/// "PCD-5, sgd": plain text, empty where unknown.
auto describe_training(const Run& run) -> std::string;

/// "20 of 60", or the epochs alone.
auto describe_epochs(const Run& run) -> std::string;

/// "mean log-probability" or "lower bound".
auto what_is_estimated(const Run& run) -> std::string;

/// The head of the page: name, machine, outcome, a drawing; HTML.
auto report_header(const Run& run) -> std::string;

/// The figures that matter most, the likelihoods with their error bars, the facts; HTML.
auto summary_section(const Run& run) -> std::string;

/// Judgements as a list; HTML.
auto verdict_list(const std::vector<Judgement>& judgements) -> std::string;

/// summary.json "environment" and what else is known of where the run was made; empty without it.
auto environment_section(const Run& run) -> std::string;

/// The commands that make the run again, and its configuration.
auto reproduce_section(const Run& run) -> std::string;
auto configuration_section(const Run& run) -> std::string;
