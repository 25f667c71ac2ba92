module nbm:callbacks.row_subset;

import :model;
import :sampling;
import :standard;
import :tensor;

namespace nbm {

/// All rows of a split, or a fixed subset of at most `limit` of them, evenly spread over it; 0: all.
template <Real T>
class RowSubset {
public:
    RowSubset(const Matrix<T>& data, std::size_t limit) : rows_(&data), subset_(Matrix<T>::from_shape({0, 0})) {
        const auto total = data.shape(0);
        if (limit == 0 || limit >= total) { return; }
        subset_ = Matrix<T>::from_shape({limit, data.shape(1)});
        for (std::size_t r = 0; r != limit; ++r) {
            std::ranges::copy(MatrixView<const T>(data).row(r * total / limit), MatrixView<T>(subset_).row(r).begin());
        }
        rows_ = &subset_;
    }
    RowSubset(const RowSubset&) = delete;
    auto operator=(const RowSubset&) -> RowSubset& = delete;

    auto operator*() const -> const Matrix<T>& { return *rows_; }

private:
    const Matrix<T>* rows_;
    Matrix<T> subset_;
};

/// "metric", or "metric_name" for a callback with a name.
inline auto named_metric(const std::string& metric, const std::string& name) -> std::string {
    return name.empty() ? metric : metric + "_" + name;
}

/// Runs the positive phase over all rows, some at a time, and calls use(positive, rows) after each part. Returns the mean of F(v),
/// variational for more than two layers, in nats.
template <Real T, class Use>
auto for_hidden_means(const DBM<T>& dbm, const Matrix<T>& data, const Use& use) -> double {
    constexpr std::size_t at_a_time = 1024;
    auto positive = PositivePhase<T>();
    positive.reserve(dbm, std::min(at_a_time, data.shape(0)));
    auto sum = 0.0;
    for (std::size_t first = 0; first < data.shape(0); first += at_a_time) {
        const auto rows = Rows{first, std::min(at_a_time, data.shape(0) - first)};
        sum += positive.run(dbm, slice(data, rows));
        use(positive, rows);
    }
    return sum / static_cast<double>(data.shape(0));
}

/// The mean of F(v), as above.
template <Real T>
auto mean_free_energy(const DBM<T>& dbm, const Matrix<T>& data) -> double {
    return for_hidden_means(dbm, data, [](const PositivePhase<T>&, Rows) {});
}

}  // namespace nbm
