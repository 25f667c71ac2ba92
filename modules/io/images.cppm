export module nbm:io.images;

import :standard;
import :tensor;

export namespace nbm {

/// A grey image, row by row, 0 black to 255 white.
struct Image {
    std::size_t height = 0;
    std::size_t width = 0;
    std::vector<std::uint8_t> pixels;
};

/// Height and width of the pictures that a row of visible units makes.
struct ImageShape {
    std::size_t height = 0;
    std::size_t width = 0;
};

/// A square when `units` is one, else a single row.
auto image_shape_of(std::size_t units) -> ImageShape;

/// How values become grey: zero_to_one maps [0, 1]; symmetric maps each row's [-m, m], m its largest magnitude, so that 0 is middle
/// grey.
enum class Grey : std::uint8_t { zero_to_one, symmetric };

/// A sheet with one tile for each row of `rows`: [tiles, height * width], `columns` tiles wide, each pixel `zoom` pixels wide.
/// Throws ShapeError.
template <Real T>
auto tile_images(MatrixView<const T> rows, ImageShape shape, std::size_t columns, Grey grey = Grey::zero_to_one,
                 std::size_t zoom = 2) -> Image;

/// The bytes of a PNG file. Throws ShapeError when the image has no pixels, or not height * width of them, or is too large for PNG.
auto encode_png(const Image& image) -> std::vector<std::uint8_t>;

/// Writes them to a file, atomically. Throws ShapeError in these cases too, or FileError.
auto write_png(const Image& image, const std::filesystem::path& path) -> void;

/// Reads a PNG file of at most 8 bits a channel, without transparency; colours become grey as 0.299 red + 0.587 green + 0.114 blue,
/// rounded. Throws FileError.
auto read_png(const std::filesystem::path& path) -> Image;

}  // namespace nbm
