// Machines and states for the tests of checkpoints. After `import nbm;`.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "oracle.hpp"

using namespace std::string_literals;
using Doubles = std::vector<double>;
using Wholes = std::vector<std::uint64_t>;
using Texts = std::vector<std::string>;

constexpr auto no_number = std::numeric_limits<double>::quiet_NaN();
constexpr auto inf = std::numeric_limits<double>::infinity();

template <class T>
auto machine(std::vector<std::size_t> sizes = {5, 3, 2}) -> nbm::DBM<T> {
    auto dbm = nbm::DBM<T>(sizes.size() == 3 ? nbm::Topology(sizes, {{0, 1}, {1, 2}}) : nbm::Topology(sizes, {{0, 1}}));
    oracle::randomise(dbm, 71, 1.0);
    return dbm;
}
