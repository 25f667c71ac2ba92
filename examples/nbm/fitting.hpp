#pragma once

#include "configuration.hpp"
#include "results.hpp"
#include "train.hpp"

import nbm;

/// Trains the machine as the job says, in the folder of the run. Throws Cancelled when it was interrupted while pretraining.
auto run_fit(nbm::DBM<Real>& dbm, const nbm::Dataset<Real>& data, const Job& job, RunCallbacks& callbacks) -> nbm::History;
