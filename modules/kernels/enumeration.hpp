// Sums over all states of a few binary units, others summed out: see estimators/enumeration.cpp. Plain C++ for the same reason as
// kernels.hpp.
#pragma once

#include <cstddef>

namespace nbm::kernels {

inline constexpr std::size_t low_bits = 5;  // units whose states lie side by side in registers
inline constexpr std::size_t low_states = std::size_t{1} << low_bits;
inline constexpr std::size_t middle_bits = 5;  // at most so many units are walked through in Gray-code order
inline constexpr std::size_t block_states = low_states << middle_bits;

/// Consecutive columns (summed units). Of a narrow run, the tables hold exp(z) and one product of all factors 1 + exp(z) is a
/// finite number below 2^1022; of a wide one they hold z itself.
struct Run {
    std::size_t begin;
    std::size_t end;
    bool wide;
};

/// What the blocks of an enumeration have in common; z is the input to a column, or exp of it in a narrow run.
struct Columns {
    const double* low;  // [columns, low_states]: the part of z from the low units
    const double* on;   // [middle, columns]: what switching a middle unit on adds to z, or multiplies it by
    const double* off;  // the same for switching it off
    std::size_t columns;
    std::size_t middle;  // units, at most middle_bits
    const Run* runs;
    std::size_t run_count;
};

struct EnumerationKernels {
    /// sums: [2^middle in Gray-code order, low_states] = sum over the columns of softplus(z), where `high` holds z with all low and
    /// middle units off. Overwrites `high`.
    void (*softplus_sums)(const Columns& columns, double* high, double* sums);

    /// For states with weights p: [2^middle in Gray-code order, low_states], adds p sigmoid(z) to low: [columns, low_states] (sums
    /// over middle states), to middle: [middle, columns] (over all states with that unit on) and to all: [columns]. Overwrites
    /// `high`.
    void (*add_moments)(const Columns& columns, double* high, const double* p, double* low, double* middle, double* all);

    /// x <- exp(x) in place, relative error below 3e-16, for x <= 709; 0 below -708.
    void (*exponentials)(double* x, std::size_t n);
};

}  // namespace nbm::kernels
