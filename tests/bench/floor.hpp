#pragma once

#include <cstddef>
#include <vector>

namespace bench {

/// The matrix products of a textbook algorithm by sgemm, and nothing else: what no implementation by products can beat. States and
/// weights stay what they are; the products go to matrices of their own.
class Floor {
public:
    enum class Values : bool { states, reals };  // 0 or 1; around 0
    struct Operand {
        std::size_t rows;
        std::size_t columns;
        Values values;
    };
    /// out = op(a) op(b), or that added to it; matrices are named by their places in the list.
    struct Product {
        std::size_t a;
        std::size_t b;
        std::size_t out;
        bool transpose_a = false;
        bool transpose_b = false;
        bool add = false;
    };

    Floor(const std::vector<Operand>& operands, std::vector<Product> products, std::size_t repeats);

    /// All products, `repeats` times, on so many threads of OpenBLAS; the seconds that takes. Leaves OpenBLAS with one thread, at
    /// rest.
    auto run(std::size_t threads) const -> double;

    /// The products of one repeat.
    inline auto products() const -> std::size_t { return products_.size(); }

    /// Multiplications and additions of all repeats.
    auto operations() const -> double;

private:
    struct Matrix {
        int rows;
        int columns;
        std::vector<float> values;
    };
    auto inner(const Product& product) const -> int;

    mutable std::vector<Matrix> matrices_;
    std::vector<Product> products_;
    std::size_t repeats_;
};

}  // namespace bench
