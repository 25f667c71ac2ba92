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
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define NBM_INSTRUCTION_SET avx2
#define NBM_LOOKUP_LANES 8
#include "all.inc"
#pragma clang attribute pop

namespace nbm::kernels {

constinit const Kernels avx2_kernels = avx2::all_kernels("avx2");

}  // namespace nbm::kernels
#endif
