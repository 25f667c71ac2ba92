export module nbm:estimators.betas;

import :standard;

export namespace nbm {

/// The inverse temperatures of an annealing run: starts at 0, ends at 1, strictly increasing.
class Betas {
public:
    /// `count` equally spaced ones. Throws InputError for fewer than 2.
    Betas(std::size_t count);
    /// A given list. Throws InputError, naming the position, unless it starts at 0, ends at 1 and increases.
    explicit Betas(std::vector<double> values);

    /// Empty for adaptive() ones.
    inline auto values() const -> std::span<const double> { return values_; }
    inline auto size() const -> std::size_t { return values_.empty() ? count_ : values_.size(); }
    /// Whether a pilot run will choose them: see adaptive().
    inline auto is_adaptive() const -> bool { return values_.empty(); }

private:
    friend auto adaptive(std::size_t count) -> Betas;
    Betas() = default;

    std::vector<double> values_;
    std::size_t count_ = 0;
};

/// `count` equally spaced inverse temperatures from 0 to 1.
inline auto linear(std::size_t count) -> Betas { return Betas(count); }

/// About `count` inverse temperatures in the three pieces of Salakhutdinov and Murray (2008), dense near 1, where trained machines
/// need it: equally spaced up to 0.5, from there to 0.9 and from there to 1, in the proportions 500 : 4,000 : 10,000. Throws
/// InputError for fewer than 4.
auto three_piece(std::size_t count) -> Betas;

/// `count` inverse temperatures that AIS places by a pilot run, so that every step loses the same share of the effective sample
/// size, and then keeps: the pilot's random numbers are not those of the estimate, which so stays unbiased. Throws InputError for
/// fewer than 2.
auto adaptive(std::size_t count) -> Betas;

}  // namespace nbm
