export module nbm:data.streamed;

import :data.binarise;
import :data.dataset;
import :data.row_reader;
import :standard;
import :tensor;

export namespace nbm {

struct StreamOptions {
    std::size_t memory = std::size_t{512} << 20U;  // bytes for all rows that are in memory at a time
    Binarise binarise = Binarise::grey;            // as binarise() does
    double threshold = 0.5;                        // of Binarise::threshold
    std::uint64_t seed = 1;                        // of the splits and of binarisation
};

/// How a file is read: in blocks of `rows` neighbouring rows, of which `at_once` are in memory and shuffled together. Both 0: all
/// rows are in memory.
struct Blocks {
    std::size_t rows = 0;
    std::size_t at_once = 0;
    auto operator==(const Blocks&) const -> bool = default;
};

/// A data set that may be larger than memory: fit() reads its training rows from the file, block by block. Splits, scales and
/// binary draws are those of load_dataset() and binarise(): a tenth of the rows by the seed for validation, a tenth for tests,
/// bytes divided by 255 when one is above 1. Copies share the file and the rows in memory.
template <Real T = float>
class StreamedDataset {
public:
    /// The largest number of training rows in resident(), when they are not all of them.
    static constexpr std::size_t largest_sample = 10'000;

    /// Reads all rows once: checks their values, takes the means of the training rows, keeps those in resident(). Throws FileError,
    /// or InputError that names row and column of a value that is not in [0, 1], or when the memory is too small.
    explicit StreamedDataset(std::unique_ptr<RowReader> reader, const StreamOptions& options = {});

    /// The rows in memory, without labels. When all rows fit, they are all here, as load_dataset() and binarise() leave them. Else
    /// the first ones of each split, which the seed has shuffled: at most largest_sample training rows, and for each split at most
    /// an eighth of the memory.
    auto resident() const -> const Dataset<T>&;
    /// Whether all rows are there.
    auto holds_all() const -> bool;

    /// Rows of the splits in the file.
    auto rows() const -> std::size_t;  // training rows
    auto valid_rows() const -> std::size_t;
    auto test_rows() const -> std::size_t;
    auto units() const -> std::size_t;
    /// What messages begin with.
    auto name() const -> std::string;

    /// The mean of each unit over all training rows.
    auto means() const -> std::span<const double>;

    auto blocks() const -> Blocks;
    auto block_count() const -> std::size_t;
    /// The training rows in a block.
    auto rows_in(std::size_t block) const -> std::size_t;
    /// Reads the training rows of a block in the order of the file, into out: [rows_in(block), units]; numbers[i] is the place of
    /// row i in the training split, as load_dataset() orders it. One thread at a time reads, others wait. Throws FileError when the
    /// file cannot be read any more, InputError for a value that is not in [0, 1].
    auto read_block(std::size_t block, MatrixView<T> out, std::span<std::size_t> numbers) const -> void;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace nbm
