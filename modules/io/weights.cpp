module;

#include <hdf5.h>

module nbm:io.weights_impl;

import :io.files;
import :io.hdf5;
import :io.weights;
import :model;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

auto topology_of(const hdf5::Reader& reader, const std::map<std::size_t, std::size_t>& sizes, const std::vector<Edge>& edges)
    -> Topology {
    auto layers = std::vector<std::size_t>{};
    for (const auto& [layer, size] : sizes) {
        if (layer != layers.size()) { throw reader.fail(fmt::format("has no biases of layer {}", layers.size())); }
        layers.push_back(size);
    }
    try {
        return {layers, edges};
    } catch (const InputError& error) { throw reader.fail(fmt::format("holds no valid machine: {}", error.what())); }
}

/// All biases and weights, with the list of their names at the root.
template <Real T>
auto write_parts(hdf5::Writer& writer, const DBM<T>& dbm) -> void {
    auto parts = std::vector<std::string>{};
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) { parts.push_back(part_name(l)); }
    for (const auto& synapse : dbm.synapses()) { parts.push_back(part_name(synapse.edge)); }
    writer.names(writer.root(), "part_names", parts);
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        writer.part(part_name(l), part_name(l) + "_b", {dbm.size(l)}, dbm.bias(l).data());
    }
    for (const auto& [edge, weights] : dbm.synapses()) {
        writer.part(part_name(edge), part_name(edge) + "_W", {weights.shape(0), weights.shape(1)}, weights.data());
    }
}

/// The machine that these make.
template <Real T>
auto read_parts(const hdf5::Reader& reader) -> DBM<T> {
    auto biases = std::map<std::size_t, std::vector<T>>{};
    auto weights = std::map<Edge, std::pair<std::vector<hsize_t>, std::vector<T>>>{};
    for (const auto& part : reader.names(reader.root(), "part_names")) {
        auto edge = Edge{};
        auto end = 0;
        if (std::sscanf(part.c_str(), "h%zu-%zu%n", &edge.lower, &edge.upper, &end) == 2 && end == static_cast<int>(part.size())) {
            weights[edge] = reader.part<T>(part, 2);
        } else if (std::sscanf(part.c_str(), "h%zu%n", &edge.lower, &end) == 1 && end == static_cast<int>(part.size())) {
            biases[edge.lower] = reader.part<T>(part, 1).second;
        } else {
            throw reader.fail(fmt::format("part '{}' is neither a layer ('h0') nor a synapse ('h0-1')", part));
        }
    }
    auto sizes = std::map<std::size_t, std::size_t>{};
    for (const auto& [layer, values] : biases) { sizes[layer] = values.size(); }
    auto edges = std::vector<Edge>{};
    for (const auto& [edge, values] : weights) { edges.push_back(edge); }
    auto dbm = DBM<T>(topology_of(reader, sizes, edges));
    for (const auto& [layer, values] : biases) { std::ranges::copy(values, dbm.bias(layer).begin()); }
    for (auto& synapse : dbm.synapses()) {
        const auto& [shape, values] = weights.at(synapse.edge);
        if (shape[0] != synapse.weights.shape(0) || shape[1] != synapse.weights.shape(1)) {
            throw reader.fail(fmt::format("the weights {} are [{} x {}]; their layers need [{} x {}]", part_name(synapse.edge),
                                          shape[0], shape[1], synapse.weights.shape(0), synapse.weights.shape(1)));
        }
        std::ranges::copy(values, synapse.weights.begin());
    }
    return dbm;
}

template <Real T>
auto save_weights(const DBM<T>& dbm, const fs::path& path) -> void {
    const auto quiet = hdf5::QuietErrors{};
    write_atomically(path, [&](const fs::path& temporary) {
        auto writer = hdf5::Writer(temporary, path);
        write_parts(writer, dbm);
        writer.finish();
    });
}

template <Real T>
auto load_weights(const fs::path& path) -> DBM<T> {
    const auto quiet = hdf5::QuietErrors{};
    return read_parts<T>(hdf5::Reader(path));
}

template auto save_weights(const DBM<float>&, const fs::path&) -> void;
template auto save_weights(const DBM<double>&, const fs::path&) -> void;
template auto load_weights(const fs::path&) -> DBM<float>;
template auto load_weights(const fs::path&) -> DBM<double>;

}  // namespace nbm
