export module nbm:callbacks.pseudo_likelihood;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :model;
import :standard;
import :tensor;

export namespace nbm {

struct PseudoLikelihoodOptions {
    bool exact = false;      // all units of each row, not a random one
    std::size_t rows = 0;    // at most so many rows of each split, evenly spread over it; 0: all
    std::uint64_t seed = 1;  // of the choice of units
    std::string name = "";   // appended to the metrics' names as "_name", for several of these side by side
};

/// Logs the log pseudo-likelihood of the training rows after each epoch, `pslike`, and of the validation rows, `val_pslike`: sum_i
/// log p(v_i | all other visible units), mean over the rows, in nats; see pseudo_likelihood(). For RBMs. pslike_low and pslike_high
/// are 3 standard errors of the mean over the rows away: how far it may be from that over all rows that there could be and, where
/// not `exact`, from that over all units; infinitely far with a single row. One random unit a row makes the sampled form noisy,
/// with a standard error of about the number of visible units times the deviation between units, over sqrt(rows). Rows and units
/// are the same in all epochs, so that differences between epochs have much less noise than the error bars tell. When a stop is
/// requested, the measurement under way is given up and absent.
class PseudoLikelihood {
public:
    static constexpr std::string_view kind = "pseudo_likelihood";
    static constexpr std::string_view doc = "log pseudo-likelihood of training and validation rows";
    using Options = PseudoLikelihoodOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit PseudoLikelihood(PseudoLikelihoodOptions options = {});

    auto id() const -> std::string;

    /// Throws InputError when the machine has more than two layers.
    template <Real T>
    auto setup(ModelContext<SetupInfo, T>& context) -> void {
        prepare(context, context.model.topology());
    }

    template <Real T>
    auto on_epoch_end(ModelContext<EpochInfo, T>& context) -> void;

private:
    struct Ids {
        MetricId value;
        MetricId low;
        MetricId high;
    };

    auto prepare(SetupInfo& info, const Topology& topology) -> void;

    PseudoLikelihoodOptions options_;
    Ids train_;
    Ids validation_;
};

}  // namespace nbm
