module;

#include "../kernels/kernels.hpp"

module nbm:sampling.binary_chains;

import :model;
import :random;
import :standard;
import :tensor;
import :tensor.binary;

namespace nbm {

/// Senders to layer l: its neighbours, of which `layer(k)` gives the states, or null where a neighbour does not send.
template <class LayerOf>
auto set_senders(const DBM<float>& dbm, std::size_t l, const LayerOf& layer, std::vector<kernels::Senders>& senders) -> void {
    senders.clear();
    for (const auto& [edge, weights] : dbm.synapses()) {
        if (edge.upper != l && edge.lower != l) { continue; }
        const auto up = edge.upper == l;
        const BinaryStates* states = layer(up ? edge.lower : edge.upper);
        if (states == nullptr) { continue; }
        const auto columns = weights.shape(1);
        senders.push_back({.weights = weights.data(),
                           .sender_stride = up ? columns : 1,
                           .receiver_stride = up ? 1 : columns,
                           .count = weights.shape(up ? 0 : 1),
                           .states = states->data(),
                           .scale = 1.0F});
    }
}

/// The random numbers of a layer in one step; chain 0 is row `first_row` of the stream.
inline auto randomness(const Stream& stream, std::uint64_t step, std::size_t first_row = 0) -> kernels::Randomness {
    return {stream.counter(step, static_cast<std::uint32_t>(first_row), 0), stream.key()};
}

/// Sums of softplus over the units of a layer, in parts, one for each strip of units.
class SoftplusStrips {
public:
    auto resize(std::size_t units, kernels::Bundles bundles) -> void {
        strips_ = strips_of(units);
        stride_ = bundles.blocks * kernels::block_chains;
        positive_.resize(strips_ * stride_);
        product_.resize(strips_ * stride_);
    }
    /// The parts of a strip, nothing added yet for its first quad.
    auto begin(std::size_t strip, kernels::Receivers receivers) -> kernels::SoftplusParts {
        const auto parts = kernels::SoftplusParts{positive_.data() + strip * stride_, product_.data() + strip * stride_};
        if (receivers.first == strip * strip_units) {
            std::fill_n(parts.positive, stride_, 0.0F);
            std::fill_n(parts.product, stride_, 1.0F);
        }
        return parts;
    }
    /// sums[chain] += the whole.
    auto add_to(std::span<double> sums) -> void {
        kernels::active().binary.collect({positive_.data(), product_.data(), nullptr}, strips_, stride_, sums.size(), sums.data());
    }

private:
    std::size_t strips_ = 0;
    std::size_t stride_ = 0;
    AlignedArray<float> positive_;
    AlignedArray<float> product_;
};

/// The layers of chains as bits: sweeps by table look-up, with the random numbers of sample_layer().
class BinaryChains {
public:
    /// The states of a layer; they must have been drawn, or read from `chains` rows, before they are used.
    auto layer(std::size_t l) -> BinaryStates& { return layers_[l]; }

    auto resize(std::size_t layers, std::size_t chains) -> void {
        layers_.resize(layers);
        chains_ = chains;
    }

    /// Draws layer l given its neighbours at inverse temperature beta.
    auto draw(const DBM<float>& dbm, std::size_t l, const kernels::Randomness& random, double beta = 1.0) -> void {
        auto& to = prepare(dbm, l);
        multiply_binary(product(dbm, l, to), [&](std::size_t, kernels::Receivers receivers, float* z) {
            kernels::active().binary.draw(z, receivers, to.bundles(), {nullptr, static_cast<float>(beta)}, random, to.quads(),
                                          to.data(), nullptr, nullptr);
        });
    }

    /// The probabilities of layer l given its neighbours, into probabilities: [chains, units]; softplus_sums[chain] += sum over
    /// units of softplus(field). Draws the layer, too, where there are random numbers for it.
    auto activate(const DBM<float>& dbm, std::size_t l, const std::optional<kernels::Randomness>& random,
                  MatrixView<float> probabilities, std::span<double> softplus_sums) -> void {
        auto& to = prepare(dbm, l);
        strips_.resize(dbm.size(l), to.bundles());
        multiply_binary(product(dbm, l, to), [&](std::size_t strip, kernels::Receivers receivers, float* z) {
            const auto& binary = kernels::active().binary;
            binary.activate(z, receivers, to.bundles(), random ? &*random : nullptr, to.quads(), to.data(),
                            strips_.begin(strip, receivers), true);
            binary.store_rows(z, receivers, to.bundles(), to.chains(), probabilities.data(), probabilities.stride());
        });
        strips_.add_to(softplus_sums);
    }

    /// out: [chains, units of layer l] = bias + what layer `from` contributes to the field.
    auto field(const DBM<float>& dbm, std::size_t l, std::size_t from, MatrixView<float> out) -> void {
        const auto& states = layers_[from];
        set_senders(dbm, l, [&](std::size_t k) { return k == from ? &states : nullptr; }, senders_);
        const auto product = BinaryProduct{senders_, dbm.bias(l).data(), dbm.size(l), states.bundles()};
        multiply_binary(product, [&](std::size_t, kernels::Receivers receivers, float* z) {
            kernels::active().binary.store_rows(z, receivers, states.bundles(), states.chains(), out.data(), out.stride());
        });
    }

private:
    auto prepare(const DBM<float>& dbm, std::size_t l) -> BinaryStates& {
        set_senders(dbm, l, [&](std::size_t k) { return &layers_[k]; }, senders_);
        layers_[l].resize(chains_, dbm.size(l));
        return layers_[l];
    }
    auto product(const DBM<float>& dbm, std::size_t l, const BinaryStates& to) const -> BinaryProduct {
        return {senders_, dbm.bias(l).data(), dbm.size(l), to.bundles()};
    }

    std::size_t chains_ = 0;
    std::vector<BinaryStates> layers_;
    std::vector<kernels::Senders> senders_;
    SoftplusStrips strips_;
};

}  // namespace nbm
