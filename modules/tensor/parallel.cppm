export module nbm:tensor.parallel;

import :standard;
import :tensor.types;

namespace nbm {

using BlockFunction = void (*)(const void* context, std::size_t block);

auto run_blocks(std::size_t count, const void* context, BlockFunction function) -> void;

}  // namespace nbm

export namespace nbm {

/// Sets the number of threads that nbm's loops use, for the whole process; 0 means one per core. Results do not depend on it.
auto set_threads(std::size_t count) -> void;

/// The number of threads in use.
auto threads() -> std::size_t;

/// Calls f(block) for block = 0 ... count - 1, in parallel and in any order.
template <class F>
inline auto parallel_for(std::size_t count, const F& f) -> void {
    run_blocks(count, std::addressof(f), [](const void* context, std::size_t block) { (*static_cast<const F*>(context))(block); });
}

/// Cuts `rows` into nearly equal blocks of at most `target` rows. Depends on the rows alone, never on the number of threads.
class RowBlocks {
public:
    inline explicit RowBlocks(std::size_t rows, std::size_t target = 64)
        : rows_(rows), count_((rows + target - 1) / target), size_(count_ == 0 ? 0 : (rows + count_ - 1) / count_) {}

    inline auto count() const -> std::size_t { return count_; }
    inline auto operator[](std::size_t block) const -> Rows {
        const auto first = std::min(rows_, block * size_);
        return {first, std::min(size_, rows_ - first)};
    }

private:
    std::size_t rows_;
    std::size_t count_;
    std::size_t size_;
};

/// Calls f(Rows) for each block of `rows` rows, in parallel.
template <class F>
inline auto parallel_rows(std::size_t rows, const F& f) -> void {
    const auto blocks = RowBlocks(rows);
    parallel_for(blocks.count(), [&](std::size_t block) { f(blocks[block]); });
}

}  // namespace nbm
