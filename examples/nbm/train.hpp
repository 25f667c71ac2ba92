#pragma once

#include "train_options.hpp"

/// Trains, estimates, and writes history.csv, weights, samples.png, filters.png and summary.json into options.output.
auto train(const TrainOptions& options) -> void;
