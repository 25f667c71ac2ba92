module nbm:data.binarise_impl;

import :data.binarise;
import :data.dataset;
import :random;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

template <Real T>
auto sample_split(Matrix<T>& values, std::uint64_t seed, std::uint64_t split) -> void {
    const auto stream = Stream(seed, Purpose::binarisation);
    parallel_rows(values.shape(0), [&](Rows rows) {
        const auto part = slice(values, rows);
        sample_probabilities<T>(part, part, stream, split, rows.first);
    });
}

/// Where values are compared: those of at least the threshold become 1.
template <Real T>
auto threshold_of(Binarise how, const Matrix<T>& values) -> double {
    return how == Binarise::otsu ? otsu_threshold(values) : 0.5;
}

}  // namespace

template <Real T>
auto otsu_threshold(const Matrix<T>& values) -> double {
    auto sorted = std::vector<T>(values.begin(), values.end());
    if (std::ranges::any_of(sorted, [](T x) { return !std::isfinite(x); })) {
        throw InputError("Otsu's threshold needs values that are all finite");
    }
    std::ranges::sort(sorted);
    if (sorted.empty() || sorted.front() == sorted.back()) {
        throw InputError(sorted.empty() ? "Otsu's threshold of 0 values is not defined"
                                        : fmt::format("Otsu's threshold needs two different values; all {} are {}", sorted.size(),
                                                      sorted.front()));
    }
    auto total = 0.0;
    for (const auto x : sorted) { total += double(x); }
    // Sums of the same numbers in another order differ in their last digits; that must not decide between equal cuts.
    constexpr auto better = 1.0 + 1e-12;
    const auto count = static_cast<double>(sorted.size());
    auto below = 0.0;
    auto best = -1.0;
    auto threshold = 0.0;
    for (std::size_t i = 0; i + 1 != sorted.size(); ++i) {
        below += double(sorted[i]);
        if (sorted[i] == sorted[i + 1]) { continue; }
        const auto lower = static_cast<double>(i + 1);
        const auto upper = count - lower;
        const auto gap = below / lower - (total - below) / upper;
        const auto variance = lower / count * (upper / count) * gap * gap;
        if (variance <= best * better) { continue; }
        best = variance;
        // Half of each, for the sum might overflow; two neighbouring numbers have no middle.
        const auto middle = double(sorted[i]) / 2 + double(sorted[i + 1]) / 2;
        threshold = middle > double(sorted[i]) ? middle : double(sorted[i + 1]);
    }
    return threshold;
}

template <Real T>
auto binarise(Matrix<T>& values, double threshold) -> void {
    parallel_rows(values.shape(0), [&](Rows rows) {
        const auto part = slice(values, rows);
        for (std::size_t r = 0; r != part.rows(); ++r) {
            for (auto& value : part.row(r)) { value = double(value) >= threshold ? T{1} : T{0}; }
        }
    });
}

template <Real T>
auto binarise(Dataset<T>& dataset, double threshold) -> void {
    binarise(dataset.train, threshold);
    binarise(dataset.valid, threshold);
    binarise(dataset.test, threshold);
}

template <Real T>
auto binarise(Matrix<T>& values, Binarise how, std::uint64_t seed) -> void {
    if (how == Binarise::grey) { return; }
    if (how == Binarise::sample) {
        sample_split(values, seed, 0);
    } else {
        binarise(values, threshold_of(how, values));
    }
}

template <Real T>
auto binarise(Dataset<T>& dataset, Binarise how, std::uint64_t seed) -> void {
    if (how == Binarise::grey) { return; }
    if (how == Binarise::sample) {
        sample_split(dataset.train, seed, 0);
        sample_split(dataset.valid, seed, 1);
        sample_split(dataset.test, seed, 2);
    } else {
        binarise(dataset, threshold_of(how, dataset.train));
    }
}

template auto otsu_threshold(const Matrix<float>&) -> double;
template auto otsu_threshold(const Matrix<double>&) -> double;
template auto binarise(Matrix<float>&, double) -> void;
template auto binarise(Matrix<double>&, double) -> void;
template auto binarise(Dataset<float>&, double) -> void;
template auto binarise(Dataset<double>&, double) -> void;
template auto binarise(Matrix<float>&, Binarise, std::uint64_t) -> void;
template auto binarise(Matrix<double>&, Binarise, std::uint64_t) -> void;
template auto binarise(Dataset<float>&, Binarise, std::uint64_t) -> void;
template auto binarise(Dataset<double>&, Binarise, std::uint64_t) -> void;

}  // namespace nbm
