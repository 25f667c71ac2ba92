module;

#include <hdf5.h>

module nbm:io.hdf5;

import :standard;
import :tensor;
import nbm.fmt;

namespace nbm::hdf5 {

namespace fs = std::filesystem;

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

/// HDF5 need not have been built for several threads; one that reads ahead lives beside those that write checkpoints.
auto library_mutex() -> std::recursive_mutex& {
    static auto mutex = std::recursive_mutex();
    return mutex;
}

/// Keeps HDF5 from printing its own error stack; nbm throws a sentence instead. Only one thread at a time has one.
class QuietErrors {
public:
    QuietErrors() : alone_(library_mutex()) {
        H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
        H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    }
    QuietErrors(const QuietErrors&) = delete;
    auto operator=(const QuietErrors&) -> QuietErrors& = delete;
    ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

private:
    std::scoped_lock<std::recursive_mutex> alone_;
    H5E_auto2_t function_ = nullptr;
    void* data_ = nullptr;
};

/// HDF5's type for a number in memory.
template <class T>
auto memory_type() -> hid_t {
    if constexpr (std::same_as<T, float>) {
        return H5T_NATIVE_FLOAT;
    } else if constexpr (std::same_as<T, double>) {
        return H5T_NATIVE_DOUBLE;
    } else if constexpr (std::same_as<T, std::uint8_t>) {
        return H5T_NATIVE_UINT8;
    } else if constexpr (std::same_as<T, std::int64_t>) {
        return H5T_NATIVE_INT64;
    } else {
        static_assert(std::same_as<T, std::uint64_t>);
        return H5T_NATIVE_UINT64;
    }
}

/// A string type of `width` bytes, padded with zeros as numpy's bytes.
auto text_type(std::size_t width) -> Handle {
    auto type = Handle(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.id(), width);
    H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
    return type;
}

/// Access to a file that is in memory only.
auto memory_access() -> Handle {
    constexpr auto growth = std::size_t{1} << 20U;
    auto access = Handle(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fapl_core(access.id(), growth, false);
    return access;
}

/// HDF5 looks for a file of the given name even when it is to be in memory; below a device there is none.
inline constexpr const auto* no_file = "/dev/null/memory";

class Writer {
public:
    /// Writes to `temporary`; messages name `path`, which the file becomes.
    Writer(const fs::path& temporary, const fs::path& path)
        : path_(path), file_(H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose) {
        check(file_.ok(), "cannot be written");
    }

    /// Writes to memory, see image().
    explicit Writer(const fs::path& path)
        : path_(path), file_(H5Fcreate(no_file, H5F_ACC_TRUNC, H5P_DEFAULT, memory_access().id()), H5Fclose) {
        check(file_.ok(), "cannot be made in memory");
    }

    auto root() const -> hid_t { return file_.id(); }

    auto names(hid_t where, const char* attribute, const std::vector<std::string>& values) -> void {
        auto width = std::size_t{1};
        for (const auto& value : values) { width = std::max(width, value.size()); }
        auto text = std::string{};
        for (auto value : values) {
            value.resize(width, '\0');
            text += value;
        }
        const auto type = text_type(width);
        const auto count = static_cast<hsize_t>(values.size());
        const auto space = Handle(H5Screate_simple(1, &count, nullptr), H5Sclose);
        const auto attr = Handle(H5Acreate2(where, attribute, type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
        check(attr.ok() && H5Awrite(attr.id(), type.id(), text.data()) >= 0, "cannot be written");
    }

    auto group(hid_t where, const std::string& name) -> Handle {
        auto result = Handle(H5Gcreate2(where, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
        check(result.ok(), "cannot be written");
        return result;
    }

    /// A dataset of numbers; no dimensions make it a single one.
    template <class T>
    auto numbers(hid_t where, const std::string& name, const std::vector<hsize_t>& shape, const T* data) -> Handle {
        const auto space = Handle(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
        return dataset(where, name, memory_type<T>(), space.id(), data);
    }

    /// A dataset of one string, which may hold any bytes; HDF5 has no string of no bytes, so an empty one has no value.
    auto text(hid_t where, const std::string& name, const std::string& value) -> Handle {
        check(value.size() <= 0xFFFFFFFFU, "cannot be written: a text is longer than the 4 GiB that HDF5 allows");
        const auto space = Handle(H5Screate(value.empty() ? H5S_NULL : H5S_SCALAR), H5Sclose);
        return dataset(where, name, text_type(std::max<std::size_t>(1, value.size())).id(), space.id(), value.data());
    }

    template <Real T>
    auto part(const std::string& name, const std::string& dataset_name, const std::vector<hsize_t>& shape, const T* data) -> void {
        const auto where = group(root(), name);
        names(where.id(), "weight_names", {dataset_name});
        numbers(where.id(), dataset_name, shape, data);
    }

    auto finish() -> void { check(H5Fflush(file_.id(), H5F_SCOPE_LOCAL) >= 0, "cannot be written; the disk may be full"); }

    /// The bytes of the finished file.
    auto image() const -> std::string {
        const auto size = H5Fget_file_image(file_.id(), nullptr, 0);
        check(size > 0, "cannot be made in memory");
        auto bytes = std::string(static_cast<std::size_t>(size), '\0');
        check(H5Fget_file_image(file_.id(), bytes.data(), bytes.size()) == size, "cannot be made in memory");
        return bytes;
    }

private:
    auto check(bool good, const char* problem) const -> void {
        if (!good) { throw FileError(path_.string(), problem); }
    }

    auto dataset(hid_t where, const std::string& name, hid_t type, hid_t space, const void* data) -> Handle {
        // Without times, equal contents give equal files.
        const auto properties = Handle(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
        H5Pset_obj_track_times(properties.id(), false);
        auto set = Handle(H5Dcreate2(where, name.c_str(), type, space, H5P_DEFAULT, properties.id(), H5P_DEFAULT), H5Dclose);
        check(set.ok(), "cannot be written");
        const auto empty = H5Sget_simple_extent_npoints(space) == 0;
        check(empty || H5Dwrite(set.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0, "cannot be written");
        return set;
    }

    fs::path path_;
    Handle file_;
};

class Reader {
public:
    explicit Reader(const fs::path& path) : path_(path), file_(open(path), H5Fclose) {}

    /// Reads from the bytes of a file; messages name `path`.
    Reader(const fs::path& path, std::string bytes) : path_(path), file_(open(path, std::move(bytes)), H5Fclose) {}

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

    /// A group or dataset; not ok() when there is none of this name.
    auto object(hid_t where, const std::string& name) const -> Handle {
        return {H5Oopen(where, name.c_str(), H5P_DEFAULT), H5Oclose};
    }

    /// The names of all groups and datasets in a group.
    auto links(hid_t group) const -> std::vector<std::string> {
        auto result = std::vector<std::string>{};
        const auto add = [](hid_t, const char* name, const H5L_info_t*, void* list) -> herr_t {
            static_cast<std::vector<std::string>*>(list)->emplace_back(name);
            return 0;
        };
        if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &result) < 0) { throw fail("cannot be read"); }
        return result;
    }

    auto shape(hid_t set) const -> std::vector<hsize_t> {
        const auto space = Handle(H5Dget_space(set), H5Sclose);
        auto result = std::vector<hsize_t>(static_cast<std::size_t>(std::max(0, H5Sget_simple_extent_ndims(space.id()))));
        H5Sget_simple_extent_dims(space.id(), result.data(), nullptr);
        return result;
    }

    /// The number of values of a dataset.
    auto count(hid_t set) const -> std::size_t {
        const auto space = Handle(H5Dget_space(set), H5Sclose);
        return static_cast<std::size_t>(std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space.id())));
    }

    /// Reads all values of a dataset, converted to T; `data` has room for them. Messages name the dataset.
    template <class T>
    auto numbers(hid_t set, const std::string& name, T* data) const -> void {
        read(set, name, memory_type<T>(), data);
    }

    /// Reads rows [first, first + count) of a dataset, that is of its first dimension, all other dimensions whole.
    template <class T>
    auto rows(hid_t set, const std::string& name, hsize_t first, hsize_t count, T* data) const -> void {
        const auto space = Handle(H5Dget_space(set), H5Sclose);
        auto counts = shape(set);
        auto starts = std::vector<hsize_t>(counts.size(), 0);
        starts.at(0) = first;
        counts[0] = count;
        const auto memory = Handle(H5Screate_simple(static_cast<int>(counts.size()), counts.data(), nullptr), H5Sclose);
        if (H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, starts.data(), nullptr, counts.data(), nullptr) < 0 ||
            H5Dread(set, memory_type<T>(), memory.id(), space.id(), H5P_DEFAULT, data) < 0) {
            throw fail(fmt::format("dataset '{}' cannot be read at row {}", name, first));
        }
    }

    /// What Writer::text() wrote.
    auto text(hid_t set, const std::string& name) const -> std::string {
        const auto space = Handle(H5Dget_space(set), H5Sclose);
        if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) { return {}; }
        const auto type = Handle(H5Dget_type(set), H5Tclose);
        if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) > 0 ||
            H5Sget_simple_extent_npoints(space.id()) != 1) {
            throw fail(fmt::format("dataset '{}' is not a text", name));
        }
        auto result = std::string(H5Tget_size(type.id()), '\0');
        read(set, name, type.id(), result.data());
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
        auto extents = shape(set.id());
        if (extents.size() != dimensions) {
            throw fail(fmt::format("dataset '{}' has {} dimensions; {} are expected", datasets[0], extents.size(), dimensions));
        }
        auto values = std::vector<T>(count(set.id()));
        numbers(set.id(), datasets[0], values.data());
        return {std::move(extents), std::move(values)};
    }

private:
    static auto open(const fs::path& path) -> hid_t {
        auto ignored = std::error_code{};
        if (!fs::exists(path, ignored)) { throw FileError(path.string(), "there is no such file"); }
        const auto id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
        if (id < 0) { throw FileError(path.string(), "is not a complete HDF5 file"); }
        return id;
    }

    static auto open(const fs::path& path, std::string bytes) -> hid_t {
        const auto access = memory_access();
        H5Pset_file_image(access.id(), bytes.data(), bytes.size());
        std::string().swap(bytes);  // HDF5 has its copy
        const auto id = H5Fopen(no_file, H5F_ACC_RDONLY, access.id());
        if (id < 0) { throw FileError(path.string(), "is not a complete HDF5 file"); }
        return id;
    }

    auto read(hid_t set, const std::string& name, hid_t type, void* data) const -> void {
        if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
            throw fail(fmt::format("dataset '{}' cannot be read", name));
        }
    }

    fs::path path_;
    Handle file_;
};

}  // namespace nbm::hdf5
