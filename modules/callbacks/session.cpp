module nbm:callbacks.session_impl;

import :callbacks.session;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

auto Session::warn(std::string sentence) -> void {
    if (on_warning) { on_warning(sentence); }
    warnings_.push_back(std::move(sentence));
}

auto Session::claim(const std::filesystem::path& path) -> void {
    const auto plain = path.lexically_normal();
    if (std::ranges::find(claimed_, plain) != claimed_.end()) {
        throw InputError(fmt::format("two callbacks would write to '{}'; give one of them another path", plain.string()));
    }
    claimed_.push_back(plain);
}

auto Session::attribute(Flow flow, std::string_view callback) -> void {
    const auto why = std::exchange(pending_, {});
    if (flow != Flow::stop || !stop_reason_.empty()) { return; }
    stop_reason_ = std::string(callback) + (why.empty() ? " asked for it" : ": " + why);
}

}  // namespace nbm
