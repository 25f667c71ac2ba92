// The one door to xtensor: every unit that needs its headers includes this and nothing else of its core.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>

#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xnoalias.hpp>
#include <xtensor/xsort.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

namespace xt {
// clang 19 finds xtensor 0.24's partial specialisations of rebind_container ambiguous for svector; this one is more special.
template <class X, class T, std::size_t N>
struct rebind_container<X, svector<T, N, std::allocator<T>, true>> {
    using type = svector<X, N, std::allocator<X>, true>;
};
}  // namespace xt
