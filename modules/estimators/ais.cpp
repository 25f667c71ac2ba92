module;

#include "../kernels/kernels.hpp"

module nbm:estimators.ais_impl;

import :estimators.ais;
import :estimators.annealing_path;
import :estimators.bases;
import :estimators.betas;
import :estimators.binary_annealing;
import :estimators.control;
import :estimators.log_z;
import :estimators.moment_path;
import :estimators.place_betas;
import :estimators.stream_draw;
import :estimators.weight_sums;
import :model;
import :random;
import :sampling.fields;
import :standard;
import :tensor;
import :tensor.binary;
import nbm.fmt;

namespace nbm {

namespace {

auto check(const AISOptions& options, bool has_data) -> void {
    if (options.runs == 0) { throw InputError("AIS with 0 runs gives no estimate; at least 1 is needed, 100 are usual"); }
    if (options.sweeps == 0) { throw InputError("AIS with 0 sweeps at each beta does not anneal; at least 1 is needed"); }
    if (options.path == Path::moments && !has_data) {
        throw InputError("AIS along averaged moments needs data, and a base without weights; otherwise choose the geometric path");
    }
}

auto larger_parity(const Topology& topology) -> Parity {
    return topology.units(Parity::even) > topology.units(Parity::odd) ? Parity::even : Parity::odd;
}

template <Real T>
auto hidden_units(const DBM<T>& dbm) -> double {
    const auto& topology = dbm.topology();
    return static_cast<double>(topology.units(Parity::even) + topology.units(Parity::odd) - topology.size(0));
}

/// Gives the chain's layers the samples first, first + 1, ...; `at_end`: of the last units of each layer instead of the first ones.
/// The other units are free.
template <Real T>
auto place_samples(const States<T>& samples, bool at_end, Parity kept, std::size_t first, AnnealedChains<T>& chains, Draw<T>& draw)
    -> void {
    for (std::size_t l = kept == Parity::even ? 0 : 1; l < chains.states.size(); l += 2) {
        auto& layer = chains.states[l];
        const auto taken = l < samples.size() ? samples[l].shape(1) : 0;
        const auto free = layer.shape(1) - taken;
        if (free != 0) {
            layer.fill(T{0});
            draw(l, MatrixView<T>(layer));
        }
        if (taken == 0) { continue; }
        for (std::size_t r = 0; r != layer.shape(0); ++r) {
            std::ranges::copy(MatrixView<const T>(samples[l]).row(first + r),
                              MatrixView<T>(layer).row(r).subspan(at_end ? free : 0).begin());
        }
    }
}

template <Real T>
auto require_samples(const States<T>& samples, const DBM<T>& dbm, std::size_t runs) -> void {
    dbm.check(samples);
    if (samples[0].shape(0) < runs) {
        throw InputError(fmt::format("{} runs of AIS need as many samples to begin with; found {}", runs, samples[0].shape(0)));
    }
    for (std::size_t l = 0; l != samples.size(); ++l) {
        const auto odd = std::ranges::find_if(samples[l], [](T x) { return x != T{0} && x != T{1}; });
        if (odd != samples[l].end()) {
            throw InputError(fmt::format("AIS begins at sampled states of all layers, 0 or 1; found {} in layer {}", *odd, l));
        }
    }
}

}  // namespace

template <Real T>
AIS<T>::AIS(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& data, AISOptions options)
    : options_(std::move(options)), target_(dbm), base_(make_base<T>(dbm, &data, options_.base)) {
    check(options_, true);
    log_z_base_ = exactly(log_z_of_biases(base_));
    if (options_.path == Path::moments) { data_ = data; }
}

template <Real T>
AIS<T>::AIS(const DBM<T>& dbm, AISOptions options)
    : options_(std::move(options)), target_(dbm), base_(make_base<T>(dbm, nullptr, options_.base)) {
    check(options_, false);
    log_z_base_ = exactly(log_z_of_biases(base_));
}

template <Real T>
AIS<T>::AIS(const DBM<T>& dbm, const DBM<T>& base, const Estimate& log_z, States<T> base_samples, AISOptions options)
    : options_(std::move(options)), target_(dbm), base_(base), base_samples_(std::move(base_samples)), log_z_base_(log_z) {
    check(options_, false);
    require_samples(base_samples_, base, options_.runs);
    // On the joined path each machine has the other's hidden units besides, which are free.
    const auto shift = std::numbers::ln2 * (hidden_units(dbm) - hidden_units(base));
    log_z_base_ = {log_z.value + shift, log_z.low + shift, log_z.high + shift, log_z.standard_error};
}

template <Real T>
auto AIS<T>::prepare() -> void {
    const auto& topology = target_.topology();
    const auto control = Control{.stop = options_.control.stop};
    if (!path_) {
        const auto summed = options_.summed.value_or(larger_parity(topology));
        if (!base_samples_.empty()) {
            auto [start, end] = join(base_, target_);
            path_.emplace(std::vector{std::move(start), std::move(end)}, summed);
        } else if (options_.path == Path::moments) {
            auto moments = options_.moments;
            moments.seed = options_.seed;
            path_.emplace(moment_path(base_, target_, summed, data_, moments, control));
        } else {
            path_.emplace(std::vector{base_, target_}, summed);
        }
    }
    if (!positions_.empty()) { return; }
    if (!options_.betas.is_adaptive()) {
        positions_ = path_->refine(options_.betas);
        return;
    }
    // The pilot begins at samples that no run begins with, as far as there are any.
    const auto samples = base_samples_.empty() ? std::size_t{0} : base_samples_[0].shape(0);
    const auto spare = samples > options_.runs + 1 ? options_.runs : std::size_t{0};
    const auto pilot = PilotOptions{.chains = base_samples_.empty() ? 100 : std::min<std::size_t>(100, samples - spare),
                                    .sweeps = options_.sweeps,
                                    .seed = options_.seed};
    positions_ = path_->refine(
        place_betas<T>(*path_, options_.betas.size(), pilot, control,
                       [&](AnnealedChains<T>& chains, std::size_t first, Draw<T>& draw) { start(chains, first + spare, draw); }));
}

template <Real T>
auto AIS<T>::start(AnnealedChains<T>& chains, std::size_t first, Draw<T>& draw) const -> void {
    if (base_samples_.empty()) {
        path_->start(chains, draw);
    } else {
        place_samples(base_samples_, false, opposite(path_->summed()), first, chains, draw);
    }
}

template <Real T>
template <class Start>
auto AIS<T>::run_blocks(bool up, const Start& start) -> void {
    prepare();
    const auto binary = takes_binary_path<T>() && path_->is_plain();
    auto log_weights = std::vector<double>(options_.runs);
    constexpr std::size_t steps_between_reports = 16;
    constexpr std::size_t most_recorded = 200;
    const auto steps = positions_.size() - 1;
    auto progress = Progress(options_.control, options_.runs * steps);
    const auto backwards = up ? std::vector<double>{} : std::vector<double>(positions_.rbegin(), positions_.rend());
    const auto order = std::span(up ? positions_ : backwards);
    const auto recorded = evenly_spaced_steps(order, most_recorded);
    auto sums = std::vector<std::vector<WeightSums>>(options_.runs);  // at these steps, by the first run of each block
    const auto run_rows = [&](Rows rows) {
        if (progress.stopped()) { return; }
        auto chains = path_->make_chains(rows.count);
        auto draw = StreamDraw<T>(options_.seed, up ? forward_steps : reverse_steps, rows.first);
        auto reported = std::size_t{0};
        const auto record = [&](std::size_t done) {
            auto& block = sums[rows.first];
            if (block.size() != recorded.size() && recorded[block.size()] == done) { block.emplace_back(chains.log_weights); }
        };
        const auto keep_going = [&](std::size_t step) {
            record(step - 1);
            // Only steps that are done count, so that a run which ends early is never complete.
            if ((step - 1) % steps_between_reports == 0) {
                progress.advance(rows.count * (step - 1 - reported));
                reported = step - 1;
            }
            return !progress.stopped();
        };
        start(chains, rows.first, draw);
        if (!binary) {
            anneal<T>(*path_, order, options_.sweeps, chains, draw, keep_going);
        } else if constexpr (std::same_as<T, float>) {
            BinaryAnnealing(*path_, chains, draw.stream(), draw.next_step(), rows.first).run(order, options_.sweeps, keep_going);
        }
        record(steps);
        if (!progress.stopped()) { progress.advance(rows.count * (steps - reported)); }
        std::ranges::copy(chains.log_weights, log_weights.begin() + static_cast<std::ptrdiff_t>(rows.first));
    };
    if (binary) {
        for_row_blocks(options_.runs, binary_chains_at_once, run_rows);
    } else {
        // The layers of large machines are cut among the threads, for small ones the chains.
        const auto sizes = path_->topology().sizes();
        if (std::ranges::any_of(sizes, [](std::size_t size) { return column_blocks(size).count() > 1; })) {
            for_row_blocks(options_.runs, rows_by_columns, run_rows);
        } else {
            parallel_rows(options_.runs, run_rows);
        }
    }
    progress.finish("annealed importance sampling");
    log_weights_ = std::move(log_weights);
    effective_sample_sizes_ = {};
    for (std::size_t i = 0; i != recorded.size(); ++i) {
        auto all = WeightSums{};
        for (const auto& block : sums) {  // always in this order
            if (!block.empty()) { all.add(block[i]); }
        }
        effective_sample_sizes_.positions.push_back(order[recorded[i]]);
        effective_sample_sizes_.values.push_back(all.effective_sample_size());
    }
}

template <Real T>
auto AIS<T>::finish(bool reverse) -> LogZ {
    reverse_ = reverse;
    auto result = estimate_log_error_z();
    effective_sample_sizes_.values.back() = result.effective_sample_size;  // the same number, rounded in the same way
    return result;
}

template <Real T>
auto AIS<T>::run_log_z() -> LogZ {
    run_blocks(true, [&](AnnealedChains<T>& chains, std::size_t first, Draw<T>& draw) { start(chains, first, draw); });
    return finish(false);
}

template <Real T>
auto AIS<T>::run_reverse_log_z(const States<T>& samples) -> LogZ {
    require_samples(samples, target_, options_.runs);
    run_blocks(false, [&](AnnealedChains<T>& chains, std::size_t first, Draw<T>& draw) {
        place_samples(samples, true, opposite(path_->summed()), first, chains, draw);
    });
    return finish(true);
}

template <Real T>
auto AIS<T>::run_sandwich(const States<T>& samples) -> Sandwich {
    require_samples(samples, target_, options_.runs);
    const auto above = run_reverse_log_z(samples);
    return {.below = run_log_z(), .above = above};
}

template <Real T>
auto AIS<T>::estimate_log_error_z() const -> LogZ {
    if (log_weights_.empty()) { throw InputError("there is no estimate yet: call run_log_z() first"); }
    const auto base = log_z_base_.value;
    auto result = reverse_ ? estimate_from_reverse_weights(log_weights_, base) : estimate_from_weights(log_weights_, base);
    if (log_z_base_.low == log_z_base_.high && log_z_base_.standard_error == 0.0) { return result; }
    result.low = result.value - std::hypot(result.value - result.low, log_z_base_.value - log_z_base_.low);
    result.high = result.value + std::hypot(result.high - result.value, log_z_base_.high - log_z_base_.value);
    result.standard_error = std::hypot(result.standard_error, log_z_base_.standard_error);
    const auto two_sigma = 1.96 * log_z_base_.standard_error;
    result.bootstrap = {result.value - std::hypot(result.value - result.bootstrap.low, two_sigma),
                        result.value + std::hypot(result.bootstrap.high - result.value, two_sigma)};
    return result;
}

template <Real T>
auto AIS<T>::path() -> const AnnealingPath<T>& {
    prepare();
    return *path_;
}

template <Real T>
auto AIS<T>::positions() -> std::span<const double> {
    prepare();
    return positions_;
}

template class AIS<float>;
template class AIS<double>;

}  // namespace nbm
