export module nbm:data.whitening;

import :data.dataset;
import :standard;
import :tensor;

export namespace nbm {

/// In which coordinates whitened rows are: along the principal axes, the one with the largest variance first, or turned back, so
/// that they stay as near to the rows as whitened ones can be (ZCA; Bell and Sejnowski 1997).
enum class Whiten : std::uint8_t { pca, zca };

struct WhiteningOptions {
    Whiten kind = Whiten::zca;
    /// Added to the variance along each principal axis before it is divided by. Directions of much smaller variance are hardly
    /// enlarged: they become sqrt(variance / (variance + epsilon)) wide instead of 1.
    double epsilon = 1e-5;
};

/// A linear map after which the rows that it was fitted to have mean 0 and, up to epsilon, the identity as covariance. With the
/// covariance C = U diag(variances) U^T and d = sqrt(variances + epsilon), PCA has the transform U diag(1/d) and ZCA U diag(1/d)
/// U^T. Column k of the transform is what unit k of whitened rows looks for, in units of the data: a filter to be shown as a
/// picture; row k of the inverse is what one more of that unit adds to a row.
template <Real T>
struct Whitening {
    Vector<T> mean;            ///< [units]
    Matrix<T> transform;       ///< [units, units]; whitened rows are (rows - mean) transform
    Matrix<T> inverse;         ///< [units, units]; rows are whitened rows times it, plus the mean
    Vector<double> variances;  ///< [units], of the rows along the principal axes, the largest first

    /// Whitens other rows in the same way, [rows, units]. Throws ShapeError.
    auto apply(const Matrix<T>& rows) const -> Matrix<T>;

    /// What apply() was given. Throws ShapeError.
    auto restore(const Matrix<T>& whitened) const -> Matrix<T>;
};

/// Finds the map for some rows, in double: the covariance, divided by the number of rows, and its eigenvectors by LAPACK, each with
/// the sign that makes its largest element positive. Throws InputError without rows, for values that are not finite, a negative
/// epsilon, or an epsilon of 0 when the rows do not vary in some direction.
template <Real T>
auto fit_whitening(const Matrix<T>& rows, const WhiteningOptions& options = {}) -> Whitening<T>;

/// Whitens all splits by the map of the training rows, which is returned. Values are no longer in [0, 1]: they are features, not
/// states or probabilities of binary units, see squash(). Throws as fit_whitening(), and ShapeError.
template <Real T>
auto whiten(Dataset<T>& dataset, const WhiteningOptions& options = {}) -> Whitening<T>;

/// How any numbers become values in [0, 1]: x becomes 1 / (1 + exp(-x)), or the smallest training value 0, the largest 1, others in
/// proportion; what lies beyond them in other splits becomes 0 or 1.
enum class Squash : std::uint8_t { logistic, range };

/// All splits. Throws InputError when the training values are all the same or not all finite, which `range` cannot map.
template <Real T>
auto squash(Dataset<T>& dataset, Squash how) -> void;

}  // namespace nbm
