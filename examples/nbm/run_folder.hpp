#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train_options.hpp"

/// Keeps other runs of nbm out of a folder while it lives, by an advisory lock on its file .nbm-lock, which ends with the process.
/// Where the file system knows no locks, it keeps nobody out.
class RunLock {
public:
    /// A folder that is not there yet is locked by lock(), once it is made. Throws as lock().
    explicit RunLock(std::filesystem::path folder);
    RunLock(const RunLock&) = delete;
    auto operator=(const RunLock&) -> RunLock& = delete;
    ~RunLock();

    inline auto is_held() const -> bool { return file_ >= 0; }
    /// Throws FileError when another run has it.
    auto lock() -> void;

private:
    std::filesystem::path folder_;
    int file_ = -1;
};

/// Throws FileError when the output folder holds anything and may not be overwritten, something is in the way of a result, or what
/// would be replaced is not of a run.
auto check_output(const TrainOptions& options) -> void;

/// Whether there is nothing in a folder but the lock and what a run leaves that is killed before it has written its configuration.
auto is_free(const std::filesystem::path& folder) -> bool;

/// Whether a training can be resumed from what the folder holds.
auto has_checkpoint(const std::filesystem::path& folder) -> bool;

/// The command that repeats a run from its folder, for one that was interrupted before its first checkpoint.
auto start_again(const TrainOptions& options) -> std::string;

/// The files in a folder that the run of its config.toml wrote, the summary first; where there is none, those of a run with the
/// usual callbacks.
auto results_in(const std::filesystem::path& folder) -> std::vector<std::filesystem::path>;

/// Removes what was estimated and drawn at the end of a run that now goes on: it would be that of other weights.
auto remove_estimates(const std::filesystem::path& folder) -> void;

/// Makes the folder, locks it, and removes the results of an earlier run from it, but for config.toml, which is to be replaced at
/// once. Throws as check_output() when another run was quicker.
auto prepare_output(const TrainOptions& options, RunLock& lock) -> void;
