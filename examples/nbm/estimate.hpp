#pragma once

#include <string>

#include "results.hpp"
#include "train_options.hpp"

import nbm;

/// "-1.00 nats [-2.00, 0.00]"
auto show(const nbm::Estimate& estimate) -> std::string;

/// log Z by AIS as the options say. rows: of data, for base rates; null without.
auto estimate_log_z(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>* rows, const TrainOptions& options) -> Annealing;

/// The same and, with data, the log-probabilities of the training and test rows, and of the validation rows when they are wanted;
/// lower bounds of them for a deep machine.
auto estimate(const nbm::DBM<Real>& dbm, const nbm::Dataset<Real>* data, const TrainOptions& options, bool validation)
    -> Likelihood;

/// Says what comes next, for it may take long.
auto announce_ais(const TrainOptions& options) -> void;

/// For a person.
auto print(const Likelihood& likelihood, bool binary) -> void;
