#pragma once

#include <cstddef>
#include <string>

import nbm;

/// How rows of units become pictures: of --height or, where that is 0, squares where the units make some, else single rows. Throws
/// InputError when no picture has that height.
auto picture_shape(std::size_t units, std::size_t height) -> nbm::ImageShape;

/// How pictures are laid out on a sheet.
struct SheetLayout {
    std::size_t across;  // pictures side by side
    std::size_t zoom;
};

/// For `count` groups of as many pictures, which stay side by side. Throws InputError, beginning with `option`, when a sheet would
/// be too wide.
auto sheet_layout(nbm::ImageShape shape, std::size_t count, std::size_t group, const std::string& option) -> SheetLayout;
