#include "thread_pool.hpp"

#include <cstddef>
#include <memory>
#include <mutex>

#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace nbm::kernels {

namespace {

/// The arena that all loops share; replaced when the number of threads changes.
struct Pool {
    explicit Pool(std::size_t count) : limit(tbb::global_control::max_allowed_parallelism, count), arena(static_cast<int>(count)) {}

    tbb::global_control limit;
    tbb::task_arena arena;
};

struct PoolSlot {
    std::mutex mutex;
    std::shared_ptr<Pool> pool;
    std::size_t count = 0;
};

PoolSlot& slot() {
    static PoolSlot instance;
    return instance;
}

std::size_t resolve(std::size_t count) { return count == 0 ? static_cast<std::size_t>(tbb::info::default_concurrency()) : count; }

std::shared_ptr<Pool> current_pool() {
    auto& s = slot();
    const auto lock = std::lock_guard(s.mutex);
    if (!s.pool) {
        s.count = resolve(s.count);
        s.pool = std::make_shared<Pool>(s.count);
    }
    return s.pool;
}

}  // namespace

void set_pool_threads(std::size_t count) {
    auto& s = slot();
    const auto lock = std::lock_guard(s.mutex);
    s.count = resolve(count);
    s.pool.reset();
}

std::size_t pool_threads() {
    auto& s = slot();
    const auto lock = std::lock_guard(s.mutex);
    s.count = resolve(s.count);
    return s.count;
}

void run_in_pool(std::size_t count, const void* context, BlockFunction function) {
    const auto pool = current_pool();
    pool->arena.execute([&] { tbb::parallel_for(std::size_t{0}, count, [&](std::size_t block) { function(context, block); }); });
}

}  // namespace nbm::kernels
