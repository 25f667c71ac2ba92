module nbm:data.generated_impl;

import :data.dataset;
import :data.generated;
import :random;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

constexpr std::size_t side = 28;

struct Point {
    double x;
    double y;
};
using Stroke = std::vector<Point>;

/// Points on an ellipse from angle `from` to `to` in degrees, clockwise from the right (y grows downwards).
auto arc(Stroke stroke, Point centre, Point radius, double from, double to) -> Stroke {
    constexpr auto pieces = 14;
    for (int i = 0; i <= pieces; ++i) {
        const auto angle = (from + (to - from) * i / pieces) * std::numbers::pi / 180.0;
        stroke.push_back({centre.x + radius.x * std::cos(angle), centre.y + radius.y * std::sin(angle)});
    }
    return stroke;
}

auto joined(Stroke a, const Stroke& b) -> Stroke {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/// The strokes of a digit in the unit square.
auto strokes_of(int digit) -> std::vector<Stroke> {
    switch (digit) {
        case 0: return {arc({}, {0.5, 0.5}, {0.27, 0.4}, -90, 270)};
        case 1: return {{{0.34, 0.26}, {0.53, 0.1}, {0.53, 0.9}}};
        case 2: return {joined(arc({}, {0.5, 0.33}, {0.25, 0.23}, -165, 35), {{0.24, 0.9}, {0.79, 0.9}})};
        case 3: return {joined(arc({}, {0.46, 0.3}, {0.24, 0.2}, -150, 85), arc({}, {0.46, 0.7}, {0.28, 0.21}, -85, 150))};
        case 4: return {{{0.58, 0.1}, {0.2, 0.62}, {0.82, 0.62}}, {{0.63, 0.36}, {0.63, 0.92}}};
        case 5: return {joined({{0.76, 0.11}, {0.33, 0.11}, {0.29, 0.46}}, arc({}, {0.48, 0.66}, {0.28, 0.24}, -125, 145))};
        case 6: return {joined({{0.66, 0.08}, {0.44, 0.25}, {0.31, 0.45}}, arc({}, {0.5, 0.67}, {0.23, 0.23}, -170, 190))};
        case 7: return {{{0.2, 0.12}, {0.78, 0.12}, {0.42, 0.91}}};
        case 8: return {arc({}, {0.5, 0.29}, {0.2, 0.19}, 90, 450), arc({}, {0.5, 0.69}, {0.25, 0.21}, -90, 270)};
        default: return {joined(arc({}, {0.49, 0.32}, {0.23, 0.22}, 0, 360), {{0.72, 0.32}, {0.64, 0.91}})};
    }
}

/// Uniform numbers of one picture, in the order they are asked for.
class Dice {
public:
    Dice(const Stream& stream, std::uint64_t split, std::size_t row) : stream_(stream), split_(split), row_(row) {}
    auto between(double low, double high) -> double { return low + (high - low) * stream_.uniform(split_, row_, next_++); }

private:
    const Stream& stream_;
    std::uint64_t split_;
    std::size_t row_;
    std::size_t next_ = 0;
};

/// Where the strokes' points lie on the picture, in pixels.
auto place(std::vector<Stroke> strokes, Dice& dice) -> std::vector<Stroke> {
    const auto slant = dice.between(-0.12, 0.32);
    const auto angle = dice.between(-0.16, 0.16);
    const auto width = dice.between(0.8, 1.15) * 20.0;
    const auto height = dice.between(0.88, 1.1) * 20.0;
    const auto shift = Point{dice.between(-1.8, 1.8), dice.between(-1.8, 1.8)};
    // A slow sine in each direction bends the strokes a little, as a hand does.
    const auto amplitude = Point{dice.between(0.0, 0.045), dice.between(0.0, 0.045)};
    const auto phase = Point{dice.between(0.0, 6.28), dice.between(0.0, 6.28)};
    const auto middle = side / 2.0;
    for (auto& stroke : strokes) {
        for (auto& p : stroke) {
            const auto x = p.x - 0.5 + amplitude.x * std::sin(5.0 * p.y + phase.x);
            const auto y = p.y - 0.5 + amplitude.y * std::sin(5.0 * p.x + phase.y);
            const auto sheared = (x - slant * y) * width;
            const auto tall = y * height;
            p = {middle + shift.x + std::cos(angle) * sheared - std::sin(angle) * tall,
                 middle + shift.y + std::sin(angle) * sheared + std::cos(angle) * tall};
        }
    }
    return strokes;
}

auto distance_to_segment(Point p, Point a, Point b) -> double {
    const auto dx = b.x - a.x;
    const auto dy = b.y - a.y;
    const auto length2 = dx * dx + dy * dy;
    const auto t = length2 > 0.0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2, 0.0, 1.0) : 0.0;
    return std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

template <Real T>
auto draw_digit(int digit, Dice& dice, std::span<T> pixels) -> void {
    const auto strokes = place(strokes_of(digit), dice);
    const auto pen = dice.between(0.95, 1.75);  // half of the thickness, in pixels
    std::ranges::fill(pixels, T{0});
    for (const auto& stroke : strokes) {
        for (std::size_t i = 1; i < stroke.size(); ++i) {
            const auto a = stroke[i - 1];
            const auto b = stroke[i];
            const auto limit = [](double v) { return static_cast<std::size_t>(std::clamp(v, 0.0, side - 1.0)); };
            for (auto y = limit(std::min(a.y, b.y) - pen); y <= limit(std::max(a.y, b.y) + pen); ++y) {
                for (auto x = limit(std::min(a.x, b.x) - pen); x <= limit(std::max(a.x, b.x) + pen); ++x) {
                    if (distance_to_segment({x + 0.5, y + 0.5}, a, b) <= pen) { pixels[y * side + x] = T{1}; }
                }
            }
        }
    }
}

template <Real T>
auto draw_split(std::size_t count, const Stream& stream, std::uint64_t split, Matrix<T>& rows, std::vector<int>& labels) -> void {
    rows = zero_matrix<T>(count, side * side);
    labels.assign(count, 0);
    parallel_rows(count, [&](Rows part) {
        for (auto r = part.first; r != part.first + part.count; ++r) {
            auto dice = Dice(stream, split, r);
            labels[r] = static_cast<int>(dice.between(0.0, 10.0));
            draw_digit<T>(labels[r], dice, MatrixView<T>(rows).row(r));
        }
    });
}

}  // namespace

template <Real T>
auto digits(DigitsOptions options) -> Dataset<T> {
    if (options.train == 0) { throw InputError("digits: 0 training rows were asked for; at least 1 is needed"); }
    const auto stream = Stream(options.seed, Purpose::digits);
    auto dataset = Dataset<T>{};
    draw_split(options.train, stream, 0, dataset.train, dataset.train_labels);
    draw_split(options.valid, stream, 1, dataset.valid, dataset.valid_labels);
    draw_split(options.test, stream, 2, dataset.test, dataset.test_labels);
    return dataset;
}

template <Real T>
auto bars_and_stripes(std::size_t n) -> Dataset<T> {
    if (n < 1 || n > 12) { throw InputError(fmt::format("bars and stripes of {} x {} pixels: the side must be 1 to 12", n, n)); }
    const auto patterns = std::size_t{1} << n;
    auto dataset = Dataset<T>{};
    dataset.train = zero_matrix<T>(2 * patterns - 2, n * n);
    auto row = std::size_t{0};
    for (const auto stripes : {false, true}) {
        for (std::size_t pattern = 0; pattern != patterns; ++pattern) {
            if (stripes && (pattern == 0 || pattern == patterns - 1)) { continue; }  // already among the bars
            for (std::size_t i = 0; i != n * n; ++i) {
                const auto line = stripes ? i / n : i % n;
                dataset.train(row, i) = static_cast<T>(pattern >> line & 1U);
            }
            dataset.train_labels.push_back(stripes ? 1 : 0);
            ++row;
        }
    }
    dataset.valid = dataset.test = dataset.train;
    dataset.valid_labels = dataset.test_labels = dataset.train_labels;
    return dataset;
}

template auto digits(DigitsOptions) -> Dataset<float>;
template auto digits(DigitsOptions) -> Dataset<double>;
template auto bars_and_stripes(std::size_t) -> Dataset<float>;
template auto bars_and_stripes(std::size_t) -> Dataset<double>;

}  // namespace nbm
