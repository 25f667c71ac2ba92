export module nbm:random.stream;

import :random.philox;
import :standard;
import :tensor;

export namespace nbm {

/// What random numbers are for; streams of different purposes never share a number.
enum class Purpose : std::uint8_t {
    initialisation,
    shuffle,
    binarisation,
    chains,
    evaluation,
    ais,
    digits,
    samples,
    user,
    exact_samples,
    split,  // new ones at the end: the numbers of the others stay what they are
};

/// A stream of random numbers, addressed by step, row (chain) and column (unit). Holds no state but its address.
class Stream {
public:
    constexpr Stream() = default;
    constexpr Stream(std::uint64_t seed, Purpose purpose) : seed_(seed), purpose_(purpose) {}

    constexpr auto seed() const -> std::uint64_t { return seed_; }
    constexpr auto purpose() const -> Purpose { return purpose_; }

    /// The counter of columns 4 block ... 4 block + 3. Steps from 2^56 on would repeat.
    constexpr auto counter(std::uint64_t step, std::uint32_t row, std::uint32_t block) const -> PhiloxCounter {
        return {block, row, static_cast<std::uint32_t>(step),
                static_cast<std::uint32_t>(purpose_) << 24U | (static_cast<std::uint32_t>(step >> 32U) & 0xFFFFFFU)};
    }
    constexpr auto key() const -> PhiloxKey {
        return {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32U)};
    }

    /// 32 random bits.
    constexpr auto word(std::uint64_t step, std::size_t row, std::size_t column) const -> std::uint32_t {
        return philox4x32(counter(step, static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(column / 4)),
                          key())[column % 4];
    }
    /// Uniform on (0, 1), a multiple of 2^-32 plus 2^-33.
    constexpr auto uniform(std::uint64_t step, std::size_t row, std::size_t column) const -> double {
        return (word(step, row, column) + 0.5) * 0x1p-32;
    }
    /// Standard normal, by Box and Muller (1958).
    auto normal(std::uint64_t step, std::size_t row, std::size_t column) const -> double;

private:
    std::uint64_t seed_ = 0;
    Purpose purpose_ = Purpose::user;
};

/// A random permutation of 0 ... n - 1 (Fisher and Yates), one for each step.
auto permutation(const Stream& stream, std::uint64_t step, std::size_t n) -> std::vector<std::size_t>;

/// Bernoulli sampling of logits: out[r, c] = 1 with probability sigmoid(logits[r, c]), else 0; row r of the views is row
/// `first_row` + r of the stream. `out` may be the same window as `logits`. The draw compares a uniform number of 23 bits
/// (float) or 32 bits (double).
template <Real T>
auto sample_logits(MatrixView<const T> logits, MatrixView<T> out, const Stream& stream, std::uint64_t step, std::size_t first_row)
    -> void;

/// The same, and logits <- sigmoid(logits) in place.
template <Real T>
auto activate_and_sample(MatrixView<T> logits, MatrixView<T> out, const Stream& stream, std::uint64_t step, std::size_t first_row)
    -> void;

/// out[r, c] = 1 with probability p[r, c], else 0; `out` may be the same window as `p`.
template <Real T>
auto sample_probabilities(MatrixView<const T> p, MatrixView<T> out, const Stream& stream, std::uint64_t step, std::size_t first_row)
    -> void;

}  // namespace nbm
