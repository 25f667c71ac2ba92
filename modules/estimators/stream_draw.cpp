module nbm:estimators.stream_draw;

import :estimators.annealing_path;
import :random;
import :sampling.fields;
import :standard;
import :tensor;

namespace nbm {

/// The parts of the random numbers of annealing: each kind of run has its own steps of the stream.
inline constexpr auto forward_steps = std::uint64_t{0};
inline constexpr auto reverse_steps = std::uint64_t{1} << 50U;
inline constexpr auto pilot_steps = std::uint64_t{2} << 50U;
inline constexpr auto raise_steps = std::uint64_t{3} << 50U;
inline constexpr auto row_steps = std::uint64_t{4} << 50U;
inline constexpr auto moment_steps = std::uint64_t{5} << 50U;

/// Bernoulli draws from a stream for a block of chains, of which the first is number `first_chain` over all blocks; every call has
/// a step of its own.
template <Real T>
class StreamDraw : public Draw<T> {
public:
    StreamDraw(std::uint64_t seed, std::uint64_t first_step, std::size_t first_chain)
        : stream_(seed, Purpose::ais), step_(first_step), first_chain_(first_chain) {}
    auto operator()(std::size_t, MatrixView<T> logits) -> void override {
        const auto step = step_++;
        for_pieces({0, logits.rows()}, logits.cols(), [&](Rows rows) {
            sample_logits<T>(logits.slice(rows), logits.slice(rows), stream_, step, first_chain_ + rows.first);
        });
    }

    auto stream() const -> const Stream& { return stream_; }
    auto next_step() const -> std::uint64_t { return step_; }

private:
    Stream stream_;
    std::uint64_t step_;
    std::size_t first_chain_;
};

}  // namespace nbm
