export module nbm:tensor.math;

import :standard;
import :tensor.types;

export namespace nbm {

/// 1 / (1 + exp(-x)) without overflow for any finite x.
template <Real T>
inline auto sigmoid(T x) -> T {
    const auto e = std::exp(-std::abs(x));
    return x >= T{0} ? T{1} / (T{1} + e) : e / (T{1} + e);
}

/// log(1 + exp(x)) without overflow for any finite x.
template <Real T>
inline auto softplus(T x) -> T {
    return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x)));
}

/// log(p / (1 - p)), the inverse of sigmoid.
template <Real T>
inline auto logit(T p) -> T {
    return std::log(p) - std::log1p(-p);
}

/// log(sum exp(x_i)); -inf for an empty range or when every element is -inf; NaN when one is.
inline auto log_sum_exp(std::span<const double> x) -> double {
    auto largest = -std::numeric_limits<double>::infinity();
    for (const auto value : x) {
        if (std::isnan(value)) { return value; }
        largest = std::max(largest, value);
    }
    if (!std::isfinite(largest)) { return largest; }
    auto sum = 0.0;
    for (const auto value : x) { sum += std::exp(value - largest); }
    return largest + std::log(sum);
}

/// log(exp(a) + exp(b)).
inline auto log_add_exp(double a, double b) -> double {
    if (std::isnan(a) || std::isnan(b)) { return a + b; }
    const auto largest = std::max(a, b);
    return std::isfinite(largest) ? largest + std::log1p(std::exp(-std::abs(a - b))) : largest;
}

/// log(exp(a) - exp(b)) for a >= b; -inf when they are equal, NaN when a < b.
inline auto log_diff_exp(double a, double b) -> double {
    if (a == b) { return -std::numeric_limits<double>::infinity(); }
    const auto d = b - a;  // log1p is exact for small exp(d), expm1 for d near 0 (Maechler 2012)
    return a + (d < -0.6931471805599453 ? std::log1p(-std::exp(d)) : std::log(-std::expm1(d)));
}

}  // namespace nbm
