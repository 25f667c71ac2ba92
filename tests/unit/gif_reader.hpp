// Films read back by giflib's decoder. After <gif_lib.h>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace gif {

struct Film {
    std::size_t height = 0;
    std::size_t width = 0;
    std::vector<std::vector<std::uint8_t>> frames;  // grey
    std::vector<int> delays;                        // hundredths of a second
    int loops = -1;                                 // 0 for ever, -1 for a film that says nothing
};

inline auto read(const std::filesystem::path& path) -> Film {
    auto error = 0;
    auto* const file = DGifOpenFileName(path.c_str(), &error);
    if (file == nullptr) { throw std::runtime_error(GifErrorString(error)); }
    if (DGifSlurp(file) != GIF_OK) { throw std::runtime_error(GifErrorString(file->Error)); }
    auto film = Film{.height = std::size_t(file->SHeight), .width = std::size_t(file->SWidth), .frames = {}, .delays = {}};
    for (auto f = 0; f != file->ImageCount; ++f) {
        const auto& image = file->SavedImages[f];
        const auto& at = image.ImageDesc;
        if (at.Left != 0 || at.Top != 0 || at.Width != file->SWidth || at.Height != file->SHeight) {
            throw std::runtime_error("a frame is smaller than the film");
        }
        auto& pixels = film.frames.emplace_back();
        for (std::size_t i = 0; i != film.height * film.width; ++i) {
            const auto& colour = file->SColorMap->Colors[image.RasterBits[i]];
            if (colour.Red != colour.Green || colour.Red != colour.Blue) { throw std::runtime_error("a pixel is not grey"); }
            pixels.push_back(colour.Red);
        }
        auto control = GraphicsControlBlock{};
        if (DGifSavedExtensionToGCB(file, f, &control) != GIF_OK || control.TransparentColor != NO_TRANSPARENT_COLOR) {
            throw std::runtime_error("a frame does not say for how long it is shown, or is transparent");
        }
        film.delays.push_back(control.DelayTime);
        for (auto e = 0; f == 0 && e + 1 < image.ExtensionBlockCount; ++e) {
            const auto& name = image.ExtensionBlocks[e];
            const auto& data = image.ExtensionBlocks[e + 1];
            const auto netscape = std::string(reinterpret_cast<const char*>(name.Bytes), std::size_t(name.ByteCount));
            if (name.Function == APPLICATION_EXT_FUNC_CODE && netscape == "NETSCAPE2.0" && data.ByteCount == 3) {
                film.loops = data.Bytes[1] | data.Bytes[2] << 8;
            }
        }
    }
    DGifCloseFile(file, &error);
    return film;
}

}  // namespace gif
