#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

import nbm;

/// A value with the ends of its error bar, in nats; infinite where the file has null.
struct Estimated {
    double value = 0.0;
    double low = 0.0;
    double high = 0.0;
    double standard_error = 0.0;  // with the error of the mean over the rows
};

/// The likelihood of one split.
struct SplitLikelihood {
    std::string split;  // train, valid or test
    Estimated value;
};

/// What summary.json tells of log Z.
struct LogZTold {
    Estimated value;
    double effective_sample_size = 0.0;
    double log_weight_variance = 0.0;
    double largest_weight_share = 0.0;
    bool trustworthy = false;
    std::string verdict;
};

/// One picture of a run.
struct Picture {
    std::filesystem::path path;
    std::string name;                        // relative to the run
    std::optional<std::size_t> number = {};  // epoch of a sheet, layer of filters
};

/// What the files of a run say; every part may be missing.
struct Run {
    std::filesystem::path folder;
    std::string name;  // of the folder
    std::string config_text;
    nbm::Config config;
    nbm::Table history;              // without columns: none
    std::vector<double> epochs;      // of its rows
    nlohmann::ordered_json summary;  // null: none
    std::optional<LogZTold> log_z = {};
    std::optional<LogZTold> reverse_log_z = {};  // of --ais-reverse
    std::vector<SplitLikelihood> likelihoods;    // of summary.json
    bool bound = false;                          // a deep machine: these are lower bounds
    std::vector<double> log_weights;             // of ais.json
    std::vector<double> ais_positions;
    std::vector<double> ais_sample_sizes;
    std::vector<std::size_t> layers;  // units, those of the data first; empty: unknown
    std::vector<std::pair<std::size_t, std::size_t>> edges;
    std::optional<nbm::DBM<double>> machine = {};  // none where there are no weights, or none that can be read
    std::vector<Picture> sheets;                   // samples over the training, by epoch
    std::optional<Picture> samples = {};           // at the end
    std::optional<Picture> film = {};
    std::vector<Picture> filters;       // of each hidden layer
    std::vector<std::string> problems;  // what could not be read and is left out, in sentences

    /// A setting as text; empty when config.toml has none.
    auto setting(const std::string& key) const -> std::string;
    auto parameters() const -> std::size_t;  // 0: unknown
    auto seconds() const -> std::optional<double>;
    auto outcome() const -> std::string;  // of summary.json, else guessed: "finished", "unfinished"
    auto likelihood(const std::string& split) const -> const Estimated*;
};

/// Reads a run folder. Throws FileError for what is no run folder, and for a history.csv, summary.json, ais.json or config.toml
/// that is damaged; weights and pictures that cannot be read are only told in `problems`.
auto read_run(const std::filesystem::path& folder) -> Run;
