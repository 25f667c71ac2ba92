#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "report/run_files.hpp"
#include "report/svg.hpp"

/// A chart with what a reader needs to know about it.
struct Curves {
    Chart chart;
    std::string note;
};

/// The learning curves in history.csv: training and validation rows of a metric in one chart, the most telling first.
auto learning_curves(const Run& run) -> std::vector<Curves>;

/// The same metric of several runs in one chart, run k in colour k. labels: of the runs.
auto learning_curves(const std::vector<Run>& runs, const std::vector<std::string>& labels) -> std::vector<Curves>;

/// The charts as figures, ids "PREFIX1" and so on, and their values for the script added to `data`. Points are left out evenly, and
/// the notes say so, where there are too many for a page.
auto figures(std::vector<Curves> curves, const std::string& prefix, nlohmann::ordered_json& data) -> std::string;

/// One figure around what draw() made of a chart; `text` is HTML.
auto figure(const std::string& id, const std::string& title, const std::string& text, const std::string& legend,
            const std::string& drawing) -> std::string;
