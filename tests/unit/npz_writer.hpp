// Writes NPZ files as NumPy does (deflated members), for the tests of the reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

/// An NPY file: NumPy's magic, version 1, header dictionary padded to 64 bytes, the elements.
template <class T>
std::string npy(const std::string& type, const std::string& shape, const std::vector<T>& values, bool fortran = false) {
    auto header = "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
    while ((10 + header.size() + 1) % 64 != 0) { header += ' '; }
    header += '\n';
    auto bytes = std::string("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(header.size() & 0xFFU);
    bytes += static_cast<char>(header.size() >> 8U);
    bytes += header;
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    return bytes;
}

inline void write_npz(const std::filesystem::path& path, const std::map<std::string, std::string>& members, bool deflate = true) {
    auto* const zip = archive_write_new();
    archive_write_set_format_zip(zip);
    archive_write_set_options(zip, deflate ? "zip:compression=deflate" : "zip:compression=store");
    if (archive_write_open_filename(zip, path.c_str()) != ARCHIVE_OK) { throw std::runtime_error("cannot write " + path.string()); }
    for (const auto& [name, bytes] : members) {
        auto* const entry = archive_entry_new();
        archive_entry_set_pathname(entry, (name + ".npy").c_str());
        archive_entry_set_size(entry, static_cast<la_int64_t>(bytes.size()));
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_write_header(zip, entry);
        archive_write_data(zip, bytes.data(), bytes.size());
        archive_entry_free(entry);
    }
    archive_write_free(zip);
}
