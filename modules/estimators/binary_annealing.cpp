module;

#include "../kernels/kernels.hpp"

module nbm:estimators.binary_annealing;

import :estimators.annealing_path;
import :model;
import :random;
import :sampling.binary_chains;
import :standard;
import :tensor;
import :tensor.binary;

// Annealing along a plain path of float machines by table look-up: what AnnealingPath and StreamDraw do, with the same random
// numbers, as one pass over each layer. Fields, probabilities and random numbers never reach memory.
namespace nbm {

/// Chains that share each pass: enough that tables are made for many, few enough that their states stay in the cache.
inline constexpr std::size_t binary_chains_at_once = 512;

class BinaryAnnealing {
public:
    /// For chains whose kept layers are in their states. step: the next one of the stream; first_chain: the number of chain 0 over
    /// all of them.
    BinaryAnnealing(const AnnealingPath<float>& path, AnnealedChains<float>& chains, const Stream& stream, std::uint64_t step,
                    std::size_t first_chain)
        : path_(path),
          chains_(chains),
          stream_(stream),
          step_(step),
          first_chain_(first_chain),
          bundles_{(chains.count() + kernels::block_chains - 1) / kernels::block_chains},
          layers_(path.topology().layer_count()),
          gains_(layers_.size()),
          linear_(chains.count(), 0.0) {
        auto most = std::size_t{0};
        for (std::size_t l = 0; l != layers_.size(); ++l) {
            layers_[l].resize(chains.count(), path.topology().size(l));
            most = std::max(most, strips_of(path.topology().size(l)));
            if (is_summed(l)) { continue; }
            layers_[l].set_rows(chains.states[l]);
            const auto& start = path.knots().front().bias(l);
            const auto& end = path.knots().back().bias(l);
            std::ranges::transform(end, start, std::back_inserter(gains_[l]), [](float b, float a) { return b - a; });
            for (std::size_t r = 0; r != chains.count(); ++r) {
                linear_[r] += dot<float>(MatrixView<const float>(chains.states[l]).row(r), gains_[l]);
            }
        }
        for (auto& part : parts_) { part.resize(most * stride()); }
    }

    /// Weights and sweeps from one position to the next, as anneal() does.
    template <class KeepGoing>
    auto run(std::span<const double> positions, std::size_t sweeps, const KeepGoing& keep_going) -> void {
        for (std::size_t k = 1; k != positions.size() && keep_going(k); ++k) {
            const auto last = k + 1 == positions.size();
            weigh(positions[k - 1], positions[k], !last);
            for (std::size_t s = 0; s != sweeps && !last; ++s) {
                if (s != 0) { draw_summed(positions[k]); }
                draw_kept(positions[k]);
            }
        }
    }

private:
    auto is_summed(std::size_t l) const -> bool { return parity_of(l) == path_.summed(); }
    auto stride() const -> std::size_t { return bundles_.blocks * kernels::block_chains; }
    auto target() const -> const DBM<float>& { return path_.knots().back(); }
    auto line(std::size_t l, kernels::Receivers receivers, double at) const -> kernels::Line {
        const auto* base = path_.starts_from_biases(l) ? path_.knots().front().bias(l).data() + receivers.first : nullptr;
        return {base, static_cast<float>(at)};
    }
    auto next_random() -> kernels::Randomness { return randomness(stream_, step_++, first_chain_); }

    /// Calls f(strip, receivers, fields) for all quads of a layer.
    template <class F>
    auto for_fields(std::size_t l, const F& f) -> void {
        set_senders(target(), l, [&](std::size_t k) { return &layers_[k]; }, senders_);
        multiply_binary({senders_, target().bias(l).data(), target().size(l), bundles_}, f);
    }

    /// part[i] of a strip, set to `value` before its first quad.
    auto part(std::size_t i, std::size_t strip, kernels::Receivers receivers, float value) -> float* {
        auto* data = parts_[i].data() + strip * stride();
        if (receivers.first == strip * strip_units) { std::fill_n(data, stride(), value); }
        return data;
    }

    /// sums += the parts of a layer, chains in parallel.
    auto collect(std::size_t l, bool with_products, std::span<double> sums) -> void {
        // Whole blocks of chains: collect() reads all of the last one.
        const auto parts = RowBlocks(bundles_.blocks, 8);
        parallel_for(parts.count(), [&](std::size_t p) {
            const auto first = parts[p].first * kernels::block_chains;
            if (first >= sums.size()) { return; }
            const auto at = [&](std::size_t i) { return with_products || i == 0 ? parts_[i].data() + first : nullptr; };
            kernels::active().binary.collect({at(0), at(1), at(2)}, strips_of(target().size(l)), stride(),
                                             std::min(parts[p].count * kernels::block_chains, sums.size() - first), sums.data() + first);
        });
    }

    auto weigh(double from, double to, bool draw) -> void {
        for (std::size_t r = 0; r != linear_.size(); ++r) { chains_.log_weights[r] += (to - from) * linear_[r]; }
        for (std::size_t l = 0; l != layers_.size(); ++l) {
            if (!is_summed(l)) { continue; }
            const auto random = draw ? next_random() : kernels::Randomness{};
            for_fields(l, [&](std::size_t strip, kernels::Receivers receivers, const float* z) {
                kernels::active().binary.anneal(
                    z, receivers, bundles_, line(l, receivers, from), static_cast<float>(to), draw ? &random : nullptr,
                    layers_[l].quads(), layers_[l].data(),
                    {part(0, strip, receivers, 0.0F), part(1, strip, receivers, 1.0F), part(2, strip, receivers, 1.0F)});
            });
            collect(l, true, chains_.log_weights);
        }
    }

    auto draw_summed(double at) -> void {
        for (std::size_t l = 0; l != layers_.size(); ++l) {
            if (!is_summed(l)) { continue; }
            const auto random = next_random();
            for_fields(l, [&](std::size_t, kernels::Receivers receivers, const float* z) {
                kernels::active().binary.draw(z, receivers, bundles_, line(l, receivers, at), random, layers_[l].quads(),
                                              layers_[l].data(), nullptr, nullptr);
            });
        }
    }

    auto draw_kept(double at) -> void {
        std::ranges::fill(linear_, 0.0);
        for (std::size_t l = 0; l != layers_.size(); ++l) {
            if (is_summed(l)) { continue; }
            const auto random = next_random();
            for_fields(l, [&](std::size_t strip, kernels::Receivers receivers, const float* z) {
                kernels::active().binary.draw(z, receivers, bundles_, line(l, receivers, at), random, layers_[l].quads(),
                                              layers_[l].data(), gains_[l].data() + receivers.first,
                                              part(0, strip, receivers, 0.0F));
            });
            collect(l, false, linear_);
        }
    }

    const AnnealingPath<float>& path_;
    AnnealedChains<float>& chains_;
    Stream stream_;
    std::uint64_t step_;
    std::size_t first_chain_;
    kernels::Bundles bundles_;
    std::vector<BinaryStates> layers_;
    std::vector<std::vector<float>> gains_;  // what a kept unit that is on adds to the slope of log p*
    std::vector<double> linear_;             // of the kept layers, for each chain
    std::vector<kernels::Senders> senders_;
    AlignedArray<float> parts_[3];
};

}  // namespace nbm
