export module nbm:callbacks.parameter_callbacks;

import :callbacks.contexts;
import :callbacks.machine_copy;
import :callbacks.options;
import :io;
import :model;
import :standard;
import :tensor;

export namespace nbm {

struct GradientClipOptions {
    double value = 0.0;  // each entry is brought into [-value, value]; 0: off
    double norm = 0.0;   // then the whole gradient is shortened to this L2 norm; 0: off
};

/// Limits the gradient, penalty included, before the optimiser uses it. Computed in double. A gradient with an entry that is not
/// finite is left as it is: see TerminateOnNonFinite. Callbacks up to the produce stage see the gradient before.
class GradientClip {
public:
    static constexpr auto stage = Stage::control;
    static constexpr std::string_view kind = "gradient_clip";
    static constexpr std::string_view doc = "limits the entries or the norm of the gradient";
    using Options = GradientClipOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    /// Throws InputError for a negative limit, or when both are off.
    explicit GradientClip(GradientClipOptions options);

    template <Real T>
    auto on_gradient(const GradientInfo<T>& info) -> void;

private:
    GradientClipOptions options_;
};

struct WeightAverageOptions {
    double decay = 0.999;         // at least 0 and below 1
    std::size_t start_epoch = 1;  // counted from 1: the epoch from whose first update on is averaged
    bool validate = false;        // the validation cost is that of the average
    bool final = true;            // in the end the machine becomes the average
};

/// An exponential moving average of all parameters over the updates: average = decay average + (1 - decay) parameters, beginning
/// with the parameters after the first update. With `validate`, the average takes the machine's place from on_validation_begin,
/// where it is exchanged before all later callbacks look, to on_validation_end, and the machine's own parameters come back bit for
/// bit, after an exception, too; the hooks of epoch ends see the machine's own. With `final`, the machine becomes the average in
/// on_finalise; EarlyStopping with restore_best comes after that and puts the best machine in place of it. EarlyStopping and
/// Checkpoint keep the machine itself, not the average (which is in checkpoints as this callback's state), although with `validate`
/// val_cost is that of the average.
class WeightAverage {
public:
    static constexpr auto stage = Stage::schedule;
    static constexpr std::string_view kind = "weight_average";
    static constexpr std::string_view doc = "moving average of all parameters over the updates";
    using Options = WeightAverageOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    /// Throws InputError for a decay out of range.
    explicit WeightAverage(WeightAverageOptions options = {});

    /// The averaged machine; null before the first update, and for a machine over another type.
    template <Real T>
    inline auto average() const -> const DBM<T>* {
        return machine_.get<T>();
    }

    template <Real T>
    auto setup(ModelContext<SetupInfo, T>& context) -> void;
    template <Real T>
    auto on_batch_end(ModelContext<BatchInfo, T>& context) -> void;
    template <Real T>
    auto on_validation_begin(ModelContext<EpochInfo, T>& context) -> void;
    template <Real T>
    auto on_validation_end(ModelContext<EpochInfo, T>& context) -> void;
    template <Real T>
    auto on_finalise(ModelContext<TrainInfo, T>& context) -> void;
    template <Real T>
    auto on_exception(ModelContext<TrainInfo, T>& context) -> void;
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    template <Real T>
    auto swap(DBM<T>& model) -> void;

    WeightAverageOptions options_;
    MachineCopy machine_;
    bool swapped_ = false;
};

}  // namespace nbm
