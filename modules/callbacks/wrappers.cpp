module nbm:callbacks.wrappers_impl;

import :callbacks.wrappers;
import :standard;

namespace nbm {

namespace {

/// Chosen whatever follows.
auto chosen(const Epochs& epochs, std::size_t index) -> bool {
    const auto n = index + 1;
    const auto in_window = n > epochs.after && (epochs.before == 0 || n < epochs.before);
    const auto in_rhythm = epochs.every != 0 ? (n - epochs.after) % epochs.every == 0 : epochs.at.empty() && !epochs.at_end;
    return (in_window && in_rhythm) || std::ranges::find(epochs.at, n) != epochs.at.end();
}

auto chosen_before(const Epochs& epochs, std::size_t index) -> bool {
    for (std::size_t i = 0; i != index; ++i) {
        if (chosen(epochs, i)) { return true; }
    }
    return false;
}

}  // namespace

auto Epochs::contains(std::size_t index, bool last) const -> bool {
    return (chosen(*this, index) || (at_end && last)) && !(once && chosen_before(*this, index));
}

auto Epochs::may_contain(std::size_t index) const -> bool { return contains(index, true); }

}  // namespace nbm
