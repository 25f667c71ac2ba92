module nbm:sampling.mean_field_rows;

import :model;
import :sampling.chains;
import :sampling.even_terms;
import :sampling.fields;
import :sampling.mean_field;
import :standard;
import :tensor;

namespace nbm {

/// Which layers mean field may change. Throws as free_layers() does.
inline auto free_layers(const MeanFieldOptions& options, std::size_t layers) -> std::vector<bool> {
    return free_layers(SamplerOptions{.beta = options.beta, .clamped = options.clamped}, layers);
}

/// The larger one; NaN when one of them is.
inline auto larger_change(double a, double b) -> double { return b > a || std::isnan(b) ? b : a; }

template <Real T>
auto make_room(const DBM<T>& dbm, std::size_t rows) -> MeanFieldRoom<T> {
    return {.input = dbm.make_states(rows), .constant = dbm.make_states(rows)};
}

/// Fills room.constant for some rows of the free layers.
template <Real T>
auto set_constant(const DBM<T>& dbm, const States<T>& means, MeanFieldRoom<T>& room, const std::vector<bool>& free, Rows rows)
    -> void {
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        if (!free[l]) { continue; }
        set_field_by_columns(
            dbm, l, means, rows, [&](std::size_t k) { return !free[k]; }, begin_with_bias(dbm, l), slice(room.constant[l], rows));
    }
}

/// What the free neighbours contribute to the field of layer l; `out` may be the layer's means.
template <Real T>
auto set_free_field(const DBM<T>& dbm, std::size_t l, const States<T>& means, const std::vector<bool>& free, Rows rows,
                    MatrixView<T> out) -> void {
    set_field_by_columns(
        dbm, l, means, rows, [&](std::size_t k) { return bool(free[k]); }, [](std::size_t, MatrixView<T>) { return false; }, out);
}

/// The order of a sweep.
struct SweepOrder {
    Parity first = Parity::odd;
    bool begins_anew =
        false;  // layers of the first parity need no means before the first sweep, which then counts no change of them
};

/// One sweep over at most rows_by_columns rows; changes[r] becomes the largest change of a mean of row r, where changes of the
/// first parity count if asked for.
template <Real T>
auto mean_field_sweep(const DBM<T>& dbm, States<T>& means, MeanFieldRoom<T>& room, const std::vector<bool>& free, double beta,
                      Rows rows, Parity first, bool count_first, std::span<double> changes) -> void {
    std::ranges::fill(changes, 0.0);
    for (const auto parity : {first, opposite(first)}) {
        const auto counts = count_first || parity != first;
        for (std::size_t l = parity == Parity::even ? 0 : 1; l < dbm.layer_count(); l += 2) {
            if (!free[l]) { continue; }
            set_free_field(dbm, l, means, free, rows, slice(room.input[l], rows));
            for_each_row(rows, dbm.size(l), [&](std::size_t r) {
                const auto change = update_means(MatrixView<T>(means[l]).row(r), MatrixView<const T>(room.input[l]).row(r),
                                                 MatrixView<const T>(room.constant[l]).row(r), beta);
                auto& largest = changes[r - rows.first];
                if (counts) { largest = larger_change(largest, change); }
            });
        }
    }
}

/// Rows that stay are put behind those that still change, so that sweeps are over fewer and fewer rows; at the end all are back in
/// their places. At most rows_by_columns rows; nothing is allocated.
template <Real T>
class RowsAtWork {
public:
    RowsAtWork(const DBM<T>& dbm, States<T>& means, MeanFieldRoom<T>& room, const std::vector<bool>& free, Rows rows)
        : dbm_(dbm), means_(means), room_(room), free_(free), rows_(rows) {}

    auto rows() const -> Rows { return rows_; }

    /// changes: of each row at work, in the last sweep.
    auto retire(std::span<double> changes, double tolerance) -> void {
        for (auto r = rows_.count; r-- != 0;) {
            if (!(changes[r] <= tolerance)) { continue; }
            --rows_.count;
            if (r == rows_.count) { continue; }
            changes[r] = changes[rows_.count];
            swaps_[swap_count_] = {rows_.first + r, rows_.first + rows_.count};
            swap(swaps_[swap_count_++]);
        }
    }

    auto put_back() -> void {
        while (swap_count_ != 0) { swap(swaps_[--swap_count_]); }
    }

private:
    auto swap(std::pair<std::size_t, std::size_t> places) -> void {
        const auto swap_rows = [&](Matrix<T>& values) {
            const auto view = MatrixView<T>(values);
            std::ranges::swap_ranges(view.row(places.first), view.row(places.second));
        };
        for (std::size_t l = 0; l != dbm_.layer_count(); ++l) {
            if (!free_[l]) { continue; }
            swap_rows(means_[l]);
            swap_rows(room_.input[l]);
            swap_rows(room_.constant[l]);
        }
    }

    const DBM<T>& dbm_;
    States<T>& means_;
    MeanFieldRoom<T>& room_;
    const std::vector<bool>& free_;
    Rows rows_;
    std::array<std::pair<std::size_t, std::size_t>, rows_by_columns> swaps_ = {};
    std::size_t swap_count_ = 0;
};

/// Mean field over at most rows_by_columns rows whose room.constant is set, until all of them stay, the steps are done or a
/// stop is requested. A row that stays is left alone from then on.
template <Real T>
auto mean_field_rows(const DBM<T>& dbm, States<T>& means, MeanFieldRoom<T>& room, const MeanFieldOptions& options,
                     const std::vector<bool>& free, Rows rows, SweepOrder order, const std::stop_token& stop = {})
    -> MeanFieldResult {
    auto is_free = [&](std::size_t first) {
        for (auto l = first; l < free.size(); l += 2) {
            if (free[l]) { return true; }
        }
        return false;
    };
    const auto exact_at_once = !is_free(0) || !is_free(1);
    auto result = MeanFieldResult{};
    auto at_work = RowsAtWork<T>(dbm, means, room, free, rows);
    auto room_for_changes = std::array<double, rows_by_columns>{};
    while (result.steps < options.steps && !result.converged && !stop.stop_requested()) {
        const auto changes = std::span(room_for_changes).first(at_work.rows().count);
        const auto count_first = result.steps != 0 || !order.begins_anew;
        mean_field_sweep(dbm, means, room, free, options.beta, at_work.rows(), order.first, count_first, changes);
        result.change = std::accumulate(changes.begin(), changes.end(), 0.0, larger_change);
        result.converged = exact_at_once || result.change <= options.tolerance;
        ++result.steps;
        result.row_steps += changes.size();
        if (!result.converged && result.steps != options.steps) { at_work.retire(changes, options.tolerance); }
    }
    at_work.put_back();
    return result;
}

/// The upward pass of some rows that mean field starts from; without free even layers that nothing is above unless `all` are asked
/// for: sweeps that begin with the even layers do not read them. Layers with no neighbours below but clamped ones, and none clamped
/// above, take those from room.constant.
template <Real T>
auto propup_rows(const DBM<T>& dbm, States<T>& means, const MeanFieldRoom<T>& room, const std::vector<bool>& free, Rows rows,
                 bool all) -> void {
    for (std::size_t l = 1; l != dbm.layer_count(); ++l) {
        const auto edges = dbm.topology().edges();
        if (!all && parity_of(l) == Parity::even && free[l] &&
            std::ranges::none_of(edges, [&](Edge edge) { return edge.lower == l; })) {
            continue;
        }
        const auto known = std::ranges::all_of(
            edges, [&](Edge edge) { return edge.upper == l ? !free[edge.lower] : edge.lower != l || free[edge.upper]; });
        if (!known || !free[l]) {
            dbm.propup_rows(l, means, rows);
            continue;
        }
        const auto scale = static_cast<T>(dbm.propup_scale(l));
        const auto bias = as_span(dbm.bias(l));
        for (auto r = rows.first; r != rows.first + rows.count; ++r) {
            const auto from = MatrixView<const T>(room.constant[l]).row(r);
            std::ranges::transform(from, bias, MatrixView<T>(means[l]).row(r).begin(),
                                   [&](T field, T b) { return b + scale * (field - b); });
        }
        for_pieces(rows, dbm.size(l), [&](Rows piece) { activate(slice(means[l], piece), 1.0); });
    }
}

/// The positive phase of at most rows_by_columns rows: means[0] is given, the hidden means are inferred, and free_energies[r]
/// becomes row r's variational free energy - b_0.v - sum over hidden even l of (b_l.mu_l + H(mu_l)) - sum over odd l of
/// sum softplus(z_l), exact for two layers, where `room` is not used. The odd layers' means are those given the even ones', for
/// which their terms and entropies add up to the softplus. constant_is_set: room.constant needs no set_constant().
template <Real T>
auto infer_rows(const DBM<T>& dbm, States<T>& means, MeanFieldRoom<T>& room, const MeanFieldOptions& options,
                const std::vector<bool>& free, Rows rows, std::span<double> free_energies, bool constant_is_set = false,
                const std::stop_token& stop = {}) -> MeanFieldResult {
    auto result = MeanFieldResult{.steps = 0, .change = 0.0, .converged = true};
    const auto deep = !dbm.topology().is_rbm();
    if (deep) {
        if (!constant_is_set) { set_constant(dbm, means, room, free, rows); }
        propup_rows(dbm, means, room, free, rows, options.steps == 0);
        result = mean_field_rows(dbm, means, room, options, free, rows, {Parity::even, true}, stop);
    }
    std::ranges::fill(free_energies, 0.0);
    for (std::size_t l = 1; l < dbm.layer_count(); l += 2) {
        if (!deep || !free[l]) {
            set_field_by_columns(dbm, l, means, rows, slice(means[l], rows));
            continue;
        }
        // The last half of a sweep has left the input from the even layers as they are now.
        if (result.steps == 0) { set_free_field(dbm, l, means, free, rows, slice(room.input[l], rows)); }
        for_each_row(rows, dbm.size(l), [&](std::size_t r) {
            std::ranges::transform(MatrixView<const T>(room.input[l]).row(r), MatrixView<const T>(room.constant[l]).row(r),
                                   MatrixView<T>(means[l]).row(r).begin(), std::plus<T>());
        });
    }
    for_pieces(rows, dbm.visible_size(), [&](Rows piece) {
        const auto sums = free_energies.subspan(piece.first - rows.first, piece.count);
        for (std::size_t l = 1; l < dbm.layer_count(); l += 2) { activate_and_sum(slice(means[l], piece), sums); }
        for (std::size_t r = 0; r != piece.count; ++r) { sums[r] = even_terms(dbm, means, piece.first + r, true) - sums[r]; }
    });
    return result;
}

/// The result of all blocks of rows: the most steps, those of all rows, the largest change.
inline auto worst_of(std::span<const MeanFieldResult> blocks) -> MeanFieldResult {
    auto worst = MeanFieldResult{.steps = 0, .change = 0.0, .converged = true};
    for (const auto& block : blocks) {
        worst.steps = std::max(worst.steps, block.steps);
        worst.row_steps += block.row_steps;
        worst.change = larger_change(worst.change, block.change);
        worst.converged = worst.converged && block.converged;
    }
    return worst;
}

}  // namespace nbm
