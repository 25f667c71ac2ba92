#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "report/html.hpp"
#include "report/pictures.hpp"

namespace fs = std::filesystem;

namespace {

constexpr auto around = std::size_t{300};  // bytes of an <img> besides the picture and its description

struct Encoded {
    std::string kind;  // "png" or "gif"
    std::string bytes;
    std::size_t width = 0;
    std::size_t height = 0;
};

auto byte(const std::string& bytes, std::size_t i) -> std::size_t { return static_cast<unsigned char>(bytes[i]); }

auto cost_of(std::size_t bytes) -> std::size_t { return (bytes + 2) / 3 * 4 + around; }

/// None for what is neither a whole PNG nor a whole GIF.
auto read_picture(const fs::path& path) -> std::optional<Encoded> {
    auto file = std::ifstream(path, std::ios::binary);
    auto e = Encoded{.kind = "", .bytes = std::string(std::istreambuf_iterator<char>(file), {})};
    const auto& b = e.bytes;
    if (b.size() > 45 && b.starts_with("\x89PNG\r\n\x1A\n") && b.substr(b.size() - 8, 4) == "IEND") {
        e.kind = "png";
        e.width = byte(b, 16) << 24U | byte(b, 17) << 16U | byte(b, 18) << 8U | byte(b, 19);
        e.height = byte(b, 20) << 24U | byte(b, 21) << 16U | byte(b, 22) << 8U | byte(b, 23);
    } else if (b.size() > 14 && b.starts_with("GIF8") && b.back() == ';') {
        e.kind = "gif";
        e.width = byte(b, 6) | byte(b, 7) << 8U;
        e.height = byte(b, 8) | byte(b, 9) << 8U;
    }
    if (e.kind.empty() || e.width == 0 || e.height == 0) { return {}; }
    return e;
}

/// Each pixel the mean of factor x factor ones; what is left at the edges is dropped.
auto smaller(const nbm::Image& image, std::size_t factor) -> nbm::Image {
    auto result = nbm::Image{.height = image.height / factor, .width = image.width / factor, .pixels = {}};
    for (std::size_t y = 0; y != result.height; ++y) {
        for (std::size_t x = 0; x != result.width; ++x) {
            auto sum = std::size_t{0};
            for (std::size_t k = 0; k != factor * factor; ++k) {
                sum += image.pixels[(y * factor + k / factor) * image.width + x * factor + k % factor];
            }
            result.pixels.push_back(static_cast<std::uint8_t>((sum + factor * factor / 2) / (factor * factor)));
        }
    }
    return result;
}

/// Makes a sheet smaller until its share of the page is enough; false when it cannot be.
auto shrink(Encoded& e, const fs::path& path, std::size_t share) -> bool {
    if (e.kind != "png") { return false; }
    try {
        const auto image = nbm::read_png(path);
        for (std::size_t factor = 2; image.width / factor >= 60 && image.height / factor >= 10; ++factor) {
            const auto bytes = nbm::encode_png(smaller(image, factor));
            if (cost_of(bytes.size()) > share) { continue; }
            e.bytes.assign(bytes.begin(), bytes.end());
            e.width = image.width / factor;
            e.height = image.height / factor;
            return true;
        }
    } catch (const nbm::Error&) { return false; }
    return false;
}

}  // namespace

auto Album::embed(const Picture& picture, const std::string& alt, std::size_t share) -> std::string {
    auto encoded = read_picture(picture.path);
    if (!encoded) {
        notes_.push_back(fmt::format("{} is left out: it is damaged.", picture.name));
        return {};
    }
    const auto text = escape(alt);
    const auto room = std::min(share, left_ - std::min(left_, text.size()));
    if (cost_of(encoded->bytes.size()) > room) {
        if (!shrink(*encoded, picture.path, room)) {
            notes_.push_back(
                fmt::format("{} is left out: its {} kB are too many for this page.", picture.name, encoded->bytes.size() / 1000));
            return {};
        }
        notes_.push_back(fmt::format("{} is shown smaller than it is, to keep this page small.", picture.name));
    }
    const auto html = fmt::format(R"(<img src="data:image/{};base64,{}" width="{}" height="{}" alt="{}">)", encoded->kind,
                                  base64(encoded->bytes), encoded->width, encoded->height, text);
    left_ -= std::min(left_, html.size());
    return html;
}

auto Album::choose(const std::vector<Picture>& pictures, std::size_t share, std::size_t most) -> std::vector<Picture> {
    const auto room = std::min(share, left_);
    for (auto count = std::min(pictures.size(), most); count > 2; --count) {
        auto chosen = std::vector<Picture>{};
        auto bytes = std::size_t{0};
        for (std::size_t k = 0; k != count; ++k) {
            chosen.push_back(pictures[k * (pictures.size() - 1) / (count - 1)]);
            auto ignored = std::error_code{};
            const auto size = fs::file_size(chosen.back().path, ignored);
            bytes += ignored ? 0 : cost_of(size);
        }
        if (bytes <= room) { return chosen; }
    }
    if (pictures.size() <= 2) { return pictures; }
    return {pictures.front(), pictures.back()};
}
