export module nbm:callbacks.line_file;

import :callbacks.contexts;
import :io;
import :standard;

namespace nbm {

/// A text file that grows by whole lines, each handed to the system when it is written; in a checkpoint, its length, so that a
/// resumed training drops the lines that came after.
class LineFile {
public:
    inline explicit LineFile(std::filesystem::path path, bool append) : wanted_(std::move(path)), path_(wanted_), append_(append) {}

    inline auto path() const -> const std::filesystem::path& { return path_; }
    /// A new training: forgets a length from an earlier one.
    inline auto reset() -> void { saved_size_.reset(); }

    /// Opens the file: anew, or to go on behind what it holds. Throws FileError when it cannot be written or goes on from a file
    /// that begins otherwise than with `header`; a resumed training goes on in "name.2.csv" then, with a warning.
    auto open(const std::string& header, const TrainInfo& info) -> void;
    auto write(std::string_view line) -> void;
    auto close() -> void;

    /// Also makes sure that the lines so far are on disk.
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    auto fail() const -> FileError;
    auto begins_with(const std::string& header) const -> bool;

    struct Close {
        void operator()(std::FILE* file) const;
    };

    std::filesystem::path wanted_;
    std::filesystem::path path_;  // where it is written: another one, where `wanted_` has another header
    bool append_;
    std::optional<std::uint64_t> saved_size_;
    std::uint64_t size_ = 0;
    std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace nbm
