// Plots drawn and read back. After <png.h>, helpers.hpp, temporary.hpp and `import nbm;`.
#pragma once

namespace fs = std::filesystem;

inline constexpr auto blue = 0x0072B2U;
inline constexpr auto vermillion = 0xD55E00U;

inline auto files_in(const fs::path& folder) -> std::size_t {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

/// A picture read back, and where its axes are.
class Picture {
public:
    explicit Picture(const fs::path& path) {
        auto header = png_image{};
        header.version = PNG_IMAGE_VERSION;
        if (png_image_begin_read_from_file(&header, path.c_str()) == 0) { throw std::runtime_error(header.message); }
        header.format = PNG_FORMAT_RGB;
        width = header.width;
        height = header.height;
        bytes_.resize(PNG_IMAGE_SIZE(header));
        if (png_image_finish_read(&header, nullptr, bytes_.data(), 0, nullptr) == 0) { throw std::runtime_error(header.message); }
        const auto border = [&](std::size_t x, std::size_t y) { return at(x, y) == 0x606060U; };
        auto most = std::size_t{0};
        for (std::size_t x = 0; x != width; ++x) {
            auto count = std::size_t{0};
            for (std::size_t y = 0; y != height; ++y) { count += border(x, y) ? 1U : 0U; }
            if (count > most) { most = count, left = x; }
        }
        while (top != height && !border(left, top)) { ++top; }
        bottom = height - 1;
        while (bottom != 0 && !border(left, bottom)) { --bottom; }
        right = width - 1;
        while (right != 0 && !border(right, bottom)) { --right; }
    }

    auto at(std::size_t x, std::size_t y) const -> unsigned {
        const auto* const p = &bytes_[(y * width + x) * 3];
        return unsigned{p[0]} << 16U | unsigned{p[1]} << 8U | unsigned{p[2]};
    }

    /// Pixels of a colour in a part of the frame; shares of its width from the left, of its height from below.
    auto count(unsigned colour, double x0, double x1, double y0, double y1) const -> int {
        auto result = 0;
        for (auto y = row(y1); y <= row(y0); ++y) {
            for (auto x = column(x0); x <= column(x1); ++x) { result += at(x, y) == colour ? 1 : 0; }
        }
        return result;
    }
    /// Within 3 pixels of a place in the frame.
    auto near(unsigned colour, double x, double y) const -> bool {
        const auto dx = 3.0 / double(right - left);
        const auto dy = 3.0 / double(bottom - top);
        return count(colour, x - dx, x + dx, y - dy, y + dy) > 0;
    }
    auto dark() const -> int {
        auto result = 0;
        for (std::size_t i = 0; i != bytes_.size(); i += 3) { result += bytes_[i] < 64 && bytes_[i + 1] < 64 ? 1 : 0; }
        return result;
    }
    auto same_as(const Picture& other) const -> bool { return bytes_ == other.bytes_; }

    std::size_t width = 0;
    std::size_t height = 0;
    std::size_t left = 0;
    std::size_t right = 0;
    std::size_t top = 0;
    std::size_t bottom = 0;

private:
    auto column(double share) const -> std::size_t { return left + std::size_t(std::lround(share * double(right - left))); }
    auto row(double share) const -> std::size_t { return bottom - std::size_t(std::lround(share * double(bottom - top))); }
    std::vector<std::uint8_t> bytes_;
};

inline auto line(std::size_t points, double from, double to) -> nbm::Curve {
    auto curve = nbm::Curve{};
    for (std::size_t i = 0; i != points; ++i) {
        curve.x.push_back(double(i + 1));
        curve.y.push_back(from + (to - from) * double(i) / double(points - 1));
    }
    return curve;
}

inline auto draw(const nbm::Plot& plot) -> Picture {
    const auto folder = Temporary();
    nbm::write_plot(plot, folder / "plot");
    BOOST_TEST(files_in(folder.path()) == 2U);
    const auto pdf = contents(folder / "plot.pdf");
    BOOST_TEST(pdf.starts_with("%PDF"));
    BOOST_TEST(has(pdf.substr(pdf.size() - 8), "%%EOF"));
    auto picture = Picture(folder / "plot.png");
    BOOST_TEST(picture.width == 900U);
    BOOST_TEST(picture.height == 600U);
    return picture;
}
