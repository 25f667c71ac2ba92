export module nbm:tensor.types;

import :standard;
import :xtensor;

export namespace nbm {

/// The number types that nbm is instantiated for.
template <class T>
concept Real = std::same_as<T, float> || std::same_as<T, double>;

/// Row-major dense matrix; rows are samples or chains, columns units.
template <Real T>
using Matrix = xt::xtensor<T, 2>;

template <Real T>
using Vector = xt::xtensor<T, 1>;

/// A range of rows, [first, first + count).
struct Rows {
    std::size_t first = 0;
    std::size_t count = 0;
};

/// A non-owning window on a row-major matrix; T may be const. Rows are `stride` elements apart.
template <class T>
    requires Real<std::remove_const_t<T>>
class MatrixView {
public:
    using value_type = std::remove_const_t<T>;

    constexpr MatrixView(T* data, std::size_t rows, std::size_t cols, std::size_t stride)
        : data_(data), rows_(rows), cols_(cols), stride_(stride) {}
    MatrixView(Matrix<value_type>& m) : MatrixView(m.data(), m.shape(0), m.shape(1), m.shape(1)) {}
    MatrixView(const Matrix<value_type>& m)
        requires std::is_const_v<T>
        : MatrixView(m.data(), m.shape(0), m.shape(1), m.shape(1)) {}
    constexpr MatrixView(MatrixView<value_type> other)
        requires std::is_const_v<T>
        : MatrixView(other.data(), other.rows(), other.cols(), other.stride()) {}

    constexpr auto data() const -> T* { return data_; }
    constexpr auto rows() const -> std::size_t { return rows_; }
    constexpr auto cols() const -> std::size_t { return cols_; }
    constexpr auto stride() const -> std::size_t { return stride_; }

    constexpr auto row(std::size_t r) const -> std::span<T> { return {data_ + r * stride_, cols_}; }
    constexpr auto operator()(std::size_t r, std::size_t c) const -> T& { return data_[r * stride_ + c]; }

    constexpr auto slice(Rows part) const -> MatrixView { return {data_ + part.first * stride_, part.count, cols_, stride_}; }
    constexpr auto columns(std::size_t first, std::size_t count) const -> MatrixView {
        return {data_ + first, rows_, count, stride_};
    }

private:
    T* data_;
    std::size_t rows_;
    std::size_t cols_;
    std::size_t stride_;
};

/// The rows `part` of a matrix.
template <Real T>
inline auto slice(Matrix<T>& m, Rows part) -> MatrixView<T> {
    return MatrixView<T>(m).slice(part);
}
template <Real T>
inline auto slice(const Matrix<T>& m, Rows part) -> MatrixView<const T> {
    return MatrixView<const T>(m).slice(part);
}

/// The elements of a vector as a span.
template <Real T>
inline auto as_span(const Vector<T>& v) -> std::span<const T> {
    return {v.data(), v.size()};
}
template <Real T>
inline auto as_span(Vector<T>& v) -> std::span<T> {
    return {v.data(), v.size()};
}

/// A matrix or vector of zeros.
template <Real T>
inline auto zero_matrix(std::size_t rows, std::size_t cols) -> Matrix<T> {
    auto m = Matrix<T>::from_shape({rows, cols});
    m.fill(T{0});
    return m;
}
template <Real T>
inline auto zero_vector(std::size_t size) -> Vector<T> {
    auto v = Vector<T>::from_shape({size});
    v.fill(T{0});
    return v;
}

}  // namespace nbm

namespace nbm {

/// Working room that is made when it is first needed and that copies do not share.
template <class W>
class Workspace {
public:
    Workspace() = default;
    Workspace(const Workspace&) {}
    Workspace(Workspace&&) noexcept = default;
    auto operator=(const Workspace&) -> Workspace& { return *this; }
    auto operator=(Workspace&&) noexcept -> Workspace& = default;
    ~Workspace() = default;

    auto get() -> W& {
        if (!room_) { room_ = std::make_unique<W>(); }
        return *room_;
    }
    /// Null before get().
    auto find() const -> const W* { return room_.get(); }

private:
    std::shared_ptr<W> room_;  // shared, for W may be incomplete here
};

}  // namespace nbm
