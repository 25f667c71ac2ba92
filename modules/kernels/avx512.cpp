#if defined(__x86_64__)
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numbers>
#include <type_traits>

#include "kernels.hpp"

#pragma clang fp contract(off)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define NBM_INSTRUCTION_SET avx512
#define NBM_LOOKUP_LANES 16
#include "all.inc"
#pragma clang attribute pop

namespace nbm::kernels {

constinit const Kernels avx512_kernels = avx512::all_kernels("avx512");

}  // namespace nbm::kernels
#endif
