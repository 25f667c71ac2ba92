#pragma once

#include <cstddef>
#include <stop_token>

#include "results.hpp"
#include "train_options.hpp"

import nbm;

/// The layers that were asked for, on rows of so many values. Throws InputError when they cannot be had.
auto topology_of(const TrainOptions& options, std::size_t units) -> nbm::Topology;

/// The parameters of --initial-weights, whose layers must be the lowest ones of the machine. Throws FileError or InputError.
auto begin_with_weights(nbm::DBM<Real>& dbm, const TrainOptions& options) -> void;

/// Layer-wise pretraining, shown on standard output. Throws InputError when it diverges and Cancelled after a stop request.
auto pretrain_machine(nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& train, const TrainOptions& options, std::stop_token stop)
    -> void;
