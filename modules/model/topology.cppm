export module nbm:model.topology;

import :standard;

export namespace nbm {

/// Even layers (0 = visible, 2, ...) or odd ones (1, 3, ...).
enum class Parity : unsigned char { even, odd };

constexpr auto parity_of(std::size_t layer) -> Parity { return layer % 2 == 0 ? Parity::even : Parity::odd; }
constexpr auto opposite(Parity p) -> Parity { return p == Parity::even ? Parity::odd : Parity::even; }

/// A connection between two layers, lower < upper.
struct Edge {
    std::size_t lower;
    std::size_t upper;
    auto operator<=>(const Edge&) const = default;
};

/// Sizes of the layers and which of them are connected. Only layers of different parity may be, so that all even layers are
/// independent given the odd ones and vice versa.
class Topology {
public:
    /// A chain: each layer is connected to the next. Throws InputError as below.
    Topology(std::initializer_list<std::size_t> layer_sizes);
    explicit Topology(std::vector<std::size_t> layer_sizes);

    /// Any odd/even topology. Throws InputError, naming the edge, when there are fewer than two layers, a layer is empty or
    /// unconnected, an edge is out of range, listed twice, has lower >= upper or joins layers of equal parity.
    Topology(std::vector<std::size_t> layer_sizes, std::vector<Edge> edges);

    inline auto layer_count() const -> std::size_t { return sizes_.size(); }
    inline auto size(std::size_t layer) const -> std::size_t { return sizes_[layer]; }
    inline auto sizes() const -> std::span<const std::size_t> { return sizes_; }
    /// In ascending order.
    inline auto edges() const -> std::span<const Edge> { return edges_; }
    /// The number of units in all layers of a parity.
    auto units(Parity parity) const -> std::size_t;
    /// Two layers: a restricted Boltzmann machine.
    inline auto is_rbm() const -> bool { return sizes_.size() == 2; }

    /// "784-500", with the edges when they are not a chain.
    auto describe() const -> std::string;

    auto operator==(const Topology&) const -> bool = default;

private:
    auto validate() const -> void;

    std::vector<std::size_t> sizes_;
    std::vector<Edge> edges_;
};

}  // namespace nbm
