module;

#include <string>
#include <string_view>
#include <utility>

module nbm:callbacks.session_impl;

import :callbacks.session;

namespace nbm {

auto Session::warn(std::string sentence) -> void {
    if (on_warning) { on_warning(sentence); }
    warnings_.push_back(std::move(sentence));
}

auto Session::attribute(Flow flow, std::string_view callback) -> void {
    const auto why = std::exchange(pending_, {});
    if (flow != Flow::stop || !stop_reason_.empty()) { return; }
    stop_reason_ = std::string(callback) + (why.empty() ? " asked for it" : ": " + why);
}

}  // namespace nbm
