module;

#include <png.h>

module nbm:io.images_impl;

import :io.files;
import :io.images;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

auto image_shape_of(std::size_t units) -> ImageShape {
    const auto side = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(units))));
    return side * side == units ? ImageShape{side, side} : ImageShape{1, units};
}

template <Real T>
auto tile_images(MatrixView<const T> rows, ImageShape shape, std::size_t columns, Grey grey, std::size_t zoom) -> Image {
    if (shape.height * shape.width != rows.cols() || columns == 0 || zoom == 0) {
        throw ShapeError(fmt::format("rows of {} values are no pictures of {} x {}", rows.cols(), shape.height, shape.width));
    }
    constexpr auto background = std::uint8_t{96};
    const auto across = std::min(columns, std::max<std::size_t>(rows.rows(), 1));
    const auto down = (rows.rows() + across - 1) / across;
    const auto tile_height = shape.height * zoom + zoom;
    const auto tile_width = shape.width * zoom + zoom;
    auto image = Image{.height = down * tile_height + zoom, .width = across * tile_width + zoom, .pixels = {}};
    image.pixels.assign(image.height * image.width, background);
    for (std::size_t t = 0; t != rows.rows(); ++t) {
        const auto row = rows.row(t);
        auto magnitude = 0.0;
        for (const auto value : row) { magnitude = std::max(magnitude, std::abs(double(value))); }
        const auto top = t / across * tile_height + zoom;
        const auto left = t % across * tile_width + zoom;
        for (std::size_t y = 0; y != shape.height * zoom; ++y) {
            for (std::size_t x = 0; x != shape.width * zoom; ++x) {
                const auto value = double(row[y / zoom * shape.width + x / zoom]);
                const auto level = grey == Grey::zero_to_one ? value : (magnitude > 0.0 ? 0.5 + 0.5 * value / magnitude : 0.5);
                image.pixels[(top + y) * image.width + left + x] =
                    static_cast<std::uint8_t>(std::lround(255.0 * std::clamp(std::isfinite(level) ? level : 0.0, 0.0, 1.0)));
            }
        }
    }
    return image;
}

auto encode_png(const Image& image) -> std::vector<std::uint8_t> {
    const auto fail = [&](std::string_view problem) {
        return ShapeError(fmt::format("an image of {} x {} with {} pixels cannot be a PNG: {}", image.height, image.width,
                                      image.pixels.size(), problem));
    };
    const auto size = image.pixels.size();
    if (size == 0 || image.height == 0 || size % image.height != 0 || size / image.height != image.width) {
        throw fail("one pixel for each place is needed, and at least one");
    }
    constexpr auto longest = (std::size_t{1} << 31U) - 1;
    if (image.height > longest || image.width > longest) { throw fail("a side is too long"); }
    auto header = png_image{};
    header.version = PNG_IMAGE_VERSION;
    header.width = static_cast<png_uint_32>(image.width);
    header.height = static_cast<png_uint_32>(image.height);
    header.format = PNG_FORMAT_GRAY;
    auto bytes = std::vector<std::uint8_t>{};
    auto length = png_alloc_size_t{0};
    const auto encode = [&](std::uint8_t* into) {
        if (png_image_write_to_memory(&header, into, &length, 0, image.pixels.data(), 0, nullptr) == 0) {
            throw fail(header.message);
        }
    };
    encode(nullptr);  // finds the length
    bytes.resize(length);
    encode(bytes.data());
    return bytes;
}

auto write_png(const Image& image, const std::filesystem::path& path) -> void {
    const auto bytes = encode_png(image);
    write_text(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

auto read_png(const std::filesystem::path& path) -> Image {
    const auto fail = [&](std::string_view problem) { return FileError(path.string(), problem); };
    auto error = std::error_code{};
    const auto bytes = std::filesystem::file_size(path, error);
    if (error) { throw fail("cannot be read: " + error.message()); }
    auto header = png_image{};
    header.version = PNG_IMAGE_VERSION;
    const auto close = std::unique_ptr<png_image, void (*)(png_image*)>(&header, png_image_free);
    if (png_image_begin_read_from_file(&header, path.c_str()) == 0) {
        throw fail(fmt::format("is not a complete PNG file ({})", header.message));
    }
    if ((header.format & PNG_FORMAT_FLAG_LINEAR) != 0) { throw fail("has 16 bits a channel; 8 are expected"); }
    if ((header.format & PNG_FORMAT_FLAG_ALPHA) != 0) { throw fail("has transparency; grey or RGB without it is expected"); }
    auto image = Image{.height = header.height, .width = header.width, .pixels = {}};
    const auto size = image.height * image.width;
    // No file can hold more: a pixel takes a bit at least, and deflate packs at most so well.
    constexpr auto best_packing = std::size_t{1032} * 8;
    if (size / best_packing > bytes) {
        throw fail(fmt::format("is truncated: {} bytes cannot hold {} x {} pixels", bytes, image.width, image.height));
    }
    const auto colour = (header.format & PNG_FORMAT_FLAG_COLOR) != 0;
    header.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    auto channels = std::vector<std::uint8_t>(PNG_IMAGE_SIZE(header));
    if (png_image_finish_read(&header, nullptr, channels.data(), 0, nullptr) == 0) {
        throw fail(fmt::format("is not a complete PNG file ({})", header.message));
    }
    if (!colour) {
        image.pixels = std::move(channels);
        return image;
    }
    image.pixels.resize(size);
    for (std::size_t i = 0; i != size; ++i) {
        const auto* const rgb = channels.data() + 3 * i;
        image.pixels[i] = static_cast<std::uint8_t>((299U * rgb[0] + 587U * rgb[1] + 114U * rgb[2] + 500U) / 1000U);
    }
    return image;
}

template auto tile_images(MatrixView<const float>, ImageShape, std::size_t, Grey, std::size_t) -> Image;
template auto tile_images(MatrixView<const double>, ImageShape, std::size_t, Grey, std::size_t) -> Image;

}  // namespace nbm
