module;

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <hdf5.h>

module nbm:io.weights_impl;

import :io.files;
import :io.weights;
import :model;
import :tensor;

namespace nbm {

namespace fs = std::filesystem;

namespace {

/// Owns an HDF5 identifier.
class Handle {
public:
    Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
    Handle(const Handle&) = delete;
    auto operator=(const Handle&) -> Handle& = delete;
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
    auto operator=(Handle&&) -> Handle& = delete;
    ~Handle() {
        if (id_ >= 0) { close_(id_); }
    }
    auto id() const -> hid_t { return id_; }
    auto ok() const -> bool { return id_ >= 0; }

private:
    hid_t id_;
    herr_t (*close_)(hid_t);
};

/// Keeps HDF5 from printing its own error stack; nbm throws a sentence instead.
class QuietErrors {
public:
    QuietErrors() {
        H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
        H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    }
    QuietErrors(const QuietErrors&) = delete;
    auto operator=(const QuietErrors&) -> QuietErrors& = delete;
    ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

private:
    H5E_auto2_t function_ = nullptr;
    void* data_ = nullptr;
};

template <Real T>
auto memory_type() -> hid_t {
    return std::is_same_v<T, float> ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
}

class Writer {
public:
    /// Writes to `temporary`; messages name `path`, which the file becomes.
    Writer(const fs::path& temporary, const fs::path& path)
        : path_(path), file_(H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose) {
        check(file_.ok(), "cannot be written");
    }

    auto names(hid_t where, const char* attribute, const std::vector<std::string>& values) -> void {
        auto width = std::size_t{1};
        for (const auto& value : values) { width = std::max(width, value.size()); }
        auto text = std::string{};  // fixed-width, padded with zeros, as numpy's bytes
        for (auto value : values) {
            value.resize(width, '\0');
            text += value;
        }
        const auto type = Handle(H5Tcopy(H5T_C_S1), H5Tclose);
        H5Tset_size(type.id(), width);
        H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
        const auto count = static_cast<hsize_t>(values.size());
        const auto space = Handle(H5Screate_simple(1, &count, nullptr), H5Sclose);
        const auto attr = Handle(H5Acreate2(where, attribute, type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
        check(attr.ok() && H5Awrite(attr.id(), type.id(), text.data()) >= 0, "cannot be written");
    }

    template <Real T>
    auto part(const std::string& name, const std::string& dataset, const std::vector<hsize_t>& shape, const T* data) -> void {
        const auto group = Handle(H5Gcreate2(file_.id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
        check(group.ok(), "cannot be written");
        names(group.id(), "weight_names", {dataset});
        const auto space = Handle(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
        // Without times, equal machines give equal files.
        const auto properties = Handle(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
        H5Pset_obj_track_times(properties.id(), false);
        const auto set = Handle(
            H5Dcreate2(group.id(), dataset.c_str(), memory_type<T>(), space.id(), H5P_DEFAULT, properties.id(), H5P_DEFAULT), H5Dclose);
        check(set.ok() && H5Dwrite(set.id(), memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0, "cannot be written");
    }

    auto finish() -> void { check(H5Fflush(file_.id(), H5F_SCOPE_LOCAL) >= 0, "cannot be written; the disk may be full"); }

    auto root() const -> hid_t { return file_.id(); }

private:
    auto check(bool good, const char* problem) const -> void {
        if (!good) { throw FileError(path_.string(), problem); }
    }

    fs::path path_;
    Handle file_;
};

class Reader {
public:
    explicit Reader(const fs::path& path) : path_(path), file_(open(path), H5Fclose) {}

    auto fail(const std::string& problem) const -> FileError { return {path_.string(), problem}; }
    auto root() const -> hid_t { return file_.id(); }

    auto names(hid_t where, const char* attribute) const -> std::vector<std::string> {
        const auto attr = Handle(H5Aopen(where, attribute, H5P_DEFAULT), H5Aclose);
        if (!attr.ok()) {
            throw fail(fmt::format("has no attribute '{}'; a weight file of nbm or natural_bm is expected", attribute));
        }
        const auto type = Handle(H5Aget_type(attr.id()), H5Tclose);
        const auto space = Handle(H5Aget_space(attr.id()), H5Sclose);
        const auto count = static_cast<std::size_t>(std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space.id())));
        if (H5Tget_class(type.id()) != H5T_STRING) { throw fail(fmt::format("attribute '{}' is not a list of names", attribute)); }
        auto result = std::vector<std::string>{};
        if (H5Tis_variable_str(type.id()) > 0) {
            auto pointers = std::vector<char*>(count, nullptr);
            if (H5Aread(attr.id(), type.id(), pointers.data()) < 0) { throw fail("cannot be read"); }
            for (const auto* text : pointers) { result.emplace_back(text == nullptr ? "" : text); }
            H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, pointers.data());
            return result;
        }
        const auto width = H5Tget_size(type.id());
        auto text = std::vector<char>(width * count);
        if (H5Aread(attr.id(), type.id(), text.data()) < 0) { throw fail("cannot be read"); }
        for (std::size_t i = 0; i != count; ++i) {
            auto name = std::string(text.data() + i * width, width);
            result.push_back(name.substr(0, name.find('\0')));
        }
        return result;
    }

    /// The one dataset of a part: its shape, and its values.
    template <Real T>
    auto part(const std::string& name, std::size_t dimensions) const -> std::pair<std::vector<hsize_t>, std::vector<T>> {
        const auto group = Handle(H5Gopen2(file_.id(), name.c_str(), H5P_DEFAULT), H5Gclose);
        if (!group.ok()) { throw fail(fmt::format("lists the part '{}' but has no such group", name)); }
        const auto datasets = names(group.id(), "weight_names");
        if (datasets.size() != 1) { throw fail(fmt::format("part '{}' has {} datasets; 1 is expected", name, datasets.size())); }
        const auto set = Handle(H5Dopen2(group.id(), datasets[0].c_str(), H5P_DEFAULT), H5Dclose);
        if (!set.ok()) { throw fail(fmt::format("part '{}' has no dataset '{}'", name, datasets[0])); }
        const auto space = Handle(H5Dget_space(set.id()), H5Sclose);
        auto shape = std::vector<hsize_t>(static_cast<std::size_t>(std::max(0, H5Sget_simple_extent_ndims(space.id()))));
        H5Sget_simple_extent_dims(space.id(), shape.data(), nullptr);
        if (shape.size() != dimensions) {
            throw fail(fmt::format("dataset '{}' has {} dimensions; {} are expected", datasets[0], shape.size(), dimensions));
        }
        auto values = std::vector<T>(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.id())));
        if (H5Dread(set.id(), memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
            throw fail(fmt::format("dataset '{}' cannot be read", datasets[0]));
        }
        return {shape, values};
    }

private:
    static auto open(const fs::path& path) -> hid_t {
        if (!fs::exists(path)) { throw FileError(path.string(), "there is no such file"); }
        const auto id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
        if (id < 0) { throw FileError(path.string(), "is not a complete HDF5 file"); }
        return id;
    }

    fs::path path_;
    Handle file_;
};

auto topology_of(const Reader& reader, const std::map<std::size_t, std::size_t>& sizes, const std::vector<Edge>& edges)
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

}  // namespace

template <Real T>
auto save_weights(const DBM<T>& dbm, const fs::path& path) -> void {
    const auto quiet = QuietErrors{};
    write_atomically(path, [&](const fs::path& temporary) {
        auto writer = Writer(temporary, path);
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
        writer.finish();
    });
}

template <Real T>
auto load_weights(const fs::path& path) -> DBM<T> {
    const auto quiet = QuietErrors{};
    const auto reader = Reader(path);
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

template auto save_weights(const DBM<float>&, const fs::path&) -> void;
template auto save_weights(const DBM<double>&, const fs::path&) -> void;
template auto load_weights(const fs::path&) -> DBM<float>;
template auto load_weights(const fs::path&) -> DBM<double>;

}  // namespace nbm
