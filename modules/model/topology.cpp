module nbm:model.topology_impl;

import :model.topology;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

auto chain(std::size_t layers) -> std::vector<Edge> {
    auto edges = std::vector<Edge>{};
    for (std::size_t l = 1; l < layers; ++l) { edges.push_back({l - 1, l}); }
    return edges;
}

}  // namespace

Topology::Topology(std::initializer_list<std::size_t> layer_sizes) : Topology(std::vector<std::size_t>(layer_sizes)) {}

Topology::Topology(std::vector<std::size_t> layer_sizes) : sizes_(std::move(layer_sizes)), edges_(chain(sizes_.size())) {
    validate();
}

Topology::Topology(std::vector<std::size_t> layer_sizes, std::vector<Edge> edges)
    : sizes_(std::move(layer_sizes)), edges_(std::move(edges)) {
    std::ranges::sort(edges_);
    validate();
}

auto Topology::validate() const -> void {
    if (sizes_.size() < 2) { throw InputError(fmt::format("a topology needs at least 2 layers, found {}", sizes_.size())); }
    for (std::size_t l = 0; l != sizes_.size(); ++l) {
        if (sizes_[l] == 0) { throw InputError(fmt::format("layer {} has no units; each layer needs at least 1", l)); }
    }
    auto connected = std::vector<bool>(sizes_.size(), false);
    for (const auto& [lower, upper] : edges_) {
        const auto problem = [&](std::string text) { return InputError(fmt::format("edge {}-{}: {}", lower, upper, text)); };
        if (lower >= sizes_.size() || upper >= sizes_.size()) {
            throw problem(fmt::format("there are only layers 0 to {}", sizes_.size() - 1));
        }
        if (lower >= upper) { throw problem("the first layer must be below the second"); }
        if (parity_of(lower) == parity_of(upper)) {
            throw problem("both layers are of the same parity; edges join an even and an odd layer");
        }
        connected[lower] = connected[upper] = true;
    }
    if (const auto twice = std::ranges::adjacent_find(edges_); twice != edges_.end()) {
        throw InputError(fmt::format("edge {}-{} is listed twice", twice->lower, twice->upper));
    }
    if (const auto alone = std::ranges::find(connected, false); alone != connected.end()) {
        throw InputError(fmt::format("layer {} has no edge", alone - connected.begin()));
    }
}

auto Topology::units(Parity parity) const -> std::size_t {
    auto sum = std::size_t{0};
    for (std::size_t l = 0; l != sizes_.size(); ++l) { sum += parity_of(l) == parity ? sizes_[l] : 0; }
    return sum;
}

auto Topology::describe() const -> std::string {
    auto text = fmt::format("{}", fmt::join(sizes_, "-"));
    if (edges_ != chain(sizes_.size())) {
        text += " with edges";
        for (const auto& [lower, upper] : edges_) { text += fmt::format(" {}-{}", lower, upper); }
    }
    return text;
}

}  // namespace nbm
