#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train_options.hpp"

import nbm;

struct TrainingProfile;

/// The machine of the program.
using Real = float;

/// An estimate of log Z by AIS, with what it rests on.
struct Annealing {
    nbm::LogZ log_z = {};
    double log_z_base = 0.0;               // nats
    std::vector<double> log_weights = {};  // of each run, nats
    nbm::EffectiveSampleSizes effective_sample_sizes = {};
    std::optional<nbm::LogZ> reverse = {};  // of --ais-reverse: the same from the other side
};

/// What `nbm train` finds out in the end, and `nbm ais` later.
struct Likelihood {
    bool bound = false;  // of a deep machine: the probabilities are lower bounds
    nbm::LogZ log_z = {};
    Annealing annealing = {};                       // by which log Z was estimated
    std::optional<nbm::LogProbability> train = {};  // none without data
    std::optional<nbm::LogProbability> valid = {};  // not of a training
    std::optional<nbm::LogProbability> test = {};   // none without test rows
    std::size_t mean_field_steps = 0;               // of the bounds
    bool converged = true;
    double seconds = 0.0;
};

/// What is told of a run that has ended.
struct RunSummary {
    const Likelihood& likelihood;
    const nbm::History& history;
    const nbm::Topology& topology;
    std::array<std::size_t, 3> rows;  // of the training, validation and test split
    std::chrono::system_clock::time_point started;
    const TrainingProfile* profile;  // null without --profile
};

/// Writes summary.json; returns what is in it.
auto write_summary(const RunSummary& run, const TrainOptions& options) -> std::string;

/// Adds to a text file, atomically; nothing where there is none.
auto append_text(const std::filesystem::path& path, const std::string& more) -> void;
