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
#define NBM_INSTRUCTION_SET baseline
#define NBM_LOOKUP_LANES 1
#include "all.inc"

namespace nbm::kernels {

constinit const Kernels baseline_kernels = baseline::all_kernels("baseline");

}  // namespace nbm::kernels
