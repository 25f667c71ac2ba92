module;

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

export module nbm:callbacks.reconstruction_error;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :model;
import :tensor;

export namespace nbm {

/// How a reconstruction p is compared with v, summed over units: sum (v - p)^2, or - sum v log p + (1 - v) log(1 - p) in nats.
enum class ReconstructionMeasure : std::uint8_t { squared, cross_entropy };

struct ReconstructionErrorOptions {
    ReconstructionMeasure measure = ReconstructionMeasure::squared;
    std::size_t rows = 0;    // at most so many rows of each split, evenly spread over it; 0: all
    std::uint64_t seed = 1;  // of the hidden samples
    std::string name = "";   // appended to the metrics' names as "_name", for several of these side by side
};

/// Logs the error of reconstructions after each epoch, `recon` and `val_recon`: for each row a sum over the visible units, then the
/// mean over rows. The reconstruction of v is the probability of each visible unit given a *sample* of the hidden layers that it is
/// connected to, drawn from their means given v (mean field for more than two layers), with random numbers of its own.
class ReconstructionError {
public:
    static constexpr std::string_view kind = "reconstruction_error";
    static constexpr std::string_view doc = "error of one-step reconstructions of training and validation rows";
    using Options = ReconstructionErrorOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit ReconstructionError(ReconstructionErrorOptions options = {});

    auto id() const -> std::string;
    auto setup(SetupInfo& info) -> void;

    template <Real T>
    auto on_epoch_end(ModelContext<EpochInfo, T>& context) -> void;

private:
    template <Real T>
    auto error(const DBM<T>& dbm, const Matrix<T>& split, std::uint64_t draw) const -> double;

    ReconstructionErrorOptions options_;
    MetricId train_;
    MetricId validation_;
};

}  // namespace nbm
