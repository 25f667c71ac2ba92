#include "kernels.hpp"

#include <algorithm>
#include <cstddef>

#include "vector_math.hpp"

namespace nbm::kernels {

namespace {

/// Copies a run of at most `lanes` elements, filling up with zeros, so that every pass works on whole registers.
template <class T>
[[gnu::always_inline]] inline auto load(const T* from, std::size_t n, T (&to)[lanes]) -> void {
    if (n == lanes) {
        for (std::size_t i = 0; i != lanes; ++i) { to[i] = from[i]; }
    } else {
        for (std::size_t i = 0; i != lanes; ++i) { to[i] = i < n ? from[i] : T{0}; }
    }
}
template <class T>
[[gnu::always_inline]] inline auto store(const T (&from)[lanes], std::size_t n, T* to) -> void {
    if (n == lanes) {
        for (std::size_t i = 0; i != lanes; ++i) { to[i] = from[i]; }
    } else {
        for (std::size_t i = 0; i != n; ++i) { to[i] = from[i]; }
    }
}

template <class T>
[[gnu::always_inline]] inline auto magnitude(T x) -> T {
    return x < T{0} ? -x : x;
}

template <class T>
[[gnu::always_inline]] inline auto activate_row(T* z, std::size_t n, T beta) -> void {
    for (std::size_t k = 0; k < n; k += lanes) {
        const auto m = std::min(lanes, n - k);
        T x[lanes];
        load(z + k, m, x);
        for (std::size_t i = 0; i != lanes; ++i) {
            const auto scaled = x[i] * beta;
            const auto e = exp_negative(-magnitude(scaled));
            x[i] = (scaled >= T{0} ? T{1} : e) / (T{1} + e);
        }
        store(x, m, z + k);
    }
}

template <class T>
[[gnu::always_inline]] inline auto softplus_row(const T* z, std::size_t n, T beta) -> double {
    auto sum = SoftplusSum<T>{};
    for (std::size_t k = 0; k < n; k += lanes) {
        const auto m = std::min(lanes, n - k);
        T x[lanes];
        load(z + k, m, x);
        for (std::size_t i = 0; i != lanes; ++i) {
            const auto scaled = x[i] * beta;
            const auto e = exp_negative(-magnitude(scaled));
            sum.positive[i] += scaled > T{0} ? scaled : T{0};
            sum.product[i] *= i < m ? T{1} + e : T{1};
        }
        sum.count_pass();
    }
    sum.flush();
    return sum.total;
}

template <class T>
[[gnu::always_inline]] inline auto activate_and_sum_row(T* z, std::size_t n) -> double {
    auto sum = SoftplusSum<T>{};
    for (std::size_t k = 0; k < n; k += lanes) {
        const auto m = std::min(lanes, n - k);
        T x[lanes];
        load(z + k, m, x);
        for (std::size_t i = 0; i != lanes; ++i) {
            const auto e = exp_negative(-magnitude(x[i]));
            sum.positive[i] += x[i] > T{0} ? x[i] : T{0};
            sum.product[i] *= i < m ? T{1} + e : T{1};
            x[i] = (x[i] >= T{0} ? T{1} : e) / (T{1} + e);
        }
        store(x, m, z + k);
        sum.count_pass();
    }
    sum.flush();
    return sum.total;
}

template <class T>
[[gnu::always_inline]] inline auto anneal_row(T* z, const T* base, std::size_t n, T before, T now) -> double {
    auto sum_before = SoftplusSum<T>{};
    auto sum_now = SoftplusSum<T>{};
    for (std::size_t k = 0; k < n; k += lanes) {
        const auto m = std::min(lanes, n - k);
        T x[lanes];
        T a[lanes];
        load(z + k, m, x);
        if (base != nullptr) {
            load(base + k, m, a);
        } else {
            for (std::size_t i = 0; i != lanes; ++i) { a[i] = T{0}; }
        }
        for (std::size_t i = 0; i != lanes; ++i) {
            const auto d = x[i] - a[i];
            const auto y0 = a[i] + before * d;
            const auto y1 = a[i] + now * d;
            sum_before.positive[i] += y0 > T{0} ? y0 : T{0};
            sum_before.product[i] *= i < m ? T{1} + exp_negative(-magnitude(y0)) : T{1};
            sum_now.positive[i] += y1 > T{0} ? y1 : T{0};
            sum_now.product[i] *= i < m ? T{1} + exp_negative(-magnitude(y1)) : T{1};
            x[i] = y1;
        }
        store(x, m, z + k);
        sum_before.count_pass();
        sum_now.count_pass();
    }
    sum_before.flush();
    sum_now.flush();
    return sum_now.total - sum_before.total;
}

}  // namespace

// One function per kernel and real type: the compiler makes copies for instruction sets of plain functions only.
NBM_KERNEL void activate(float* z, std::size_t n, float beta) { activate_row(z, n, beta); }
NBM_KERNEL void activate(double* z, std::size_t n, double beta) { activate_row(z, n, beta); }
NBM_KERNEL double softplus(const float* z, std::size_t n, float beta) { return softplus_row(z, n, beta); }
NBM_KERNEL double softplus(const double* z, std::size_t n, double beta) { return softplus_row(z, n, beta); }
NBM_KERNEL double activate_and_sum(float* z, std::size_t n) { return activate_and_sum_row(z, n); }
NBM_KERNEL double activate_and_sum(double* z, std::size_t n) { return activate_and_sum_row(z, n); }
NBM_KERNEL double anneal(float* z, const float* base, std::size_t n, float before, float now) {
    return anneal_row(z, base, n, before, now);
}
NBM_KERNEL double anneal(double* z, const double* base, std::size_t n, double before, double now) {
    return anneal_row(z, base, n, before, now);
}

}  // namespace nbm::kernels
