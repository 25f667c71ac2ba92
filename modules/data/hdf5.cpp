module;

#include <hdf5.h>

module nbm:data.hdf5_impl;

import :data.dataset;
import :data.hdf5;
import :data.npz;
import :data.tables;
import :io.files;
import :io.hdf5;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

using hdf5::Handle;

/// A file with its datasets.
class Source {
public:
    explicit Source(const fs::path& path) : path_(path), reader_(path) {}

    auto error(const std::string& name, std::string_view problem) const -> FileError {
        return {path_.string(), fmt::format("dataset '{}' {}", name, problem)};
    }
    auto reader() const -> const hdf5::Reader& { return reader_; }
    auto label(const std::string& name) const -> std::string { return fmt::format("{}: dataset '{}'", path_.string(), name); }

    /// All values of a dataset, as numbers.
    auto values(hid_t set, const std::string& name) const -> std::vector<double> {
        if (!holds_numbers(set)) { throw error(name, "does not hold real numbers"); }
        const auto type = Handle(H5Dget_type(set), H5Tclose);
        const auto size = H5Tget_size(type.id());
        const auto count = this->count(set, name);
        // What is stored may be packed, but no better than deflate can; where nothing is stored the file holds no values.
        constexpr auto best_packing = std::size_t{1032};
        const auto stored = static_cast<std::size_t>(H5Dget_storage_size(set));
        if (count / best_packing > stored / size) {
            throw error(name, fmt::format("describes {} values, but only {} bytes are stored for it in the file", count, stored));
        }
        auto result = std::vector<double>(count);
        if (count != 0) { reader_.numbers(set, name, result.data()); }
        return result;
    }

    auto table(hid_t set, const std::string& name) const -> Table {
        const auto shape = reader_.shape(set);
        if (shape.size() < 2) { throw error(name, fmt::format("has {} dimensions; rows of values need at least 2", shape.size())); }
        auto result = Table{.source = label(name),
                            .rows = shape[0],
                            .units = 1,
                            .values = values(set, name),
                            .labels = {},
                            .label_words = {},
                            .place = {}};
        for (std::size_t d = 1; d != shape.size(); ++d) { result.units *= shape[d]; }
        const auto type = Handle(H5Dget_type(set), H5Tclose);
        const auto byte =
            H5Tget_class(type.id()) == H5T_INTEGER && H5Tget_size(type.id()) == 1 && H5Tget_sign(type.id()) == H5T_SGN_NONE;
        result.scale = byte ? Scale::bytes : Scale::real;
        return result;
    }

    static auto is_dataset(const Handle& object) -> bool { return object.ok() && H5Iget_type(object.id()) == H5I_DATASET; }

    /// Integers, floating-point numbers, and booleans, which h5py writes as an enumeration.
    static auto holds_numbers(hid_t set) -> bool {
        const auto type = Handle(H5Dget_type(set), H5Tclose);
        const auto kind = H5Tget_class(type.id());
        return kind == H5T_INTEGER || kind == H5T_FLOAT || (kind == H5T_ENUM && H5Tget_size(type.id()) == 1);
    }

private:
    auto count(hid_t set, const std::string& name) const -> std::size_t {
        constexpr auto most = std::size_t{1} << 40U;
        auto total = std::size_t{1};
        for (const auto extent : reader_.shape(set)) {
            if (extent != 0 && total > most / extent) { throw error(name, "describes more than 2^40 values"); }
            total *= extent;
        }
        return total;
    }

    fs::path path_;
    hdf5::Reader reader_;
};

struct Named {
    std::string name;
    std::vector<hsize_t> shape;
};

/// The datasets of numbers with at least two dimensions, in a group and the groups below it.
auto candidates(const Source& source, hid_t group) -> std::vector<Named> {
    auto names = std::vector<std::string>{};
    const auto add = [](hid_t, const char* name, const H5O_info_t* info, void* list) -> herr_t {
        if (info->type == H5O_TYPE_DATASET) { static_cast<std::vector<std::string>*>(list)->emplace_back(name); }
        return 0;
    };
    if (H5Ovisit(group, H5_INDEX_NAME, H5_ITER_INC, add, &names) < 0) { throw source.reader().fail("cannot be read"); }
    auto result = std::vector<Named>{};
    for (const auto& name : names) {
        const auto set = source.reader().object(group, name);
        if (!Source::is_dataset(set) || !Source::holds_numbers(set.id())) { continue; }
        auto shape = source.reader().shape(set.id());
        if (shape.size() >= 2) { result.push_back({name, std::move(shape)}); }
    }
    return result;
}

auto list(const std::vector<Named>& sets) -> std::string {
    auto parts = std::vector<std::string>{};
    constexpr auto most = std::size_t{20};
    for (const auto& set : sets) {
        if (parts.size() == most) {
            parts.emplace_back("...");
            break;
        }
        parts.push_back(fmt::format("{} [{}]", set.name, fmt::join(set.shape, ", ")));
    }
    return parts.empty() ? "it has none" : fmt::format("it has {}", fmt::join(parts, ", "));
}

/// The one dataset in a group that can only be meant.
auto only_one(const Source& source, hid_t group, const std::string& where) -> std::string {
    const auto sets = candidates(source, group);
    auto flat = std::vector<std::string>{};
    for (const auto& set : sets) {
        if (set.shape.size() == 2) { flat.push_back(set.name); }
    }
    if (flat.size() == 1) { return flat[0]; }
    if (sets.size() == 1) { return sets[0].name; }
    throw source.reader().fail(
        fmt::format("has no dataset 'train' and not just one of two dimensions{}; say which, as in "
                    "FILE:/NAME; {}",
                    where.empty() ? "" : fmt::format(" in '{}'", where), list(sets)));
}

/// Opens the first of these datasets that is there.
auto first_of(const Source& source, hid_t group, const std::vector<std::string>& names)
    -> std::optional<std::pair<std::string, Handle>> {
    for (const auto& name : names) {
        auto object = source.reader().object(group, name);
        if (Source::is_dataset(object)) { return std::pair(name, std::move(object)); }
    }
    return {};
}

auto tables_of(const Source& source, hid_t group, const std::string& split) -> std::vector<Table> {
    auto tables = std::vector<Table>{};
    const auto data = first_of(source, group, {split + ".data", split, split + "/data"});
    if (!data) { return tables; }
    tables.push_back(source.table(data->second.id(), data->first));
    if (const auto lbl = first_of(source, group, {split + ".lbl", split + "/lbl"})) {
        tables.back().labels = labels_of(source.label(lbl->first), source.values(lbl->second.id(), lbl->first), tables.back().rows);
    }
    return tables;
}

}  // namespace

auto hdf5_splits(const fs::path& path, const std::string& where) -> Splits {
    const auto quiet = hdf5::QuietErrors();
    const auto source = Source(path);
    const auto object = source.reader().object(source.reader().root(), where.empty() ? "/" : where);
    if (!object.ok()) {
        throw FileError(path.string(),
                        fmt::format("has no dataset '{}'; {}", where, list(candidates(source, source.reader().root()))));
    }
    auto splits = Splits{.source = path.string()};
    if (Source::is_dataset(object)) {
        splits.whole.push_back(source.table(object.id(), where));
        return splits;
    }
    splits.train = tables_of(source, object.id(), "train");
    splits.valid = tables_of(source, object.id(), "valid");
    splits.test = tables_of(source, object.id(), "test");
    if (splits.train.empty() && splits.valid.empty() && splits.test.empty()) {
        const auto name = only_one(source, object.id(), where);
        splits.whole.push_back(source.table(source.reader().object(object.id(), name).id(), name));
    } else if (splits.train.empty()) {
        throw source.reader().fail("has datasets for validation or test, but none called train for training");
    }
    return splits;
}

template <Real T>
auto load_hdf5(const fs::path& path, const std::string& where, std::uint64_t seed) -> Dataset<T> {
    return assemble<T>(hdf5_splits(path, where), {.seed = seed});
}

template <Real T>
auto write_hdf5(const fs::path& path, const std::vector<std::pair<std::string, Matrix<T>>>& arrays) -> void {
    auto seen = std::set<std::string_view>{};
    for (const auto& [name, matrix] : arrays) {
        if (name.empty() || name.find('/') != std::string::npos || !seen.insert(name).second) {
            throw InputError(
                fmt::format("{}: '{}' cannot name a dataset; names without '/', each once, are needed", path.string(), name));
        }
    }
    const auto quiet = hdf5::QuietErrors();
    write_atomically(path, [&](const fs::path& temporary) {
        auto writer = hdf5::Writer(temporary, path);
        for (const auto& [name, matrix] : arrays) {
            writer.numbers(writer.root(), name, {matrix.shape(0), matrix.shape(1)}, matrix.data());
        }
        writer.finish();
    });
}

auto read_hdf5(const fs::path& path, const std::string& name) -> NpyArray {
    const auto quiet = hdf5::QuietErrors();
    const auto source = Source(path);
    const auto object = source.reader().object(source.reader().root(), name);
    if (!Source::is_dataset(object)) {
        throw FileError(path.string(),
                        fmt::format("has no dataset '{}'; {}", name, list(candidates(source, source.reader().root()))));
    }
    auto result = NpyArray{.type = {}, .shape = {}, .values = source.values(object.id(), name)};
    const auto type = Handle(H5Dget_type(object.id()), H5Tclose);
    const auto kind = H5Tget_class(type.id()) == H5T_FLOAT ? 'f' : H5Tget_sign(type.id()) == H5T_SGN_NONE ? 'u' : 'i';
    const auto size = H5Tget_size(type.id());
    result.type = fmt::format("{}{}{}", size == 1 ? '|' : '<', kind, size);
    for (const auto extent : source.reader().shape(object.id())) { result.shape.push_back(extent); }
    return result;
}

template auto write_hdf5(const fs::path&, const std::vector<std::pair<std::string, Matrix<float>>>&) -> void;
template auto write_hdf5(const fs::path&, const std::vector<std::pair<std::string, Matrix<double>>>&) -> void;
template auto load_hdf5(const fs::path&, const std::string&, std::uint64_t) -> Dataset<float>;
template auto load_hdf5(const fs::path&, const std::string&, std::uint64_t) -> Dataset<double>;

}  // namespace nbm
