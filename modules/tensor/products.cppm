export module nbm:tensor.products;

import :standard;
import :tensor.types;

export namespace nbm {

enum class Transpose : bool { no, yes };

/// out = alpha op(a) op(b) + beta out, by BLAS on the calling thread; op transposes where asked. Throws ShapeError when the
/// shapes do not fit. `out` must not overlap `a` or `b`.
template <Real T>
auto multiply(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> out, Transpose transpose_a = Transpose::no,
              Transpose transpose_b = Transpose::no, T alpha = T{1}, T beta = T{0}) -> void;

/// Name and build options of the BLAS library in use.
auto blas_name() -> std::string;

}  // namespace nbm
