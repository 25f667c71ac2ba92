module;

#include "../kernels/thread_pool.hpp"

module nbm:tensor.parallel_impl;

import :standard;
import :tensor.parallel;

namespace nbm {

namespace {

/// One loop. The counter orders what the blocks read and write against the caller; oneTBB does that too, but where the thread
/// sanitizer cannot see it.
struct Loop {
    const void* context;
    BlockFunction function;
    std::atomic<std::size_t> done = 0;
};

}  // namespace

auto set_threads(std::size_t count) -> void { kernels::set_pool_threads(count); }
auto threads() -> std::size_t { return kernels::pool_threads(); }

auto run_blocks(std::size_t count, const void* context, BlockFunction function) -> void {
    if (count == 1 || threads() == 1) {
        for (std::size_t block = 0; block != count; ++block) { function(context, block); }
        return;
    }
    auto loop = Loop{context, function};
    loop.done.store(0, std::memory_order_release);
    kernels::run_in_pool(count, &loop, [](const void* pointer, std::size_t block) {
        auto& one = *static_cast<Loop*>(const_cast<void*>(pointer));
        static_cast<void>(one.done.load(std::memory_order_acquire));
        one.function(one.context, block);
        one.done.fetch_add(1, std::memory_order_release);
    });
    static_cast<void>(loop.done.load(std::memory_order_acquire));
}

}  // namespace nbm
