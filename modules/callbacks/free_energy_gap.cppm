export module nbm:callbacks.free_energy_gap;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :model;
import :standard;
import :tensor;

export namespace nbm {

struct FreeEnergyGapOptions {
    std::size_t rows = 0;   // at most so many rows of each split, evenly spread; 0: all validation rows and as many training rows
    std::string name = "";  // appended to the metric's name as "_name", for several of these side by side
};

/// Logs `free_energy_gap` after each epoch: mean F(validation rows) - mean F(training rows, always the same ones), in nats. A gap
/// that grows means overfitting (Hinton 2012, section 6); log Z cancels. It does not tell how good a machine is, since an untrained
/// one has none. F(v) is exact for two layers, else variational (mean field), an upper bound of F(v).
class FreeEnergyGap {
public:
    static constexpr std::string_view kind = "free_energy_gap";
    static constexpr std::string_view doc =
        "free energy of validation rows above that of training rows, which grows with overfitting";
    using Options = FreeEnergyGapOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit FreeEnergyGap(FreeEnergyGapOptions options = {});

    auto id() const -> std::string;
    /// Throws InputError without validation rows.
    auto setup(SetupInfo& info) -> void;

    template <Real T>
    auto on_epoch_end(ModelContext<EpochInfo, T>& context) -> void;

private:
    FreeEnergyGapOptions options_;
    MetricId gap_;
};

}  // namespace nbm
