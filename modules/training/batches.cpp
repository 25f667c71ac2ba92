module nbm:training.batches_impl;

import :data;
import :random;
import :standard;
import :tensor;
import :training.batches;

namespace nbm {

namespace {

template <Real T>
auto prefetch(std::span<const T> row) -> void {
    constexpr auto line = std::size_t{64} / sizeof(T);
    for (std::size_t k = 0; k < row.size(); k += line) { __builtin_prefetch(row.data() + k); }
}

/// Orders of an epoch that are no order of all rows have steps of their own.
constexpr auto step_of_blocks(std::size_t epoch) -> std::uint64_t { return (std::uint64_t{1} << 55U) + epoch; }
constexpr auto step_of_group(std::size_t epoch, std::size_t group) -> std::uint64_t {
    return epoch + (std::uint64_t{group + 1} << 32U);
}

/// Splits that are drawn once have the small steps.
constexpr auto step_of_drawing(std::size_t epoch) -> std::uint64_t { return (std::uint64_t{1} << 55U) + epoch; }

auto order_of(std::size_t count, bool shuffle, std::uint64_t seed, std::uint64_t step) -> std::vector<std::size_t> {
    if (shuffle) { return permutation(Stream(seed, Purpose::shuffle), step, count); }
    auto order = std::vector<std::size_t>(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    return order;
}

}  // namespace

template <Real T>
auto gather_rows(const Matrix<T>& data, const std::vector<std::size_t>& order, std::size_t first, MatrixView<T> batch) -> void {
    const auto pieces = RowBlocks(batch.rows(), 32);
    parallel_for(pieces.count(), [&](std::size_t p) {
        const auto end = pieces[p].first + pieces[p].count;
        for (auto i = pieces[p].first; i != end; ++i) {
            // Rows lie anywhere in memory: the next one is on its way while this one is copied.
            if (i + 1 != end) { prefetch(MatrixView<const T>(data).row(order[first + i + 1])); }
            std::ranges::copy(MatrixView<const T>(data).row(order[first + i]), batch.row(i).begin());
        }
    });
}

template <Real T>
auto draw_rows(MatrixView<T> batch, std::uint64_t seed, std::size_t epoch, std::size_t first) -> void {
    const auto stream = Stream(seed, Purpose::binarisation);
    const auto pieces = RowBlocks(batch.rows(), 32);
    parallel_for(pieces.count(), [&](std::size_t p) {
        const auto piece = batch.slice(pieces[p]);
        sample_probabilities<T>(piece, piece, stream, step_of_drawing(epoch), first + pieces[p].first);
    });
}

auto epoch_order(std::size_t rows, bool shuffle, std::uint64_t seed, std::size_t epoch) -> std::vector<std::size_t> {
    return order_of(rows, shuffle, seed, epoch);
}

GroupOrder::GroupOrder(const std::vector<std::size_t>& rows_in_block, std::size_t at_once, bool shuffle, std::uint64_t seed,
                       std::size_t epoch)
    : blocks(order_of(rows_in_block.size(), shuffle, seed, step_of_blocks(epoch))), starts{0} {
    const auto cut = RowBlocks(blocks.size(), at_once);
    for (std::size_t g = 0; g != cut.count(); ++g) {
        auto rows = std::size_t{0};
        for (auto b = cut[g].first; b != cut[g].first + cut[g].count; ++b) { rows += rows_in_block[blocks[b]]; }
        groups.push_back(cut[g]);
        starts.push_back(starts.back() + rows);
    }
}

template <Real T>
StreamedBatches<T>::StreamedBatches(const StreamedDataset<T>& data, bool shuffle, std::uint64_t seed, std::size_t epochs)
    : data_(data), shuffle_(shuffle), seed_(seed), epochs_(epochs), rows_in_block_(data.block_count()), order_({}, 1, false, 0, 0) {
    for (std::size_t b = 0; b != rows_in_block_.size(); ++b) { rows_in_block_[b] = data.rows_in(b); }
    const auto largest = std::min(data.rows(), data.blocks().rows * data.blocks().at_once);
    for (auto* group : {&current_, &next_}) {
        group->rows = Matrix<T>::from_shape({largest, data.units()});
        group->numbers.resize(largest);
    }
}

template <Real T>
StreamedBatches<T>::~StreamedBatches() {
    stop_.request_stop();
    if (reading_.valid()) { reading_.wait(); }
}

template <Real T>
auto StreamedBatches<T>::order_of(std::size_t epoch) const -> GroupOrder {
    return {rows_in_block_, data_.blocks().at_once, shuffle_, seed_, epoch};
}

template <Real T>
auto StreamedBatches<T>::read(std::size_t epoch, std::size_t index, Group& group) const -> void {
    group.epoch = std::numeric_limits<std::size_t>::max();
    const auto order = order_of(epoch);
    const auto [first, count] = order.groups[index];
    auto rows = std::size_t{0};
    for (auto b = first; b != first + count && !stop_.stop_requested(); ++b) {
        const auto block = order.blocks[b];
        const auto more = rows_in_block_[block];
        data_.read_block(block, slice(group.rows, {rows, more}), std::span(group.numbers).subspan(rows, more));
        rows += more;
    }
    group.order = nbm::order_of(rows, shuffle_, seed_, step_of_group(epoch, index));
    group.epoch = epoch;
    group.index = index;
}

template <Real T>
auto StreamedBatches<T>::begin_epoch(std::size_t epoch) -> void {
    epoch_ = epoch;
    order_ = order_of(epoch);
}

template <Real T>
auto StreamedBatches<T>::show(std::size_t index) -> void {
    if (current_.epoch == epoch_ && current_.index == index) { return; }
    if (reading_.valid()) { reading_.get(); }
    if (next_.epoch == epoch_ && next_.index == index) {
        std::swap(current_, next_);
    } else {
        read(epoch_, index, current_);
    }
    read_ahead();
}

template <Real T>
auto StreamedBatches<T>::read_ahead() -> void {
    const auto last = current_.index + 1 == order_.groups.size();
    const auto epoch = last ? epoch_ + 1 : epoch_;
    const auto index = last ? 0 : current_.index + 1;
    if (epoch >= epochs_) { return; }
    reading_ = std::async(std::launch::async, [this, epoch, index] { read(epoch, index, next_); });
}

template <Real T>
auto StreamedBatches<T>::gather(std::size_t first, MatrixView<T> batch) -> std::span<const std::size_t> {
    numbers_.resize(batch.rows());
    for (std::size_t done = 0; done != batch.rows();) {
        const auto at = first + done;
        const auto& starts = order_.starts;
        const auto index = static_cast<std::size_t>(std::ranges::upper_bound(starts, at) - starts.begin()) - 1;
        show(index);
        const auto begin = at - starts[index];
        const auto count = std::min(batch.rows() - done, starts[index + 1] - at);
        gather_rows(current_.rows, current_.order, begin, batch.slice({done, count}));
        for (std::size_t i = 0; i != count; ++i) { numbers_[done + i] = current_.numbers[current_.order[begin + i]]; }
        done += count;
    }
    return numbers_;
}

template auto gather_rows(const Matrix<float>&, const std::vector<std::size_t>&, std::size_t, MatrixView<float>) -> void;
template auto gather_rows(const Matrix<double>&, const std::vector<std::size_t>&, std::size_t, MatrixView<double>) -> void;
template auto draw_rows(MatrixView<float>, std::uint64_t, std::size_t, std::size_t) -> void;
template auto draw_rows(MatrixView<double>, std::uint64_t, std::size_t, std::size_t) -> void;
template class StreamedBatches<float>;
template class StreamedBatches<double>;

}  // namespace nbm
