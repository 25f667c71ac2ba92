module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

module nbm:estimators.ais_impl;

import :estimators.ais;
import :estimators.control;
import :estimators.log_z;
import :model;
import :random;
import :tensor;

namespace nbm {

Betas::Betas(std::size_t count) {
    if (count < 2) { throw InputError(fmt::format("{} inverse temperatures are too few; annealing needs at least 2", count)); }
    for (std::size_t k = 0; k != count; ++k) { values_.push_back(static_cast<double>(k) / static_cast<double>(count - 1)); }
}

Betas::Betas(std::vector<double> values) : values_(std::move(values)) {
    if (values_.size() < 2) {
        throw InputError(fmt::format("{} inverse temperatures are too few; annealing needs at least 2", values_.size()));
    }
    if (values_.front() != 0.0) {
        throw InputError(fmt::format("the first inverse temperature is {}; it must be 0", values_.front()));
    }
    if (values_.back() != 1.0) {
        throw InputError(fmt::format("the last inverse temperature is {}; it must be 1", values_.back()));
    }
    for (std::size_t k = 1; k != values_.size(); ++k) {
        if (!(values_[k - 1] < values_[k])) {
            throw InputError(
                fmt::format("inverse temperature {} is {} after {}; they must increase", k, values_[k], values_[k - 1]));
        }
    }
}

auto three_piece(std::size_t count) -> Betas {
    if (count < 4) {
        throw InputError(fmt::format("{} inverse temperatures are too few for three pieces; at least 4 are needed", count));
    }
    const auto steps = count - 1;
    const auto first = std::max<std::size_t>(1, steps * 500 / 14500);
    const auto second = std::max<std::size_t>(1, steps * 4000 / 14500);
    auto values = std::vector<double>{};
    const auto add_piece = [&](double from, double to, std::size_t n) {
        for (std::size_t k = 0; k != n; ++k) {
            values.push_back(from + (to - from) * static_cast<double>(k) / static_cast<double>(n));
        }
    };
    add_piece(0.0, 0.5, first);
    add_piece(0.5, 0.9, second);
    add_piece(0.9, 1.0, steps - first - second);
    values.push_back(1.0);
    return Betas(std::move(values));
}

template <Real T>
AnnealingPath<T>::AnnealingPath(const DBM<T>& dbm, Vector<T> base_bias, Parity summed)
    : dbm_(dbm), base_bias_(std::move(base_bias)), summed_(summed) {
    if (base_bias_.size() != dbm.visible_size()) {
        throw ShapeError(fmt::format("found a base rate for {} visible units, expected {}", base_bias_.size(), dbm.visible_size()));
    }
}

template <Real T>
auto AnnealingPath<T>::log_z_base() const -> double {
    auto sum = 0.0;
    for (const auto b : base_bias_) { sum += softplus(double(b)); }
    for (std::size_t l = 1; l != dbm_.layer_count(); ++l) { sum += std::numbers::ln2 * static_cast<double>(dbm_.size(l)); }
    return sum;
}

template <Real T>
auto AnnealingPath<T>::start(States<T>& states, Rows chains, Draw<T>& draw) const -> void {
    for (std::size_t l = summed_ == Parity::even ? 1 : 0; l < dbm_.layer_count(); l += 2) {
        const auto part = slice(states[l], chains);
        if (l == 0) {
            set_rows(part, as_span(base_bias_));
        } else {
            for (std::size_t r = 0; r != part.rows(); ++r) { std::ranges::fill(part.row(r), T{0}); }
        }
        draw(l, part, chains.first);
    }
}

template <Real T>
auto AnnealingPath<T>::step(States<T>& states, Rows chains, double beta_before, double beta, bool last,
                            std::span<double> log_weights, Draw<T>& draw) const -> void {
    const auto layers = dbm_.layer_count();
    const auto first_summed = summed_ == Parity::even ? std::size_t{0} : std::size_t{1};
    const auto base_of = [&](std::size_t l) { return l == 0 ? as_span(base_bias_) : std::span<const T>{}; };

    // The chain's own layers enter the energy linearly.
    for (auto l = 1 - first_summed; l < layers; l += 2) {
        const auto part = slice(states[l], chains);
        const auto& bias = dbm_.bias(l);
        const auto base = base_of(l);
        for (std::size_t r = 0; r != part.rows(); ++r) {
            const auto row = part.row(r);
            auto sum = 0.0;
            for (std::size_t k = 0; k != row.size(); ++k) {
                sum += double(row[k]) * (double(bias[k]) - (base.empty() ? 0.0 : double(base[k])));
            }
            log_weights[r] += (beta - beta_before) * sum;
        }
    }
    // The summed-out layers' fields give the weight, then become their logits at beta.
    for (auto l = first_summed; l < layers; l += 2) {
        const auto part = slice(states[l], chains);
        dbm_.field_rows(l, states, chains, part);
        anneal(part, base_of(l), beta_before, beta, log_weights);
        if (!last) { draw(l, part, chains.first); }
    }
    if (last) { return; }
    for (auto l = 1 - first_summed; l < layers; l += 2) {
        const auto part = slice(states[l], chains);
        dbm_.field_rows(l, states, chains, part);
        const auto base = base_of(l);
        for (std::size_t r = 0; r != part.rows(); ++r) {
            const auto row = part.row(r);
            for (std::size_t k = 0; k != row.size(); ++k) {
                const auto a = base.empty() ? T{0} : base[k];
                row[k] = a + static_cast<T>(beta) * (row[k] - a);
            }
        }
        draw(l, part, chains.first);
    }
}

template <Real T>
auto base_rate_bias(const Matrix<T>& v) -> Vector<T> {
    if (v.shape(0) == 0) { throw InputError("the base rates need at least 1 row of data"); }
    const auto means = clipped_column_means<T>(v);
    auto bias = zero_vector<T>(v.shape(1));
    for (std::size_t k = 0; k != means.size(); ++k) { bias[k] = static_cast<T>(logit((means[k] + 0.05) / 1.05)); }
    return bias;
}

namespace {

/// Bernoulli draws from a stream; every call within a run has a step of its own. The states hold one block of chains, of which the
/// first is number `offset` over all blocks.
template <Real T>
class StreamDraw : public Draw<T> {
public:
    StreamDraw(const Stream& stream, std::size_t offset) : stream_(stream), offset_(offset) {}
    auto operator()(std::size_t, MatrixView<T> logits, std::size_t first_chain) -> void override {
        sample_logits<T>(logits, logits, stream_, step_++, offset_ + first_chain);
    }

private:
    Stream stream_;
    std::size_t offset_;
    std::uint64_t step_ = 0;
};

auto default_parity(const Topology& topology) -> Parity {
    return topology.units(Parity::even) > topology.units(Parity::odd) ? Parity::even : Parity::odd;
}

}  // namespace

template <Real T>
AIS<T>::AIS(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& data, AISOptions options)
    : dbm_(dbm),
      options_(std::move(options)),
      path_(dbm, base_rate_bias(data), options_.summed.value_or(default_parity(dbm.topology()))) {
    if (options_.runs == 0) { throw InputError("AIS with 0 runs gives no estimate; at least 1 is needed, 100 are usual"); }
}

template <Real T>
auto AIS<T>::run_block(Rows chains) -> void {
    auto states = dbm_.make_states(chains.count);
    const auto all = Rows{0, chains.count};
    const auto weights = std::span(log_weights_).subspan(chains.first, chains.count);
    auto draw = StreamDraw<T>(Stream(options_.seed, Purpose::ais), chains.first);
    const auto betas = options_.betas.values();
    path_.start(states, all, draw);
    for (std::size_t k = 1; k != betas.size(); ++k) {
        if (k % 64 == 0 && options_.stop.stop_requested()) { return; }
        path_.step(states, all, betas[k - 1], betas[k], k + 1 == betas.size(), weights, draw);
    }
}

template <Real T>
auto AIS<T>::run_log_z() -> LogZ {
    log_weights_.assign(options_.runs, 0.0);
    parallel_rows(options_.runs, [&](Rows chains) { run_block(chains); });
    if (options_.stop.stop_requested()) {
        log_weights_.clear();
        throw Cancelled("annealed importance sampling was cancelled");
    }
    return estimate_log_error_z();
}

template <Real T>
auto AIS<T>::estimate_log_error_z() const -> LogZ {
    if (log_weights_.empty()) { throw InputError("there is no estimate yet: call run_log_z() first"); }
    return estimate_from_weights(log_weights_, path_.log_z_base());
}

template class AnnealingPath<float>;
template class AnnealingPath<double>;
template class AIS<float>;
template class AIS<double>;
template auto base_rate_bias(const Matrix<float>&) -> Vector<float>;
template auto base_rate_bias(const Matrix<double>&) -> Vector<double>;

}  // namespace nbm
