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

auto sheet_layout(nbm::ImageShape shape, std::size_t count, std::size_t group) -> std::optional<SheetLayout> {
    constexpr std::size_t pleasant = 1200;  // pixels
    constexpr std::size_t widest = 16'384;
    constexpr std::size_t strips_below = 25;
    const auto zoom = std::clamp<std::size_t>(64 / std::max(shape.height, shape.width), 1, 8);
    const auto width = zoom * (shape.width + 1) * group;
    if (width >= widest) { return std::nullopt; }
    const auto wanted = shape.height == 1 ? (count + strips_below - 1) / strips_below
                                          : std::min(count, group == 1 ? std::size_t{10} : std::size_t{4});
    return SheetLayout{shape, zoom, group * std::clamp<std::size_t>(pleasant / width, 1, wanted)};
}

auto required_sheet_layout(nbm::ImageShape shape, std::size_t count, std::size_t group, const std::string& option) -> SheetLayout {
    const auto layout = sheet_layout(shape, count, group);
    if (!layout) {
        throw nbm::InputError(fmt::format(
            "{}: pictures {} pixels wide are too wide for a sheet; choose an .npz file or give --height", option, shape.width));
    }
    return *layout;
}
