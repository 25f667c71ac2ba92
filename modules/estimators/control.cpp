module nbm:estimators.control_impl;

import :estimators.control;
import :standard;
import nbm.fmt;

namespace nbm {

Progress::Progress(const Control& control, std::size_t parts) : control_(control), parts_(parts) {}

auto Progress::advance(std::size_t parts) -> void {
    const auto lock = std::scoped_lock(mutex_);
    done_ += parts;
    if (!control_.progress) { return; }
    const auto fraction = done_ >= parts_ ? 1.0 : static_cast<double>(done_) / static_cast<double>(parts_);
    if (fraction - told_ < 0.001 && (fraction < 1.0 || told_ == 1.0)) { return; }
    told_ = fraction;
    control_.progress(fraction);
}

auto Progress::finish(std::string_view computation) const -> void {
    const auto lock = std::scoped_lock(mutex_);
    if (stopped() && done_ < parts_) { throw Cancelled(fmt::format("{} was cancelled", computation)); }
}

}  // namespace nbm
