export module nbm:estimators.reconstruction_error;

import :model;
import :random;
import :standard;
import :tensor;

export namespace nbm {

/// How a reconstruction p is compared with v, summed over units: sum (v - p)^2, or - sum v log p + (1 - v) log(1 - p) in nats.
enum class ReconstructionMeasure : std::uint8_t { squared, cross_entropy };

/// The mean error of the reconstructions of the rows of v: [rows, visible]. The reconstruction of v is the probability of each
/// visible unit given a *sample* of the hidden layers that it is connected to, drawn at `step` of the stream from their means given
/// v (mean field for more than two layers). Throws InputError without rows, and ShapeError.
template <Real T>
auto reconstruction_error(const DBM<T>& dbm, const Matrix<T>& v, ReconstructionMeasure measure, const Stream& stream,
                          std::uint64_t step = 0) -> double;

}  // namespace nbm
