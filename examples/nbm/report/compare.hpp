#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "report/judgement.hpp"
#include "report/run_files.hpp"

/// A setting that is not the same in all runs, with its value in each; empty where a run has none.
struct DifferentSetting {
    std::string key;
    std::vector<std::string> values;
};

/// Runs side by side.
struct Comparison {
    std::vector<Run> runs;
    std::vector<std::string> labels;  // names of the folders, or what was typed where these are not different
    std::vector<DifferentSetting> settings;
    std::string split;                     // whose likelihood is compared: test or train; empty: none
    std::optional<std::size_t> best = {};  // the highest likelihood; none where the runs cannot be compared
    std::optional<std::size_t> second = {};
    bool beyond_bars = false;                      // best is above all others by more than the error bars
    std::vector<std::optional<Difference>> below;  // how far each is below the best
    std::vector<Judgement> conclusions;
};

/// Reads and compares runs. Throws InputError for less than two, or for the same one twice, and as read_run().
auto compare_runs(const std::vector<std::string>& folders) -> Comparison;

/// A table for a terminal.
auto to_text(const Comparison& comparison) -> std::string;

/// For scripts; what is no finite number is null.
auto to_json(const Comparison& comparison) -> nlohmann::ordered_json;

/// A page.
auto comparison_page(const Comparison& comparison) -> std::string;
