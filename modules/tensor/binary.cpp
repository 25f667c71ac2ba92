module;

#include "../kernels/kernels.hpp"

module nbm:tensor.binary;

import :standard;
import :tensor.isa;
import :tensor.parallel;
import :tensor.types;

// Products with binary states, by table look-up: see kernels/binary.hpp.
namespace nbm {

/// Whether products with binary states of this number type are table look-ups.
template <Real T>
auto takes_binary_path() -> bool {
    return std::same_as<T, float> && binary_path();
}

/// Numbers on 64 bytes, all zero at first; keeps its room when it shrinks.
template <class T>
class AlignedArray {
public:
    auto resize(std::size_t size) -> void {
        if (size > room_) {
            data_.reset(new (std::align_val_t{64}) T[size]());
            room_ = size;
        }
    }
    auto data() -> T* { return data_.get(); }
    auto data() const -> const T* { return data_.get(); }

private:
    struct Delete {
        auto operator()(T* data) const -> void { ::operator delete[](data, std::align_val_t{64}); }
    };
    std::unique_ptr<T[], Delete> data_;
    std::size_t room_ = 0;
};

/// The states of units in chains, four units to an index.
class BinaryStates {
public:
    auto resize(std::size_t chains, std::size_t units) -> void {
        chains_ = chains;
        units_ = units;
        data_.resize(bundles().blocks * kernels::block_chains * quads());
    }
    auto chains() const -> std::size_t { return chains_; }
    auto quads() const -> std::size_t { return (units_ + kernels::quad_units - 1) / kernels::quad_units; }
    auto bundles() const -> kernels::Bundles { return {(chains_ + kernels::block_chains - 1) / kernels::block_chains}; }
    auto data() -> std::uint32_t* { return data_.data(); }
    auto data() const -> const std::uint32_t* { return data_.data(); }

    /// Reads rows: [chains, units]. False when a number is neither 0 nor 1; then the states mean nothing.
    auto set_rows(MatrixView<const float> rows) -> bool {
        resize(rows.rows(), rows.cols());
        return each_block([&](std::size_t block, std::size_t first, std::size_t count) {
            return kernels::active().binary.pack_rows(rows.data() + first * rows.stride(), rows.stride(), count, units_, bundles(),
                                                      block, data_.data());
        });
    }
    /// Reads columns: [units, chains], as above.
    auto set_columns(MatrixView<const float> columns) -> bool {
        resize(columns.cols(), columns.rows());
        return each_block([&](std::size_t block, std::size_t first, std::size_t count) {
            return kernels::active().binary.pack_columns(columns.data() + first, columns.stride(), count, units_, bundles(), block,
                                                         data_.data());
        });
    }
    /// Writes rows: [chains, units].
    auto get_rows(MatrixView<float> rows) const -> void {
        each_block([&](std::size_t block, std::size_t first, std::size_t count) {
            kernels::active().binary.unpack_rows(data_.data(), bundles(), block, units_, count, rows.data() + first * rows.stride(),
                                                 rows.stride());
            return true;
        });
    }

private:
    template <class F>
    auto each_block(const F& f) const -> bool {
        constexpr std::size_t blocks_at_once = 4;
        const auto blocks = bundles().blocks;
        auto good = std::atomic<bool>(true);
        parallel_for((blocks + blocks_at_once - 1) / blocks_at_once, [&](std::size_t part) {
            for (auto b = part * blocks_at_once; b != std::min(blocks, (part + 1) * blocks_at_once); ++b) {
                if (!good.load(std::memory_order_relaxed)) { return; }
                const auto first = b * kernels::block_chains;
                if (!f(b, first, std::min(kernels::block_chains, chains_ - first))) {
                    good.store(false, std::memory_order_relaxed);
                }
            }
        });
        return good;
    }

    std::size_t chains_ = 0;
    std::size_t units_ = 0;
    AlignedArray<std::uint32_t> data_;
};

/// Receiving units whose fields are made, and used, by one thread: parts of sums over units are theirs.
inline constexpr std::size_t strip_units = kernels::group_units;
inline auto strips_of(std::size_t units) -> std::size_t { return (units + strip_units - 1) / strip_units; }

/// Fields of units in chains: bias (0 where it is null) + the sums over all senders.
struct BinaryProduct {
    std::span<const kernels::Senders> senders;
    const float* bias;
    std::size_t units;
    kernels::Bundles bundles;
};

/// Room for one thread's tables and fields.
struct StripScratch {
    AlignedArray<float> tables;
    AlignedArray<float> fields;
};
inline auto strip_scratch() -> StripScratch& {
    thread_local auto scratch = StripScratch{};
    return scratch;
}

/// Calls finish(receivers, fields) for each quad of the units of one strip, for some bundles of the product.
template <class Finish>
auto multiply_strip(const BinaryProduct& product, std::size_t strip, kernels::Bundles bundles, const Finish& finish) -> void {
    constexpr auto quad = kernels::quad_units;
    const auto& binary = kernels::active().binary;
    auto& scratch = strip_scratch();
    auto most = std::size_t{0};
    for (const auto& s : product.senders) { most = std::max(most, s.count); }
    scratch.tables.resize(kernels::table_numbers(most));
    scratch.fields.resize(bundles.quad_fields() * (strip_units / quad));
    auto* z = scratch.fields.data();
    const auto first = strip * strip_units;
    const auto all = kernels::Receivers{first, std::min(strip_units, product.units - first)};
    binary.set_fields(product.bias, all, bundles, z);
    for (const auto& s : product.senders) { binary.add_fields(s, all, bundles, scratch.tables.data(), z); }
    for (std::size_t done = 0; done < all.count; done += quad, z += bundles.quad_fields()) {
        finish(kernels::Receivers{first + done, std::min(quad, all.count - done)}, z);
    }
}

/// Calls finish(strip, receivers, fields) for each quad of units, in parallel for strips, in order within a strip; with the fields
/// [bundle][unit][block][chain] as the kernels take them.
template <class Finish>
auto multiply_binary(const BinaryProduct& product, const Finish& finish) -> void {
    parallel_for(strips_of(product.units), [&](std::size_t strip) {
        multiply_strip(product, strip, product.bundles,
                       [&](kernels::Receivers receivers, float* z) { finish(strip, receivers, z); });
    });
}

/// Calls finish(bundles, receivers, fields) for all quads of units and all chains; the halves of the chains are likely to be done
/// by different threads.
template <class Finish>
auto multiply_binary_by_bundles(const BinaryProduct& product, const Finish& finish) -> void {
    const auto& whole = product.bundles;
    const auto halves = std::min(std::size_t{2}, whole.count());
    const auto strips = RowBlocks(strips_of(product.units), 12);
    parallel_for(halves * strips.count(), [&](std::size_t task) {
        const auto half = task / strips.count();
        const auto part = kernels::Bundles{whole.blocks, half * whole.count() / halves, (half + 1) * whole.count() / halves};
        const auto some = strips[task % strips.count()];
        for (auto strip = some.first; strip != some.first + some.count; ++strip) {
            multiply_strip(product, strip, part, [&](kernels::Receivers receivers, float* z) { finish(part, receivers, z); });
        }
    });
}

}  // namespace nbm
