#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "results.hpp"

import nbm;

/// Writes matrices as datasets of an HDF5 file, atomically. Throws FileError.
auto write_hdf5(const std::filesystem::path& path, const std::vector<std::pair<std::string, nbm::Matrix<Real>>>& arrays) -> void;
