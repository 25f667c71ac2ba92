module;

#include <cstddef>
#include <vector>

module nbm:sampling.mean_field_impl;

import :model;
import :sampling.mean_field;
import :sampling.mean_field_rows;
import :tensor;

namespace nbm {

template <Real T>
auto MeanField::run(const DBM<T>& dbm, States<T>& means, std::size_t count, States<T>& scratch) const -> MeanFieldResult {
    const auto free = free_layers(options_, dbm.layer_count());
    const auto blocks = RowBlocks(count);
    auto results = std::vector<MeanFieldResult>(blocks.count());
    parallel_for(blocks.count(),
                 [&](std::size_t block) { results[block] = mean_field_rows(dbm, means, scratch, options_, free, blocks[block]); });
    return worst_of(results);
}

template <Real T>
auto MeanField::run(const DBM<T>& dbm, States<T>& means) const -> MeanFieldResult {
    dbm.check(means);
    auto scratch = dbm.make_states(means[0].shape(0));
    return run(dbm, means, means[0].shape(0), scratch);
}

template auto MeanField::run(const DBM<float>&, States<float>&) const -> MeanFieldResult;
template auto MeanField::run(const DBM<double>&, States<double>&) const -> MeanFieldResult;
template auto MeanField::run(const DBM<float>&, States<float>&, std::size_t, States<float>&) const -> MeanFieldResult;
template auto MeanField::run(const DBM<double>&, States<double>&, std::size_t, States<double>&) const -> MeanFieldResult;

}  // namespace nbm
