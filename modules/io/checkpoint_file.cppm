export module nbm:io.checkpoint_file;

import :io.state;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// A machine, and what its training needs to go on.
template <Real T>
struct SavedTraining {
    DBM<T> model;
    State state;
};

/// Writes a checkpoint: a weight file, see save_weights(), that also holds the state, closed by a checksum of all. Equal machines
/// and states give equal files. Atomic. Throws FileError; an earlier file is still there then.
template <Real T>
auto save_training(const DBM<T>& dbm, const State& state, const std::filesystem::path& path) -> void;

/// Reads such a file, bit for bit. Throws FileError unless the file is complete, unchanged since it was written, of a format
/// version that this program knows, and of a machine of this real type. Peak memory is about twice the size of the file.
template <Real T = float>
auto load_training(const std::filesystem::path& path) -> SavedTraining<T>;

/// The newest file that load_training() can read, and what is wrong with newer ones.
struct NewestCheckpoint {
    std::filesystem::path path;
    std::vector<std::string> refused;
};

/// Looks through a folder and its folders for files named *.ckpt, by the time of their last change. Throws FileError when none can
/// be read.
template <Real T = float>
auto newest_checkpoint(const std::filesystem::path& folder) -> NewestCheckpoint;

}  // namespace nbm
