export module nbm:callbacks.session;

import :standard;

export namespace nbm {

/// What a hook may return to steer the training: nothing (void) or one of these. The strongest answer of all callbacks counts.
enum class Flow : std::uint8_t { proceed, end_epoch, stop };

/// How a fit ended.
enum class Outcome : std::uint8_t { completed, stopped, cancelled, failed };

/// A checkpoint that a callback asked for.
struct CheckpointRequest {
    std::filesystem::path path;
    std::string reason;
};

/// What callbacks tell fit() beside the metrics. Callbacks reach it through Info.
class Session {
public:
    std::function<void(std::string_view)> on_warning;  // called with each warning
    std::stop_token token;
    bool can_checkpoint = false;  // trainer and optimiser can save their state
    std::vector<CheckpointRequest> checkpoints;
    std::vector<std::string> interruption_paths;  // templates of checkpoints that are wanted when a training is interrupted
    bool needs_states = false;                    // somebody will ask for checkpoints

    /// Throws InputError when two callbacks would write to the same path.
    auto claim(const std::filesystem::path& path) -> void;

    auto warn(std::string sentence) -> void;
    inline auto warnings() const -> const std::vector<std::string>& { return warnings_; }

    /// Kept until attribute() tells whose it is.
    inline auto give_reason(std::string why) -> void { pending_ = std::move(why); }
    auto attribute(Flow flow, std::string_view callback) -> void;
    /// "callback: why" of the first stop; empty without one.
    inline auto stop_reason() const -> const std::string& { return stop_reason_; }

private:
    std::string pending_;
    std::string stop_reason_;
    std::vector<std::string> warnings_;
    std::vector<std::filesystem::path> claimed_;
};

}  // namespace nbm
