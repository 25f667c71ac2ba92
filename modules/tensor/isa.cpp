module;

#include "../kernels/kernels.hpp"

module nbm:tensor.isa_impl;

import :standard;
import :tensor.errors;
import :tensor.isa;
import nbm.fmt;

namespace nbm {

namespace {

auto on() -> std::atomic<bool>& {
    static auto value = std::atomic<bool>(true);
    return value;
}

}  // namespace

auto instruction_set() -> std::string_view {
    if (const auto* wrong = kernels::wrong_choice()) {
        throw InputError(fmt::format("NBM_ISA is '{}', which {}", std::getenv("NBM_ISA"), wrong));
    }
    return kernels::active().instruction_set;
}
auto set_binary_path(bool value) -> void { on().store(value); }
auto binary_path() -> bool { return on().load(); }

}  // namespace nbm
