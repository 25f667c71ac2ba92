#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "results.hpp"

import nbm;

/// What `nbm data` tells of one split.
struct SplitSummary {
    std::string name;
    std::size_t rows = 0;
    double lowest = 0.0;
    double highest = 0.0;
    double mean = 0.0;
    double ones = 0.0;           // share of the values that are 1
    std::size_t duplicates = 0;  // rows that equal an earlier one of the split
    std::map<int, std::size_t> labels = {};
};

/// What `nbm data` tells of a data set.
struct DataSummary {
    std::size_t units = 0;
    std::optional<nbm::ImageShape> picture = {};       // none where the units make no square
    std::string kind = {};                             // binary; grey: in [0, 1]; real: others
    std::size_t distinct = 0;                          // different values, up to most_distinct
    bool more = false;                                 // there are more of them
    std::vector<SplitSummary> splits = {};             // that have rows
    std::vector<std::size_t> constant = {};            // units that are the same in all training rows
    std::map<std::string, std::size_t> in_train = {};  // of validation and test rows, those that are also training rows
    std::vector<std::string> label_names = {};

    static constexpr auto most_distinct = std::size_t{10'000};
};

auto summarise(const nbm::Dataset<Real>& data) -> DataSummary;

/// Prints it for people; `name` is what was loaded.
auto print(const DataSummary& summary, const std::string& name) -> void;

auto to_json(const DataSummary& summary, const std::string& name) -> nlohmann::ordered_json;
