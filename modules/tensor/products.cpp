module;

#include "nbm/xtensor.hpp"

#include <xtensor-blas/xblas.hpp>

#if !defined(HAVE_CBLAS)
#error "xtensor-blas would use its slow fallback instead of OpenBLAS"
#endif

module nbm:tensor.products_impl;

import :standard;
import :tensor.errors;
import :tensor.types;
import :tensor.products;
import nbm.fmt;

extern "C" {
void openblas_set_num_threads(int count);
char* openblas_get_config(void);
}

namespace nbm {

namespace {

auto flag(Transpose t) -> cxxblas::Transpose {
    return t == Transpose::yes ? cxxblas::Transpose::Trans : cxxblas::Transpose::NoTrans;
}

/// nbm's own loops are the parallel ones; a threaded BLAS below them would oversubscribe and vary its order of summation.
auto make_blas_single_threaded() -> void {
    static const auto done = (openblas_set_num_threads(1), true);
    static_cast<void>(done);
}

}  // namespace

template <Real T>
auto multiply(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> out, Transpose transpose_a, Transpose transpose_b,
              T alpha, T beta) -> void {
    const auto rows = transpose_a == Transpose::yes ? a.cols() : a.rows();
    const auto inner = transpose_a == Transpose::yes ? a.rows() : a.cols();
    const auto inner_b = transpose_b == Transpose::yes ? b.cols() : b.rows();
    const auto cols = transpose_b == Transpose::yes ? b.rows() : b.cols();
    if (inner != inner_b || rows != out.rows() || cols != out.cols()) {
        throw ShapeError(fmt::format("multiply: [{} x {}] times [{} x {}] does not fit into [{} x {}]", rows, inner, inner_b, cols,
                                     out.rows(), out.cols()));
    }
    if (rows == 0 || cols == 0) { return; }
    make_blas_single_threaded();
    // The product of xt::blas::gemm, called one level lower because that takes no leading dimension for windows.
    using Index = xt::blas_index_t;
    cxxblas::gemm<Index>(cxxblas::StorageOrder::RowMajor, flag(transpose_a), flag(transpose_b), static_cast<Index>(rows),
                         static_cast<Index>(cols), static_cast<Index>(inner), alpha, a.data(), static_cast<Index>(a.stride()),
                         b.data(), static_cast<Index>(b.stride()), beta, out.data(), static_cast<Index>(out.stride()));
}

auto blas_name() -> std::string { return openblas_get_config(); }

template auto multiply(MatrixView<const float>, MatrixView<const float>, MatrixView<float>, Transpose, Transpose, float, float)
    -> void;
template auto multiply(MatrixView<const double>, MatrixView<const double>, MatrixView<double>, Transpose, Transpose, double, double)
    -> void;

}  // namespace nbm
