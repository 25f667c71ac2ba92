module;

#include <gif_lib.h>

module nbm:io.gif_impl;

import :io.files;
import :io.gif;
import :io.images;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

constexpr auto longest = std::size_t{65'535};  // sides and delays have 16 bits

auto check(std::span<const Image> frames, const GifOptions& options) -> void {
    if (frames.empty()) { throw InputError("a GIF needs at least 1 frame; found 0"); }
    if (options.delay > longest) {
        throw InputError(fmt::format("each frame of a GIF is to be shown for {} hundredths of a second; at most {} are possible",
                                     options.delay, longest));
    }
    if (options.levels < 2 || options.levels > 256 || !std::has_single_bit(options.levels)) {
        throw InputError(fmt::format("a GIF cannot have {} levels of grey; 2, 4, 8, ..., 256 are possible", options.levels));
    }
    const auto& first = frames.front();
    if (first.height == 0 || first.width == 0 || first.height > longest || first.width > longest) {
        throw ShapeError(
            fmt::format("frames of {} x {} pixels cannot be a GIF, whose sides have 1 to {}", first.height, first.width, longest));
    }
    for (std::size_t f = 0; f != frames.size(); ++f) {
        const auto& frame = frames[f];
        if (frame.height != first.height || frame.width != first.width || frame.pixels.size() != frame.height * frame.width) {
            throw ShapeError(fmt::format("frame {} of a GIF is {} x {} with {} pixels; the first one is {} x {}", f, frame.height,
                                         frame.width, frame.pixels.size(), first.height, first.width));
        }
    }
}

auto append(GifFileType* gif, const GifByteType* bytes, int count) -> int {
    auto& all = *static_cast<std::vector<std::uint8_t>*>(gif->UserData);
    all.insert(all.end(), bytes, bytes + count);
    return count;
}

/// giflib's writer, whose file is a vector of bytes.
class Writer {
public:
    explicit Writer(std::vector<std::uint8_t>& bytes) {
        auto error = 0;
        gif_ = EGifOpen(&bytes, append, &error);
        if (gif_ == nullptr) { throw Error(fmt::format("a GIF cannot be made: {}", GifErrorString(error))); }
        EGifSetGifVersion(gif_, true);
    }
    Writer(const Writer&) = delete;
    auto operator=(const Writer&) -> Writer& = delete;
    ~Writer() {
        if (gif_ != nullptr) { EGifCloseFile(gif_, nullptr); }
    }

    auto begin(const Image& frame, std::size_t levels) -> void {
        const auto colours = std::unique_ptr<ColorMapObject, void (*)(ColorMapObject*)>(
            GifMakeMapObject(static_cast<int>(levels), nullptr), GifFreeMapObject);
        if (colours == nullptr) { throw Error("a GIF cannot be made: there is not enough memory for its colours"); }
        for (std::size_t i = 0; i != levels; ++i) {
            const auto grey = static_cast<GifByteType>((255 * i + (levels - 1) / 2) / (levels - 1));
            colours->Colors[i] = {grey, grey, grey};
        }
        check(EGifPutScreenDesc(gif_, static_cast<int>(frame.width), static_cast<int>(frame.height), colours->BitsPerPixel, 0,
                                colours.get()));
    }

    /// The extension by which browsers know that a film repeats.
    auto loop() -> void {
        constexpr auto for_ever = std::array<GifByteType, 3>{1, 0, 0};
        check(EGifPutExtensionLeader(gif_, APPLICATION_EXT_FUNC_CODE));
        check(EGifPutExtensionBlock(gif_, 11, "NETSCAPE2.0"));
        check(EGifPutExtensionBlock(gif_, static_cast<int>(for_ever.size()), for_ever.data()));
        check(EGifPutExtensionTrailer(gif_));
    }

    auto add(const Image& frame, const GifOptions& options) -> void {
        const auto shown = GraphicsControlBlock{.DisposalMode = DISPOSE_DO_NOT,
                                                .UserInputFlag = false,
                                                .DelayTime = static_cast<int>(options.delay),
                                                .TransparentColor = NO_TRANSPARENT_COLOR};
        auto control = std::array<GifByteType, 4>{};
        EGifGCBToExtension(&shown, control.data());
        check(EGifPutExtension(gif_, GRAPHICS_EXT_FUNC_CODE, static_cast<int>(control.size()), control.data()));
        const auto width = static_cast<int>(frame.width);
        check(EGifPutImageDesc(gif_, 0, 0, width, static_cast<int>(frame.height), false, nullptr));
        auto line = std::vector<GifPixelType>(frame.width);
        for (std::size_t y = 0; y != frame.height; ++y) {
            for (std::size_t x = 0; x != frame.width; ++x) {
                line[x] = static_cast<GifPixelType>((frame.pixels[y * frame.width + x] * (options.levels - 1) + 127) / 255);
            }
            check(EGifPutLine(gif_, line.data(), width));
        }
    }

    auto end() -> void {
        auto error = 0;
        if (EGifCloseFile(std::exchange(gif_, nullptr), &error) != GIF_OK) {
            throw Error(fmt::format("a GIF cannot be made: {}", GifErrorString(error)));
        }
    }

private:
    auto check(int result) const -> void {
        if (result != GIF_OK) { throw Error(fmt::format("a GIF cannot be made: {}", GifErrorString(gif_->Error))); }
    }

    GifFileType* gif_ = nullptr;
};

}  // namespace

auto encode_gif(std::span<const Image> frames, const GifOptions& options) -> std::vector<std::uint8_t> {
    check(frames, options);
    auto bytes = std::vector<std::uint8_t>{};
    auto writer = Writer(bytes);
    writer.begin(frames.front(), options.levels);
    if (options.loop) { writer.loop(); }
    for (const auto& frame : frames) { writer.add(frame, options); }
    writer.end();
    return bytes;
}

auto write_gif(std::span<const Image> frames, const std::filesystem::path& path, const GifOptions& options) -> void {
    const auto bytes = encode_gif(frames, options);
    write_text(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace nbm
