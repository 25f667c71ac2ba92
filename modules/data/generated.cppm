export module nbm:data.generated;

import :data.dataset;
import :standard;
import :tensor;

export namespace nbm {

struct DigitsOptions {
    std::size_t train = 5000;
    std::size_t valid = 1000;
    std::size_t test = 1000;
    std::uint64_t seed = 1;
};

/// Binary 28 x 28 pictures of the digits 0 to 9, drawn from strokes with random slant, rotation, scale, thickness, shift and
/// wobble; each digit equally likely, labels included. Needs no download; the same seed gives the same pictures.
template <Real T = float>
auto digits(DigitsOptions options = {}) -> Dataset<T>;

/// All pictures of n x n pixels whose columns are uniform (bars) or whose rows are (stripes), each once, 2^(n+1) - 2 in all (MacKay
/// 2003); train, valid and test are the same. Labels: 0 bars, 1 stripes (empty and full count as bars). Throws InputError unless 1
/// <= n <= 12.
template <Real T = float>
auto bars_and_stripes(std::size_t n) -> Dataset<T>;

}  // namespace nbm
