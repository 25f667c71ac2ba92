#include <filesystem>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <hdf5.h>

#include "commands/hdf5_file.hpp"

namespace {

/// Closes what HDF5 has opened.
class Handle {
public:
    Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
    Handle(const Handle&) = delete;
    auto operator=(const Handle&) -> Handle& = delete;
    ~Handle() {
        if (id_ >= 0) { close_(id_); }
    }
    auto id() const -> hid_t { return id_; }

private:
    hid_t id_;
    herr_t (*close_)(hid_t);
};

auto write_array(hid_t file, const std::string& name, const nbm::Matrix<Real>& values) -> bool {
    static_assert(std::is_same_v<Real, float>);
    const hsize_t shape[] = {values.shape(0), values.shape(1)};
    const auto space = Handle(H5Screate_simple(2, shape, nullptr), H5Sclose);
    const auto set =
        Handle(H5Dcreate2(file, name.c_str(), H5T_IEEE_F32LE, space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose);
    return set.id() >= 0 && H5Dwrite(set.id(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0;
}

}  // namespace

auto write_hdf5(const std::filesystem::path& path, const std::vector<std::pair<std::string, nbm::Matrix<Real>>>& arrays) -> void {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are told in a sentence instead
    nbm::write_atomically(path, [&](const std::filesystem::path& temporary) {
        const auto file = Handle(H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
        auto good = file.id() >= 0;
        for (const auto& [name, values] : arrays) { good = good && write_array(file.id(), name, values); }
        if (!good || H5Fflush(file.id(), H5F_SCOPE_LOCAL) < 0) {
            throw nbm::FileError(path.string(), "cannot be written; the disk may be full");
        }
    });
}
