export module nbm:callbacks.weight_statistics;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :io;
import :model;
import :standard;
import :tensor;

export namespace nbm {

struct WeightStatisticsOptions {
    double threshold = 0.01;  // a hidden unit is dead below this mean activation, saturated above 1 - threshold
    std::size_t rows = 1000;  // training rows that mean activations are taken over, evenly spread over them; 0: all
    std::string name = "";    // appended to the metrics' names as "_name", for several of these side by side
};

/// Logs after each epoch: weights_norm, the Frobenius norm of the weights; update_ratio, the norm of the epoch's last update of the
/// weights over that of the weights after it (0 when nothing changed; about 0.001 is usual, Hinton 2012, section 7; absent when the
/// epoch ended early); hidden_dead and hidden_saturated, the fractions of hidden units whose mean activation over training rows is
/// below threshold, above 1 - threshold. For an RBM each is a number; for a deeper machine a list: norms and ratios of the synapses
/// in the order of Topology::edges(), fractions of the hidden layers from below. Activations are p(h = 1 | v), mean field for more
/// than two layers.
class WeightStatistics {
public:
    static constexpr std::string_view kind = "weight_statistics";
    static constexpr std::string_view doc = "norms of weights and updates, dead and saturated hidden units";
    using Options = WeightStatisticsOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    /// Throws InputError unless 0 < threshold < 0.5.
    explicit WeightStatistics(WeightStatisticsOptions options = {});

    auto id() const -> std::string;
    auto setup(SetupInfo& info) -> void;
    auto on_epoch_begin(const EpochInfo& info) -> void;

    template <Real T>
    auto on_batch_begin(ModelContext<BatchInfo, T>& context) -> void;
    template <Real T>
    auto on_batch_end(ModelContext<BatchInfo, T>& context) -> void;
    template <Real T>
    auto on_epoch_end(ModelContext<EpochInfo, T>& context) -> void;

    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    WeightStatisticsOptions options_;
    MetricId norm_;
    MetricId ratio_;
    MetricId dead_;
    MetricId saturated_;
    std::vector<std::vector<double>> before_;  // weights before the epoch's last update, then empty
    std::vector<double> ratios_;               // once it is done
};

}  // namespace nbm
