#include <algorithm>

#include <fmt/format.h>

#include "rows.hpp"
#include "streaming.hpp"

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

auto is_binary(const nbm::Dataset<Real>& data) -> bool {
    const auto binary = [](const nbm::Matrix<Real>& rows) {
        return std::ranges::all_of(rows, [](Real x) { return x == Real{0} || x == Real{1}; });
    };
    return binary(data.train) && binary(data.valid) && binary(data.test);
}
