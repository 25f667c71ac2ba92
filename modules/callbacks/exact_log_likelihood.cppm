export module nbm:callbacks.exact_log_likelihood;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :model;
import :standard;
import :tensor;

export namespace nbm {

struct ExactLogLikelihoodOptions {
    std::size_t rows = 0;   // at most so many rows of each split, evenly spread over it; 0: all
    std::string name = "";  // appended to the metrics' names as "_name", for several of these side by side
};

/// Logs after each epoch, by enumeration and in nats: exact_logz; exact_prob, the mean log p(v) of the training rows;
/// val_exact_prob. For small machines: see exact_log_z() and, for more than two layers, exact_free_energy(). For grey rows, log
/// p(v) is a lower bound of the mean log-probability of binary rows drawn from them. When a stop is requested, what is not yet
/// measured is absent.
class ExactLogLikelihood {
public:
    static constexpr std::string_view kind = "exact_log_likelihood";
    static constexpr std::string_view doc = "log Z and log-probabilities of small machines, by enumeration";
    using Options = ExactLogLikelihoodOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit ExactLogLikelihood(ExactLogLikelihoodOptions options = {});

    auto id() const -> std::string;

    /// Throws InputError when the machine is too large.
    template <Real T>
    auto setup(ModelContext<SetupInfo, T>& context) -> void {
        prepare(context, context.model.topology());
    }

    template <Real T>
    auto on_epoch_end(ModelContext<EpochInfo, T>& context) -> void;

private:
    auto prepare(SetupInfo& info, const Topology& topology) -> void;

    ExactLogLikelihoodOptions options_;
    MetricId log_z_;
    MetricId train_;
    MetricId validation_;
};

}  // namespace nbm
