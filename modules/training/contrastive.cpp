module;

#include "../kernels/kernels.hpp"

module nbm:training.contrastive_impl;

import :io;
import :model;
import :random;
import :sampling;
import :sampling.binary_chains;
import :sampling.even_terms;
import :sampling.fields;
import :sampling.gibbs_rows;
import :standard;
import :tensor;
import :tensor.binary;
import :training.contrastive;
import :training.gradient;
import :training.profile;
import :training.state;
import nbm.fmt;

namespace nbm {

namespace {

auto sum_of(const std::vector<double>& values, std::size_t count) -> double {
    return std::accumulate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count), 0.0);
}

enum class Start : std::uint8_t { all_layers, odd_layers };

/// Chains that start at samples of the layers' means. A sweep, which draws the even layers first, reads the odd ones alone.
template <Real T>
auto start_chains(const DBM<T>& dbm, const States<T>& means, std::size_t count, Start which, Chains<T>& chains) -> void {
    const auto sweep = chains.sweeps++;
    const auto odd = which == Start::odd_layers;
    for_pieces({0, count}, dbm.visible_size(), [&](Rows rows) {
        for (std::size_t l = odd ? 1 : 0; l < dbm.layer_count(); l += odd ? 2 : 1) {
            sample_probabilities<T>(slice(means[l], rows), slice(chains.states[l], rows), chains.stream,
                                    layer_step(sweep, dbm.layer_count(), l), rows.first);
        }
    });
}

auto require_steps(std::size_t steps) -> void {
    if (steps == 0) { throw InputError("contrastive divergence with 0 steps has no gradient; at least 1 is needed"); }
}

/// What stands for each layer in a phase.
template <Real T>
auto layers_of(const PositivePhase<T>& positive) {
    return [&positive](std::size_t l) -> const Matrix<T>& { return positive.means()[l]; };
}
template <Real T>
auto layers_of(const NegativePhase<T>& negative) {
    return [&negative](std::size_t l) -> const Matrix<T>& { return negative.statistics(l); };
}

}  // namespace

/// Persistent chains start at such rows of the data: [count, visible], those of the chains `first` and following.
template <Real T>
auto random_rows(const Matrix<T>& data, std::size_t count, const Stream& stream, std::size_t first = 0) -> Matrix<T> {
    auto rows = Matrix<T>::from_shape({count, data.shape(1)});
    for (std::size_t c = 0; c != count; ++c) {
        // The sweeps of the chains use steps from 0 up; this draw stays clear of them.
        const auto u = stream.uniform(std::uint64_t{1} << 55U, first + c, 0);
        const auto r = static_cast<std::size_t>(u * static_cast<double>(data.shape(0)));
        std::ranges::copy(MatrixView<const T>(data).row(r), MatrixView<T>(rows).row(c).begin());
    }
    return rows;
}

/// Mean free energy of the data, as many rows at a time as `positive` has room for, minus that of the chains.
template <Real T>
auto cost_against_chains(const DBM<T>& dbm, PositivePhase<T>& positive, const Chains<T>& chains, const Matrix<T>& data) -> double {
    auto model = 0.0;
    for (const auto f : dbm.free_energy(chains.states, Parity::odd)) { model += f; }
    auto sum = 0.0;
    for (std::size_t first = 0; first < data.shape(0); first += positive.capacity()) {
        sum += positive.run(dbm, slice(data, {first, std::min(positive.capacity(), data.shape(0) - first)}));
    }
    return sum / static_cast<double>(data.shape(0)) - model / static_cast<double>(chains.count());
}

template <Real T>
auto NegativePhase<T>::reserve(const DBM<T>& dbm, std::size_t chain_count, const Stream& stream) -> void {
    chains = {.states = dbm.make_states(chain_count), .stream = stream, .sweeps = 0};
    probabilities_ = dbm.make_states(chain_count);
    free_energies_.assign(chain_count, 0.0);
}

template <Real T>
auto NegativePhase<T>::run(const DBM<T>& dbm, std::size_t steps, std::size_t count) -> double {
    if (!takes_binary_path<T>() || !run_binary(dbm, steps, count)) { run_portable(dbm, steps, count); }
    for_each_row({0, count}, dbm.visible_size(),
                 [&](std::size_t r) { free_energies_[r] = even_terms(dbm, chains.states, r, false) - free_energies_[r]; });
    chains.sweeps += steps;
    return sum_of(free_energies_, count);
}

/// free_energies_ becomes the sum of softplus over the odd layers' units.
template <Real T>
auto NegativePhase<T>::run_portable(const DBM<T>& dbm, std::size_t steps, std::size_t count) -> void {
    for_row_blocks(count, rows_by_columns, [&](Rows rows) {
        const auto sums = std::span(free_energies_).subspan(rows.first, rows.count);
        std::ranges::fill(sums, 0.0);
        for (std::size_t s = 0; s != steps; ++s) {
            const auto last = s + 1 == steps;
            sample_parity(dbm, chains, Parity::even, s, rows);
            sample_parity(dbm, chains, Parity::odd, s, rows, last ? &probabilities_ : nullptr, last ? sums : std::span<double>{});
        }
    });
}

/// The same; false when the chains' states are not all 0 or 1.
template <Real T>
auto NegativePhase<T>::run_binary(const DBM<T>& dbm, std::size_t steps, std::size_t count) -> bool {
    if constexpr (std::same_as<T, float>) {
        auto& bits = bits_.get();
        const auto layers = dbm.layer_count();
        const auto all = Rows{0, count};
        const auto random = [&](std::size_t s, std::size_t l) {
            return randomness(chains.stream, layer_step(chains.sweeps + s, layers, l));
        };
        bits.resize(layers, count);
        for (std::size_t l = 1; l < layers; l += 2) {
            if (!bits.layer(l).set_rows(slice(std::as_const(chains.states[l]), all))) { return false; }
        }
        const auto sums = std::span(free_energies_).first(count);
        std::ranges::fill(sums, 0.0);
        for (std::size_t s = 0; s != steps; ++s) {
            for (std::size_t l = 0; l < layers; l += 2) { bits.draw(dbm, l, random(s, l)); }
            for (std::size_t l = 1; l < layers; l += 2) {
                if (s + 1 != steps) {
                    bits.draw(dbm, l, random(s, l));
                } else {
                    bits.activate(dbm, l, random(s, l), slice(probabilities_[l], all), sums);
                }
            }
        }
        for (std::size_t l = 0; l != layers; ++l) { bits.layer(l).get_rows(slice(chains.states[l], all)); }
        return true;
    } else {
        return false;
    }
}

template <Real T>
CD<T>::CD(CDOptions options) : options_(std::move(options)), positive_(options_.mean_field), rules_(options_.gradient) {
    require_steps(options_.steps);
}

template <Real T>
auto CD<T>::begin(const DBM<T>& dbm, const Matrix<T>& data, std::size_t batch_size, std::uint64_t seed, bool resumed) -> void {
    const auto sweeps = resumed ? negative_.chains.sweeps : 0;
    positive_.reserve(dbm, batch_size);
    negative_.reserve(dbm, batch_size, Stream(seed, Purpose::chains));
    negative_.chains.sweeps = sweeps;
    rules_.begin(dbm, data, resumed);
}

template <Real T>
auto CD<T>::gradient(const DBM<T>& dbm, MatrixView<const T> batch, Gradient<T>& gradient, std::span<const T> weights) -> double {
    const auto rows = batch.rows();
    auto watch = Stopwatch(profile_.get(), &Profile::positive);
    positive_.run(dbm, batch);
    watch.next(&Profile::negative);
    start_chains(dbm, positive_.means(), rows, Start::odd_layers, negative_.chains);
    negative_.run(dbm, options_.steps, rows);
    watch.next(&Profile::gradient);
    profile_.count_mean_field(positive_.mean_field_sweeps());
    data_.set(dbm, layers_of(positive_), rows, weights);
    model_.set(dbm, layers_of(negative_), rows, weights);
    difference(dbm, data_, model_, gradient);
    rules_.apply(dbm, data_.means(), gradient);
    const auto difference_of_sums =
        weighted_sum(positive_.free_energies(), rows, weights) - weighted_sum(negative_.free_energies(), rows, weights);
    return difference_of_sums / static_cast<double>(rows);
}

template <Real T>
auto CD<T>::evaluate(const DBM<T>& dbm, const Matrix<T>& data) -> double {
    auto chains = NegativePhase<T>{};
    chains.reserve(dbm, positive_.capacity(), Stream(negative_.chains.stream.seed(), Purpose::evaluation));
    auto sum = 0.0;
    for (std::size_t first = 0; first < data.shape(0); first += positive_.capacity()) {
        const auto rows = Rows{first, std::min(positive_.capacity(), data.shape(0) - first)};
        sum += positive_.run(dbm, slice(data, rows));
        start_chains(dbm, positive_.means(), rows.count, Start::odd_layers, chains.chains);
        sum -= chains.run(dbm, options_.steps, rows.count);
    }
    return sum / static_cast<double>(data.shape(0));
}

template <Real T>
PCD<T>::PCD(PCDOptions options) : options_(std::move(options)), positive_(options_.mean_field), rules_(options_.gradient) {
    require_steps(options_.steps);
}

template <Real T>
auto PCD<T>::begin(const DBM<T>& dbm, const Matrix<T>& data, std::size_t batch_size, std::uint64_t seed, bool resumed) -> void {
    positive_.reserve(dbm, batch_size);
    rules_.begin(dbm, data, resumed);
    const auto count = options_.chains == 0 ? batch_size : options_.chains;
    if (resumed && negative_.chains.count() == count) { return; }
    const auto stream = Stream(seed, Purpose::chains);
    negative_.reserve(dbm, count, stream);
    auto start = PositivePhase<T>(options_.mean_field);
    start.reserve(dbm, count);
    start.run(dbm, random_rows(data, count, stream));
    start_chains(dbm, start.means(), count, Start::all_layers, negative_.chains);
}

template <Real T>
auto PCD<T>::gradient(const DBM<T>& dbm, MatrixView<const T> batch, Gradient<T>& gradient, std::span<const T> weights) -> double {
    const auto rows = batch.rows();
    const auto count = negative_.chains.count();
    auto watch = Stopwatch(profile_.get(), &Profile::positive);
    positive_.run(dbm, batch);
    watch.next(&Profile::negative);
    const auto model = negative_.run(dbm, options_.steps, count);
    watch.next(&Profile::gradient);
    profile_.count_mean_field(positive_.mean_field_sweeps());
    data_.set(dbm, layers_of(positive_), rows, weights);
    model_.set(dbm, layers_of(negative_), count);
    difference(dbm, data_, model_, gradient);
    rules_.apply(dbm, data_.means(), gradient);
    return weighted_sum(positive_.free_energies(), rows, weights) / static_cast<double>(rows) -
           data_.weight() * model / static_cast<double>(count);
}

template <Real T>
auto PCD<T>::evaluate(const DBM<T>& dbm, const Matrix<T>& data) -> double {
    return cost_against_chains(dbm, positive_, negative_.chains, data);
}

template <Real T>
auto CD<T>::save_state(State& state) const -> void {
    state.put("kind", std::string("cd"));
    state.put("sweeps", negative_.chains.sweeps);
    rules_.save_state(state.child("gradient"));
}

template <Real T>
auto CD<T>::load_state(const State& state) -> void {
    require_kind(state, "cd", "trainer");
    load_rules(state, rules_);
    negative_.chains.sweeps = state.get<std::size_t>("sweeps");
}

template <Real T>
auto PCD<T>::save_state(State& state) const -> void {
    state.put("kind", std::string("pcd"));
    save_chains(negative_.chains, state.child("chains"));
    rules_.save_state(state.child("gradient"));
}

template <Real T>
auto PCD<T>::load_state(const State& state) -> void {
    require_kind(state, "pcd", "trainer");
    load_chains(state.child("chains"), negative_.chains);
    load_rules(state, rules_);
}

template class NegativePhase<float>;
template class NegativePhase<double>;
template class CD<float>;
template class CD<double>;
template class PCD<float>;
template class PCD<double>;

}  // namespace nbm
