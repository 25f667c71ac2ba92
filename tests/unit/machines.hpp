// Small machines and rows for tests against enumeration. To be included after oracle.hpp and `import nbm;`.
#pragma once

/// All parameters normal with this standard deviation.
template <class T = double>
auto machine(nbm::Topology topology, std::uint64_t seed, double sd) -> nbm::DBM<T> {
    auto dbm = nbm::DBM<T>(std::move(topology));
    oracle::randomise(dbm, seed, sd);
    return dbm;
}

/// Some rows, for base rates that are neither 0 nor 1/2.
inline auto some_data(std::size_t units) -> nbm::Matrix<double> {
    auto v = nbm::zero_matrix<double>(20, units);
    for (std::size_t r = 0; r != 20; ++r) {
        for (std::size_t k = 0; k != units; ++k) { v(r, k) = (r * 7 + k * 3) % (k + 2) == 0 ? 1.0 : 0.0; }
    }
    return v;
}

/// All states of the visible units, one a row: bit k of the number is unit k.
template <class T = double>
auto all_visible(std::size_t units) -> nbm::Matrix<T> {
    auto v = nbm::zero_matrix<T>(std::size_t{1} << units, units);
    for (std::size_t n = 0; n != v.shape(0); ++n) {
        for (std::size_t k = 0; k != units; ++k) { v(n, k) = T(n >> k & 1U); }
    }
    return v;
}

/// The number that the oracle gives to the joint state of a chain.
template <class T>
auto number_of(const nbm::States<T>& states, std::size_t r) -> std::size_t {
    auto n = std::size_t{0};
    auto bit = std::size_t{0};
    for (const auto& layer : states) {
        for (std::size_t k = 0; k != layer.shape(1); ++k) { n |= static_cast<std::size_t>(layer(r, k)) << bit++; }
    }
    return n;
}
