module nbm:training.initialise_impl;

import :data;
import :model;
import :random;
import :standard;
import :tensor;
import :training.initialise;
import nbm.fmt;

namespace nbm {

namespace {

/// Makes the rows orthonormal by modified Gram and Schmidt, twice, which leaves them orthogonal to rounding (Giraud et al. 2005).
auto orthonormalise(Matrix<double>& rows) -> void {
    const auto view = MatrixView<double>(rows);
    const auto dot = [](std::span<const double> a, std::span<const double> b) {
        auto sum = 0.0;
        for (std::size_t k = 0; k != a.size(); ++k) { sum += a[k] * b[k]; }
        return sum;
    };
    for (std::size_t i = 0; i != view.rows(); ++i) {
        const auto row = view.row(i);
        for (int pass = 0; pass != 2; ++pass) {
            for (std::size_t j = 0; j != i; ++j) {
                const auto other = view.row(j);
                const auto projection = dot(row, other);
                for (std::size_t k = 0; k != row.size(); ++k) { row[k] -= projection * other[k]; }
            }
        }
        const auto norm = std::sqrt(dot(row, row));
        for (auto& value : row) { value /= norm; }
    }
}

template <Real T>
auto draw_weights(Matrix<T>& weights, const Stream& stream, std::uint64_t step, const InitialiseOptions& options) -> void {
    const auto rows = weights.shape(0);
    const auto cols = weights.shape(1);
    const auto usual = options.weights == Weights::orthogonal ? 1.0 : 0.01;
    const auto scale = options.scale == 0.0 ? usual : options.scale;
    const auto wide = rows <= cols;
    auto normal = Matrix<double>::from_shape({std::min(rows, cols), std::max(rows, cols)});
    for (std::size_t r = 0; r != normal.shape(0); ++r) {
        for (std::size_t c = 0; c != normal.shape(1); ++c) { normal(r, c) = stream.normal(step, r, c); }
    }
    if (options.weights == Weights::orthogonal) { orthonormalise(normal); }
    for (std::size_t r = 0; r != rows; ++r) {
        for (std::size_t c = 0; c != cols; ++c) { weights(r, c) = static_cast<T>(scale * (wide ? normal(r, c) : normal(c, r))); }
    }
}

}  // namespace

template <Real T>
auto biases_of_means(const Matrix<T>& data) -> Vector<T> {
    const auto means = clipped_column_means<T>(data);
    auto biases = Vector<T>::from_shape({means.size()});
    std::ranges::transform(means, biases.begin(), [](double mean) { return static_cast<T>(logit(mean)); });
    return biases;
}

template <Real T>
auto initialise(DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& data, InitialiseOptions options) -> void {
    if (data.shape(1) != dbm.visible_size()) {
        throw ShapeError(fmt::format("the data have {} values a row; the machine {} has {} visible units", data.shape(1),
                                     dbm.topology().describe(), dbm.visible_size()));
    }
    if (data.shape(0) == 0) { throw InputError("initial visible biases need at least 1 row of data"); }
    if (!(options.scale >= 0.0) || !std::isfinite(options.scale)) {
        throw InputError(
            fmt::format("the scale of the initial weights is {}; a finite number of at least 0 is needed", options.scale));
    }
    const auto stream = Stream(options.seed, Purpose::initialisation);
    for (std::size_t s = 0; s != dbm.synapses().size(); ++s) { draw_weights(dbm.synapses()[s].weights, stream, s, options); }
    for (std::size_t l = 1; l != dbm.layer_count(); ++l) { dbm.bias(l).fill(T{0}); }
    dbm.bias(0) = biases_of_means(data);
}

template <Real T>
auto initialise(DBM<T>& dbm, const std::type_identity_t<StreamedDataset<T>>& data, InitialiseOptions options) -> void {
    initialise(dbm, data.resident().train, options);
    if (data.holds_all()) { return; }
    std::ranges::transform(data.means(), dbm.bias(0).begin(),
                           [](double mean) { return static_cast<T>(logit(std::clamp(mean, 0.001, 0.999))); });
}

template auto biases_of_means(const Matrix<float>&) -> Vector<float>;
template auto biases_of_means(const Matrix<double>&) -> Vector<double>;
template auto initialise(DBM<float>&, const Matrix<float>&, InitialiseOptions) -> void;
template auto initialise(DBM<double>&, const Matrix<double>&, InitialiseOptions) -> void;
template auto initialise(DBM<float>&, const StreamedDataset<float>&, InitialiseOptions) -> void;
template auto initialise(DBM<double>&, const StreamedDataset<double>&, InitialiseOptions) -> void;

}  // namespace nbm
