export module nbm:callbacks.reconstruction_error;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :estimators;
import :model;
import :standard;
import :tensor;

export namespace nbm {

struct ReconstructionErrorOptions {
    ReconstructionMeasure measure = ReconstructionMeasure::squared;
    std::size_t rows = 0;    // at most so many rows of each split, evenly spread over it; 0: all
    std::uint64_t seed = 1;  // of the hidden samples
    std::string name = "";   // appended to the metrics' names as "_name", for several of these side by side
};

/// Logs the error of reconstructions after each epoch, `recon` and `val_recon`: for each row a sum over the visible units, then the
/// mean over rows; see reconstruction_error(). With random numbers of its own.
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
    ReconstructionErrorOptions options_;
    MetricId train_;
    MetricId validation_;
};

}  // namespace nbm
