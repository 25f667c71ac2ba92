export module nbm:tensor.isa;

import :standard;

export namespace nbm {

/// The instruction set of the kernels in use: "baseline", "avx2" or "avx512". It is the best one of this machine, or the one that
/// the environment variable NBM_ISA names; all give the same bits. Throws InputError when that names none, or one that this
/// machine lacks; then the best one is in use.
auto instruction_set() -> std::string_view;

/// Whether products with binary states are table look-ups (the binary path, on at first) or go to BLAS (the portable path), for
/// the whole process. The two differ by the rounding of sums.
auto set_binary_path(bool on) -> void;
auto binary_path() -> bool;

}  // namespace nbm
