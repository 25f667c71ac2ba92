#include "enumeration.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numbers>

#include "vector_math.hpp"

namespace nbm::kernels {

namespace {

/// exp(x) for x <= 709, as exp_negative(float), to degree 13 and in a form that compilers vectorise.
[[gnu::always_inline]] inline auto exponential(double x) -> double {
    constexpr auto shift = 0x1.8p52;
    const auto inside = x > -708.0 ? x : -708.0;
    const auto shifted = inside * std::numbers::log2e + shift;
    const auto n = shifted - shift;
    const auto r = (inside - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
    auto p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    const auto result = std::bit_cast<double>(std::bit_cast<std::uint64_t>(p) + (std::bit_cast<std::uint64_t>(shifted) << 52U));
    const auto not_too_small = x < -708.0 ? 0.0 : result;
    return x != x ? std::numeric_limits<double>::quiet_NaN() : not_too_small;
}

/// Moves the exponent of a product >= 1 to `exponent`, so that the product is in [1, 2).
[[gnu::always_inline]] inline auto normalise(double& product, double& exponent) -> void {
    const auto bits = std::bit_cast<std::uint64_t>(product);
    // 2^52 + e as a number has e in its low bits: a conversion that every instruction set has.
    exponent += std::bit_cast<double>(bits >> 52U | 0x4330000000000000U) - (0x1p52 + 1023.0);
    product = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFU) | 0x3FF0000000000000U);
}

/// Eight numbers that stay in registers: of arrays, the compiler makes as many scalars.
using Eight [[gnu::vector_size(64)]] = double;
inline constexpr std::size_t registers = low_states / 8;

// By reference: how such numbers are returned depends on the instruction set.
[[gnu::always_inline]] inline auto load(const double* from, Eight& to) -> void { std::memcpy(&to, from, sizeof to); }
[[gnu::always_inline]] inline auto store(const Eight& from, double* to) -> void { std::memcpy(to, &from, sizeof from); }

/// The factors of one narrow run and 32 states.
[[gnu::always_inline]] inline auto multiply_narrow(const double* low, const double* high, Run run, double* product,
                                                   double* exponent) -> void {
    Eight x[registers];
    for (std::size_t i = 0; i != registers; ++i) { load(product + 8 * i, x[i]); }
    for (auto j = run.begin; j != run.end; ++j) {
        const auto* a = low + j * low_states;
        const auto h = high[j];
        for (std::size_t i = 0; i != registers; ++i) {
            Eight e;
            load(a + 8 * i, e);
            x[i] *= 1.0 + e * h;
        }
    }
    for (std::size_t i = 0; i != registers; ++i) { store(x[i], product + 8 * i); }
    for (std::size_t i = 0; i != low_states; ++i) { normalise(product[i], exponent[i]); }
}

/// The same where exp(z) could overflow: softplus(z) = max(z, 0) + log(1 + exp(-|z|)).
[[gnu::always_inline]] inline auto multiply_wide(const double* low, const double* high, Run run, double* product, double* exponent,
                                                 double* positive) -> void {
    for (auto j = run.begin; j != run.end; ++j) {
        const auto* a = low + j * low_states;
        const auto h = high[j];
        for (std::size_t i = 0; i != low_states; ++i) {
            const auto z = a[i] + h;
            positive[i] += z < 0.0 ? 0.0 : z;  // NaN, too
            product[i] *= 1.0 + exponential(z < 0.0 ? z : -z);
        }
    }
    for (std::size_t i = 0; i != low_states; ++i) { normalise(product[i], exponent[i]); }
}

/// The next state of the middle units: number k in Gray-code order, k > 0.
[[gnu::always_inline]] inline auto walk(const Columns& c, std::size_t k, Run run, double* high) -> void {
    const auto unit = static_cast<std::size_t>(std::countr_zero(k));
    const auto* step = ((k ^ (k >> 1U)) >> unit & 1U ? c.on : c.off) + unit * c.columns;
    if (run.wide) {
        for (auto j = run.begin; j != run.end; ++j) { high[j] += step[j]; }
    } else {
        for (auto j = run.begin; j != run.end; ++j) { high[j] *= step[j]; }
    }
}

/// Adds p sigmoid(z) of a column to low: [low_states] and returns the sum.
[[gnu::always_inline]] inline auto moments_narrow(const double* a, double h, const double* p, double* low) -> double {
    Eight sum[registers];
    for (std::size_t i = 0; i != registers; ++i) {
        Eight e;
        Eight before;
        load(a + 8 * i, e);
        load(p + 8 * i, sum[i]);
        load(low + 8 * i, before);
        e *= h;
        sum[i] *= e / (1.0 + e);
        store(before + sum[i], low + 8 * i);
    }
    const auto all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    return ((all[0] + all[4]) + (all[1] + all[5])) + ((all[2] + all[6]) + (all[3] + all[7]));
}
[[gnu::always_inline]] inline auto moments_wide(const double* a, double h, const double* p, double* low) -> double {
    auto sum = 0.0;
    for (std::size_t i = 0; i != low_states; ++i) {
        const auto z = a[i] + h;
        const auto e = exponential(z < 0.0 ? z : -z);
        const auto term = p[i] * ((z < 0.0 ? e : 1.0) / (1.0 + e));
        low[i] += term;
        sum += term;
    }
    return sum;
}

}  // namespace

NBM_KERNEL void softplus_sums(const Columns& c, double* high, double* sums) {
    const auto states = std::size_t{1} << c.middle;
    double product[block_states];
    double exponent[block_states];
    for (std::size_t i = 0; i != states * low_states; ++i) {
        product[i] = 1.0;
        exponent[i] = 0.0;
        sums[i] = 0.0;
    }
    // Run by run, so that its part of the tables stays in the nearest cache.
    for (std::size_t r = 0; r != c.run_count; ++r) {
        const auto run = c.runs[r];
        for (std::size_t k = 0; k != states; ++k) {
            if (k != 0) { walk(c, k, run, high); }
            const auto first = k * low_states;
            if (run.wide) {
                multiply_wide(c.low, high, run, product + first, exponent + first, sums + first);
            } else {
                multiply_narrow(c.low, high, run, product + first, exponent + first);
            }
        }
    }
    for (std::size_t i = 0; i != states * low_states; ++i) { sums[i] += exponent[i] * std::numbers::ln2 + std::log(product[i]); }
}

NBM_KERNEL void add_moments(const Columns& c, double* high, const double* p, double* low, double* middle, double* all) {
    const auto states = std::size_t{1} << c.middle;
    for (std::size_t r = 0; r != c.run_count; ++r) {
        const auto run = c.runs[r];
        for (std::size_t k = 0; k != states; ++k) {
            if (k != 0) { walk(c, k, run, high); }
            for (auto j = run.begin; j != run.end; ++j) {
                const auto at = j * low_states;
                const auto sum = run.wide ? moments_wide(c.low + at, high[j], p + k * low_states, low + at)
                                          : moments_narrow(c.low + at, high[j], p + k * low_states, low + at);
                all[j] += sum;
                for (auto on = k ^ (k >> 1U); on != 0; on &= on - 1) {
                    middle[static_cast<std::size_t>(std::countr_zero(on)) * c.columns + j] += sum;
                }
            }
        }
    }
}

NBM_KERNEL void exponentials(double* x, std::size_t n) {
    for (std::size_t i = 0; i != n; ++i) { x[i] = exponential(x[i]); }
}

}  // namespace nbm::kernels
