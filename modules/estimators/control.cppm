export module nbm:estimators.control;

import :standard;
import :tensor;

export namespace nbm {

/// A computation ended because its stop token asked for it.
class Cancelled : public Error {
public:
    using Error::Error;
};

/// How a long computation is watched and ended. It throws Cancelled soon after a stop was requested, with nothing changed.
struct Control {
    std::stop_token stop = {};
    std::function<void(double)> progress = {};  // the fraction done, rising to 1; on any thread, but never on two at a time
};

}  // namespace nbm

namespace nbm {

/// Counts the finished parts of a computation for its Control. All members may be called from any thread.
class Progress {
public:
    /// Keeps a reference to `control`.
    Progress(const Control& control, std::size_t parts);

    inline auto stopped() const -> bool { return control_.stop.stop_requested(); }

    /// `parts` more are done; tells the control at most once for each thousandth.
    auto advance(std::size_t parts = 1) -> void;

    /// Throws Cancelled, naming the computation, when a stop was requested before all parts were done.
    auto finish(std::string_view computation) const -> void;

private:
    const Control& control_;
    std::size_t parts_;
    mutable std::mutex mutex_;
    std::size_t done_ = 0;
    double told_ = 0.0;
};

}  // namespace nbm
