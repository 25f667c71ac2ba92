module nbm:callbacks.pictures;

import :io;
import :model;
import :random;
import :sampling;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

/// What is beyond is no picture that a person could look at, and near the limits of PNG.
constexpr auto widest_picture = std::size_t{4096};
constexpr auto most_pixels = std::size_t{1} << 26U;
constexpr auto longest_side = std::size_t{1'000'000};

/// A sheet of pictures, one for each row of units.
struct Sheet {
    ImageShape shape;
    std::size_t tiles = 0;
    std::size_t columns = 1;

    /// Small pictures are enlarged.
    auto zoom() const -> std::size_t { return std::max(shape.height, shape.width) <= 64 ? 2 : 1; }

    /// Why it cannot be drawn; empty when it can.
    auto problem() const -> std::string {
        if (shape.width > widest_picture) {
            return fmt::format("pictures {} pixels wide are too wide (at most {})", shape.width, widest_picture);
        }
        const auto width = (shape.width + 1) * zoom() * columns;
        const auto height = (shape.height + 1) * zoom() * ((tiles + columns - 1) / columns);
        if (width > longest_side || height > longest_side || width > most_pixels / std::max<std::size_t>(height, 1)) {
            return fmt::format("a sheet of {} x {} pixels is too large", height, width);
        }
        return {};
    }

    template <Real T>
    auto draw(const Matrix<T>& rows, Grey grey) const -> Image {
        return tile_images<T>(rows, shape, columns, grey, zoom());
    }
};

/// The shape of pictures of `units` pixels that are `height` high; 0: a square where they make one, else one row. Throws
/// InputError.
auto picture_shape(std::string_view callback, std::size_t units, std::size_t height) -> ImageShape {
    if (height == 0) { return image_shape_of(units); }
    if (units % height != 0) {
        throw InputError(
            fmt::format("{}: height is {}, but the {} visible units make no picture of that height", callback, height, units));
    }
    return {height, units / height};
}

/// A sheet that is about square in numbers of tiles.
auto square_sheet(ImageShape shape, std::size_t tiles) -> Sheet {
    return {shape, tiles, std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(tiles)))))};
}

/// Random numbers for pictures, other ones in each epoch: sweeps from first_sweep(epoch) on, of which the first few are left to
/// draws that are no sweeps.
constexpr auto drawn_before_sweeps = std::uint64_t{8};
constexpr auto first_sweep(std::size_t epoch) -> std::uint64_t { return static_cast<std::uint64_t>(epoch) << 30U; }

/// `count` different rows at random; some more than once when there are fewer.
template <Real T>
auto random_rows(const Matrix<T>& data, std::size_t count, const Stream& stream, std::uint64_t step) -> Matrix<T> {
    const auto order = permutation(stream, step, data.shape(0));
    auto rows = Matrix<T>::from_shape({count, data.shape(1)});
    const auto to = MatrixView<T>(rows);
    for (std::size_t r = 0; r != count; ++r) {
        std::ranges::copy(MatrixView<const T>(data).row(order[r % order.size()]), to.row(r).begin());
    }
    return rows;
}

/// Chains with these visible states; the hidden ones are drawn, as sweep `sweep`, from their means of one upward pass.
template <Real T>
auto chains_from(const DBM<T>& dbm, const Matrix<T>& visible, const Stream& stream, std::uint64_t sweep) -> Chains<T> {
    auto chains = Chains<T>{.states = dbm.propup(visible), .stream = stream, .sweeps = sweep + 1};
    chains.states[0] = visible;
    for (std::size_t l = 1; l != dbm.layer_count(); ++l) {
        sample_probabilities<T>(chains.states[l], chains.states[l], stream, layer_step(sweep, dbm.layer_count(), l), 0);
    }
    return chains;
}

/// Advances chains; false when it was given up because of a stop request.
template <Real T>
auto advance(const DBM<T>& dbm, Chains<T>& chains, States<T>& probabilities, std::size_t sweeps, const std::stop_token& stop)
    -> bool {
    constexpr auto between_questions = std::size_t{50};
    for (std::size_t done = 0; done != sweeps;) {
        if (stop.stop_requested()) { return false; }
        const auto steps = std::min(between_questions, sweeps - done);
        GibbsProb({.steps = steps}).run(dbm, chains, probabilities);
        done += steps;
    }
    return true;
}

}  // namespace nbm
