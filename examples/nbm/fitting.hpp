#pragma once

#include <stop_token>

#include "profile.hpp"
#include "results.hpp"
#include "run_callbacks.hpp"
#include "streaming.hpp"
#include "train.hpp"

import nbm;

/// Trains the machine as the job says, in the folder of the run. profile: null, or what gets the seconds. Throws Cancelled when it
/// was interrupted while pretraining.
auto run_fit(nbm::DBM<Real>& dbm, const TrainingRows& rows, const Job& job, RunCallbacks& callbacks, TrainingProfile* profile,
             std::stop_token stop) -> nbm::History;
