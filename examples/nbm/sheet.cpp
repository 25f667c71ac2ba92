#include "sheet.hpp"

#include <algorithm>

#include <fmt/format.h>

auto picture_shape(std::size_t units, std::size_t height) -> nbm::ImageShape {
    if (height == 0) { return nbm::image_shape_of(units); }
    if (units % height != 0) {
        throw nbm::InputError(fmt::format("--height {}: {} visible units make no picture of that height", height, units));
    }
    return {height, units / height};
}

auto sheet_layout(nbm::ImageShape shape, std::size_t count, std::size_t group, const std::string& option) -> SheetLayout {
    constexpr auto widest = std::size_t{16'384};
    const auto most = group == 1 ? std::size_t{10} : std::size_t{4};
    const auto layout = SheetLayout{group * std::min(most, count), shape.width < 10 ? std::size_t{8} : std::size_t{2}};
    if (layout.across * layout.zoom * (shape.width + 1) > widest) {
        throw nbm::InputError(fmt::format(
            "{}: pictures {} pixels wide are too wide for a sheet; choose an .npz file or give --height", option, shape.width));
    }
    return layout;
}
