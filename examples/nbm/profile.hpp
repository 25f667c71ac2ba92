#pragma once

#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "train_options.hpp"

import nbm;

/// Where the time of a training went, and what its matrix products alone would have taken.
struct TrainingProfile {
    nbm::Profile phases = {};
    double pretraining = 0.0;          // s; counted in no phase
    std::optional<double> floor = {};  // s; none for the exact gradient
    std::size_t threads = 0;           // of the floor, as of the training
};

/// Sets the floor of what the profile counted: the products of the textbook algorithm, a batch of so many rows at a time, by sgemm
/// on all of nbm's threads and nothing else. Measures for some tenths of a second. None for the exact gradient, which enumerates,
/// and for a training of no updates.
auto measure_floor(const nbm::Topology& topology, const TrainOptions& options, std::size_t batch, TrainingProfile& profile) -> void;

/// The seconds of each phase, in the order of a batch, and of pretraining.
auto phases_of(const TrainingProfile& profile) -> std::vector<std::pair<std::string, double>>;

/// For a person; null: nowhere.
auto print(const TrainingProfile& profile, std::FILE* stream) -> void;
