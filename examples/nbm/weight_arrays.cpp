#include "weight_arrays.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace fs = std::filesystem;

namespace {

using Arrays = std::map<std::string, nbm::NpyArray>;

constexpr auto components = "components_";
constexpr auto hidden_intercept = "intercept_hidden_";
constexpr auto visible_intercept = "intercept_visible_";

template <class T>
auto array_of(std::vector<std::size_t> shape, const auto& values) -> nbm::NpyArray {
    return {.type = sizeof(T) == sizeof(float) ? "<f4" : "<f8",
            .shape = std::move(shape),
            .values = std::vector<double>(values.begin(), values.end())};
}

auto shape_text(const nbm::NpyArray& array) -> std::string { return fmt::format("[{}]", fmt::join(array.shape, " x ")); }

auto find(const Arrays& arrays, const std::string& name, const fs::path& path) -> const nbm::NpyArray& {
    const auto found = arrays.find(name);
    if (found != arrays.end()) { return found->second; }
    auto names = std::vector<std::string>{};
    for (const auto& [key, array] : arrays) { names.push_back(key); }
    throw nbm::FileError(path.string(), fmt::format("has no array '{}'; found: {}", name, fmt::join(names, ", ")));
}

/// A vector may also be a row or a column.
auto require_vector(const nbm::NpyArray& array, const std::string& name, std::size_t size, const std::string& reason,
                    const fs::path& path) -> void {
    const auto ones = std::ranges::count(array.shape, 1U);
    const auto flat = array.shape.size() == 1 || (array.shape.size() == 2 && ones != 0);
    if (!flat || array.values.size() != size) {
        throw nbm::FileError(path.string(), fmt::format("array '{}' is {}; {} needs [{}]", name, shape_text(array), reason, size));
    }
}

template <class T>
auto copy(const nbm::NpyArray& from, auto& to) -> void {
    std::ranges::transform(from.values, to.begin(), [](double x) { return static_cast<T>(x); });
}

template <class T>
auto from_sklearn(const Arrays& arrays, const fs::path& path) -> nbm::DBM<T> {
    const auto& w = find(arrays, components, path);
    const auto& hidden = find(arrays, hidden_intercept, path);
    const auto& visible = find(arrays, visible_intercept, path);
    if (w.shape.size() != 2 || w.values.empty()) {
        throw nbm::FileError(path.string(),
                             fmt::format("array '{}' is {}; [hidden x visible] is expected", components, shape_text(w)));
    }
    const auto reason = fmt::format("'{}' of {}", components, shape_text(w));
    require_vector(hidden, hidden_intercept, w.shape[0], reason, path);
    require_vector(visible, visible_intercept, w.shape[1], reason, path);
    auto dbm = nbm::DBM<T>(nbm::Topology({w.shape[1], w.shape[0]}));
    copy<T>(visible, dbm.bias(0));
    copy<T>(hidden, dbm.bias(1));
    auto& weights = dbm.weights(0, 1);
    for (std::size_t j = 0; j != w.shape[0]; ++j) {
        for (std::size_t i = 0; i != w.shape[1]; ++i) { weights(i, j) = static_cast<T>(w.values[j * w.shape[1] + i]); }
    }
    return dbm;
}

/// Whether a name is h0_b, of a layer, or h0-1_W, of a synapse.
auto parse_bias(const std::string& name, std::size_t& layer) -> bool {
    return std::sscanf(name.c_str(), "h%zu", &layer) == 1 && name == nbm::part_name(layer) + "_b";
}
auto parse_weights(const std::string& name, nbm::Edge& edge) -> bool {
    return std::sscanf(name.c_str(), "h%zu-%zu", &edge.lower, &edge.upper) == 2 && name == nbm::part_name(edge) + "_W";
}

auto topology_of(const std::vector<std::size_t>& sizes, const std::vector<nbm::Edge>& edges, const fs::path& path)
    -> nbm::Topology {
    try {
        return {sizes, edges};
    } catch (const nbm::InputError& error) {
        throw nbm::FileError(path.string(), fmt::format("holds no valid machine: {}", error.what()));
    }
}

struct Parts {
    std::map<std::size_t, const nbm::NpyArray*> biases;
    std::vector<nbm::Edge> edges;
};

auto parts_of(const Arrays& arrays, const fs::path& path) -> Parts {
    auto parts = Parts{};
    for (const auto& [name, array] : arrays) {
        auto layer = std::size_t{};
        auto edge = nbm::Edge{};
        if (parse_bias(name, layer)) {
            parts.biases[layer] = &array;
        } else if (parse_weights(name, edge)) {
            parts.edges.push_back(edge);
        } else {
            throw nbm::FileError(path.string(), fmt::format("array '{}' is none of a machine: biases are called h0_b, h1_b, ..., "
                                                            "weights h0-1_W, ..., or {}, {} and {}",
                                                            name, components, hidden_intercept, visible_intercept));
        }
    }
    return parts;
}

}  // namespace

template <class T>
auto arrays_of(const nbm::DBM<T>& dbm, Layout layout) -> Arrays {
    auto arrays = Arrays{};
    if (layout == Layout::nbm) {
        for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
            arrays[nbm::part_name(l) + "_b"] = array_of<T>({dbm.size(l)}, dbm.bias(l));
        }
        for (const auto& [edge, weights] : dbm.synapses()) {
            arrays[nbm::part_name(edge) + "_W"] = array_of<T>({weights.shape(0), weights.shape(1)}, weights);
        }
        return arrays;
    }
    if (!dbm.topology().is_rbm()) {
        throw nbm::InputError(
            fmt::format("--layout sklearn: a BernoulliRBM has two layers; the machine is {}", dbm.topology().describe()));
    }
    const auto& weights = dbm.weights(0, 1);
    auto turned = std::vector<double>{};
    for (std::size_t j = 0; j != weights.shape(1); ++j) {
        for (std::size_t i = 0; i != weights.shape(0); ++i) { turned.push_back(double(weights(i, j))); }
    }
    arrays[components] = array_of<T>({weights.shape(1), weights.shape(0)}, turned);
    arrays[hidden_intercept] = array_of<T>({dbm.size(1)}, dbm.bias(1));
    arrays[visible_intercept] = array_of<T>({dbm.size(0)}, dbm.bias(0));
    return arrays;
}

template <class T>
auto machine_of(const Arrays& arrays, const fs::path& path) -> nbm::DBM<T> {
    if (arrays.contains(components)) { return from_sklearn<T>(arrays, path); }
    const auto parts = parts_of(arrays, path);
    auto sizes = std::vector<std::size_t>{};
    for (const auto& [layer, bias] : parts.biases) {
        if (layer != sizes.size()) {
            throw nbm::FileError(path.string(),
                                 fmt::format("has no biases of layer {}, '{}_b'", sizes.size(), nbm::part_name(sizes.size())));
        }
        sizes.push_back(bias->values.size());
        require_vector(*bias, nbm::part_name(layer) + "_b", bias->values.size(), "a list of biases", path);
    }
    auto dbm = nbm::DBM<T>(topology_of(sizes, parts.edges, path));
    for (const auto& [layer, bias] : parts.biases) { copy<T>(*bias, dbm.bias(layer)); }
    for (auto& [edge, weights] : dbm.synapses()) {
        const auto name = nbm::part_name(edge) + "_W";
        const auto& array = arrays.at(name);
        if (array.shape != std::vector{weights.shape(0), weights.shape(1)}) {
            throw nbm::FileError(path.string(), fmt::format("array '{}' is {}; its layers need [{} x {}]", name, shape_text(array),
                                                            weights.shape(0), weights.shape(1)));
        }
        copy<T>(array, weights);
    }
    return dbm;
}

template auto arrays_of(const nbm::DBM<float>&, Layout) -> Arrays;
template auto arrays_of(const nbm::DBM<double>&, Layout) -> Arrays;
template auto machine_of(const Arrays&, const fs::path&) -> nbm::DBM<float>;
template auto machine_of(const Arrays&, const fs::path&) -> nbm::DBM<double>;
