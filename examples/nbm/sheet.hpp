#pragma once

#include <cstddef>
#include <optional>
#include <string>

import nbm;

/// How rows of units become pictures: of --height or, where that is 0, squares where the units make some, else single rows. Throws
/// InputError when no picture has that height.
auto picture_shape(std::size_t units, std::size_t height) -> nbm::ImageShape;

/// How pictures, one for each row of units, are laid out on a sheet.
struct SheetLayout {
    nbm::ImageShape shape;
    std::size_t zoom;    // small ones are enlarged
    std::size_t across;  // side by side
};

/// For `count` pictures or, of a larger group, for so many groups, which are not torn apart: ten pictures or four groups side by
/// side; strips of one row in columns of 25. None when they are too wide for a picture.
auto sheet_layout(nbm::ImageShape shape, std::size_t count, std::size_t group = 1) -> std::optional<SheetLayout>;

/// The same. Throws InputError, beginning with `option`, when a sheet would be too wide.
auto required_sheet_layout(nbm::ImageShape shape, std::size_t count, std::size_t group, const std::string& option) -> SheetLayout;
