module nbm:tensor.errors_impl;

import :standard;
import :tensor.errors;
import nbm.fmt;

namespace nbm {

namespace {

/// Insertions, deletions, substitutions and swaps of neighbours that turn a into b (optimal string alignment).
auto edit_distance(std::string_view a, std::string_view b) -> std::size_t {
    auto before_last = std::vector<std::size_t>(b.size() + 1);
    auto last = std::vector<std::size_t>(b.size() + 1);
    auto row = std::vector<std::size_t>(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before_last = std::exchange(last, std::exchange(row, std::move(before_last)));
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
    }
    return row.back();
}

}  // namespace

FileError::FileError(std::string_view path, std::string_view problem) : Error(fmt::format("{}: {}", path, problem)) {}

auto nearest_name(std::string_view name, std::span<const std::string> candidates) -> std::string {
    auto best = std::string{};
    auto best_distance = std::string_view::npos;
    for (const auto& candidate : candidates) {
        const auto distance = edit_distance(name, candidate);
        if (distance < best_distance && 2 * distance <= std::max(name.size(), candidate.size())) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

auto unknown_name(std::string_view what, std::string_view name, std::span<const std::string> candidates) -> std::string {
    const auto nearest = nearest_name(name, candidates);
    const auto hint = nearest.empty() ? std::string{} : fmt::format("; did you mean '{}'?", nearest);
    return fmt::format("unknown {} '{}'{} (valid: {})", what, name, hint, fmt::join(candidates, ", "));
}

}  // namespace nbm
