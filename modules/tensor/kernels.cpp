module;

#include "../kernels/kernels.hpp"

module nbm:tensor.kernels_impl;

import :standard;
import :tensor.types;
import :tensor.kernels;

namespace nbm {

template <Real T>
auto set_rows(MatrixView<T> out, std::span<const T> bias) -> void {
    for (std::size_t r = 0; r != out.rows(); ++r) { std::ranges::copy(bias, out.row(r).begin()); }
}

template <Real T>
auto activate(MatrixView<T> z, double beta) -> void {
    for (std::size_t r = 0; r != z.rows(); ++r) { kernels::rows<T>().activate(z.row(r).data(), z.cols(), static_cast<T>(beta)); }
}

template <Real T>
auto activate_and_sum(MatrixView<T> z, std::span<double> sums) -> void {
    for (std::size_t r = 0; r != z.rows(); ++r) { sums[r] += kernels::rows<T>().activate_and_sum(z.row(r).data(), z.cols()); }
}

template <Real T>
auto add_softplus(MatrixView<const T> z, double beta, std::span<double> sums) -> void {
    for (std::size_t r = 0; r != z.rows(); ++r) {
        sums[r] += kernels::rows<T>().softplus(z.row(r).data(), z.cols(), static_cast<T>(beta));
    }
}

template <Real T>
auto anneal(MatrixView<T> z, std::span<const T> base, double beta_before, double beta, std::span<double> sums) -> void {
    const auto* a = base.empty() ? nullptr : base.data();
    for (std::size_t r = 0; r != z.rows(); ++r) {
        sums[r] += kernels::rows<T>().anneal(z.row(r).data(), a, z.cols(), static_cast<T>(beta_before), static_cast<T>(beta));
    }
}

template <Real T>
auto dot(std::span<const T> x, std::span<const T> y) -> double {
    return kernels::rows<T>().dot(x.data(), y.data(), x.size());
}

template <Real T>
auto update_means(std::span<T> means, std::span<const T> input, std::span<const T> constant, double beta) -> double {
    return double(kernels::rows<T>().update_means(means.data(), input.data(), constant.data(), means.size(), static_cast<T>(beta)));
}

template <Real T>
auto clipped_column_means(MatrixView<const T> v) -> std::vector<double> {
    auto means = std::vector<double>(v.cols(), 0.0);
    for (std::size_t r = 0; r != v.rows(); ++r) {
        for (std::size_t k = 0; k != means.size(); ++k) { means[k] += double(v(r, k)); }
    }
    for (auto& mean : means) { mean = std::clamp(mean / static_cast<double>(v.rows()), 0.001, 0.999); }
    return means;
}

template auto clipped_column_means(MatrixView<const float>) -> std::vector<double>;
template auto clipped_column_means(MatrixView<const double>) -> std::vector<double>;
template auto update_means(std::span<float>, std::span<const float>, std::span<const float>, double) -> double;
template auto update_means(std::span<double>, std::span<const double>, std::span<const double>, double) -> double;
template auto dot(std::span<const float>, std::span<const float>) -> double;
template auto dot(std::span<const double>, std::span<const double>) -> double;
template auto set_rows(MatrixView<float>, std::span<const float>) -> void;
template auto set_rows(MatrixView<double>, std::span<const double>) -> void;
template auto activate(MatrixView<float>, double) -> void;
template auto activate(MatrixView<double>, double) -> void;
template auto activate_and_sum(MatrixView<float>, std::span<double>) -> void;
template auto activate_and_sum(MatrixView<double>, std::span<double>) -> void;
template auto add_softplus(MatrixView<const float>, double, std::span<double>) -> void;
template auto add_softplus(MatrixView<const double>, double, std::span<double>) -> void;
template auto anneal(MatrixView<float>, std::span<const float>, double, double, std::span<double>) -> void;
template auto anneal(MatrixView<double>, std::span<const double>, double, double, std::span<double>) -> void;

}  // namespace nbm
