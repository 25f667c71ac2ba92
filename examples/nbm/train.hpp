#pragma once

#include <string>

#include "train_options.hpp"

import nbm;

/// A training as it was asked for.
struct Job {
    TrainOptions options;
    nbm::Config config;      // the callbacks
    std::string settings;    // the options as TOML, for the run folder
    std::string checkpoint;  // to go on from; empty: a new run
    bool continue_after_stop = false;
};

/// Trains, estimates, and writes config.toml, history.csv, checkpoints, weights, summary.json and the pictures of
/// pictures.hpp into options.output. False when the training was interrupted: its weights and a checkpoint are saved then, and
/// nothing is estimated.
auto train(const Job& job) -> bool;
