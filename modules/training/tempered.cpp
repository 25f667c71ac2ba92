module nbm:training.tempered_impl;

import :estimators;
import :io;
import :model;
import :random;
import :sampling;
import :sampling.even_terms;
import :standard;
import :tensor;
import :training.contrastive_impl;
import :training.gradient;
import :training.profile;
import :training.state;
import :training.tempered;
import nbm.fmt;

namespace nbm {

namespace {

auto tempering_options(const PTOptions& options) -> TemperingOptions {
    return {.steps = options.steps,
            .temperatures = options.temperatures,
            .lowest = options.lowest,
            .adaptive = options.adaptive,
            .adapt_every = options.adapt_every};
}

auto save_ladder(const Ladder& ladder, State& state) -> void {
    state.put("betas", ladder.betas);
    state.put("swap_rates", ladder.swap_rates);
    state.put("swaps", ladder.swaps);
    state.put("rejections", ladder.rejections);
    state.put("tried", ladder.tried);
    state.put("updates", ladder.updates);
    state.put("round_trips", ladder.round_trips);
}

auto load_ladder(const State& state) -> Ladder {
    auto ladder = Ladder{.betas = state.get<std::vector<double>>("betas"),
                         .swap_rates = state.get<std::vector<double>>("swap_rates"),
                         .swaps = state.get<std::vector<std::uint64_t>>("swaps"),
                         .rejections = state.get<std::vector<double>>("rejections"),
                         .tried = state.get<std::vector<std::uint64_t>>("tried"),
                         .updates = state.get<std::uint64_t>("updates"),
                         .round_trips = state.get<std::uint64_t>("round_trips")};
    ladder.check();
    return ladder;
}

auto replica_name(std::size_t k) -> std::string { return fmt::format("replicas {}", k); }

}  // namespace

template <Real T>
PT<T>::PT(PTOptions options)
    : options_(std::move(options)),
      sampler_(tempering_options(options_)),
      positive_(options_.mean_field),
      rules_(options_.gradient) {
    replicas_.chains.resize(1);  // callbacks are shown chains() before begin()
}

template <Real T>
auto PT<T>::begin(const DBM<T>& dbm, const Matrix<T>& data, std::size_t batch_size, std::uint64_t seed, bool resumed) -> void {
    positive_.reserve(dbm, batch_size);
    rules_.begin(dbm, data, resumed);
    const auto count = options_.chains == 0 ? batch_size : options_.chains;
    if (resumed && chains().count() == count) { return; }
    replicas_ = make_replicas(dbm, count, sampler_.options(), seed, base_rate_bias(data), Purpose::chains);
    free_energies_.assign(count, 0.0);
    auto start = PositivePhase<T>(options_.mean_field);
    start.reserve(dbm, count);
    for (std::size_t k = 0; k != replicas_.chains.size(); ++k) {
        auto& chains = replicas_.chains[k];
        start.run(dbm, random_rows(data, count, chains.stream, k * count));
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
            sample_probabilities<T>(start.means()[l], chains.states[l], chains.stream, layer_step(0, dbm.layer_count(), l),
                                    k * count);
        }
    }
}

/// Turns the fields of the machine's chains into probabilities; the sum of their free energies (odd layers summed out), in nats.
template <Real T>
auto PT<T>::finish_chains(const DBM<T>& dbm) -> double {
    parallel_rows(chains().count(), [&](Rows rows) {
        const auto sums = std::span(free_energies_).subspan(rows.first, rows.count);
        std::ranges::fill(sums, 0.0);
        for (std::size_t l = 1; l < dbm.layer_count(); l += 2) { activate_and_sum(slice(replicas_.fields[0][l], rows), sums); }
        for (std::size_t r = 0; r != rows.count; ++r) {
            sums[r] = even_terms(dbm, chains().states, rows.first + r, false) - sums[r];
        }
    });
    return std::accumulate(free_energies_.begin(), free_energies_.end(), 0.0);
}

template <Real T>
auto PT<T>::gradient(const DBM<T>& dbm, MatrixView<const T> batch, Gradient<T>& gradient, std::span<const T> weights) -> double {
    const auto rows = batch.rows();
    const auto count = chains().count();
    auto watch = Stopwatch(profile_.get(), &Profile::positive);
    positive_.run(dbm, batch);
    watch.next(&Profile::negative);
    sampler_.run(dbm, replicas_);
    const auto model = finish_chains(dbm);
    watch.next(&Profile::gradient);
    profile_.count_mean_field(positive_.mean_field_sweeps());
    data_.set(dbm, [&](std::size_t l) -> const Matrix<T>& { return positive_.means()[l]; }, rows, weights);
    model_.set(
        dbm,
        [&](std::size_t l) -> const Matrix<T>& {
            return parity_of(l) == Parity::even ? chains().states[l] : replicas_.fields[0][l];
        },
        count);
    difference(dbm, data_, model_, gradient);
    rules_.apply(dbm, data_.means(), gradient);
    return weighted_sum(positive_.free_energies(), rows, weights) / static_cast<double>(rows) -
           data_.weight() * model / static_cast<double>(count);
}

template <Real T>
auto PT<T>::evaluate(const DBM<T>& dbm, const Matrix<T>& data) -> double {
    return cost_against_chains(dbm, positive_, chains(), data);
}

template <Real T>
auto PT<T>::save_state(State& state) const -> void {
    state.put("kind", std::string("pt"));
    state.put("temperatures", replicas_.chains.size());
    for (std::size_t k = 0; k != replicas_.chains.size(); ++k) { save_chains(replicas_.chains[k], state.child(replica_name(k))); }
    state.put("ends", std::vector<std::uint64_t>(replicas_.ends.begin(), replicas_.ends.end()));
    save_ladder(replicas_.ladder, state.child("ladder"));
    rules_.save_state(state.child("gradient"));
}

template <Real T>
auto PT<T>::load_state(const State& state) -> void {
    require_kind(state, "pt", "trainer");
    const auto temperatures = replicas_.chains.size();
    if (const auto found = state.get<std::size_t>("temperatures"); found != temperatures) {
        throw InputError(fmt::format("the checkpoint has {} temperatures; this training has {}", found, temperatures));
    }
    for (std::size_t k = 0; k != temperatures; ++k) { load_chains(state.child(replica_name(k)), replicas_.chains[k]); }
    const auto ends = state.get<std::vector<std::uint64_t>>("ends");
    auto ladder = load_ladder(state.child("ladder"));
    if (ladder.betas.size() != temperatures || ends.size() != replicas_.ends.size()) {
        throw InputError(fmt::format("the checkpoint's ladder has {} temperatures for {} replicas; this training has {} for {}",
                                     ladder.betas.size(), ends.size(), temperatures, replicas_.ends.size()));
    }
    std::ranges::transform(ends, replicas_.ends.begin(), [](std::uint64_t end) { return static_cast<std::uint8_t>(end); });
    replicas_.ladder = std::move(ladder);
    load_rules(state, rules_);
}

template class PT<float>;
template class PT<double>;

}  // namespace nbm
