#pragma once

#include <filesystem>
#include <map>
#include <string>

import nbm;

/// The names that arrays of a machine have in an NPZ file: those of the HDF5 layout (h0_b, h0-1_W), or scikit-learn's of a
/// BernoulliRBM (components_ [hidden, visible], intercept_hidden_, intercept_visible_).
enum class Layout { nbm, sklearn };

/// A machine as arrays of float32 or float64. Throws InputError when scikit-learn has no names for it.
template <class T>
auto arrays_of(const nbm::DBM<T>& dbm, Layout layout) -> std::map<std::string, nbm::NpyArray>;

/// The machine that arrays of either layout make; `path` begins messages. Throws FileError, which names what is missing or does not
/// fit.
template <class T>
auto machine_of(const std::map<std::string, nbm::NpyArray>& arrays, const std::filesystem::path& path) -> nbm::DBM<T>;
