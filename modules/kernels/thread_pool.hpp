// The threads behind nbm's loops. Plain C++, so that it can be compiled without the thread sanitizer, which cannot see into oneTBB.
#pragma once

#include <cstddef>

namespace nbm::kernels {

using BlockFunction = void (*)(const void* context, std::size_t block);

/// Calls function(context, block) for block = 0 ... count - 1, in parallel; rethrows the first exception.
void run_in_pool(std::size_t count, const void* context, BlockFunction function);

/// 0 means one thread per core.
void set_pool_threads(std::size_t count);
std::size_t pool_threads();

}  // namespace nbm::kernels
