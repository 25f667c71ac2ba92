#pragma once

#include "results.hpp"
#include "train_options.hpp"

import nbm;

/// The data set of --data, binarised as --binarise and --threshold say; with --stream, the rows of it that stay in memory.
auto load_rows(const TrainOptions& options) -> nbm::Dataset<Real>;

/// Binarises all splits as --binarise and --threshold say. Throws InputError when they do not go together.
auto binarise_rows(nbm::Dataset<Real>& data, const TrainOptions& options) -> void;

/// `count` rows in random order; some more than once when there are fewer. Values between 0 and 1 are drawn.
auto some_rows(const nbm::Matrix<Real>& data, std::size_t count, std::uint64_t seed) -> nbm::Matrix<Real>;

/// The grey values of --redraw, one row for each training row. Throws InputError when the training rows cannot have been drawn from
/// them.
auto grey_rows_of(const nbm::Matrix<Real>& train, const TrainOptions& options) -> nbm::Matrix<Real>;

/// Whether all values are 0 or 1.
auto is_binary(const nbm::Dataset<Real>& data) -> bool;
