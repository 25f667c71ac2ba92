#pragma once

#include "train_options.hpp"

/// Trains, estimates, and writes history.csv, weights, summary.json, samples.png and filters.png into options.output. False when
/// the training was interrupted: the weights so far are saved then, and nothing is estimated.
auto train(const TrainOptions& options) -> bool;
