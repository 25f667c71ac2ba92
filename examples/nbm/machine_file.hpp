#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "results.hpp"
#include "train_options.hpp"

import nbm;

/// Where a machine is read from.
struct MachineFile {
    std::filesystem::path path;    // weights or a checkpoint
    std::filesystem::path folder;  // of the run, when that was named; else empty
    bool checkpoint = false;
};

/// Finds what was named: a file, or in a run folder its weights/final.h5, in those of earlier versions weights.h5, or else its
/// newest checkpoint; tells on standard error of newer ones that are damaged. Throws FileError.
auto find_machine(const std::string& name) -> MachineFile;

/// Reads it; of a checkpoint, which must be whole, the machine alone. Throws FileError.
template <class T>
auto read_machine(const MachineFile& file) -> nbm::DBM<T>;

/// Throws FileError when a parameter is no finite number.
auto require_finite(const nbm::DBM<Real>& dbm, const std::filesystem::path& path) -> void;

/// What commands on a machine have in common.
struct MachineOptions {
    std::string file;
    TrainOptions run;   // --data, --binarise, --threshold, --seed, --threads and --ais-*
    std::string split;  // of the data; empty: not asked for
    std::string output;
    bool overwrite = false;
    bool json = false;
    std::string plots;  // a folder; empty: none are asked for
};

/// FILE, which is needed.
auto add_file(CLI::App& command, MachineOptions& options) -> void;

/// FILE with the options of data, which are those of its run where there is one; else there are none unless --data is typed.
auto add_file_and_data(CLI::App& command, MachineOptions& options) -> void;

/// A machine whose numbers are all finite, with the settings of its run.
struct Machine {
    MachineFile file;
    nbm::DBM<Real> dbm;
};

/// Gives options that were not typed the values of the run that was named, if any, sets the number of threads, and reads the
/// machine. Throws FileError, also for numbers that are not finite, and InputError.
auto open_machine(CLI::App& command, MachineOptions& options) -> Machine;

/// The data set of --data. Throws InputError when there is none, or when its rows do not fit the machine.
auto rows_for(const Machine& machine, const MachineOptions& options) -> nbm::Dataset<Real>;

/// The rows of one split.
struct Split {
    std::string name;
    const nbm::Matrix<Real>* rows;
    const std::vector<int>* labels;
};

/// All splits that have rows.
auto splits_of(const nbm::Dataset<Real>& data) -> std::vector<Split>;

/// That of --split, else test or, where there are no test rows, train. Throws InputError for a split without rows.
auto chosen_split(const nbm::Dataset<Real>& data, const MachineOptions& options) -> Split;

auto add_split(CLI::App& command, MachineOptions& options, const char* help) -> void;

/// --output with --overwrite.
auto add_output(CLI::App& command, MachineOptions& options, const char* word, const char* help) -> CLI::Option*;

/// --plots with --overwrite.
auto add_plots(CLI::App& command, MachineOptions& options, const char* help) -> void;

/// Throws FileError unless the output can be written; makes its folder.
auto check_output_file(const MachineOptions& options) -> void;

/// The ending of --output. Throws InputError unless it is one of a few.
auto ending_of(const std::string& output, const std::vector<std::string>& endings) -> std::string;
