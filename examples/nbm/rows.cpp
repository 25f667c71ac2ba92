#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

#include "rows.hpp"
#include "streaming.hpp"

namespace {

/// Draws that are no sweeps have numbers of their own.
constexpr auto row_order = std::uint64_t{1} << 55U;
constexpr auto grey_rows = row_order + 1;

}  // namespace

auto binarise_rows(nbm::Dataset<Real>& data, const TrainOptions& o) -> void {
    constexpr auto usual = 0.5;
    if (o.binarise == "threshold") {
        nbm::binarise(data, o.threshold);
        return;
    }
    if (o.threshold != usual) {
        throw nbm::InputError(
            fmt::format("--threshold {} needs --binarise threshold; found --binarise {}", o.threshold, o.binarise));
    }
    const auto how = o.binarise == "grey"   ? nbm::Binarise::grey
                     : o.binarise == "otsu" ? nbm::Binarise::otsu
                                            : nbm::Binarise::sample;
    nbm::binarise(data, how, o.seed);
}

auto load_rows(const TrainOptions& o) -> nbm::Dataset<Real> {
    if (o.stream) { return resident_rows(o); }
    auto data = nbm::load_dataset<Real>(o.data, o.seed);
    binarise_rows(data, o);
    return data;
}

auto grey_rows_of(const nbm::Matrix<Real>& train, const TrainOptions& o) -> nbm::Matrix<Real> {
    const auto own = o.redraw == "data";
    if (o.binarise != "sample") {
        throw nbm::InputError(
            fmt::format("--redraw draws rows anew that --binarise sample draws once; found --binarise {}", o.binarise));
    }
    const auto& name = own ? o.data : o.redraw;
    auto grey = nbm::Matrix<Real>{};
    try {
        grey = nbm::load_dataset<Real>(name, o.seed).train;
    } catch (const nbm::InputError& error) { throw nbm::InputError(fmt::format("--redraw {}: {}", name, error.what())); }
    if (grey.shape(0) < train.shape(0) || grey.shape(1) != train.shape(1)) {
        throw nbm::InputError(fmt::format("--redraw {}: {} rows of {} values; the training data have {} rows of {}", name,
                                          grey.shape(0), grey.shape(1), train.shape(0), train.shape(1)));
    }
    auto rows = nbm::zero_matrix<Real>(train.shape(0), train.shape(1));
    std::copy_n(grey.begin(), rows.size(), rows.begin());
    auto any_grey = false;
    for (std::size_t r = 0; r != rows.shape(0); ++r) {
        for (std::size_t k = 0; k != rows.shape(1); ++k) {
            const auto p = rows(r, k);
            any_grey = any_grey || (p > Real{0} && p < Real{1});
            if ((p == Real{0} && train(r, k) != Real{0}) || (p == Real{1} && train(r, k) != Real{1})) {
                throw nbm::InputError(
                    fmt::format("--redraw {}: training row {} cannot have been drawn from row {} there: value {} is {}, "
                                "drawn from {}",
                                name, r, r, k, train(r, k), p));
            }
        }
    }
    if (!any_grey) {
        throw nbm::InputError(fmt::format("--redraw {}: its rows have no grey values, so there is nothing to draw", name));
    }
    return rows;
}

auto some_rows(const nbm::Matrix<Real>& data, std::size_t count, std::uint64_t seed) -> nbm::Matrix<Real> {
    const auto stream = nbm::Stream(seed, nbm::Purpose::samples);
    const auto order = nbm::permutation(stream, row_order, data.shape(0));
    auto rows = nbm::zero_matrix<Real>(count, data.shape(1));
    for (std::size_t r = 0; r != count; ++r) {
        std::ranges::copy(nbm::MatrixView<const Real>(data).row(order[r % order.size()]),
                          nbm::MatrixView<Real>(rows).row(r).begin());
    }
    nbm::sample_probabilities<Real>(rows, rows, stream, grey_rows, 0);
    return rows;
}

auto is_binary(const nbm::Dataset<Real>& data) -> bool {
    const auto binary = [](const nbm::Matrix<Real>& rows) {
        return std::ranges::all_of(rows, [](Real x) { return x == Real{0} || x == Real{1}; });
    };
    return binary(data.train) && binary(data.valid) && binary(data.test);
}
