module nbm:sampling.fields;

import :model;
import :standard;
import :tensor;

// Fields of whole batches by BLAS, cut by columns: a product with few rows costs more for each row than one with many.
namespace nbm {

/// Blocks of the units of a layer: an even number of nearly equal ones, so that two threads have the same to do. Depends on the
/// layer alone.
inline auto column_blocks(std::size_t units) -> RowBlocks {
    constexpr std::size_t least = 64;
    constexpr std::size_t most = 1024;
    const auto count = units < 2 * least ? std::size_t{1} : 2 * ((units + most - 1) / most);
    return RowBlocks(units, (units + count - 1) / count);
}

/// out = begin + what the neighbours of layer l for which `which` is true contribute to its field; in parallel for blocks of
/// columns. begin(first column, columns of out) writes what the sum begins with, or returns false: then it begins with 0. `out` may
/// be the rows of states[l].
template <Real T, class Which, class Begin>
auto set_field_by_columns(const DBM<T>& dbm, std::size_t l, const States<T>& states, Rows rows, const Which& which,
                          const Begin& begin, MatrixView<T> out) -> void {
    const auto blocks = column_blocks(out.cols());
    parallel_for(blocks.count(), [&](std::size_t block) {
        const auto [first, count] = blocks[block];
        const auto part = out.columns(first, count);
        auto kept = begin(first, part) ? T{1} : T{0};
        for (const auto& [edge, weights] : dbm.synapses()) {
            if (edge.upper == l && which(edge.lower)) {
                multiply<T>(slice(states[edge.lower], rows), MatrixView<const T>(weights).columns(first, count), part,
                            Transpose::no, Transpose::no, T{1}, std::exchange(kept, T{1}));
            } else if (edge.lower == l && which(edge.upper)) {
                multiply<T>(slice(states[edge.upper], rows), slice(weights, {first, count}), part, Transpose::no, Transpose::yes,
                            T{1}, std::exchange(kept, T{1}));
            }
        }
        if (kept == T{0}) {
            for (std::size_t r = 0; r != part.rows(); ++r) { std::ranges::fill(part.row(r), T{0}); }
        }
    });
}

/// The bias as a beginning of set_field_by_columns().
template <Real T>
auto begin_with_bias(const DBM<T>& dbm, std::size_t l) {
    return [bias = as_span(dbm.bias(l))](std::size_t first, MatrixView<T> part) {
        set_rows(part, bias.subspan(first, part.cols()));
        return true;
    };
}

/// The whole field, bias and all neighbours.
template <Real T>
auto set_field_by_columns(const DBM<T>& dbm, std::size_t l, const States<T>& states, Rows rows, MatrixView<T> out) -> void {
    set_field_by_columns(dbm, l, states, rows, [](std::size_t) { return true; }, begin_with_bias(dbm, l), out);
}

/// Few enough rows for one of the blocks that samplers and mean field work on.
inline constexpr std::size_t rows_by_columns = 256;

/// Calls f(Rows) for blocks of at most `most` rows, one after the other; f is parallel inside.
template <class F>
auto for_row_blocks(std::size_t rows, std::size_t most, const F& f) -> void {
    const auto blocks = RowBlocks(rows, most);
    for (std::size_t b = 0; b != blocks.count(); ++b) { f(blocks[b]); }
}

/// Calls f(Rows, relative to all rows) for pieces of `rows` with so many units each, in parallel; pieces that would be too little
/// work for a thread are left together.
template <class F>
auto for_pieces(Rows rows, std::size_t units, const F& f) -> void {
    constexpr std::size_t least_numbers = 16384;
    const auto pieces = RowBlocks(rows.count, std::max(std::size_t{32}, least_numbers / std::max(std::size_t{1}, units)));
    parallel_for(pieces.count(), [&](std::size_t p) { f(Rows{rows.first + pieces[p].first, pieces[p].count}); });
}

/// Calls f(row) for all of `rows`, with so many units each, in pieces as for_pieces().
template <class F>
auto for_each_row(Rows rows, std::size_t units, const F& f) -> void {
    for_pieces(rows, units, [&](Rows piece) {
        for (auto r = piece.first; r != piece.first + piece.count; ++r) { f(r); }
    });
}

}  // namespace nbm
