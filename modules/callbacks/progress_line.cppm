export module nbm:callbacks.progress_line;

import :standard;

export namespace nbm {

/// A line of a terminal that tells how far something long is, and is redrawn at most ten times a second. It is as wide as the
/// terminal at most, also after that was resized. On any other stream, and where TERM is dumb or not set, nothing is drawn.
class ProgressLine {
public:
    /// null: draws nothing.
    explicit ProgressLine(std::FILE* stream);

    inline auto is_live() const -> bool { return live_; }
    /// Whether the last drawing is long enough ago.
    auto is_due() const -> bool;

    /// "head [=====>    ]  detail  detail": on narrow terminals with a shorter bar and without the last details.
    auto draw(std::string_view head, double fraction, std::span<const std::string> details) -> void;
    /// Removes the line.
    auto clear() -> void;
    /// Leaves it where it is; what follows begins on a line of its own.
    auto keep() -> void;

    /// The text of such a line that has no more than `columns` characters.
    static auto text(std::string_view head, double fraction, std::span<const std::string> details, std::size_t columns)
        -> std::string;
    /// "7s", "1m05s", "2h03m"
    static auto duration(double seconds) -> std::string;

private:
    using Clock = std::chrono::steady_clock;

    std::FILE* stream_;
    bool live_;
    bool open_ = false;
    Clock::time_point drawn_;
};

}  // namespace nbm
