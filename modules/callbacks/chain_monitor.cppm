export module nbm:callbacks.chain_monitor;

import :callbacks.any_run;
import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :io;
import :model;
import :sampling;
import :standard;
import :tensor;

export namespace nbm {

struct ChainMonitorOptions {
    std::size_t every_batches = 1;  // looks at the chains after each so many updates of an epoch
    std::size_t rows = 1000;        // training rows that the chains are compared with, evenly spread over them; 0: all
    std::string name = "";          // appended to the metrics' names as "_name", for several of these side by side
};

/// Tells how well the persistent chains of the trainer mix, after each epoch, reading them only:
/// - chain_flip_rate: the fraction of the chains' visible units that an update changes, mean over the updates looked at;
/// - chain_free_energy_gap: mean F(visible states of the chains) - mean F(training rows, always the same ones), in nats; near 0
/// when
///   the machine has learned the data and the chains mix. F(v) is exact for two layers, else variational (mean field);
/// - chain_autocorrelation: the integrated autocorrelation time, in updates, of the chains' free energies (odd layers summed out)
///   over the epoch: see autocorrelation_time(). Times below every_batches cannot be told, those above a tenth of the epoch are
///   lower bounds; absent for fewer than 4 updates looked at.
class ChainMonitor {
public:
    static constexpr std::string_view kind = "chain_monitor";
    static constexpr std::string_view doc = "mixing of the trainer's persistent chains: flips, free energies, autocorrelation time";
    using Options = ChainMonitorOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    /// Throws InputError when every_batches is 0.
    explicit ChainMonitor(ChainMonitorOptions options = {});

    auto id() const -> std::string;

    /// In a dynamic list, throws InputError when the trainer keeps no chains; a static list does not compile then.
    template <class X>
        requires requires(X& x) { x.trainer; }
    auto setup(X& context) -> void {
        using RunType = typename X::run_type;
        using T = typename RunType::value_type;
        using TrainerType = std::remove_cvref_t<decltype(context.trainer)>;
        static_assert(std::same_as<TrainerType, AnyTrainer<T>> || KeepsChains<TrainerType, T>,
                      "ChainMonitor: this trainer keeps no chains; a trainer such as PCD does");
        prepare(context, chains_of<T>(context.trainer) != nullptr);
    }

    auto on_epoch_begin(const EpochInfo& info) -> void;

    template <class X>
        requires requires(X& x) { x.trainer; }
    auto on_batch_begin(X& context) -> void {
        using T = typename X::run_type::value_type;
        if (is_due(context)) { remember(*chains_of<T>(context.trainer)); }
    }

    template <class X>
        requires requires(X& x) { x.trainer; }
    auto on_batch_end(X& context) -> void {
        using T = typename X::run_type::value_type;
        if (is_due(context)) { look(context.model, *chains_of<T>(context.trainer)); }
    }

    template <class X>
        requires requires(X& x) { x.trainer; }
    auto on_epoch_end(X& context) -> void {
        using T = typename X::run_type::value_type;
        report<T>(context, *chains_of<T>(context.trainer));
    }

    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    auto prepare(SetupInfo& info, bool has_chains) -> void;
    inline auto is_due(const BatchInfo& info) const -> bool { return (info.batch + 1) % options_.every_batches == 0; }
    template <Real T>
    auto remember(const Chains<T>& chains) -> void;
    template <Real T>
    auto look(const DBM<T>& dbm, const Chains<T>& chains) -> void;
    template <Real T>
    auto report(ModelContext<EpochInfo, T>& context, const Chains<T>& chains) const -> void;

    ChainMonitorOptions options_;
    MetricId flip_rate_;
    MetricId gap_;
    MetricId autocorrelation_;
    std::vector<std::uint8_t> before_;   // visible states before the update that is looked at
    std::vector<double> flip_rates_;     // of each update looked at in this epoch
    std::vector<double> free_energies_;  // the same, [updates, chains]
};

}  // namespace nbm
