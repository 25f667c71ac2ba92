// What the kernels share. Always inlined, so that each kernel's instruction set applies.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

// Compiles a kernel for several instruction sets; the loader picks one before anything else runs, which is too early for the thread
// sanitizer.
#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer)
#define NBM_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define NBM_KERNEL
#endif

namespace nbm::kernels {

/// Lanes that the kernels work on at once; the same on every machine, so that sums are taken in the same order.
inline constexpr std::size_t lanes = 16;

/// exp(x) for x <= 0.
[[gnu::always_inline]] inline auto exp_negative(double x) -> double { return std::exp(x); }

/// exp(x) for x <= 0, relative error below 3e-7: x = n log 2 + r, degree 6 in r, scaled by 2^n (log 2 in two parts, Cody and
/// Waite).
[[gnu::always_inline]] inline auto exp_negative(float x) -> float {
    const auto not_a_number = x != x;
    x = x > -87.0F ? x : -87.0F;         // also keeps NaN from the conversion to an integer
    constexpr auto shift = 12582912.0F;  // 1.5 * 2^23: adding and subtracting it rounds to an integer
    const auto n = (x * 1.44269504F + shift) - shift;
    const auto r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
    auto p = 1.0F / 720.0F;
    p = p * r + 1.0F / 120.0F;
    p = p * r + 1.0F / 24.0F;
    p = p * r + 1.0F / 6.0F;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    const auto bits = static_cast<std::uint32_t>(static_cast<std::int32_t>(n) + 127) << 23U;
    const auto result = p * std::bit_cast<float>(bits);
    return not_a_number ? std::numeric_limits<float>::quiet_NaN() : result;
}

/// Sums softplus(x_k) = max(x_k, 0) + log(1 + exp(-|x_k|)) with one logarithm for many terms: the factors are multiplied first.
template <class T>
struct SoftplusSum {
    static constexpr std::size_t terms_per_flush = sizeof(T) == 4 ? 64 : 512;  // 2^64, 2^512 stay finite

    T positive[lanes];
    T product[lanes];
    std::size_t terms = 0;
    double total = 0.0;

    [[gnu::always_inline]] SoftplusSum() { reset(); }

    [[gnu::always_inline]] auto reset() -> void {
        for (std::size_t i = 0; i != lanes; ++i) {
            positive[i] = T{0};
            product[i] = T{1};
        }
        terms = 0;
    }
    [[gnu::always_inline]] auto flush() -> void {
        for (std::size_t i = 0; i != lanes; ++i) { total += double(positive[i]) + std::log(double(product[i])); }
        reset();
    }
    /// Call once per pass over the lanes, after their terms were added.
    [[gnu::always_inline]] auto count_pass() -> void {
        if (++terms == terms_per_flush) { flush(); }
    }
};

}  // namespace nbm::kernels
