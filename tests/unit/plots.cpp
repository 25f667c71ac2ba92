#include <boost/test/unit_test.hpp>

#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <png.h>

#include "environment.hpp"
#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

#include "plot_picture.hpp"

namespace {

constexpr auto inf = std::numeric_limits<double>::infinity();
constexpr auto no_number = std::numeric_limits<double>::quiet_NaN();

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

BOOST_AUTO_TEST_CASE(bars_stand_where_their_edges_are) {
    const auto bars = nbm::Bars{"values", {-1, 0, 1, 3}, {2, 0, 4}};
    const auto place = [](double x) { return ((x + 1) / 4 + 0.02) / 1.04; };
    const auto height = [](double y) { return y / 4 / 1.05; };  // the frame begins at 0
    const auto picture = draw({"", "", "", {}, {bars}});
    const auto white = [&](const Picture& p, double x0, double x1, double y0, double y1) {
        const auto pixels =
            (place(x1) - place(x0)) * double(p.right - p.left) * (height(y1) - height(y0)) * double(p.bottom - p.top);
        return p.count(0xFFFFFF, place(x0), place(x1), height(y0), height(y1)) / pixels;
    };
    BOOST_TEST(white(picture, -0.95, -0.05, 0.1, 1.9) < 0.01);  // filled
    BOOST_TEST(white(picture, 1.05, 2.95, 0.1, 3.9) < 0.01);
    BOOST_TEST(white(picture, -0.95, -0.05, 2.1, 3.9) > 0.9);  // empty but for the grid
    BOOST_TEST(white(picture, 0.05, 0.95, 0.1, 3.9) > 0.9);
    BOOST_TEST(white(picture, 1.05, 2.95, 4.03, 4.15) > 0.9);
    const auto inside = picture.at(picture.left + std::size_t(place(1.9) * double(picture.right - picture.left)),
                                   picture.bottom - std::size_t(height(2.7) * double(picture.bottom - picture.top)));
    for (const auto& [shift, full] : {std::pair{16U, 0x00}, std::pair{8U, 0x72}, std::pair{0U, 0xB2}}) {
        BOOST_TEST(std::abs(int(inside >> shift & 0xFFU) - (0.35 * full + 0.65 * 255)) < 2.0);
    }
    // A curve lies before the bars, in the next colour; where values are below 0, so does the frame begin.
    const auto both = draw({"", "", "", {{"", {-1, 3}, {-4, 4}, {}, {}}}, {bars}});
    const auto lower = [](double y) { return ((y + 4) / 8 + 0.05) / 1.1; };
    BOOST_TEST(both.near(vermillion, place(-1), lower(-4)));
    BOOST_TEST(both.near(vermillion, place(2), lower(2)));
    BOOST_TEST(both.count(0xFFFFFF, place(1.1), place(2.9), lower(0.1), lower(0.3)) == 0);
    BOOST_TEST(both.count(0xFFFFFF, place(1.1), place(1.9), lower(-0.7), lower(-0.3)) > 100);
    auto high = line(3, 50, 100);
    const auto from_zero = draw({"", "", "", {high}, {}, true});
    BOOST_TEST(from_zero.near(blue, 0.5, 0.75 / 1.05));
    BOOST_TEST(!from_zero.near(blue, 0.5, 0.5));
    BOOST_TEST(draw({"", "", "", {}, {{"", {0, 1, 2}, {0, 0}}}}).bottom > 400U);
    BOOST_TEST(draw({"", "", "", {}, {{"", {1}, {}}}}).count(blue, 0, 1, 0, 1) == 0);
}

BOOST_AUTO_TEST_CASE(histograms_count_what_is_between_edges) {
    const auto values = std::vector<double>{-0.1, 0, 0.5, 1, 1, 2.9, 3, 3.1, no_number, inf, -inf};
    BOOST_TEST((nbm::histogram(values, std::vector<double>{0, 1, 2, 3}) == std::vector<std::size_t>{2, 2, 2}));
    BOOST_TEST((nbm::histogram(values, std::vector<double>{2.9, 3}) == std::vector<std::size_t>{2}));
    BOOST_TEST((nbm::histogram({}, std::vector<double>{0, 1}) == std::vector<std::size_t>{0}));
    BOOST_TEST((nbm::even_edges(values, 2) == std::vector<double>{-0.1, 1.5, 3.1}));
    BOOST_TEST((nbm::even_edges({{7.0, 7.0}}, 2) == std::vector<double>{6.5, 7, 7.5}));
    BOOST_TEST((nbm::even_edges({}, 4) == std::vector<double>{0, 0.25, 0.5, 0.75, 1}));
    const auto far = nbm::even_edges({{1e9, std::nextafter(1e9, 2e9)}}, 80);  // all increase, and hold both
    BOOST_TEST((nbm::histogram(std::vector<double>{1e9, std::nextafter(1e9, 2e9)}, far).size() == 80U));
    BOOST_TEST((far.front() < 1e9 && far.back() > 1e9));
    for (const auto& edges : {std::vector<double>{}, {1}, {0, 0}, {1, 0}, {0, no_number, 1}}) {
        BOOST_CHECK_THROW(nbm::histogram(values, edges), nbm::InputError);
    }
    BOOST_CHECK_THROW(nbm::even_edges(values, 0), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(plots_stand_below_one_another) {
    const auto folder = Temporary();
    const auto plots = std::vector<nbm::Plot>{{"a", "x", "y", {line(10, 0, 1)}}, {}, {"b", "", "", {{}, line(10, 0, 1)}}};
    nbm::write_plots(plots, folder / "all");
    BOOST_TEST(files_in(folder.path()) == 2U);
    const auto picture = Picture(folder / "all.png");
    BOOST_TEST(picture.width == 900U);
    BOOST_TEST(picture.height == 3U * 420U);
    auto axes = std::vector<std::size_t>{};  // rows in which the axis of x is
    for (std::size_t y = 0; y != picture.height; ++y) {
        auto dark = 0;
        for (std::size_t x = 0; x != picture.width; ++x) { dark += picture.at(x, y) == 0x606060U ? 1 : 0; }
        if (dark > 500 && (axes.empty() || axes.back() + 5 < y)) { axes.push_back(y); }
    }
    BOOST_TEST(axes.size() == 3U);
    const auto colours_of = [&](unsigned colour, std::size_t panel) {
        auto count = 0;
        for (auto y = panel * 420; y != (panel + 1) * 420; ++y) {
            for (std::size_t x = 0; x != picture.width; ++x) { count += picture.at(x, y) == colour ? 1 : 0; }
        }
        return count;
    };
    BOOST_TEST(colours_of(blue, 0) > 100);
    BOOST_TEST(colours_of(vermillion, 0) == 0);
    BOOST_TEST(colours_of(blue, 1) + colours_of(vermillion, 1) == 0);
    BOOST_TEST(colours_of(blue, 2) == 0);
    BOOST_TEST(colours_of(vermillion, 2) > 100);
    BOOST_CHECK_THROW(nbm::write_plots({}, folder / "none"), nbm::InputError);
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
    const auto refusal = [&](const nbm::Bars& bars) {
        return message_of<nbm::Error>([&] { nbm::write_plot({"", "", "", {}, {bars}}, folder / "p"); });
    };
    BOOST_TEST(has(refusal({"b", {1, 2}, {1, 2}}), "the bars 'b' have 2 edges and 2 heights"));
    BOOST_TEST(has(refusal({"b", {}, {}}), "0 edges and 0 heights"));
    BOOST_TEST(has(refusal({"b", {1, 1}, {1}}), "do not increase"));
    BOOST_TEST(has(refusal({"b", {1, inf}, {1}}), "do not increase"));
    BOOST_TEST(has(refusal({"b", {1, 2}, {-1}}), "negative or not finite"));
    BOOST_TEST(has(refusal({"b", {1, 2}, {no_number}}), "negative or not finite"));
    BOOST_TEST(files_in(folder.path()) == 0U);
    const auto before = std::signal(SIGCHLD, SIG_IGN);
    BOOST_TEST(draw({"", "", "", {line(3, 0, 1)}}).near(blue, 0.5, 0.5));
    std::signal(SIGCHLD, before);
    nbm::write_text(folder / ".gnuplot", "set logscale x\n");
    const auto home = Variable("HOME", folder.path());  // the user's own settings are not for these plots
    BOOST_TEST(draw({"", "", "", {line(3, 0, 1)}}).near(blue, 0.5, 0.5));
}
