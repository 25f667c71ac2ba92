#include "kernels.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "vector_math.hpp"

namespace nbm::kernels {

namespace {

inline constexpr std::size_t blocks_at_once = 16;  // of four columns each
inline constexpr std::size_t columns_at_once = 4 * blocks_at_once;

/// The random words of 64 neighbouring columns, philox4x32 for 16 counters side by side.
[[gnu::always_inline]] inline auto words(Counter first, Key key, std::uint32_t (&out)[columns_at_once]) -> void {
    std::uint32_t c0[blocks_at_once];
    std::uint32_t c1[blocks_at_once];
    std::uint32_t c2[blocks_at_once];
    std::uint32_t c3[blocks_at_once];
    for (std::size_t i = 0; i != blocks_at_once; ++i) {
        c0[i] = first[0] + static_cast<std::uint32_t>(i);
        c1[i] = first[1];
        c2[i] = first[2];
        c3[i] = first[3];
    }
    for (int round = 0; round != 10; ++round) {
        for (std::size_t i = 0; i != blocks_at_once; ++i) {
            const auto p0 = std::uint64_t{0xD2511F53U} * c0[i];
            const auto p1 = std::uint64_t{0xCD9E8D57U} * c2[i];
            c0[i] = static_cast<std::uint32_t>(p1 >> 32U) ^ c1[i] ^ key[0];
            c1[i] = static_cast<std::uint32_t>(p1);
            c2[i] = static_cast<std::uint32_t>(p0 >> 32U) ^ c3[i] ^ key[1];
            c3[i] = static_cast<std::uint32_t>(p0);
        }
        key = {key[0] + 0x9E3779B9U, key[1] + 0xBB67AE85U};
    }
    for (std::size_t i = 0; i != blocks_at_once; ++i) {
        out[4 * i] = c0[i];
        out[4 * i + 1] = c1[i];
        out[4 * i + 2] = c2[i];
        out[4 * i + 3] = c3[i];
    }
}

// Strictly between 0 and 1, so that probabilities 0 and 1 are certain: 23 bits, for 24 and a half would round up to 1.
[[gnu::always_inline]] inline auto to_uniform(std::uint32_t word, float) -> float {
    return (static_cast<float>(static_cast<std::int32_t>(word >> 9U)) + 0.5F) * 0x1p-23F;
}
[[gnu::always_inline]] inline auto to_uniform(std::uint32_t word, double) -> double { return (word + 0.5) * 0x1p-32; }

enum class Input : std::uint8_t { logits, logits_keep_probabilities, probabilities };

template <Input input, class T>
[[gnu::always_inline]] inline auto sample_row(T* in, std::size_t n, T* out, Counter counter, Key key) -> void {
    std::uint32_t random[columns_at_once];
    for (std::size_t k = 0; k < n; k += columns_at_once) {
        counter[0] = static_cast<std::uint32_t>(k / 4);
        words(counter, key, random);
        const auto m = std::min(columns_at_once, n - k);
        for (std::size_t i = 0; i != m; ++i) {
            const auto x = in[k + i];
            const auto u = to_uniform(random[i], T{});
            if constexpr (input == Input::probabilities) {
                out[k + i] = u < x ? T{1} : T{0};
            } else {
                const auto e = exp_negative(x >= T{0} ? -x : x);
                const auto p = (x >= T{0} ? T{1} : e) / (T{1} + e);
                if constexpr (input == Input::logits_keep_probabilities) { in[k + i] = p; }
                out[k + i] = u < p ? T{1} : T{0};
            }
        }
    }
}

// In place and into another matrix are told apart so that the compiler knows what does not overlap.
template <Input input, class T>
[[gnu::always_inline]] inline auto sample_row_dispatch(T* in, std::size_t n, T* out, Counter counter, Key key) -> void {
    if (in == out) {
        sample_row<input>(in, n, in, counter, key);
    } else {
        T* __restrict from = in;
        T* __restrict to = out;
        sample_row<input>(from, n, to, counter, key);
    }
}

}  // namespace

NBM_KERNEL void sample_logits(float* in, std::size_t n, float* out, Counter c, Key k) {
    sample_row_dispatch<Input::logits>(in, n, out, c, k);
}
NBM_KERNEL void sample_logits(double* in, std::size_t n, double* out, Counter c, Key k) {
    sample_row_dispatch<Input::logits>(in, n, out, c, k);
}
NBM_KERNEL void activate_and_sample(float* in, std::size_t n, float* out, Counter c, Key k) {
    sample_row_dispatch<Input::logits_keep_probabilities>(in, n, out, c, k);
}
NBM_KERNEL void activate_and_sample(double* in, std::size_t n, double* out, Counter c, Key k) {
    sample_row_dispatch<Input::logits_keep_probabilities>(in, n, out, c, k);
}
NBM_KERNEL void sample_probabilities(float* in, std::size_t n, float* out, Counter c, Key k) {
    sample_row_dispatch<Input::probabilities>(in, n, out, c, k);
}
NBM_KERNEL void sample_probabilities(double* in, std::size_t n, double* out, Counter c, Key k) {
    sample_row_dispatch<Input::probabilities>(in, n, out, c, k);
}

}  // namespace nbm::kernels
