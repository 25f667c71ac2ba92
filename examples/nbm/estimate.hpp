#pragma once

#include <cstdio>
#include <stop_token>
#include <string>

#include "results.hpp"
#include "train_options.hpp"

import nbm;

/// "-1.00 nats [-2.00, 0.00]"
auto show(const nbm::Estimate& estimate) -> std::string;

/// Draws on a terminal how far a long computation is, and ends it when a stop is requested. null: draws nothing.
auto watched(std::FILE* stream, std::string what, std::stop_token stop = {}) -> nbm::Control;

/// log Z by AIS as the options say, without --ais-reverse. rows: of data, for base rates; null without. Throws Cancelled.
auto estimate_log_z(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>* rows, const TrainOptions& options,
                    const nbm::Control& control) -> Annealing;

/// log Z by reverse AIS, from samples after `ais_reverse` Gibbs sweeps that begin at rows of data: too high on average as far as
/// these are samples of the machine. Tells people how far it is. Throws Cancelled.
auto estimate_reverse_log_z(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& rows, const TrainOptions& options,
                            std::stop_token stop) -> nbm::LogZ;

/// log Z from one or both sides and, with data, the log-probabilities of the training and test rows, and of the validation rows
/// when they are wanted; lower bounds of them for a deep machine. Tells people how far it is. Throws Cancelled.
auto estimate(const nbm::DBM<Real>& dbm, const nbm::Dataset<Real>* data, const TrainOptions& options, bool validation,
              std::stop_token stop = {}) -> Likelihood;

/// Says what comes next, for it may take long.
auto announce_ais(const TrainOptions& options) -> void;

/// For a person.
auto describe(const Likelihood& likelihood, bool binary) -> std::string;
