#pragma once

#include <string>
#include <vector>

#include "report/run_files.hpp"

/// How a reader should take a sentence.
enum class Tone { good, caution, bad, neutral };

/// One thing to know about a run: a short claim, and the sentences that bear it.
struct Judgement {
    Tone tone = Tone::neutral;
    std::string claim;
    std::string reason;
};

/// What can be said of the likelihood: whether log Z is to be trusted, what a bound is, the gap between training and test rows, and
/// whether the training has converged or diverged.
auto judge(const Run& run) -> std::vector<Judgement>;

/// How far the value of one run is above another, with the end of their error bars: log Z's of both, in quadrature. The rows are
/// those of the data set, not a sample, so their spread has no part in it.
struct Difference {
    double value = 0.0;
    double bar = 0.0;

    auto beyond_bar() const -> bool { return value > bar; }
};

auto difference(const Estimated& upper, const Estimated& lower) -> Difference;
