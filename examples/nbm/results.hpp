#pragma once

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

/// Throws FileError when the output folder holds results and may not be overwritten, or something is in the way of a result.
auto check_output(const TrainOptions& options) -> void;

/// Whether a training can be resumed from what the folder holds.
auto has_checkpoint(const std::filesystem::path& folder) -> bool;

/// The command that repeats a run from its folder, for one that was interrupted before its first checkpoint.
auto start_again(const TrainOptions& options) -> std::string;

/// Makes the folder, and removes the results of an earlier run from it, the summary first.
auto prepare_output(const TrainOptions& options) -> void;

/// profile: null without --profile.
auto write_summary(const Likelihood& likelihood, const TrainOptions& options, const TrainingProfile* profile) -> void;
