#include <algorithm>

#include "rows.hpp"
#include "streaming.hpp"

auto load_rows(const TrainOptions& o) -> nbm::Dataset<Real> {
    if (o.stream) { return resident_rows(o); }
    auto dataset = nbm::load_dataset<Real>(o.data, o.seed);
    const auto how = o.binarise == "grey"        ? nbm::Binarise::grey
                     : o.binarise == "threshold" ? nbm::Binarise::threshold
                                                 : nbm::Binarise::sample;
    nbm::binarise(dataset, how, o.seed);
    return dataset;
}

auto is_binary(const nbm::Dataset<Real>& data) -> bool {
    const auto binary = [](const nbm::Matrix<Real>& rows) {
        return std::ranges::all_of(rows, [](Real x) { return x == Real{0} || x == Real{1}; });
    };
    return binary(data.train) && binary(data.valid) && binary(data.test);
}
