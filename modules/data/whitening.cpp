module;

#include "nbm/xtensor.hpp"

#include <xtensor-blas/xlinalg.hpp>

module nbm:data.whitening_impl;

import :data.dataset;
import :data.whitening;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

template <Real T>
auto mean_of_rows(const Matrix<T>& rows) -> std::vector<double> {
    auto mean = std::vector<double>(rows.shape(1), 0.0);
    for (std::size_t r = 0; r != rows.shape(0); ++r) {
        for (std::size_t k = 0; k != mean.size(); ++k) { mean[k] += double(rows(r, k)); }
    }
    for (auto& x : mean) { x /= static_cast<double>(rows.shape(0)); }
    return mean;
}

/// [units, units], of all rows, divided by their number; block by block, so that no second copy of them is needed.
template <Real T>
auto covariance_of(const Matrix<T>& rows, const std::vector<double>& mean) -> Matrix<double> {
    constexpr auto block_rows = std::size_t{1024};
    const auto units = mean.size();
    auto covariance = zero_matrix<double>(units, units);
    const auto blocks = RowBlocks(rows.shape(0), block_rows);
    for (std::size_t b = 0; b != blocks.count(); ++b) {
        const auto part = blocks[b];
        auto centred = zero_matrix<double>(part.count, units);
        for (std::size_t r = 0; r != part.count; ++r) {
            for (std::size_t k = 0; k != units; ++k) { centred(r, k) = double(rows(part.first + r, k)) - mean[k]; }
        }
        multiply<double>(centred, centred, covariance, Transpose::yes, Transpose::no, 1.0 / static_cast<double>(rows.shape(0)),
                         1.0);
    }
    return covariance;
}

/// Eigenvectors as columns, with the largest eigenvalue first.
struct Axes {
    Vector<double> variances;
    Matrix<double> vectors;
};

auto axes_of(const Matrix<double>& covariance) -> Axes {
    const auto units = covariance.shape(0);
    const auto [values, vectors] = xt::linalg::eigh(covariance);  // the smallest first
    auto axes = Axes{.variances = zero_vector<double>(units), .vectors = zero_matrix<double>(units, units)};
    for (std::size_t k = 0; k != units; ++k) {
        const auto from = units - 1 - k;
        axes.variances(k) = std::max(0.0, values(from));  // rounding makes small ones negative
        auto largest = std::size_t{0};
        for (std::size_t i = 1; i != units; ++i) {
            if (std::abs(vectors(i, from)) > std::abs(vectors(largest, from))) { largest = i; }
        }
        const auto sign = vectors(largest, from) < 0.0 ? -1.0 : 1.0;
        for (std::size_t i = 0; i != units; ++i) { axes.vectors(i, k) = sign * vectors(i, from); }
    }
    return axes;
}

/// Columns of the axes, each times a factor.
auto scaled(const Matrix<double>& vectors, const std::vector<double>& factors) -> Matrix<double> {
    auto result = vectors;
    for (std::size_t i = 0; i != result.shape(0); ++i) {
        for (std::size_t k = 0; k != factors.size(); ++k) { result(i, k) *= factors[k]; }
    }
    return result;
}

/// U diag(factors) U^T, symmetric to the last bit.
auto turned_back(const Matrix<double>& vectors, const std::vector<double>& factors) -> Matrix<double> {
    auto result = zero_matrix<double>(vectors.shape(0), vectors.shape(0));
    multiply<double>(scaled(vectors, factors), vectors, result, Transpose::no, Transpose::yes);
    for (std::size_t i = 0; i != result.shape(0); ++i) {
        for (std::size_t j = 0; j != i; ++j) { result(i, j) = result(j, i) = (result(i, j) + result(j, i)) / 2; }
    }
    return result;
}

auto transposed(const Matrix<double>& m) -> Matrix<double> {
    auto result = zero_matrix<double>(m.shape(1), m.shape(0));
    for (std::size_t i = 0; i != m.shape(0); ++i) {
        for (std::size_t j = 0; j != m.shape(1); ++j) { result(j, i) = m(i, j); }
    }
    return result;
}

template <Real T>
auto cast(const Matrix<double>& from) -> Matrix<T> {
    auto to = zero_matrix<T>(from.shape(0), from.shape(1));
    std::ranges::transform(from, to.begin(), [](double x) { return static_cast<T>(x); });
    return to;
}

/// (rows - before) map + after; either may be empty.
template <Real T>
auto mapped(const Matrix<T>& rows, const Vector<T>& before, const Matrix<T>& map, const Vector<T>& after) -> Matrix<T> {
    if (rows.shape(1) != map.shape(0)) {
        throw ShapeError(fmt::format("whitening: rows of {} values do not fit the map of {} units", rows.shape(1), map.shape(0)));
    }
    auto result = zero_matrix<T>(rows.shape(0), map.shape(1));
    parallel_rows(rows.shape(0), [&](Rows part) {
        auto centred = zero_matrix<T>(part.count, rows.shape(1));
        for (std::size_t r = 0; r != part.count; ++r) {
            for (std::size_t k = 0; k != rows.shape(1); ++k) {
                centred(r, k) = rows(part.first + r, k) - (before.size() == 0 ? T{0} : before(k));
            }
        }
        const auto out = slice(result, part);
        multiply<T>(centred, map, out);
        for (std::size_t r = 0; after.size() != 0 && r != part.count; ++r) {
            for (std::size_t k = 0; k != after.size(); ++k) { out(r, k) += after(k); }
        }
    });
    return result;
}

template <Real T>
auto check(const Matrix<T>& rows, const WhiteningOptions& options) -> void {
    if (rows.size() == 0) { throw InputError("whitening needs training rows; there are none"); }
    if (!(options.epsilon >= 0.0 && std::isfinite(options.epsilon))) {
        throw InputError(fmt::format("whitening: epsilon is {}; a number of at least 0 is expected", options.epsilon));
    }
    for (std::size_t r = 0; r != rows.shape(0); ++r) {
        for (std::size_t k = 0; k != rows.shape(1); ++k) {
            if (!std::isfinite(rows(r, k))) {
                throw InputError(fmt::format("whitening: row {}, column {} is {}; finite numbers are expected", r, k, rows(r, k)));
            }
        }
    }
}

}  // namespace

template <Real T>
auto Whitening<T>::apply(const Matrix<T>& rows) const -> Matrix<T> {
    return mapped(rows, mean, transform, Vector<T>::from_shape({0}));
}

template <Real T>
auto Whitening<T>::restore(const Matrix<T>& whitened) const -> Matrix<T> {
    return mapped(whitened, Vector<T>::from_shape({0}), inverse, mean);
}

template <Real T>
auto fit_whitening(const Matrix<T>& rows, const WhiteningOptions& options) -> Whitening<T> {
    check(rows, options);
    const auto units = rows.shape(1);
    const auto mean = mean_of_rows(rows);
    auto axes = axes_of(covariance_of(rows, mean));
    // Below this, a variance is rounding of the largest one.
    constexpr auto rounding = 1e-14;
    const auto least = axes.variances(0) * rounding * static_cast<double>(units);
    if (options.epsilon == 0.0 && axes.variances(units - 1) <= least) {
        const auto flat = std::ranges::count_if(axes.variances, [&](double x) { return x <= least; });
        throw InputError(fmt::format(
            "whitening: the training rows do not vary in {} of {} directions; an epsilon above 0 is needed", flat, units));
    }
    auto widths = std::vector<double>(units);
    auto factors = std::vector<double>(units);
    for (std::size_t k = 0; k != units; ++k) {
        widths[k] = std::sqrt(axes.variances(k) + options.epsilon);
        factors[k] = 1.0 / widths[k];
    }
    auto result = Whitening<T>{.mean = zero_vector<T>(units), .transform = {}, .inverse = {}, .variances = axes.variances};
    std::ranges::transform(mean, result.mean.begin(), [](double x) { return static_cast<T>(x); });
    if (options.kind == Whiten::pca) {
        result.transform = cast<T>(scaled(axes.vectors, factors));
        result.inverse = cast<T>(transposed(scaled(axes.vectors, widths)));
    } else {
        result.transform = cast<T>(turned_back(axes.vectors, factors));
        result.inverse = cast<T>(turned_back(axes.vectors, widths));
    }
    return result;
}

template <Real T>
auto whiten(Dataset<T>& dataset, const WhiteningOptions& options) -> Whitening<T> {
    auto whitening = fit_whitening(dataset.train, options);
    for (auto* const rows : {&dataset.train, &dataset.valid, &dataset.test}) {
        if (rows->shape(0) != 0) { *rows = whitening.apply(*rows); }
    }
    return whitening;
}

template <Real T>
auto squash(Dataset<T>& dataset, Squash how) -> void {
    auto lowest = 0.0;
    auto width = 1.0;
    if (how == Squash::range) {
        const auto [least, most] = std::ranges::minmax_element(dataset.train);
        const auto finite = std::ranges::all_of(dataset.train, [](T x) { return std::isfinite(x); });
        if (dataset.train.size() == 0 || !finite || *least == *most) {
            throw InputError("the range of training values that are all the same, not all finite, or none cannot become [0, 1]");
        }
        lowest = double(*least);
        width = double(*most) - lowest;
    }
    for (auto* const rows : {&dataset.train, &dataset.valid, &dataset.test}) {
        for (auto& x : *rows) {
            const auto value =
                how == Squash::logistic ? 1.0 / (1.0 + std::exp(-double(x))) : std::clamp((double(x) - lowest) / width, 0.0, 1.0);
            x = static_cast<T>(value);
        }
    }
}

template struct Whitening<float>;
template struct Whitening<double>;
template auto fit_whitening(const Matrix<float>&, const WhiteningOptions&) -> Whitening<float>;
template auto fit_whitening(const Matrix<double>&, const WhiteningOptions&) -> Whitening<double>;
template auto whiten(Dataset<float>&, const WhiteningOptions&) -> Whitening<float>;
template auto whiten(Dataset<double>&, const WhiteningOptions&) -> Whitening<double>;
template auto squash(Dataset<float>&, Squash) -> void;
template auto squash(Dataset<double>&, Squash) -> void;

}  // namespace nbm
