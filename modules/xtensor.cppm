module;

#include "nbm/xtensor.hpp"

#include <range/v3/range/operations.hpp>
#include <range/v3/view/chunk.hpp>
#include <range/v3/view/facade.hpp>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/transform.hpp>

// Facade: the only unit that includes xtensor and range-v3 for the interfaces, so that importers see their names and operators.
export module nbm:xtensor;

export namespace xt {
using xt::adapt;
using xt::all;
using xt::allclose;
using xt::any;
using xt::argmax;
using xt::eval;
using xt::exp;
using xt::layout_type;
using xt::log;
using xt::mean;
using xt::newaxis;
using xt::noalias;
using xt::ones;
using xt::range;
using xt::row;
using xt::sum;
using xt::transpose;
using xt::uvector;
using xt::view;
using xt::xarray;
using xt::xtensor;
using xt::xtensor_container;
using xt::zeros;
using xt::operator+;
using xt::operator-;
using xt::operator*;
using xt::operator/;
using xt::operator==;
using xt::operator!=;
using xt::operator<;
using xt::operator>;
using xt::operator<=;
using xt::operator>=;
using xt::operator&&;
using xt::operator||;
}  // namespace xt

export namespace ranges {
using ranges::operator==;
using ranges::operator!=;
namespace views {
using ranges::views::chunk;
using ranges::views::iota;
using ranges::views::transform;
}  // namespace views
}  // namespace ranges
