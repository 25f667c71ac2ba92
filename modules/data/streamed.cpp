module nbm:data.streamed_impl;

import :data.binarise;
import :data.dataset;
import :data.row_reader;
import :data.streamed;
import :random;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

enum Split : std::size_t { train, valid, test };  // binarise() has the same numbers

/// A row in the splits.
struct Place {
    std::size_t split;
    std::size_t row;
};

/// What of the rows is in memory, and how the others are read.
struct Plan {
    bool all = false;
    std::size_t piece = 1;              // rows that are read at a time
    std::array<std::size_t, 3> kept{};  // rows of each split that stay in memory
    Blocks blocks;
};

/// Shares the memory out. Of what the places of the rows and the reader leave, an eighth is for the rows of each split that stay,
/// 7/32 for the rows that are trained on, as much for those that come next, and 1/16 for what is being read.
auto plan_of(const RowReader& reader, const std::array<std::size_t, 3>& sizes, std::size_t memory, std::size_t number,
             std::size_t largest_sample) -> Plan {
    constexpr auto parts = std::size_t{32};
    constexpr auto mebibyte = std::size_t{1} << 20U;
    constexpr auto longest_read = 4 * mebibyte;
    const auto rows = reader.rows();
    const auto units = reader.units();
    const auto chunk = reader.chunk();
    const auto row = units * number + 2 * sizeof(std::size_t);  // with its numbers in the order of the epoch and in the split
    const auto raw = 2 * units * sizeof(double);                // while it is being read
    const auto fixed = rows * sizeof(std::uint32_t) + 2 * chunk.bytes;
    // The permutation of all rows is there for a moment, alone.
    const auto least =
        std::max(fixed + parts * std::max(row, raw), rows * (sizeof(std::size_t) + sizeof(std::uint32_t)) + 2 * chunk.bytes);
    if (memory < least) {
        throw InputError(fmt::format("{}: {} rows of {} units cannot be read with {} MiB of memory; at least {} are needed",
                                     reader.name(), rows, units, memory / mebibyte, (least + mebibyte - 1) / mebibyte));
    }
    const auto part = (memory - fixed) / parts;
    auto plan = Plan{.all = rows <= 30 * part / (units * number),
                     .piece = std::clamp(2 * part, raw, std::max(raw, longest_read)) / raw,
                     .kept = sizes,
                     .blocks = {}};
    if (plan.all) { return plan; }
    for (auto& size : plan.kept) { size = std::min(size, 4 * part / row); }
    plan.kept[train] = std::min(plan.kept[train], largest_sample);
    constexpr auto blocks_at_once = std::size_t{16};
    const auto at_once = 7 * part / row;
    auto& blocks = plan.blocks;
    blocks.rows = std::max<std::size_t>(1, at_once / blocks_at_once);
    if (blocks.rows > chunk.rows) {
        blocks.rows -= blocks.rows % chunk.rows;
    } else if (chunk.rows <= at_once) {
        blocks.rows = chunk.rows;
    }
    blocks.at_once = at_once / blocks.rows;
    return plan;
}

}  // namespace

template <Real T>
struct StreamedDataset<T>::State {
    std::unique_ptr<RowReader> reader;
    StreamOptions options;
    std::array<std::size_t, 3> sizes{};  // of the splits in the file
    std::vector<std::uint32_t> places;   // of each row of the file in the shuffled order, which the splits cut
    double divisor = 1.0;
    Plan plan;
    Dataset<T> resident;
    std::vector<double> means;
    std::vector<std::uint32_t> rows_in_block;
    Matrix<double> raw;  // what is being read
    std::mutex reading;

    auto place(std::size_t file_row) const -> Place {
        const auto at = std::size_t{places[file_row]};
        if (at < sizes[train]) { return {train, at}; }
        const auto tested = sizes[train] + sizes[valid];
        return at < tested ? Place{valid, at - sizes[train]} : Place{test, at - tested};
    }

    auto shuffle() -> void {
        const auto rows = reader->rows();
        const auto tenth = rows / 10;
        sizes = {rows - 2 * tenth, tenth, tenth};
        const auto order = permutation(Stream(options.seed, Purpose::split), 0, rows);
        places.resize(rows);
        for (std::size_t i = 0; i != rows; ++i) { places[order[i]] = static_cast<std::uint32_t>(i); }
    }

    /// Calls use(file_row, values) for rows of the file, until it returns false.
    template <class Use>
    auto for_rows(Rows rows, const Use& use) -> bool {
        for (auto first = rows.first; first != rows.first + rows.count;) {
            const auto count = std::min(plan.piece, rows.first + rows.count - first);
            const auto piece = slice(raw, {0, count});
            reader->read(first, piece);
            for (std::size_t i = 0; i != count; ++i) {
                if (!use(first + i, std::span<const double>(piece.row(i)))) { return false; }
            }
            first += count;
        }
        return true;
    }

    auto in_range(std::span<const double> values) const -> bool {
        auto good = true;
        for (const auto x : values) { good = good & (x >= 0.0) & (x <= divisor); }
        return good;
    }

    [[noreturn]] auto refuse(std::size_t file_row, std::span<const double> values) const -> void {
        const auto bad = std::ranges::find_if(values, [&](double x) { return !(x >= 0.0 && x <= divisor); });
        throw InputError(fmt::format("{}: row {}, column {} is {}; values must be in [0, 1]", reader->name(), file_row,
                                     bad - values.begin(), *bad));
    }

    /// Scales and binarises a row.
    auto convert(std::span<const double> values, Place place, std::span<T> out) const -> void {
        std::ranges::transform(values, out.begin(), [&](double x) { return static_cast<T>(x / divisor); });
        if (options.binarise == Binarise::sample) {
            const auto view = MatrixView<T>(out.data(), 1, out.size(), out.size());
            sample_probabilities<T>(view, view, Stream(options.seed, Purpose::binarisation), place.split, place.row);
        } else if (options.binarise == Binarise::threshold) {
            for (auto& x : out) { x = double(x) >= options.threshold ? T{1} : T{0}; }
        }
    }

    /// The first pass over all rows. False, with nothing done, for bytes that must be divided.
    auto scan() -> bool {
        auto converted = std::vector<T>(reader->units());
        const auto splits = std::array{&resident.train, &resident.valid, &resident.test};
        std::ranges::fill(means, 0.0);
        const auto finished = for_rows({0, reader->rows()}, [&](std::size_t file_row, std::span<const double> values) {
            if (!in_range(values)) {
                if (reader->holds_bytes() && divisor == 1.0) { return false; }
                refuse(file_row, values);
            }
            const auto at = place(file_row);
            const auto keep = at.row < plan.kept[at.split];
            if (!keep && at.split != train) { return true; }
            const auto row = keep ? MatrixView<T>(*splits[at.split]).row(at.row) : std::span<T>(converted);
            convert(values, at, row);
            if (at.split != train) { return true; }
            std::ranges::transform(means, row, means.begin(), [](double sum, T x) { return sum + double(x); });
            return true;
        });
        for (auto& mean : means) { mean /= static_cast<double>(sizes[train]); }
        return finished;
    }

    auto count_blocks() -> void {
        const auto rows = reader->rows();
        const auto size = plan.blocks.rows;
        rows_in_block.assign((rows + size - 1) / size, 0);
        for (std::size_t r = 0; r != rows; ++r) { rows_in_block[r / size] += place(r).split == train ? 1U : 0U; }
    }
};

template <Real T>
StreamedDataset<T>::StreamedDataset(std::unique_ptr<RowReader> reader, const StreamOptions& options)
    : state_(std::make_unique<State>()) {
    auto& s = *state_;
    s.reader = std::move(reader);
    s.options = options;
    const auto rows = s.reader->rows();
    const auto units = s.reader->units();
    if (rows == 0 || units == 0) { throw InputError(s.reader->name() + " is empty: there are no training rows in it"); }
    if (rows > std::numeric_limits<std::uint32_t>::max()) {
        throw InputError(fmt::format("{} has {} rows; at most 2^32 - 1 can be read", s.reader->name(), rows));
    }
    const auto how = options.binarise;
    if (how != Binarise::sample && how != Binarise::threshold && how != Binarise::grey) {
        throw InputError("rows that are read in blocks can be sampled, compared with a threshold or left grey");
    }
    const auto tenth = rows / 10;
    s.sizes = {rows - 2 * tenth, tenth, tenth};
    s.plan = plan_of(*s.reader, s.sizes, options.memory, sizeof(T), largest_sample);
    s.shuffle();
    s.raw = Matrix<double>::from_shape({std::min(s.plan.piece, rows), units});
    const auto& kept = s.plan.kept;
    s.resident = {.train = Matrix<T>::from_shape({kept[train], units}),
                  .valid = Matrix<T>::from_shape({kept[valid], units}),
                  .test = Matrix<T>::from_shape({kept[test], units}),
                  .train_labels = {},
                  .valid_labels = {},
                  .test_labels = {}};
    s.means.resize(units);
    if (!s.scan()) {
        s.divisor = 255.0;
        s.scan();
    }
    if (!s.plan.all) { s.count_blocks(); }
}

template <Real T>
auto StreamedDataset<T>::resident() const -> const Dataset<T>& {
    return state_->resident;
}
template <Real T>
auto StreamedDataset<T>::holds_all() const -> bool {
    return state_->plan.all;
}
template <Real T>
auto StreamedDataset<T>::rows() const -> std::size_t {
    return state_->sizes[train];
}
template <Real T>
auto StreamedDataset<T>::valid_rows() const -> std::size_t {
    return state_->sizes[valid];
}
template <Real T>
auto StreamedDataset<T>::test_rows() const -> std::size_t {
    return state_->sizes[test];
}
template <Real T>
auto StreamedDataset<T>::units() const -> std::size_t {
    return state_->reader->units();
}
template <Real T>
auto StreamedDataset<T>::name() const -> std::string {
    return state_->reader->name();
}
template <Real T>
auto StreamedDataset<T>::means() const -> std::span<const double> {
    return state_->means;
}
template <Real T>
auto StreamedDataset<T>::blocks() const -> Blocks {
    return state_->plan.blocks;
}
template <Real T>
auto StreamedDataset<T>::block_count() const -> std::size_t {
    return state_->rows_in_block.size();
}
template <Real T>
auto StreamedDataset<T>::rows_in(std::size_t block) const -> std::size_t {
    return state_->rows_in_block[block];
}

template <Real T>
auto StreamedDataset<T>::read_block(std::size_t block, MatrixView<T> out, std::span<std::size_t> numbers) const -> void {
    auto& s = *state_;
    const auto alone = std::scoped_lock(s.reading);
    const auto first = block * s.plan.blocks.rows;
    auto next = std::size_t{0};
    s.for_rows({first, std::min(s.plan.blocks.rows, s.reader->rows() - first)},
               [&](std::size_t file_row, std::span<const double> values) {
                   const auto at = s.place(file_row);
                   if (at.split != train) { return true; }
                   // The file may have been written to since it was checked.
                   if (!s.in_range(values)) { s.refuse(file_row, values); }
                   s.convert(values, at, out.row(next));
                   numbers[next++] = at.row;
                   return true;
               });
}

template class StreamedDataset<float>;
template class StreamedDataset<double>;

}  // namespace nbm
