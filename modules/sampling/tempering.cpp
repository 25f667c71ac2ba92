module nbm:sampling.tempering_impl;

import :model;
import :random;
import :sampling.chains;
import :sampling.tempering;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

constexpr auto rate_memory = std::uint64_t{100};          // swaps of a pair that its rate is about
constexpr auto exchange_steps = std::uint64_t{1} << 54U;  // random steps from here on are of exchanges, below of sweeps
constexpr auto seen_cold = std::uint8_t{1};
constexpr auto seen_hot = std::uint8_t{2};

auto check_options(const TemperingOptions& options) -> void {
    if (options.steps == 0) { throw InputError("tempering with 0 sweeps an update moves nothing; at least 1 is needed"); }
    if (options.adapt_every < 2) {
        throw InputError(
            fmt::format("adapt_every is {}; it must be at least 2, since every other update tries a pair", options.adapt_every));
    }
    Ladder::linear(options.temperatures, options.lowest);
}

/// Throws unless all parts belong to one machine and one number of chains.
template <Real T>
auto check_replicas(const DBM<T>& dbm, const Replicas<T>& all) -> void {
    all.ladder.check();
    const auto temperatures = all.ladder.betas.size();
    if (all.chains.size() != temperatures || all.fields.size() != temperatures) {
        throw ShapeError(fmt::format("found replicas at {} temperatures, expected {}", all.chains.size(), temperatures));
    }
    const auto count = all.cold().count();
    for (const auto& chains : all.chains) {
        dbm.check(chains.states);
        if (chains.count() != count) { throw ShapeError(fmt::format("found {} replicas, expected {}", chains.count(), count)); }
    }
    for (const auto& fields : all.fields) {
        auto fits = fields.size() == dbm.layer_count();
        for (std::size_t l = 1; fits && l < dbm.layer_count(); l += 2) {
            fits = fields[l].shape(0) == count && fields[l].shape(1) == dbm.size(l);
        }
        if (!fits) { throw ShapeError("the replicas' fields do not have the shapes of their states"); }
    }
    if (all.reference.size() != dbm.visible_size()) {
        throw ShapeError(
            fmt::format("found a reference for {} visible units, expected {}", all.reference.size(), dbm.visible_size()));
    }
    for (const auto size : {all.ends.size(), all.differences.size(), all.acceptance.size()}) {
        if (size != temperatures * count) {
            throw ShapeError(fmt::format("found a list for {} replicas, expected {}", size, temperatures * count));
        }
    }
}

/// sums[r] = E_A - E_B, from the even layers' states and the odd layers' fields and states.
template <Real T>
auto energy_differences(const DBM<T>& dbm, const Replicas<T>& all, std::size_t k, Rows rows, std::span<double> sums) -> void {
    std::ranges::fill(sums, 0.0);
    const auto add = [&](MatrixView<const T> x, const auto& factor) {
        for (std::size_t r = 0; r != x.rows(); ++r) {
            auto sum = 0.0;
            for (std::size_t i = 0; i != x.cols(); ++i) { sum += double(x(r, i)) * factor(r, i); }
            sums[r] += sum;
        }
    };
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        const auto x = slice(all.chains[k].states[l], rows);
        if (parity_of(l) == Parity::odd) {
            const auto z = slice(all.fields[k][l], rows);
            add(x, [&](std::size_t r, std::size_t i) { return double(z(r, i)); });
        } else if (l == 0) {
            add(x, [&](std::size_t, std::size_t i) { return double(dbm.bias(0)[i]) - double(all.reference[i]); });
        } else {
            add(x, [&](std::size_t, std::size_t i) { return double(dbm.bias(l)[i]); });
        }
    }
}

/// The sweeps of some of the replicas at beta_k.
template <Real T>
auto sweep_rows(const DBM<T>& dbm, Replicas<T>& all, std::size_t k, std::size_t steps, Rows rows) -> void {
    auto& chains = all.chains[k];
    const auto layers = dbm.layer_count();
    const auto beta = static_cast<T>(all.ladder.betas[k]);
    const auto first = k * chains.count() + rows.first;
    for (std::size_t s = 0; s != steps; ++s) {
        const auto draw = [&](std::size_t l, MatrixView<T> logits) {
            sample_logits<T>(logits, logits, chains.stream, layer_step(chains.sweeps + s, layers, l), first);
        };
        for (std::size_t l = 0; l < layers; l += 2) {
            const auto x = slice(chains.states[l], rows);
            dbm.field_rows(l, chains.states, rows, x);
            for (std::size_t r = 0; r != x.rows(); ++r) {
                const auto row = x.row(r);
                for (std::size_t i = 0; i != row.size(); ++i) {
                    row[i] = beta * row[i] + (l == 0 ? (T{1} - beta) * all.reference[i] : T{0});
                }
            }
            draw(l, x);
        }
        for (std::size_t l = 1; l < layers; l += 2) {
            const auto x = slice(chains.states[l], rows);
            const auto z = slice(all.fields[k][l], rows);
            dbm.field_rows(l, chains.states, rows, z);
            for (std::size_t r = 0; r != x.rows(); ++r) {
                std::ranges::transform(z.row(r), x.row(r).begin(), [&](T field) { return beta * field; });
            }
            draw(l, x);
        }
    }
    energy_differences(dbm, all, k, rows, {&all.differences(k, rows.first), rows.count});
}

template <Real T>
auto sweep(const DBM<T>& dbm, Replicas<T>& all, std::size_t steps) -> void {
    const auto blocks = RowBlocks(all.cold().count());
    parallel_for(blocks.count() * all.chains.size(),
                 [&](std::size_t task) { sweep_rows(dbm, all, task / blocks.count(), steps, blocks[task % blocks.count()]); });
    for (auto& chains : all.chains) { chains.sweeps += steps; }
}

/// Replica c at beta_k and the one at beta_(k + 1) change places.
template <Real T>
auto swap_states(Replicas<T>& all, std::size_t k, std::size_t c) -> void {
    const auto swap_rows = [&](Matrix<T>& a, Matrix<T>& b) {
        std::ranges::swap_ranges(MatrixView<T>(a).row(c), MatrixView<T>(b).row(c));
    };
    for (std::size_t l = 0; l != all.fields[k].size(); ++l) {
        swap_rows(all.chains[k].states[l], all.chains[k + 1].states[l]);
        if (parity_of(l) == Parity::odd) { swap_rows(all.fields[k][l], all.fields[k + 1][l]); }
    }
    const auto count = all.cold().count();
    std::swap(all.differences(k, c), all.differences(k + 1, c));
    std::swap(all.ends[k * count + c], all.ends[(k + 1) * count + c]);
}

/// log p_beta(x) is -E_A(x) + beta D(x), so that a swap multiplies the joint probability by
/// exp((beta_k - beta_(k + 1)) (D(x_(k + 1)) - D(x_k))).
template <Real T>
auto exchange(Replicas<T>& all, std::size_t first_pair) -> void {
    const auto& betas = all.ladder.betas;
    const auto step = exchange_steps + all.ladder.updates;
    parallel_rows(all.cold().count(), [&](Rows rows) {
        for (auto k = first_pair; k + 1 < betas.size(); k += 2) {
            for (auto c = rows.first; c != rows.first + rows.count; ++c) {
                const auto log_ratio = (betas[k] - betas[k + 1]) * (all.differences(k + 1, c) - all.differences(k, c));
                const auto accept = log_ratio >= 0.0 ? 1.0 : std::exp(log_ratio);
                all.acceptance(k, c) = accept;
                if (all.cold().stream.uniform(step, c, k) < accept) { swap_states(all, k, c); }
            }
        }
    });
}

/// Notes which replicas are at an end of the ladder.
template <Real T>
auto count_round_trips(Replicas<T>& all) -> void {
    const auto count = all.cold().count();
    const auto cold = std::span(all.ends).first(count);
    const auto hot = std::span(all.ends).last(count);
    for (auto& end : cold) {
        all.ladder.round_trips += end == seen_hot ? 1 : 0;
        end = seen_cold;
    }
    for (auto& end : hot) {
        if (end == seen_cold) { end = seen_hot; }
    }
}

template <Real T>
auto note_rates(Replicas<T>& all, std::size_t first_pair) -> void {
    auto& ladder = all.ladder;
    const auto count = all.cold().count();
    for (auto k = first_pair; k + 1 < ladder.betas.size(); k += 2) {
        auto sum = 0.0;
        for (std::size_t c = 0; c != count; ++c) { sum += all.acceptance(k, c); }
        const auto mean = sum / static_cast<double>(count);
        ++ladder.swaps[k];
        ladder.swap_rates[k] += (mean - ladder.swap_rates[k]) / static_cast<double>(std::min(ladder.swaps[k], rate_memory));
        ladder.rejections[k] += 1.0 - mean;
        ++ladder.tried[k];
    }
    ++ladder.updates;
}

/// Half of the way to where all pairs would reject equally often; the means of what was seen since the last move are noisy.
auto adapt(Ladder& ladder) -> void {
    if (std::ranges::count(ladder.tried, 0U) != 0) { return; }
    for (std::size_t k = 0; k != ladder.rejections.size(); ++k) { ladder.rejections[k] /= static_cast<double>(ladder.tried[k]); }
    auto betas = equal_rejection(ladder.betas, ladder.rejections);
    for (std::size_t k = 0; k != betas.size(); ++k) { betas[k] = 0.5 * (ladder.betas[k] + betas[k]); }
    // Neighbours may have come as close as numbers can.
    if (std::ranges::adjacent_find(betas, std::ranges::less_equal{}) == betas.end()) { ladder.betas = std::move(betas); }
    std::ranges::fill(ladder.rejections, 0.0);
    std::ranges::fill(ladder.tried, 0U);
}

}  // namespace

auto Ladder::linear(std::size_t temperatures, double lowest) -> Ladder {
    if (temperatures < 2) {
        throw InputError(fmt::format("{} temperatures are too few; tempering needs at least 2", temperatures));
    }
    if (!(lowest >= 0.0 && lowest < 1.0)) {
        throw InputError(fmt::format("the lowest inverse temperature is {}; it must be at least 0 and below 1", lowest));
    }
    auto ladder = Ladder{};
    const auto pairs = temperatures - 1;
    for (std::size_t k = 0; k != pairs; ++k) {
        ladder.betas.push_back(1.0 - (1.0 - lowest) * static_cast<double>(k) / static_cast<double>(pairs));
    }
    ladder.betas.push_back(lowest);
    ladder.swap_rates.assign(pairs, 0.0);
    ladder.swaps.assign(pairs, 0);
    ladder.rejections.assign(pairs, 0.0);
    ladder.tried.assign(pairs, 0);
    ladder.check();
    return ladder;
}

auto Ladder::check() const -> void {
    if (betas.size() < 2) {
        throw InputError(fmt::format("{} temperatures are too few; tempering needs at least 2", betas.size()));
    }
    if (betas.front() != 1.0) { throw InputError(fmt::format("the first inverse temperature is {}; it must be 1", betas.front())); }
    for (std::size_t k = 1; k != betas.size(); ++k) {
        if (!(betas[k] < betas[k - 1] && betas[k] >= 0.0)) {
            throw InputError(fmt::format("inverse temperature {} is {} after {}; they must decrease and not be negative", k,
                                         betas[k], betas[k - 1]));
        }
    }
    for (const auto size : {swap_rates.size(), swaps.size(), rejections.size(), tried.size()}) {
        if (size != betas.size() - 1) {
            throw InputError(fmt::format("found a list for {} pairs of temperatures, expected {}", size, betas.size() - 1));
        }
    }
}

auto equal_rejection(std::span<const double> betas, std::span<const double> rejections) -> std::vector<double> {
    auto result = std::vector<double>(betas.begin(), betas.end());
    if (betas.size() < 2 || rejections.size() + 1 != betas.size()) {
        throw InputError(
            fmt::format("{} rejection probabilities do not belong to {} temperatures", rejections.size(), betas.size()));
    }
    const auto pairs = rejections.size();
    auto total = 0.0;
    for (const auto r : rejections) { total += r; }
    if (!(total > 0.0) || !std::isfinite(total)) { return result; }
    // A pair that never rejects still is a way to go, so that its temperatures stay apart.
    const auto least = 1e-3 * total / static_cast<double>(pairs);
    auto cumulative = std::vector<double>{0.0};
    for (const auto r : rejections) { cumulative.push_back(cumulative.back() + std::max(r, least)); }
    auto k = std::size_t{0};
    for (std::size_t j = 1; j != pairs; ++j) {
        const auto wanted = cumulative.back() * static_cast<double>(j) / static_cast<double>(pairs);
        while (k + 1 != pairs && cumulative[k + 1] < wanted) { ++k; }
        const auto part = (wanted - cumulative[k]) / (cumulative[k + 1] - cumulative[k]);
        result[j] = betas[k] + part * (betas[k + 1] - betas[k]);
    }
    return result;
}

template <Real T>
auto make_replicas(const DBM<T>& dbm, std::size_t count, const TemperingOptions& options, std::uint64_t seed, Vector<T> reference,
                   Purpose purpose) -> Replicas<T> {
    check_options(options);
    if (count == 0) { throw InputError("the number of chains is 0; at least 1 is needed"); }
    auto all = Replicas<T>{};
    all.reference = reference.size() == 0 ? zero_vector<T>(dbm.visible_size()) : std::move(reference);
    all.ladder = Ladder::linear(options.temperatures, options.lowest);
    for (std::size_t k = 0; k != options.temperatures; ++k) {
        all.chains.push_back({.states = dbm.make_states(count), .stream = Stream(seed, purpose), .sweeps = 1});
        auto fields = States<T>{};
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
            fields.push_back(zero_matrix<T>(parity_of(l) == Parity::odd ? count : 0, dbm.size(l)));
        }
        all.fields.push_back(std::move(fields));
    }
    all.ends.assign(options.temperatures * count, 0);
    all.differences = zero_matrix<double>(options.temperatures, count);
    all.acceptance = zero_matrix<double>(options.temperatures, count);
    check_replicas(dbm, all);
    for (std::size_t k = 0; k != options.temperatures; ++k) {
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
            auto& chains = all.chains[k];
            sample_logits<T>(chains.states[l], chains.states[l], chains.stream, layer_step(0, dbm.layer_count(), l), k * count);
        }
    }
    return all;
}

Tempering::Tempering(TemperingOptions options) : options_(options) { check_options(options_); }

template <Real T>
auto Tempering::run(const DBM<T>& dbm, Replicas<T>& replicas, std::size_t updates) const -> void {
    check_replicas(dbm, replicas);
    for (std::size_t u = 0; u != updates; ++u) {
        const auto first_pair = replicas.ladder.updates % 2;
        sweep(dbm, replicas, options_.steps);
        exchange(replicas, first_pair);
        count_round_trips(replicas);
        note_rates(replicas, first_pair);
        if (options_.adaptive && replicas.ladder.updates % options_.adapt_every == 0) { adapt(replicas.ladder); }
    }
}

template auto make_replicas(const DBM<float>&, std::size_t, const TemperingOptions&, std::uint64_t, Vector<float>, Purpose)
    -> Replicas<float>;
template auto make_replicas(const DBM<double>&, std::size_t, const TemperingOptions&, std::uint64_t, Vector<double>, Purpose)
    -> Replicas<double>;
template auto Tempering::run(const DBM<float>&, Replicas<float>&, std::size_t) const -> void;
template auto Tempering::run(const DBM<double>&, Replicas<double>&, std::size_t) const -> void;

}  // namespace nbm
