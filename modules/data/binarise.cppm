export module nbm:data.binarise;

import :data.dataset;
import :standard;
import :tensor;

export namespace nbm {

/// What to do with values strictly between 0 and 1: draw once with that probability, compare with 0.5, keep them as probabilities,
/// or compare with Otsu's threshold.
enum class Binarise : std::uint8_t { sample, threshold, grey, otsu };

/// Otsu's threshold (Otsu 1979): of all ways to cut the values in a lower and an upper class, the one with the largest variance
/// between the classes, w_0 w_1 (m_0 - m_1)^2 with w the shares and m the means of the classes; of equally good ones the lowest.
/// Searched over all distinct values, not over the bins of a histogram. The threshold is the middle between the largest value below
/// and the smallest above. Throws InputError when there are not two different values, or some are not finite.
template <Real T>
auto otsu_threshold(const Matrix<T>& values) -> double;

/// Binarises a split in place; the same seed gives the same draw. Otsu's threshold is that of these values. Throws as
/// otsu_threshold().
template <Real T>
auto binarise(Matrix<T>& values, Binarise how, std::uint64_t seed = 1) -> void;

/// All three splits, with draws that do not depend on each other. Otsu's threshold is that of the training rows, for all splits.
template <Real T>
auto binarise(Dataset<T>& dataset, Binarise how, std::uint64_t seed = 1) -> void;

/// Values of at least the threshold become 1, others 0.
template <Real T>
auto binarise(Matrix<T>& values, double threshold) -> void;

/// The same in all splits.
template <Real T>
auto binarise(Dataset<T>& dataset, double threshold) -> void;

}  // namespace nbm
