#include "allocations.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

constinit auto bytes = std::atomic<std::uint64_t>(0);

auto counted(void* memory, std::size_t size) -> void* {
    if (memory == nullptr) { throw std::bad_alloc(); }
    bytes.fetch_add(size, std::memory_order_relaxed);
    return memory;
}

}  // namespace

// The forms for arrays, without exceptions and with sizes call these four.
auto operator new(std::size_t size) -> void* { return counted(std::malloc(size == 0 ? 1 : size), size); }
auto operator new(std::size_t size, std::align_val_t alignment) -> void* {
    const auto a = static_cast<std::size_t>(alignment);
    return counted(std::aligned_alloc(a, (size + a - 1) / a * a), size);
}
auto operator delete(void* memory) noexcept -> void { std::free(memory); }
auto operator delete(void* memory, std::align_val_t) noexcept -> void { std::free(memory); }

namespace bench {

auto allocated_bytes() -> std::uint64_t { return bytes.load(std::memory_order_relaxed); }

}  // namespace bench
