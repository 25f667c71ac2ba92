#include <boost/test/unit_test.hpp>

#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <png.h>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace fs = std::filesystem;

constexpr auto inf = std::numeric_limits<double>::infinity();
constexpr auto no_number = std::numeric_limits<double>::quiet_NaN();
constexpr auto blue = 0x0072B2U;
constexpr auto vermillion = 0xD55E00U;

auto files_in(const fs::path& folder) -> std::size_t {
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

auto line(std::size_t points, double from, double to) -> nbm::Curve {
    auto curve = nbm::Curve{};
    for (std::size_t i = 0; i != points; ++i) {
        curve.x.push_back(double(i + 1));
        curve.y.push_back(from + (to - from) * double(i) / double(points - 1));
    }
    return curve;
}

auto draw(const nbm::Plot& plot) -> Picture {
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

/// A variable of the environment, set for as long as it lives.
class Variable {
public:
    Variable(const char* name, const std::string& value) : name_(name) {
        if (const auto* const old = std::getenv(name)) { old_ = old; }
        ::setenv(name, value.c_str(), 1);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() {
        if (old_) {
            ::setenv(name_, old_->c_str(), 1);
        } else {
            ::unsetenv(name_);
        }
    }

private:
    const char* name_;
    std::optional<std::string> old_;
};

/// The working folder for as long as it lives.
class WorkingFolder {
public:
    explicit WorkingFolder(const fs::path& folder) : old_(fs::current_path()) { fs::current_path(folder); }
    WorkingFolder(const WorkingFolder&) = delete;
    WorkingFolder& operator=(const WorkingFolder&) = delete;
    ~WorkingFolder() { fs::current_path(old_); }

private:
    fs::path old_;
};

/// A program of the name gnuplot that does something else.
auto make_impostor(const fs::path& folder, const std::string& commands) -> void {
    fs::create_directories(folder);
    std::ofstream(folder / "gnuplot") << "#!/bin/sh\n" << commands << '\n';
    fs::permissions(folder / "gnuplot", fs::perms::owner_all);
}

}  // namespace

BOOST_AUTO_TEST_CASE(curves_are_where_their_points_are) {
    BOOST_TEST(nbm::has_gnuplot());
    const auto picture = draw({"title", "epoch", "nats", {line(10, 1, 10), line(10, 10, 1)}});
    BOOST_TEST(picture.left < 150U);
    BOOST_TEST(picture.right > 750U);
    BOOST_TEST(picture.top < 100U);
    BOOST_TEST(picture.bottom > 450U);
    for (const auto& [colour, rising] : {std::pair{blue, true}, std::pair{vermillion, false}}) {
        BOOST_TEST((picture.count(colour, 0, 0.3, 0, 0.3) > 20) == rising);
        BOOST_TEST((picture.count(colour, 0.7, 1, 0.7, 1) > 20) == rising);
        BOOST_TEST((picture.count(colour, 0, 0.3, 0.7, 1) > 20) != rising);
        BOOST_TEST((picture.count(colour, 0.7, 1, 0, 0.3) > 20) != rising);
        BOOST_TEST((picture.count(colour, 0, 0.3, 0, 0.3) == 0) != rising);
    }
    // Margins of 2 % and 5 % of the span: (x - 0.96) / 2.08... of the frame.
    const auto place = [](double x) { return (x + 0.02) / 1.04; };
    const auto height = [](double y) { return (y + 0.05) / 1.1; };
    const auto bent = draw({"", "", "", {{"", {1, 2, no_number, 2.5, 3, 5}, {-1, 1, 0, inf, -0.5, 0}, {}, {}}}});
    BOOST_TEST(bent.near(blue, place(0.0), height(0.0)));
    BOOST_TEST(bent.near(blue, place(0.25), height(1.0)));
    BOOST_TEST(bent.near(blue, place(0.375), height(0.625)));  // joined across the points that are not finite
    BOOST_TEST(bent.near(blue, place(0.5), height(0.25)));
    BOOST_TEST(bent.near(blue, place(1.0), height(0.5)));
    BOOST_TEST(!bent.near(blue, place(0.75), height(0.5)));
    BOOST_TEST(bent.count(vermillion, 0, 1, 0, 1) == 0);
}

BOOST_AUTO_TEST_CASE(error_bars_are_as_long_as_they_are) {
    // y spans 0 to 10: low and high count for the frame, infinite ones do not.
    const auto bars = nbm::Curve{"", {0, 1, 2, 3, 4}, {5, 5, 5, 5, 5}, {0, 4, -inf, no_number, 5}, {10, 6, 5, 600, inf}};
    const auto picture = draw({"", "", "", {bars}});
    const auto place = [](double x) { return (x / 4 + 0.02) / 1.04; };
    const auto height = [](double y) { return (y / 10 + 0.05) / 1.1; };
    const auto reaches = [&](double x, double y) { return picture.near(blue, place(x), height(y)); };
    BOOST_TEST(reaches(0, 0));
    BOOST_TEST(reaches(0, 10));
    BOOST_TEST(!reaches(0, -0.3));
    BOOST_TEST(reaches(1, 4));
    BOOST_TEST(reaches(1, 5.7));  // no gap beside the point
    BOOST_TEST(!reaches(1, 3.7));
    BOOST_TEST(!reaches(1, 6.3));
    BOOST_TEST(reaches(2, -0.4));
    BOOST_TEST(!reaches(2, 5.4));
    BOOST_TEST(!reaches(3, 5.4));
    BOOST_TEST(reaches(4, 10.4));
    BOOST_TEST(!reaches(4, 4.6));

    auto many = line(100, 0, 0);
    many.low.assign(100, -1);
    many.high.assign(100, 3);
    many.y[50] = 2;
    const auto pale = [](const Picture& p, double y) {
        const auto at = (y + 1 + 0.2) / 4.4;
        auto found = 0;
        for (const auto x : {0.2, 0.35, 0.71}) {
            found += p.count(0xFFFFFFU, x, x + 0.01, at, at) == 0 && !p.near(blue, x, at) ? 1 : 0;
        }
        return found;
    };
    const auto band = draw({"", "", "", {many}});
    BOOST_TEST(pale(band, -0.7) == 3);
    BOOST_TEST(pale(band, 2.7) == 3);
    BOOST_TEST(pale(band, 3.15) == 0);
    BOOST_TEST(pale(band, -1.15) == 0);
    for (std::size_t i = 1; i < 100; i += 2) { many.low[i] = no_number; }
    const auto sparse = draw({"", "", "", {many}});  // bars of every other point cannot make a band, yet are drawn
    BOOST_TEST(sparse.count(blue, 0, 1, (2.5 + 1.2) / 4.4, (2.6 + 1.2) / 4.4) >= 50);
}

BOOST_AUTO_TEST_CASE(odd_curves_are_visible) {
    const auto one = draw({"", "epoch", "", {{"one", {5}, {-86.5}, {}, {}}}});
    BOOST_TEST(one.near(blue, 0.5, 0.5));
    const auto flat = draw({"", "", "", {{"flat", {1, 2, 3}, {0.3, 0.3, 0.3}, {}, {}}}});
    BOOST_TEST(flat.near(blue, 0.25, 0.5));
    const auto zero = draw({"", "", "", {{"zero", {0, 0}, {0, 0}, {}, {}}}});
    BOOST_TEST(zero.near(blue, 0.5, 0.5));
    const auto nearly = draw({"", "", "", {{"", {1, 2}, {1, std::nextafter(1.0, 2.0)}, {}, {}}}});
    BOOST_TEST(nearly.near(blue, 0.5, 0.5));
    auto spike = line(31, -90, -80);
    spike.y[15] = 1e7;
    const auto outlier = draw({"", "", "", {spike}});
    BOOST_TEST(outlier.near(blue, 0.5, 1.05 / 1.1));
    BOOST_TEST(outlier.near(blue, 0.25, 0.05 / 1.1));
    BOOST_TEST(!outlier.near(blue, 0.25, 0.5));
    const auto extreme = draw({"", "", "", {{"", {1, 2, 3}, {-1e300, std::numeric_limits<double>::max(), 1e300}, {}, {}}}});
    BOOST_TEST(extreme.near(blue, 0.5, 0.5));
    const auto tiny = draw({"", "", "", {{"", {1, 3}, {-4.9e-324, 4.9e-324}, {}, {}}}});
    BOOST_TEST(tiny.count(blue, 0, 1, 0, 1) > 0);
    const auto nothing = draw({"", "", "", {{"", {1, no_number}, {no_number, 1}, {}, {}}, {}}});
    BOOST_TEST(nothing.count(blue, 0, 1, 0, 1) == 0);
    BOOST_TEST(nothing.dark() > draw({"", "", "", {line(2, 0, 1)}}).dark());  // it says why it is empty
    BOOST_TEST(draw({}).same_as(nothing));
    const auto dense = draw({"", "", "", {line(20000, 0, 1)}});
    BOOST_TEST(dense.near(blue, 0.5, 0.5));
}

BOOST_AUTO_TEST_CASE(legends_stand_below_the_curves) {
    auto crowd = nbm::Plot{};
    for (auto c = 0; c != 80; ++c) { crowd.curves.push_back(line(5, 0, 1)); }
    crowd.curves[0].y[0] = 100;  // all but the left end of the frame is empty above
    const auto free = [](const Picture& p) { return p.count(0x000000, 0.4, 1, 0.3, 1) + p.count(blue, 0.4, 1, 0.3, 1) == 0; };
    for (const auto* const name :
         {"c", "curve nr", "a curve with a name", "a curve with a name that is long, even far too long to be read"}) {
        auto count = 0;
        for (auto& curve : crowd.curves) { curve.label = name + std::to_string(count++); }
        const auto picture = draw(crowd);
        BOOST_TEST_CONTEXT(name) {
            BOOST_TEST(free(picture));
            BOOST_TEST(picture.bottom > picture.top + 120);
            auto listed = 0;  // marks of the first colour, which stand below one another
            for (auto y = picture.bottom + 40; y != picture.height; ++y) {
                for (std::size_t x = 0; x != picture.width; ++x) { listed += picture.at(x, y) == blue ? 1 : 0; }
            }
            BOOST_TEST(listed > 20);
        }
    }
}

BOOST_AUTO_TEST_CASE(ticks_of_epochs_are_whole) {
    // The legend and the labels aside, a plot of epochs 1, 2, 3 has 3 ticks below its frame.
    const auto ticks = [](const Picture& p) {
        auto count = 0;
        for (auto x = p.left; x <= p.right; ++x) {
            count += p.at(x, p.bottom + 2) == 0x606060U && (x == p.left || p.at(x - 1, p.bottom + 2) != 0x606060U) ? 1 : 0;
        }
        return count;
    };
    BOOST_TEST(ticks(draw({"", "", "", {line(3, 0, 1)}})) == 3);
    auto halves = line(3, 0, 1);
    halves.x[1] = 1.5;
    BOOST_TEST(ticks(draw({"", "", "", {halves}})) > 3);
}

BOOST_AUTO_TEST_CASE(texts_are_drawn_as_they_are) {
    const auto folder = Temporary();
    const auto mark = (folder / "mark").string();
    const auto labels = std::vector<std::string>{"a_b^{c} $x$ % %d %Y @ARG0 ~a{b} &{c}",
                                                 "'",
                                                 "\"",
                                                 "\\",
                                                 "\\\"",
                                                 "''; system('touch " + mark + "') #",
                                                 "\"; system(\"touch " + mark + "\") #",
                                                 "`touch " + mark + "`",
                                                 "\n!touch " + mark + "\n",
                                                 "EOD\nEOD",
                                                 std::string("a\0b", 3),
                                                 "\xFF\xC3(\xE2\x88",
                                                 "\xC3\xA4\xE2\x88\x91",
                                                 std::string(5000, 'W'),
                                                 "columnheader(1)",
                                                 " ",
                                                 "$(touch " + mark + ")"};
    for (const auto& label : labels) {
        auto curve = line(3, 0, 1);
        curve.label = label;
        BOOST_TEST_CONTEXT(label) {
            BOOST_TEST(draw({label, label, label, {curve, {label, {}, {}, {}, {}}}}).near(blue, 0.5, 0.5));
        }
    }
    BOOST_TEST(!fs::exists(mark));
    const auto title = [](const std::string& text) { return draw({text, "", "", {line(2, 0, 1)}}); };
    BOOST_TEST(!title("a_b").same_as(title("a_{b}")));
    BOOST_TEST(!title("a\\b").same_as(title("ab")));
    BOOST_TEST(title("a\nb").same_as(title("a b")));
    BOOST_TEST(title("a\xFF"
                     "b")
                   .same_as(title("a?b")));
}

BOOST_AUTO_TEST_CASE(paths_are_no_commands) {
    const auto folder = Temporary();
    const auto inside = WorkingFolder(folder.path());
    const auto plot = nbm::Plot{"", "", "", {line(3, 0, 1)}};
    for (const auto* const name : {"|touch mark", "~", "a'b\"c`touch mark`\n\\$", "new/folder/\xC3\xA4 b", "v1.5"}) {
        nbm::write_plot(plot, name);
        BOOST_TEST_CONTEXT(name) { BOOST_TEST(Picture(std::string(name) + ".png").width == 900U); }
    }
    BOOST_TEST(!fs::exists("mark"));
    BOOST_TEST(files_in(folder.path()) == 9U);  // two for each but the one in a folder
    BOOST_TEST(has(message_of<nbm::FileError>([&] { nbm::write_plot(plot, folder / std::string(245, 'x')); }), "cannot open file"));
    BOOST_TEST(files_in(folder.path()) == 9U);
}

BOOST_AUTO_TEST_CASE(failures_are_sentences_and_leave_what_there_was) {
    const auto folder = Temporary();
    const auto programs = Temporary();
    nbm::write_text(folder / "p.png", "old");
    nbm::write_text(folder / "p.pdf", "old");
    const auto plot = nbm::Plot{"", "", "", {line(50000, 0, 1)}};
    const auto failure = [&] {
        const auto message = message_of<nbm::Error>([&] { nbm::write_plot(plot, folder / "p"); });
        BOOST_TEST(files_in(folder.path()) == 2U);
        BOOST_TEST(contents(folder / "p.png") == "old");
        BOOST_TEST(contents(folder / "p.pdf") == "old");
        return message;
    };
    {
        const auto path = Variable("PATH", programs / "none");
        BOOST_TEST(!nbm::has_gnuplot());
        BOOST_TEST(has(failure(), "install the package gnuplot-nox"));
    }
    const auto path = Variable("PATH", programs / "bin");
    const auto with = [&](const std::string& commands) {
        make_impostor(programs / "bin", commands);
        return failure();
    };
    BOOST_TEST(with("exit 3") == (folder / "p.png").string() + ": cannot be drawn: gnuplot ended with status 3");
    BOOST_TEST(!nbm::has_gnuplot());
    BOOST_TEST(has(with("printf '\\ngnuplot> plot x\\n         ^\\n         line 0: warning: w\\n\\n  line 4:  bad thing\\nline 5: "
                        "other\\n' >&2; exit 1"),
                   "status 1: bad thing"));
    BOOST_TEST(has(with("echo '\"-\" line 7: unknown terminal' >&2; exit 1"), "status 1: unknown terminal"));
    BOOST_TEST(has(with("echo cannot load libcairo >&2; exit 127"), "status 127: cannot load libcairo"));
    BOOST_TEST(has(with("while :; do echo noise; done | /usr/bin/head -c 300000 >&2; exit 1"), "status 1: noise"));
    BOOST_TEST(has(with("kill -9 $$"), "gnuplot was ended by signal 9"));
    BOOST_TEST(has(with("exit 0"), "p.png: gnuplot did not write it to its end"));
    // In a process group of its own, which Ctrl-C does not reach.
    const auto group = with("read -r pid name state parent group rest < /proc/$$/stat; echo of $group in $$ >&2; exit 1");
    const auto in = group.find(" in ");
    BOOST_REQUIRE(in != std::string::npos);
    BOOST_TEST(group.substr(group.find("of ") + 3, in - group.find("of ") - 3) == group.substr(in + 4));
    fs::permissions(programs / "bin/gnuplot", fs::perms::owner_read);
    BOOST_TEST(has(failure(), "install the package gnuplot-nox"));
}

BOOST_AUTO_TEST_CASE(curves_of_unequal_lengths_and_odd_surroundings) {
    const auto folder = Temporary();
    const auto message = [&](const nbm::Curve& curve) {
        return message_of<nbm::ShapeError>([&] { nbm::write_plot({"", "", "", {curve}}, folder / "p"); });
    };
    BOOST_TEST(has(message({"c", {1, 2}, {1}, {}, {}}), "the curve 'c' has 2 x and 1 y values"));
    BOOST_TEST(has(message({"c", {1, 2}, {1, 2}, {1, 2}, {}}), "2 low and 0 high ends"));
    BOOST_TEST(has(message({"c", {1, 2}, {1, 2}, {}, {1}}), "0 low and 1 high ends"));
    BOOST_TEST(files_in(folder.path()) == 0U);
    const auto before = std::signal(SIGCHLD, SIG_IGN);
    BOOST_TEST(draw({"", "", "", {line(3, 0, 1)}}).near(blue, 0.5, 0.5));
    std::signal(SIGCHLD, before);
    nbm::write_text(folder / ".gnuplot", "set logscale x\n");
    const auto home = Variable("HOME", folder.path());  // the user's own settings are not for these plots
    BOOST_TEST(draw({"", "", "", {line(3, 0, 1)}}).near(blue, 0.5, 0.5));
}
