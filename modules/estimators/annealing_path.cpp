module nbm:estimators.annealing_path_impl;

import :estimators.annealing_path;
import :estimators.betas;
import :model;
import :sampling.fields;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

template <class Values>
auto any_but_zero(const Values& values) -> bool {
    return std::ranges::any_of(values, [](auto x) { return x != 0; });
}

auto equally_spaced(std::size_t count) -> std::vector<double> {
    const auto betas = linear(count);
    return {betas.values().begin(), betas.values().end()};
}

}  // namespace

template <Real T>
auto has_weights(const DBM<T>& dbm) -> bool {
    return std::ranges::any_of(dbm.synapses(), [](const auto& synapse) { return any_but_zero(synapse.weights); });
}

template <Real T>
auto log_z_of_biases(const DBM<T>& dbm) -> double {
    auto sum = 0.0;
    for (const auto& layer : dbm.layers()) {
        for (const auto b : layer.bias) { sum += softplus(double(b)); }
    }
    return sum;
}

template <Real T>
auto require_one_topology(const DBM<T>& from, const DBM<T>& to) -> void {
    if (from.topology() == to.topology()) { return; }
    throw InputError(
        fmt::format("a path cannot lead from a machine {} to a machine {}", from.topology().describe(), to.topology().describe()));
}

template <Real T>
AnnealingPath<T>::AnnealingPath(std::vector<DBM<T>> knots, Parity summed, std::vector<double> positions)
    : knots_(std::move(knots)), positions_(std::move(positions)), summed_(summed) {
    if (knots_.size() < 2) { throw InputError(fmt::format("a path needs at least 2 machines, found {}", knots_.size())); }
    if (positions_.empty()) { positions_ = equally_spaced(knots_.size()); }
    const auto checked = Betas(positions_);  // throws
    if (knots_.size() != positions_.size()) {
        throw InputError(fmt::format("found {} machines and {} positions of a path", knots_.size(), positions_.size()));
    }
    for (const auto& knot : knots_) {
        require_one_topology(knots_.front(), knot);
        has_weights_.push_back(has_weights(knot));
        auto& biases = has_biases_.emplace_back();
        for (const auto& layer : knot.layers()) { biases.push_back(any_but_zero(layer.bias)); }
    }
}

template <Real T>
auto AnnealingPath<T>::given_visible(DBM<T> dbm, Parity summed) -> AnnealingPath {
    auto path = AnnealingPath({DBM<T>(dbm.topology()), std::move(dbm)}, summed);
    path.given_visible_ = true;
    return path;
}

template <Real T>
auto AnnealingPath<T>::log_z_start() const -> double {
    if (given_visible_ || has_weights_.front()) {
        throw InputError(
            "log Z at the start of this path has no closed form: the machine there has weights, or differs from chain "
            "to chain");
    }
    return log_z_of_biases(knots_.front());
}

template <Real T>
auto AnnealingPath<T>::refine(const Betas& betas) const -> std::vector<double> {
    auto all = std::vector<double>{};
    std::ranges::set_union(betas.values(), positions_, std::back_inserter(all));
    return all;
}

template <Real T>
auto AnnealingPath<T>::make_chains(std::size_t count) const -> AnnealedChains<T> {
    auto chains = AnnealedChains<T>{.states = knots_.front().make_states(count),
                                    .start_fields = {},
                                    .visible_input = {},
                                    .log_weights = std::vector<double>(count, 0.0)};
    const auto differ = given_visible_ || std::ranges::find(has_weights_.begin(), std::prev(has_weights_.end()), true) !=
                                              std::prev(has_weights_.end());
    if (differ) { chains.start_fields = chains.states; }
    if (given_visible_ && summed_ == Parity::even) { chains.visible_input = chains.states; }
    return chains;
}

template <Real T>
auto AnnealingPath<T>::start(AnnealedChains<T>& chains, Draw<T>& draw) const -> void {
    if (has_weights_.front()) { throw InputError("the machine at the start of this path has weights, so that it must be sampled"); }
    for (auto l = first_layer(opposite(summed_)); l < topology().layer_count(); l += 2) {
        const auto part = MatrixView<T>(chains.states[l]);
        for (std::size_t r = 0; r != part.rows(); ++r) {
            const auto base = start_row(chains, 0, l, r);
            if (base.empty()) {
                std::ranges::fill(part.row(r), T{0});
            } else {
                std::ranges::copy(base, part.row(r).begin());
            }
        }
        draw(l, part);
        if (!chains.visible_input.empty()) { read_visible_input(chains, l); }
    }
}

/// What the visible states contribute to the fields of a layer.
template <Real T>
auto AnnealingPath<T>::read_visible_input(AnnealedChains<T>& chains, std::size_t layer) const -> void {
    auto& input = chains.visible_input[layer];
    input.fill(T{0});
    for (const auto& [edge, weights] : knots_.back().synapses()) {
        if (edge.lower == 0 && edge.upper == layer) { multiply<T>(chains.states[0], weights, input); }
    }
}

template <Real T>
auto AnnealingPath<T>::piece(double from, double to) const -> Piece {
    const auto [least, most] = std::minmax(from, to);
    // The piece that ends at or after `most`; where both are one knot, either neighbour will do.
    const auto end = std::ranges::lower_bound(positions_.begin() + 1, positions_.end() - 1, most);
    const auto begin = std::prev(end);
    if (least < *begin) { throw InputError(fmt::format("a step of annealing from {} to {} passes a knot of its path", from, to)); }
    const auto within = [&](double at) { return (at - *begin) / (*end - *begin); };
    return {static_cast<std::size_t>(begin - positions_.begin()), within(from), within(to)};
}

/// Empty where all fields are 0.
template <Real T>
auto AnnealingPath<T>::start_row(const AnnealedChains<T>& chains, std::size_t knot, std::size_t layer, std::size_t row) const
    -> std::span<const T> {
    if (given_visible_ || has_weights_[knot]) { return MatrixView<const T>(chains.start_fields[layer]).row(row); }
    return has_biases_[knot][layer] ? as_span(knots_[knot].bias(layer)) : std::span<const T>{};
}

template <Real T>
auto AnnealingPath<T>::read_start_fields(AnnealedChains<T>& chains, std::size_t knot, std::size_t layer) const -> void {
    if (has_weights_[knot]) {
        set_field_by_columns(knots_[knot], layer, chains.states, {0, chains.count()}, MatrixView<T>(chains.start_fields[layer]));
    }
}

template <Real T>
auto AnnealingPath<T>::weigh(AnnealedChains<T>& chains, double from, double to) const -> void {
    const auto p = piece(from, to);
    const auto& left = knots_[p.left];
    const auto& right = knots_[p.left + 1];
    // The chain's own layers enter the energy linearly.
    for (auto l = first_layer(opposite(summed_)); l < topology().layer_count(); l += 2) {
        for_each_row({0, chains.count()}, topology().size(l), [&](std::size_t r) {
            const auto row = MatrixView<const T>(chains.states[l]).row(r);
            const auto base = given_visible_ ? start_row(chains, p.left, l, r) : as_span(left.bias(l));
            auto sum = dot(row, as_span(right.bias(l))) - dot(row, base);
            if (!chains.visible_input.empty()) { sum += dot(row, MatrixView<const T>(chains.visible_input[l]).row(r)); }
            chains.log_weights[r] += (p.to - p.from) * sum;
        });
    }
    // The summed-out layers' fields give the weight, then become their logits.
    for (auto l = first_layer(summed_); l < topology().layer_count(); l += 2) {
        read_start_fields(chains, p.left, l);
        const auto part = MatrixView<T>(chains.states[l]);
        set_field_by_columns(right, l, chains.states, {0, chains.count()}, part);
        for_each_row({0, chains.count()}, topology().size(l), [&](std::size_t r) {
            anneal<T>(part.slice({r, 1}), start_row(chains, p.left, l, r), p.from, p.to, {&chains.log_weights[r], 1});
        });
    }
}

/// The logits of a layer at a position of the path, in the place of its states.
template <Real T>
auto AnnealingPath<T>::logits_at(AnnealedChains<T>& chains, std::size_t l, double at) const -> MatrixView<T> {
    const auto p = piece(at, at);
    read_start_fields(chains, p.left, l);
    const auto part = MatrixView<T>(chains.states[l]);
    set_field_by_columns(knots_[p.left + 1], l, chains.states, {0, chains.count()}, part);
    const auto t = static_cast<T>(p.to);
    for_each_row({0, chains.count()}, topology().size(l), [&](std::size_t r) {
        const auto base = start_row(chains, p.left, l, r);
        const auto row = part.row(r);
        if (base.empty()) {
            for (auto& x : row) { x *= t; }
        } else {
            for (std::size_t k = 0; k != row.size(); ++k) { row[k] = base[k] + t * (row[k] - base[k]); }
        }
    });
    return part;
}

template <Real T>
auto AnnealingPath<T>::finish_sweep(AnnealedChains<T>& chains, double at, Draw<T>& draw) const -> void {
    for (auto l = first_layer(summed_); l < topology().layer_count(); l += 2) { draw(l, MatrixView<T>(chains.states[l])); }
    for (auto l = first_layer(opposite(summed_)); l < topology().layer_count(); l += 2) { draw(l, logits_at(chains, l, at)); }
}

template <Real T>
auto AnnealingPath<T>::sweep(AnnealedChains<T>& chains, double at, Draw<T>& draw) const -> void {
    for (auto l = first_layer(summed_); l < topology().layer_count(); l += 2) { logits_at(chains, l, at); }
    finish_sweep(chains, at, draw);
}

template auto has_weights(const DBM<float>&) -> bool;
template auto has_weights(const DBM<double>&) -> bool;
template auto log_z_of_biases(const DBM<float>&) -> double;
template auto log_z_of_biases(const DBM<double>&) -> double;
template auto require_one_topology(const DBM<float>&, const DBM<float>&) -> void;
template auto require_one_topology(const DBM<double>&, const DBM<double>&) -> void;
template class AnnealingPath<float>;
template class AnnealingPath<double>;

}  // namespace nbm
