module;

#include <stdio.h>

#include <sys/ioctl.h>
#include <unistd.h>

module nbm:callbacks.progress_line_impl;

import :callbacks.progress_line;
import :standard;
import nbm.fmt;

namespace nbm {

namespace {

constexpr auto widest_bar = std::size_t{24};
constexpr auto narrowest_bar = std::size_t{8};

/// Whether lines can be redrawn there.
auto is_terminal(std::FILE* stream) -> bool {
    if (stream == nullptr || ::isatty(::fileno(stream)) == 0) { return false; }
    const auto* const term = std::getenv("TERM");
    return term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

/// The last column stays free: a character there makes some terminals begin another line.
auto usable_columns(std::FILE* stream) -> std::size_t {
    constexpr auto usual = 80;
    auto size = winsize{};
    const auto known = ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
    return static_cast<std::size_t>(known ? size.ws_col : usual) - 1;
}

auto bar(double fraction, std::size_t width) -> std::string {
    const auto filled = static_cast<std::size_t>(fraction * static_cast<double>(width));
    auto text = std::string(filled, '=') + std::string(width - filled, ' ');
    if (filled != 0 && filled != width) { text[filled - 1] = '>'; }
    return " [" + text + ']';
}

auto join(std::span<const std::string> details) -> std::string {
    auto text = std::string{};
    for (const auto& detail : details) { text += "  " + detail; }
    return text;
}

}  // namespace

auto ProgressLine::text(std::string_view head, double fraction, std::span<const std::string> details, std::size_t columns)
    -> std::string {
    constexpr auto frame = std::string_view(" []").size();
    fraction = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
    for (auto shown = details.size() + 1; shown-- != 0;) {
        const auto rest = join(details.first(shown));
        const auto others = head.size() + rest.size() + frame;
        if (others + narrowest_bar <= columns) {
            return std::string(head) + bar(fraction, std::min(widest_bar, columns - others)) + rest;
        }
    }
    return std::string(head.substr(0, columns));
}

auto ProgressLine::duration(double seconds) -> std::string {
    constexpr auto longest = 3.6e9;  // s
    const auto s = static_cast<long>(std::lround(std::isfinite(seconds) ? std::clamp(seconds, 0.0, longest) : longest));
    if (s < 60) { return fmt::format("{}s", s); }
    if (s < 3600) { return fmt::format("{}m{:02}s", s / 60, s % 60); }
    return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
}

ProgressLine::ProgressLine(std::FILE* stream) : stream_(stream), live_(is_terminal(stream)) {}

auto ProgressLine::is_due() const -> bool { return live_ && Clock::now() - drawn_ >= std::chrono::milliseconds(100); }

auto ProgressLine::draw(std::string_view head, double fraction, std::span<const std::string> details) -> void {
    if (!live_) { return; }
    fmt::print(stream_, "\r\033[K{}", text(head, fraction, details, usable_columns(stream_)));
    std::fflush(stream_);
    drawn_ = Clock::now();
    open_ = true;
}

auto ProgressLine::clear() -> void {
    if (!open_) { return; }
    fmt::print(stream_, "\r\033[K");
    std::fflush(stream_);
    open_ = false;
}

auto ProgressLine::keep() -> void {
    if (!open_) { return; }
    fmt::print(stream_, "\n");
    std::fflush(stream_);
    open_ = false;
}

}  // namespace nbm
