export module nbm:training.batches;

import :data;
import :standard;
import :tensor;

namespace nbm {

/// Where fit() finds the rows of its batches.
template <Real T>
class Batches {
public:
    Batches() = default;
    Batches(const Batches&) = delete;
    auto operator=(const Batches&) -> Batches& = delete;
    virtual ~Batches() = default;

    /// Training rows, each of which an epoch visits once.
    virtual auto rows() const -> std::size_t = 0;
    /// Those that callbacks and trainers see besides: all or some.
    virtual auto resident() const -> const Matrix<T>& = 0;
    virtual auto blocks() const -> Blocks = 0;
    virtual auto begin_epoch(std::size_t epoch) -> void = 0;
    /// Fills the batch with rows first, first + 1, ... of the epoch, and tells their numbers among all training rows; these are
    /// valid until the next call.
    virtual auto gather(std::size_t first, MatrixView<T> batch) -> std::span<const std::size_t> = 0;
};

/// batch[i, :] = data[order[first + i], :]
template <Real T>
auto gather_rows(const Matrix<T>& data, const std::vector<std::size_t>& order, std::size_t first, MatrixView<T> batch) -> void;

/// The order of the rows in an epoch.
auto epoch_order(std::size_t rows, bool shuffle, std::uint64_t seed, std::size_t epoch) -> std::vector<std::size_t>;

/// Draws rows first, first + 1, ... of an epoch, whose probabilities the batch holds.
template <Real T>
auto draw_rows(MatrixView<T> batch, std::uint64_t seed, std::size_t epoch, std::size_t first) -> void;

/// The rows of a matrix, or rows that each epoch draws anew from probabilities.
template <Real T>
class MatrixBatches final : public Batches<T> {
public:
    MatrixBatches(const Matrix<T>& data, bool shuffle, std::uint64_t seed, const Matrix<T>* probabilities = nullptr)
        : data_(data), probabilities_(probabilities), shuffle_(shuffle), seed_(seed) {}

    auto rows() const -> std::size_t override { return data_.shape(0); }
    auto resident() const -> const Matrix<T>& override { return data_; }
    auto blocks() const -> Blocks override { return {}; }
    auto begin_epoch(std::size_t epoch) -> void override {
        epoch_ = epoch;
        order_ = epoch_order(rows(), shuffle_, seed_, epoch);
    }
    auto gather(std::size_t first, MatrixView<T> batch) -> std::span<const std::size_t> override {
        gather_rows(probabilities_ == nullptr ? data_ : *probabilities_, order_, first, batch);
        if (probabilities_ != nullptr) { draw_rows(batch, seed_, epoch_, first); }
        return std::span<const std::size_t>(order_).subspan(first, batch.rows());
    }

private:
    const Matrix<T>& data_;
    const Matrix<T>* probabilities_;
    bool shuffle_;
    std::uint64_t seed_;
    std::size_t epoch_ = 0;
    std::vector<std::size_t> order_;
};

/// The order of an epoch: groups of blocks that are in memory together.
struct GroupOrder {
    GroupOrder(const std::vector<std::size_t>& rows_in_block, std::size_t at_once, bool shuffle, std::uint64_t seed,
               std::size_t epoch);

    std::vector<std::size_t> blocks;  // in the order of the epoch
    std::vector<Rows> groups;         // of `blocks`
    std::vector<std::size_t> starts;  // the first row of each group in the epoch, and the end
};

/// Rows that are read from a file. While one group of blocks is trained on, a thread reads the next one.
template <Real T>
class StreamedBatches final : public Batches<T> {
public:
    /// Nothing is read ahead of the end of `epochs`.
    StreamedBatches(const StreamedDataset<T>& data, bool shuffle, std::uint64_t seed, std::size_t epochs);
    ~StreamedBatches() override;

    auto rows() const -> std::size_t override { return data_.rows(); }
    auto resident() const -> const Matrix<T>& override { return data_.resident().train; }
    auto blocks() const -> Blocks override { return data_.blocks(); }
    auto begin_epoch(std::size_t epoch) -> void override;
    /// Throws what StreamedDataset::read_block() throws, also for rows that were read ahead.
    auto gather(std::size_t first, MatrixView<T> batch) -> std::span<const std::size_t> override;

private:
    /// Rows in memory.
    struct Group {
        std::size_t epoch = std::numeric_limits<std::size_t>::max();
        std::size_t index = 0;
        Matrix<T> rows = Matrix<T>::from_shape({0, 0});
        std::vector<std::size_t> numbers;  // of the rows, among all training rows
        std::vector<std::size_t> order;    // in which they are visited
    };

    auto order_of(std::size_t epoch) const -> GroupOrder;
    auto read(std::size_t epoch, std::size_t index, Group& group) const -> void;
    auto show(std::size_t index) -> void;
    auto read_ahead() -> void;

    StreamedDataset<T> data_;
    bool shuffle_;
    std::uint64_t seed_;
    std::size_t epochs_;
    std::vector<std::size_t> rows_in_block_;
    std::size_t epoch_ = 0;
    GroupOrder order_;
    Group current_;
    Group next_;
    std::vector<std::size_t> numbers_;  // of the rows in the batch
    std::stop_source stop_;
    std::future<void> reading_;  // writes next_
};

}  // namespace nbm
