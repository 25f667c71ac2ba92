#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "results.hpp"
#include "train_options.hpp"

import nbm;

/// The callbacks of a run in a folder, and the configuration that reproduces the run.
struct RunCallbacks {
    nbm::DynamicCallbackList<Real> list;
    std::string effective;              // [[callbacks]] tables
    std::filesystem::path summary;      // the file of a callback that writes one; else empty
    std::vector<std::string> warnings;  // about what will not be done
};

/// Those of the configuration, those that options ask for unless the run is resumed, and nbm's usual ones: logs, checkpoints, a
/// watch for divergence, samples, plots; with what --set asks for. Throws InputError.
auto make_run_callbacks(const nbm::Config& config, const TrainOptions& options, bool resumed) -> RunCallbacks;
