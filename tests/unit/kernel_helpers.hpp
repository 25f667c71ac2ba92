// Numbers, memory and layouts for the tests of the kernels. To be included after kernels.hpp and `import nbm;`.
#pragma once

namespace kernels = nbm::kernels;

/// All instruction sets of this machine; the first one is the baseline.
inline std::vector<const kernels::Kernels*> instruction_sets() {
    auto sets = std::vector<const kernels::Kernels*>{&kernels::baseline_kernels};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v3")) { sets.push_back(&kernels::avx2_kernels); }
    if (__builtin_cpu_supports("x86-64-v4")) { sets.push_back(&kernels::avx512_kernels); }
#endif
    return sets;
}

/// Numbers on 64 bytes with `guard` more of them behind, which nobody may change.
template <class T>
class Guarded {
public:
    static constexpr std::size_t guard = 64;

    explicit Guarded(std::size_t size, T value = T{})
        : size_(size),
          data_(new(std::align_val_t{64}) T[size + guard], [](T* p) { ::operator delete[](p, std::align_val_t{64}); }) {
        std::fill_n(data_.get(), size, value);
        std::fill_n(data_.get() + size, guard, T{77});
    }
    T* data() { return data_.get(); }
    T& operator[](std::size_t i) { return data_.get()[i]; }
    std::size_t size() const { return size_; }
    bool is_whole() const {
        return std::all_of(data_.get() + size_, data_.get() + size_ + guard, [](T x) { return x == T{77}; });
    }

private:
    std::size_t size_;
    std::shared_ptr<T[]> data_;
};

/// Everything that a kernel wrote, for comparison bit by bit; NaN stands for all NaN, whose bits depend on the order of operands.
class Bits {
public:
    template <class T>
    void add(T x) {
        if constexpr (std::is_floating_point_v<T>) {
            if (std::isnan(x)) { x = std::numeric_limits<T>::quiet_NaN(); }
        }
        const auto* bytes = reinterpret_cast<const unsigned char*>(&x);
        bytes_.insert(bytes_.end(), bytes, bytes + sizeof x);
    }
    template <class T>
    void add(Guarded<T>& values) {
        BOOST_TEST(values.is_whole());
        for (std::size_t i = 0; i != values.size(); ++i) { add(values[i]); }
    }
    bool operator==(const Bits&) const = default;

private:
    std::vector<unsigned char> bytes_;
};

/// Calls f(kernels) -> Bits for each instruction set: all must give the same.
template <class F>
void same_bits(const F& f) {
    auto first = Bits();
    for (const auto* set : instruction_sets()) {
        BOOST_TEST_CONTEXT(set->instruction_set) {
            auto bits = f(*set);
            if (set == &kernels::baseline_kernels) {
                first = std::move(bits);
            } else {
                BOOST_TEST((bits == first));
            }
        }
    }
}

/// The kinds of input: numbers about 1, about 1e4, zero, and one NaN, or none, among ordinary ones.
enum class Kind : std::uint8_t { ordinary, huge, zero, with_nan };
inline constexpr Kind all_kinds[] = {Kind::ordinary, Kind::huge, Kind::zero, Kind::with_nan};

/// Numbers that depend on their position and a seed alone.
class Noise {
public:
    explicit Noise(std::uint64_t seed, Kind kind = Kind::ordinary) : stream_(seed, nbm::Purpose::user), kind_(kind) {}
    double operator()(std::size_t i) const {
        const auto x = 2.0 * stream_.normal(0, i, 0);
        switch (kind_) {
            case Kind::huge: return 1e4 * x;
            case Kind::zero: return 0.0;
            case Kind::with_nan: return i % 97 == 11 ? std::numeric_limits<double>::quiet_NaN() : x;
            default: return x;
        }
    }
    bool bit(std::size_t i) const { return stream_.word(1, i, 0) % 2 != 0; }

private:
    nbm::Stream stream_;
    Kind kind_;
};

/// One layer of chains as kernels/binary.hpp describes it, written out here a second time.
struct Layout {
    std::size_t chains;
    std::size_t blocks = (chains + 15) / 16;
    kernels::Bundles bundles = {blocks};

    std::size_t bundle_count() const { return blocks <= 8 ? 1 : (blocks + 15) / 16 * 2; }
    std::size_t bundle_of(std::size_t block) const {
        auto b = std::size_t{0};
        while ((b + 1) * blocks / bundle_count() <= block) { ++b; }
        return b;
    }
    std::size_t first(std::size_t bundle) const { return bundle * blocks / bundle_count(); }
    std::size_t width(std::size_t bundle) const { return (first(bundle + 1) - first(bundle)) * 16; }
    /// Of a chain in row `i` of `rows`: quads for states, the four units for fields.
    std::size_t at(std::size_t chain, std::size_t i, std::size_t rows) const {
        const auto bundle = bundle_of(chain / 16);
        return first(bundle) * 16 * rows + i * width(bundle) + (chain - first(bundle) * 16);
    }
    std::size_t state(std::size_t chain, std::size_t unit, std::size_t units) const { return at(chain, unit / 4, (units + 3) / 4); }
    std::size_t field(std::size_t chain, std::size_t a) const { return at(chain, a, 4); }
    std::size_t room() const { return blocks * 16; }
};

inline std::size_t quads_of(std::size_t units) { return (units + 3) / 4; }

/// Random states of a layer; the padding chains hold `padding`.
inline Guarded<std::uint32_t> random_states(const Layout& layout, std::size_t units, std::uint64_t seed,
                                            std::uint32_t padding = 0) {
    auto states = Guarded<std::uint32_t>(layout.room() * quads_of(units), 0);
    const auto noise = Noise(seed);
    for (std::size_t c = 0; c != layout.chains; ++c) {
        for (std::size_t k = 0; k != units; ++k) {
            states[layout.state(c, k, units)] |= (noise.bit(c * units + k) ? 1U : 0U) << k % 4;
        }
    }
    for (std::size_t c = layout.chains; c != layout.room(); ++c) {
        for (std::size_t k = 0; k < units; k += 4) { states[layout.state(c, k, units)] = padding; }
    }
    return states;
}

inline double plain_sigmoid(double x) { return x >= 0.0 ? 1.0 / (1.0 + std::exp(-x)) : std::exp(x) / (1.0 + std::exp(x)); }
inline double plain_softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

/// The uniform numbers of 23 bits that float draws use.
inline double uniform_of(const nbm::Stream& stream, std::uint64_t step, std::size_t row, std::size_t unit) {
    return ((stream.word(step, row, unit) >> 9U) + 0.5) * 0x1p-23;
}

/// Whether a draw is u < p, or p is so near that rounding decides.
inline bool is_right_draw(bool on, double u, double p) {
    if (std::isnan(p)) { return !on; }
    return on == (u < p) || std::abs(u - p) < 1e-6;
}
