module;

#include "../kernels/kernels.hpp"

module nbm:random.stream_impl;

import :random.philox;
import :random.stream;
import :standard;
import :tensor;

namespace nbm {

auto Stream::normal(std::uint64_t step, std::size_t row, std::size_t column) const -> double {
    // Two numbers of the address are needed for one normal: columns 2c and 2c + 1.
    const auto radius = std::sqrt(-2.0 * std::log(uniform(step, row, 2 * column)));
    return radius * std::cos(2.0 * std::numbers::pi * uniform(step, row, 2 * column + 1));
}

auto permutation(const Stream& stream, std::uint64_t step, std::size_t n) -> std::vector<std::size_t> {
    auto order = std::vector<std::size_t>(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = n; i > 1; --i) {
        const auto j = static_cast<std::size_t>(stream.uniform(step, 0, i) * static_cast<double>(i));
        std::swap(order[i - 1], order[j]);
    }
    return order;
}

template <Real T>
auto sample_logits(MatrixView<const T> logits, MatrixView<T> out, const Stream& stream, std::uint64_t step, std::size_t first_row)
    -> void {
    for (std::size_t r = 0; r != logits.rows(); ++r) {
        // The kernel writes to its input only when it keeps the probabilities.
        kernels::rows<T>().sample_logits(const_cast<T*>(logits.row(r).data()), logits.cols(), out.row(r).data(),
                                         stream.counter(step, static_cast<std::uint32_t>(first_row + r), 0), stream.key());
    }
}

template <Real T>
auto activate_and_sample(MatrixView<T> logits, MatrixView<T> out, const Stream& stream, std::uint64_t step, std::size_t first_row)
    -> void {
    for (std::size_t r = 0; r != logits.rows(); ++r) {
        kernels::rows<T>().activate_and_sample(logits.row(r).data(), logits.cols(), out.row(r).data(),
                                               stream.counter(step, static_cast<std::uint32_t>(first_row + r), 0), stream.key());
    }
}

template <Real T>
auto sample_probabilities(MatrixView<const T> p, MatrixView<T> out, const Stream& stream, std::uint64_t step, std::size_t first_row)
    -> void {
    for (std::size_t r = 0; r != p.rows(); ++r) {
        kernels::rows<T>().sample_probabilities(const_cast<T*>(p.row(r).data()), p.cols(), out.row(r).data(),
                                                stream.counter(step, static_cast<std::uint32_t>(first_row + r), 0), stream.key());
    }
}

template auto sample_logits(MatrixView<const float>, MatrixView<float>, const Stream&, std::uint64_t, std::size_t) -> void;
template auto sample_logits(MatrixView<const double>, MatrixView<double>, const Stream&, std::uint64_t, std::size_t) -> void;
template auto activate_and_sample(MatrixView<float>, MatrixView<float>, const Stream&, std::uint64_t, std::size_t) -> void;
template auto activate_and_sample(MatrixView<double>, MatrixView<double>, const Stream&, std::uint64_t, std::size_t) -> void;
template auto sample_probabilities(MatrixView<const float>, MatrixView<float>, const Stream&, std::uint64_t, std::size_t) -> void;
template auto sample_probabilities(MatrixView<const double>, MatrixView<double>, const Stream&, std::uint64_t, std::size_t) -> void;

}  // namespace nbm
