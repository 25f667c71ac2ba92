// Products with binary states by table look-up, and what follows them. The states of four sending units, a quad, make an index
// into a table of the 16 sums of their weights; one register looks up 16 chains, a block, at once. The sums of up to eight blocks,
// a bundle, are kept in registers. docs/performance.md explains the idea.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace nbm::kernels {

using Counter = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

inline constexpr std::size_t block_chains = 16;
inline constexpr std::size_t quad_units = 4;
inline constexpr std::size_t bundle_blocks = 8;
inline constexpr std::size_t group_units = 12;     // receiving units whose fields are made together
inline constexpr std::size_t most_tile_units = 4;  // receiving units whose tables are kept at once

/// Room for the tables of add_fields.
constexpr std::size_t table_numbers(std::size_t senders) {
    return (senders + quad_units - 1) / quad_units * most_tile_units * block_chains;
}

/// Blocks of chains in nearly equal bundles, an even number of them unless one is enough, so that two threads may have the same to
/// do. States are laid out as [bundle][quad][block of the bundle][chain], one index a word; fields as [quad of receiving
/// units][bundle][unit][block of the bundle][chain]. A kernel does bundles begin ... end - 1.
struct Bundles {
    std::size_t blocks;
    std::size_t begin = 0;
    std::size_t end = count();

    constexpr std::size_t count() const {
        return blocks <= bundle_blocks ? 1 : (blocks + 2 * bundle_blocks - 1) / (2 * bundle_blocks) * 2;
    }
    constexpr std::size_t first(std::size_t bundle) const { return bundle * blocks / count(); }
    constexpr std::size_t size(std::size_t bundle) const { return first(bundle + 1) - first(bundle); }
    constexpr std::size_t states(std::size_t bundle, std::size_t quads) const { return first(bundle) * quads * block_chains; }
    constexpr std::size_t fields(std::size_t bundle) const { return first(bundle) * quad_units * block_chains; }
    constexpr std::size_t quad_fields() const { return blocks * quad_units * block_chains; }
};

/// Units that send: unit i's weight to the receiving unit j is weights[i * sender_stride + j * receiver_stride].
struct Senders {
    const float* weights;
    std::size_t sender_stride;
    std::size_t receiver_stride;
    std::size_t count;
    const std::uint32_t* states;
    float scale;  // of the sum
};

/// Units that receive: first (a multiple of 4), first + 1, ... A group of at most 12 for set_fields and add_fields, at most four,
/// with the fields of their quad, for all else.
struct Receivers {
    std::size_t first;
    std::size_t count;

    constexpr std::size_t quad() const { return first / quad_units; }
};

/// Where the random numbers of chain 0 are: its counter's first word counts quads, its second one chains.
struct Randomness {
    Counter counter;
    Key key;
};

/// y = base + at (z - base) for each of the receiving units; a null base is 0.
struct Line {
    const float* base;
    float at;
};

/// Parts of sums over units of softplus(y) = max(y, 0) + log(1 + exp(-|y|)), one number a chain: the factors 1 + exp(-|y|) are
/// multiplied.
struct SoftplusParts {
    float* positive;
    float* product;
};

/// The same of the difference of two softplus.
struct DifferenceParts {
    float* positive;
    float* product;  // of the factors of the first
    float* divisor;  // of those of the second
};

struct BinaryKernels {
    /// z[unit] = bias[unit], or 0 where bias is null.
    void (*set_fields)(const float* bias, Receivers receivers, Bundles bundles, float* z);

    /// z[unit] += scale sum over senders of state * weight, summed quad by quad. tables: room for table_numbers(senders.count),
    /// on 64 bytes as all arrays of states, fields and tables.
    void (*add_fields)(const Senders& senders, Receivers receivers, Bundles bundles, float* tables, float* z);

    /// States of one block from rows: [at most 16, units], one row a chain; missing chains are 0. False when one is not 0 or 1.
    bool (*pack_rows)(const float* rows, std::size_t stride, std::size_t count, std::size_t units, Bundles bundles,
                      std::size_t block, std::uint32_t* states);

    /// States of one block from columns: rows are the units, columns first_column ... the chains; as above.
    bool (*pack_columns)(const float* rows, std::size_t stride, std::size_t count, std::size_t units, Bundles bundles,
                         std::size_t block, std::uint32_t* states);

    /// The opposite of pack_rows.
    void (*unpack_rows)(const std::uint32_t* states, Bundles bundles, std::size_t block, std::size_t units, std::size_t count,
                        float* rows, std::size_t stride);

    /// out[chain * stride + receiver] = z, for the first `chains` chains.
    void (*store_rows)(const float* z, Receivers receivers, Bundles bundles, std::size_t chains, float* out, std::size_t stride);

    /// out[receiver * stride + chain] = z, for the first `chains` chains.
    void (*store_columns)(const float* z, Receivers receivers, Bundles bundles, std::size_t chains, float* out, std::size_t stride);

    /// Draws the receiving units at logits y on a line, into `states` of a layer with `quads` quads. Where gains is not null,
    /// gain[chain] += gains[unit] for units that are on.
    void (*draw)(const float* z, Receivers receivers, Bundles bundles, Line line, const Randomness& random, std::size_t quads,
                 std::uint32_t* states, const float* gains, float* gain);

    /// Adds softplus(z) to `sums`, draws the receiving units at logits z where random is not null, and turns z into sigmoid(z)
    /// where that is asked for.
    void (*activate)(float* z, Receivers receivers, Bundles bundles, const Randomness* random, std::size_t quads,
                     std::uint32_t* states, SoftplusParts sums, bool keep_probabilities);

    /// Adds softplus at `now` minus softplus at line.at to the parts, and draws at `now` where random is not null.
    void (*anneal)(const float* z, Receivers receivers, Bundles bundles, Line before, float now, const Randomness* random,
                   std::size_t quads, std::uint32_t* states, DifferenceParts sums);

    /// sums[chain] += the sum over parts of positive + log product - log divisor, where element part * stride + chain of each is
    /// meant; a null factor is 1. A factor is at most 2^12.
    void (*collect)(DifferenceParts parts, std::size_t count, std::size_t stride, std::size_t chains, double* sums);
};

}  // namespace nbm::kernels
