module nbm:sampling.mean_field_impl;

import :model;
import :sampling.fields;
import :sampling.mean_field;
import :sampling.mean_field_rows;
import :standard;
import :tensor;

namespace nbm {

template <Real T>
auto MeanField::run(const DBM<T>& dbm, States<T>& means) const -> MeanFieldResult {
    dbm.check(means);
    const auto free = free_layers(options_, dbm.layer_count());
    auto room = make_room(dbm, means[0].shape(0));
    const auto blocks = RowBlocks(means[0].shape(0), rows_by_columns);
    auto results = std::vector<MeanFieldResult>(blocks.count());
    parallel_for(blocks.count(), [&](std::size_t block) {
        set_constant(dbm, means, room, free, blocks[block]);
        results[block] = mean_field_rows(dbm, means, room, options_, free, blocks[block], SweepOrder{});
    });
    return worst_of(results);
}

template auto MeanField::run(const DBM<float>&, States<float>&) const -> MeanFieldResult;
template auto MeanField::run(const DBM<double>&, States<double>&) const -> MeanFieldResult;

}  // namespace nbm
