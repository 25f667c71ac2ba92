// Kernels over one row, in several instruction sets. Plain C++: clang 19 cannot put functions with several targets into a module.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace nbm::kernels {

// See tensor/kernels.cppm for what they compute.
void activate(float* z, std::size_t n, float beta);
void activate(double* z, std::size_t n, double beta);
double softplus(const float* z, std::size_t n, float beta);
double softplus(const double* z, std::size_t n, double beta);
double activate_and_sum(float* z, std::size_t n);
double activate_and_sum(double* z, std::size_t n);
double anneal(float* z, const float* base, std::size_t n, float before, float now);
double anneal(double* z, const double* base, std::size_t n, double before, double now);

using Counter = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

// See random/stream.cppm; `in` and `out` are the same or do not overlap. `in` is written by activate_and_sample only.
void sample_logits(float* in, std::size_t n, float* out, Counter counter, Key key);
void sample_logits(double* in, std::size_t n, double* out, Counter counter, Key key);
void activate_and_sample(float* in, std::size_t n, float* out, Counter counter, Key key);
void activate_and_sample(double* in, std::size_t n, double* out, Counter counter, Key key);
void sample_probabilities(float* in, std::size_t n, float* out, Counter counter, Key key);
void sample_probabilities(double* in, std::size_t n, double* out, Counter counter, Key key);

}  // namespace nbm::kernels
