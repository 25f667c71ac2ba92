// The kernels: loops over rows, tables and states, compiled for several instruction sets, of which one is chosen when the first of
// them is needed. Plain C++: clang 19 cannot put functions with several targets into a module. None of them contracts products and
// sums to one rounding, so that all instruction sets give the same bits.
#pragma once

#include <cstddef>

#include "binary.hpp"
#include "enumeration.hpp"

namespace nbm::kernels {

/// Kernels over one row: see tensor/kernels.cppm for what they compute, and random/stream.cppm for the last three, whose `in` and
/// `out` are the same or do not overlap; `in` is written by activate_and_sample only.
template <class T>
struct RowKernels {
    void (*activate)(T* z, std::size_t n, T beta);
    double (*softplus)(const T* z, std::size_t n, T beta);
    double (*activate_and_sum)(T* z, std::size_t n);
    double (*anneal)(T* z, const T* base, std::size_t n, T before, T now);
    T (*update_means)(T* means, const T* input, const T* constant, std::size_t n, T beta);
    double (*entropy)(const T* q, std::size_t n);          // of independent units that are on with probability q, in nats
    double (*dot)(const T* x, const T* y, std::size_t n);  // summed in double
    void (*sample_logits)(T* in, std::size_t n, T* out, Counter counter, Key key);
    void (*activate_and_sample)(T* in, std::size_t n, T* out, Counter counter, Key key);
    void (*sample_probabilities)(T* in, std::size_t n, T* out, Counter counter, Key key);
};

/// All kernels for one instruction set.
struct Kernels {
    const char* instruction_set;
    RowKernels<float> float_rows;
    RowKernels<double> double_rows;
    EnumerationKernels enumeration;
    BinaryKernels binary;
};

extern const Kernels baseline_kernels;
#if defined(__x86_64__)
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
#endif

/// The kernels in use: the best that this machine has, or those that the environment variable NBM_ISA names.
const Kernels& active();

/// What is wrong with NBM_ISA, as the end of a sentence; nullptr when nothing is.
const char* wrong_choice();

template <class T>
inline const RowKernels<T>& rows() {
    if constexpr (sizeof(T) == sizeof(float)) {
        return active().float_rows;
    } else {
        return active().double_rows;
    }
}

}  // namespace nbm::kernels
