export module nbm:io.gif;

import :io.images;
import :standard;

export namespace nbm {

struct GifOptions {
    std::size_t delay = 10;    // hundredths of a second that each frame is shown, at most 65,535
    bool loop = true;          // begin again after the last frame, for ever
    std::size_t levels = 256;  // of grey, a power of 2: fewer make a smaller file; pixels become the nearest one
};

/// The bytes of an animated GIF file, each frame one of the pictures. With 256 levels every pixel is kept. Throws InputError
/// without frames and for wrong options; ShapeError when frames differ in size, have no pixels or not height * width of them, or a
/// side is longer than the 65,535 pixels that GIF allows.
auto encode_gif(std::span<const Image> frames, const GifOptions& options = {}) -> std::vector<std::uint8_t>;

/// Writes them to a file, atomically. Throws FileError besides.
auto write_gif(std::span<const Image> frames, const std::filesystem::path& path, const GifOptions& options = {}) -> void;

}  // namespace nbm
