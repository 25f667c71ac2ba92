#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "results.hpp"
#include "sheet.hpp"
#include "train_options.hpp"

import nbm;

/// Writes a film: 8 grey levels, 32 where frames are small, ten frames a second, for ever.
auto write_film(const std::vector<nbm::Image>& frames, const std::filesystem::path& path) -> void;

/// Writes FOLDER/filters-h1.png and so on: what the first 100 units of each hidden layer that has a path to the visible ones look
/// for. Nothing where the rows are too wide for a picture.
template <class T>
auto write_filters(const nbm::DBM<T>& dbm, const std::filesystem::path& folder) -> void;

/// Writes FOLDER/weights.png and .pdf: histograms of the weights between each two layers, and below of the biases of each layer.
/// Throws Error when gnuplot is not there.
template <class T>
auto write_weight_plots(const nbm::DBM<T>& dbm, const std::filesystem::path& folder) -> void;

/// Writes FOLDER/ais-log-weights.png and .pdf, ais-effective-sample-size.png and .pdf. Throws Error when gnuplot is not there.
auto write_ais_plots(const Annealing& annealing, const std::filesystem::path& folder) -> void;

/// The files of write_ais_plots() and ais.json.
auto ais_files() -> std::vector<std::string>;

/// The files of write_filters() and write_weight_plots().
auto weight_files(const nbm::Topology& topology) -> std::vector<std::string>;

/// Writes {"log_z_base": nats, "log_weights": [one a run], "positions": [...], "effective_sample_size": [... at each]}.
auto write_ais_json(const Annealing& annealing, const std::filesystem::path& path) -> void;

/// All pictures of a run folder; the plots only where gnuplot is there, else a line to `stream`, which may be null, says so. The
/// folders of what was written, each after ", ".
auto write_pictures(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& train, const Annealing& annealing,
                    const TrainOptions& options, std::FILE* stream) -> std::string;

/// Makes a folder for plots that were asked for by --plots. Throws InputError without gnuplot, and FileError when one of `files` is
/// in it already and may not be overwritten.
auto prepare_plots(const std::filesystem::path& folder, const std::vector<std::string>& files, bool overwrite) -> void;
