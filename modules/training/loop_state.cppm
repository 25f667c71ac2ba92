export module nbm:training.loop_state;

import :callbacks;
import :data;
import :io;
import :standard;

namespace nbm {

/// Where a training stands: the next batch of an epoch. At batch 0 the epoch has not begun.
struct Position {
    std::size_t epoch = 0;
    std::size_t batch = 0;
    double seconds = 0.0;  // of the epoch, so far
    bool ended = false;    // a callback ended the epoch after the last batch
};

/// What a training that is resumed must have in common with itself.
struct LoopIdentity {
    const FitParams& params;
    bool shuffle = true;
    std::uint64_t weights = 0;  // their checksum
    std::uint64_t redraw = 0;   // that of the probabilities which rows are drawn from
    Blocks blocks = {};         // how the rows are read
};

/// The part of a checkpoint that is about the loop itself: position, what must not change, the metrics of the epoch.
auto save_loop(State& state, const LoopIdentity& identity, const Position& position, const std::string& stop_reason,
               const Logs& logs) -> void;

struct SavedLoop {
    Position position;
    std::string stop_reason;
};

/// Throws FileError, naming what differs, when the checkpoint belongs to another training.
auto load_loop(const std::filesystem::path& path, const State& state, const LoopIdentity& identity, Logs& logs) -> SavedLoop;

}  // namespace nbm
