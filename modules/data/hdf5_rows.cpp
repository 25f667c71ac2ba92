module;

#include <sys/stat.h>
#include <sys/types.h>

#include <hdf5.h>

module nbm:data.hdf5_rows;

import :data.row_reader;
import :io.hdf5;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

using hdf5::Handle;

/// The rows of a dataset in an HDF5 file.
class Hdf5Rows final : public RowReader {
public:
    /// An empty `where` is the only dataset of two dimensions.
    Hdf5Rows(const fs::path& path, const std::string& where) : path_(path) {
        const auto quiet = hdf5::QuietErrors();
        file_.emplace(path);
        where_ = where.empty() || is_group(where) ? only_one(where) : where;
        const auto shape = file_->shape(open(H5P_DEFAULT).id());
        if (shape.size() < 2) { throw fail(fmt::format("has {} dimensions; rows of values need at least 2", shape.size())); }
        rows_ = shape[0];
        constexpr auto most = std::size_t{1} << 40U;
        for (std::size_t d = 1; d != shape.size(); ++d) {
            if (shape[d] != 0 && units_ > most / shape[d]) { throw fail("describes more than 2^40 values a row"); }
            units_ *= shape[d];
        }
        // HDF5 heeds the properties of the first opening alone, so the dataset is closed in between.
        const auto access = access_by_chunks();
        set_.emplace(open(access.id()));
        if (!set_->ok()) { throw fail("cannot be opened"); }
        size_ = size();
    }
    ~Hdf5Rows() override {
        const auto quiet = hdf5::QuietErrors();
        set_.reset();
        file_.reset();
    }

    auto name() const -> std::string override { return fmt::format("{}: dataset '{}'", path_.string(), where_); }
    auto rows() const -> std::size_t override { return rows_; }
    auto units() const -> std::size_t override { return units_; }
    auto holds_bytes() const -> bool override { return bytes_; }
    auto chunk() const -> Chunk override { return chunk_; }

    auto read(std::size_t first, MatrixView<double> out) -> void override {
        const auto quiet = hdf5::QuietErrors();
        file_->rows(set_->id(), where_, first, out.rows(), out.data());
        // HDF5 makes up zeros for what lies beyond the end of a file.
        if (size() < size_) { throw fail(fmt::format("cannot be read at row {}: the file has become shorter", first)); }
    }

private:
    auto fail(std::string_view problem) const -> FileError {
        return {path_.string(), fmt::format("dataset '{}' {}", where_, problem)};
    }
    auto open(hid_t access) const -> Handle { return {H5Dopen2(file_->root(), where_.c_str(), access), H5Dclose}; }

    /// Bytes of the file that is open, whatever has got its name since.
    auto size() const -> off_t {
        void* descriptor = nullptr;
        struct stat status = {};
        if (H5Fget_vfd_handle(file_->root(), H5P_DEFAULT, &descriptor) < 0 || fstat(*static_cast<int*>(descriptor), &status) != 0) {
            throw fail("cannot be read");
        }
        return status.st_size;
    }

    auto is_group(const std::string& where) const -> bool {
        const auto object = file_->object(file_->root(), where);
        if (!object.ok()) { throw FileError(path_.string(), fmt::format("has no dataset '{}'", where)); }
        return H5Iget_type(object.id()) != H5I_DATASET;
    }

    auto only_one(const std::string& where) const -> std::string {
        const auto group = file_->object(file_->root(), where.empty() ? "/" : where);
        auto names = std::vector<std::string>{};
        for (const auto& name : file_->links(group.id())) {
            const auto object = file_->object(group.id(), name);
            if (object.ok() && H5Iget_type(object.id()) == H5I_DATASET && file_->shape(object.id()).size() == 2) {
                names.push_back(name);
            }
        }
        if (names.size() != 1) {
            throw FileError(path_.string(),
                            fmt::format("has {} datasets of two dimensions{}; rows that are read in blocks come from "
                                        "one of them, as in FILE.h5:/NAME",
                                        names.size(), where.empty() ? "" : fmt::format(" in '{}'", where)));
        }
        return where + "/" + names[0];
    }

    /// What chunks are, as the properties for opening the dataset need it: a row of chunks is then unpacked once, not again for
    /// each few of its rows.
    auto access_by_chunks() -> Handle {
        const auto set = open(H5P_DEFAULT);
        const auto type = Handle(H5Dget_type(set.id()), H5Tclose);
        const auto kind = H5Tget_class(type.id());
        const auto size = H5Tget_size(type.id());
        if (kind != H5T_INTEGER && kind != H5T_FLOAT && !(kind == H5T_ENUM && size == 1)) {
            throw fail("does not hold real numbers");
        }
        bytes_ = kind == H5T_INTEGER && size == 1 && H5Tget_sign(type.id()) == H5T_SGN_NONE;
        auto access = Handle(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
        const auto made = Handle(H5Dget_create_plist(set.id()), H5Pclose);
        if (H5Pget_layout(made.id()) != H5D_CHUNKED) { return access; }
        const auto shape = file_->shape(set.id());
        auto extents = std::vector<hsize_t>(shape.size());
        H5Pget_chunk(made.id(), static_cast<int>(extents.size()), extents.data());
        auto count = std::size_t{1};
        chunk_ = {.rows = extents[0], .bytes = extents[0] * size};
        for (std::size_t d = 1; d != extents.size(); ++d) {
            const auto across = (shape[d] + extents[d] - 1) / extents[d];
            count *= across;
            chunk_.bytes *= across * extents[d];  // chunks at the edge are whole, too
        }
        constexpr auto usual_bytes = std::size_t{1} << 20U;
        constexpr auto slots = std::size_t{100};  // for each chunk, as HDF5 advises
        H5Pset_chunk_cache(access.id(), slots * count + 1, std::max(chunk_.bytes, usual_bytes), 1.0);
        return access;
    }

    fs::path path_;
    std::string where_;
    std::optional<hdf5::Reader> file_;
    std::optional<Handle> set_;
    off_t size_ = 0;
    std::size_t rows_ = 0;
    std::size_t units_ = 1;
    bool bytes_ = false;
    Chunk chunk_;
};

}  // namespace nbm
