module;

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

export module nbm:callbacks.schedule;

export namespace nbm {

/// A choice of epochs, counted from 1 as users count them: every n-th, given ones, or the last.
class Epochs {
public:
    /// Every epoch.
    Epochs() = default;
    inline Epochs(std::size_t every, std::vector<std::size_t> at, bool last) : every_(every), at_(std::move(at)), last_(last) {}

    /// Whether the epoch with this index (from 0) is chosen; `last` tells that no other follows.
    inline auto contains(std::size_t index, bool last) const -> bool {
        return (every_ != 0 && (index + 1) % every_ == 0) || std::ranges::find(at_, index + 1) != at_.end() || (last_ && last);
    }

private:
    std::size_t every_ = 1;
    std::vector<std::size_t> at_;
    bool last_ = false;
};

/// Epochs n, 2n, 3n, ...; none when n = 0.
inline auto every(std::size_t n) -> Epochs { return {n, {}, false}; }
/// Just these.
inline auto at(std::vector<std::size_t> epochs) -> Epochs { return {0, std::move(epochs), false}; }
/// Just the last one.
inline auto at_end() -> Epochs { return {0, {}, true}; }

}  // namespace nbm
