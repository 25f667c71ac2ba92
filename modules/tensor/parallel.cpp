module;

#include <cstddef>
#include <memory>
#include <mutex>

#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

module nbm:tensor.parallel_impl;

import :tensor.parallel;

namespace nbm {

namespace {

/// The arena that all loops share; replaced when the number of threads changes.
struct Pool {
    explicit Pool(std::size_t count)
        : limit(tbb::global_control::max_allowed_parallelism, count), arena(static_cast<int>(count)) {}

    tbb::global_control limit;
    tbb::task_arena arena;
};

struct PoolSlot {
    std::mutex mutex;
    std::shared_ptr<Pool> pool;
    std::size_t count = 0;
};

auto slot() -> PoolSlot& {
    static auto instance = PoolSlot{};
    return instance;
}

auto resolve(std::size_t count) -> std::size_t {
    return count == 0 ? static_cast<std::size_t>(tbb::info::default_concurrency()) : count;
}

auto current_pool() -> std::shared_ptr<Pool> {
    auto& s = slot();
    const auto lock = std::lock_guard(s.mutex);
    if (!s.pool) {
        s.count = resolve(s.count);
        s.pool = std::make_shared<Pool>(s.count);
    }
    return s.pool;
}

}  // namespace

auto set_threads(std::size_t count) -> void {
    auto& s = slot();
    const auto lock = std::lock_guard(s.mutex);
    s.count = resolve(count);
    s.pool.reset();
}

auto threads() -> std::size_t {
    auto& s = slot();
    const auto lock = std::lock_guard(s.mutex);
    s.count = resolve(s.count);
    return s.count;
}

auto run_blocks(std::size_t count, const void* context, BlockFunction function) -> void {
    if (count == 1) { return function(context, 0); }
    const auto pool = current_pool();
    pool->arena.execute([&] {
        tbb::parallel_for(std::size_t{0}, count, [&](std::size_t block) { function(context, block); });
    });
}

}  // namespace nbm
