module nbm:estimators.exact_samples_impl;

import :estimators.control;
import :estimators.enumeration;
import :estimators.exact_log_z;
import :estimators.exact_samples;
import :model;
import :random;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

/// A place in [0, 1) for each sample, of 53 bits: more than 2^30 states could tell apart.
auto places(const Stream& stream, std::uint64_t step, std::size_t count) -> std::vector<double> {
    auto result = std::vector<double>(count);
    for (std::size_t c = 0; c != count; ++c) {
        const auto high = std::uint64_t{stream.word(step, c, 0)};
        const auto low = std::uint64_t{stream.word(step, c, 1)};
        result[c] = static_cast<double>((high << 32U | low) >> 11U) * 0x1p-53;
    }
    return result;
}

/// The first element of the cumulative sums that is above x; the last one that is above its predecessor when rounding hides it.
auto find_place(std::span<const double> cumulative, double x) -> std::size_t {
    const auto found = std::ranges::upper_bound(cumulative, x);
    if (found != cumulative.end()) { return static_cast<std::size_t>(found - cumulative.begin()); }
    return static_cast<std::size_t>(std::ranges::lower_bound(cumulative, cumulative.back()) - cumulative.begin());
}

/// cumulative[i] = sum_(j <= i) exp(x_j - log_sum)
auto accumulate_exp(std::span<const double> x, double log_sum) -> std::vector<double> {
    auto result = std::vector<double>(x.size());
    auto sum = 0.0;
    std::ranges::transform(x, result.begin(), [&](double value) { return sum += std::exp(value - log_sum); });
    return result;
}

/// The state of all enumerated units of each sample.
auto draw_states(const TwoSides& sides, std::span<const double> place, const Topology& topology, const Control& control)
    -> std::vector<std::uint64_t> {
    const auto states = Enumeration(sides.weights, magnitudes(sides.summed_bias));
    const auto biases = Biases{sides.enumerated_bias, sides.summed_bias};
    auto progress = Progress(control, states.blocks() + place.size());
    auto log_sums = std::vector<double>(states.blocks());
    const auto tasks = states.tasks();
    parallel_for(tasks.count(), [&](std::size_t task) {
        auto workspace = states.workspace();
        for (auto b = tasks[task].first; b != tasks[task].first + tasks[task].count && !progress.stopped(); ++b) {
            states.set_log_weights(biases, b, workspace);
            log_sums[b] = log_sum_exp(workspace.log_weights);
            progress.advance();
        }
    });
    if (progress.stopped()) { progress.finish("exact sampling"); }
    const auto log_z = log_sum_exp(log_sums);
    if (!std::isfinite(log_z)) {
        throw InputError(fmt::format("{} cannot be sampled: its log Z is {}", topology.describe(), log_z));
    }
    const auto cumulative = accumulate_exp(log_sums, log_z);
    // The samples by block, so that each block is enumerated once.
    auto samples = std::vector<std::vector<std::size_t>>(states.blocks());
    auto used = std::vector<std::size_t>{};
    for (std::size_t c = 0; c != place.size(); ++c) {
        const auto block = find_place(cumulative, place[c] * cumulative.back());
        if (samples[block].empty()) { used.push_back(block); }
        samples[block].push_back(c);
    }
    auto result = std::vector<std::uint64_t>(place.size());
    parallel_for(used.size(), [&](std::size_t u) {
        if (progress.stopped()) { return; }
        const auto block = used[u];
        auto workspace = states.workspace();
        states.set_log_weights(biases, block, workspace);
        const auto within = accumulate_exp(workspace.log_weights, log_z);
        const auto before = block == 0 ? 0.0 : cumulative[block - 1];
        for (const auto c : samples[block]) {
            result[c] = block << states.block_bits() | find_place(within, std::max(0.0, place[c] * cumulative.back() - before));
        }
        progress.advance(samples[block].size());
    });
    progress.finish("exact sampling");
    return result;
}

}  // namespace

template <Real T>
auto exact_samples(const DBM<T>& dbm, std::size_t count, std::uint64_t seed, const Control& control) -> States<T> {
    const auto& topology = dbm.topology();
    require_enumerable("the states", topology, max_enumerated_units);
    const auto parity = smaller_parity(topology);
    const auto sides = two_sides(dbm, parity);
    const auto stream = Stream(seed, Purpose::exact_samples);
    const auto layers = dbm.layer_count();
    const auto drawn = draw_states(sides, places(stream, layers, count), topology, control);
    auto states = dbm.make_states(count);
    parallel_rows(count, [&](Rows rows) {
        for (std::size_t l = 0; l != layers; ++l) {
            if (parity_of(l) != parity) { continue; }
            for (auto r = rows.first; r != rows.first + rows.count; ++r) {
                for (std::size_t k = 0; k != dbm.size(l); ++k) { states[l](r, k) = T(drawn[r] >> (sides.offset[l] + k) & 1U); }
            }
        }
        for (std::size_t l = 0; l != layers; ++l) {
            if (parity_of(l) == parity) { continue; }
            const auto part = slice(states[l], rows);
            dbm.field_rows(l, states, rows, part);
            sample_logits<T>(part, part, stream, l, rows.first);
        }
    });
    return states;
}

template auto exact_samples(const DBM<float>&, std::size_t, std::uint64_t, const Control&) -> States<float>;
template auto exact_samples(const DBM<double>&, std::size_t, std::uint64_t, const Control&) -> States<double>;

}  // namespace nbm
