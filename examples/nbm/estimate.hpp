#pragma once

#include "results.hpp"
#include "train_options.hpp"

import nbm;

/// log Z by AIS and the log-probabilities of the training and test rows, or their lower bounds for a deep machine.
auto estimate(const nbm::DBM<Real>& dbm, const nbm::Dataset<Real>& data, const TrainOptions& options) -> Likelihood;

/// For a person.
auto print(const Likelihood& likelihood, bool binary) -> void;
