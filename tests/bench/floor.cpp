#include "floor.hpp"

#include <cblas.h>

#include <chrono>
#include <random>
#include <thread>
#include <utility>

extern "C" void openblas_set_num_threads(int count);

namespace bench {

Floor::Floor(const std::vector<Operand>& operands, std::vector<Product> products, std::size_t repeats)
    : products_(std::move(products)), repeats_(repeats) {
    auto random = std::mt19937(1);
    for (const auto& [rows, columns, values] : operands) {
        auto& matrix = matrices_.emplace_back(Matrix{static_cast<int>(rows), static_cast<int>(columns), {}});
        matrix.values.resize(rows * columns);
        for (auto& x : matrix.values) {
            const auto uniform = static_cast<float>(random()) * 0x1p-32F;
            x = values == Values::states ? (uniform < 0.3F ? 1.0F : 0.0F) : 0.1F * (uniform - 0.5F);
        }
    }
}

auto Floor::inner(const Product& product) const -> int {
    return product.transpose_a ? matrices_[product.a].rows : matrices_[product.a].columns;
}

auto Floor::run(std::size_t threads) const -> double {
    using namespace std::chrono_literals;
    openblas_set_num_threads(static_cast<int>(threads));
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i != repeats_; ++i) {
        for (const auto& product : products_) {
            const auto& a = matrices_[product.a];
            const auto& b = matrices_[product.b];
            auto& out = matrices_[product.out];
            cblas_sgemm(CblasRowMajor, product.transpose_a ? CblasTrans : CblasNoTrans,
                        product.transpose_b ? CblasTrans : CblasNoTrans, out.rows, out.columns, inner(product), 1.0F,
                        a.values.data(), a.columns, b.values.data(), b.columns, product.add ? 1.0F : 0.0F, out.values.data(),
                        out.columns);
        }
    }
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    openblas_set_num_threads(1);
    // OpenBLAS's threads look out for more work for a while, and would take the cores from whatever is measured next.
    if (threads > 1) { std::this_thread::sleep_for(150ms); }
    return seconds;
}

auto Floor::operations() const -> double {
    auto sum = 0.0;
    for (const auto& product : products_) {
        const auto& out = matrices_[product.out];
        sum += 2.0 * out.rows * out.columns * inner(product);
    }
    return sum * static_cast<double>(repeats_);
}

}  // namespace bench
