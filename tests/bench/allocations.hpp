#pragma once

#include <cstdint>

namespace bench {

/// The bytes that operator new has handed out so far, to all threads.
auto allocated_bytes() -> std::uint64_t;

}  // namespace bench
