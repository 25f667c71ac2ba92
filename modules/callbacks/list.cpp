module;

#include <cstddef>
#include <exception>
#include <string_view>

#include <fmt/format.h>

module nbm:callbacks.list_impl;

import :callbacks.list;
import :tensor;

namespace nbm {

CallbackError::CallbackError(std::string_view hook, std::size_t position, std::string_view problem)
    : Error(fmt::format("callback {} of the list, hook {}: {}", position, hook, problem)) {}

}  // namespace nbm
