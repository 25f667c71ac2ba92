module;

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

export module nbm:callbacks.ais_callback;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.schedule;
import :estimators;
import :model;
import :tensor;

export namespace nbm {

struct AISCallbackOptions {
    std::size_t runs = 100;
    Betas betas = 1000;
    std::string name = "";  // appended to the metrics' names as "_name", for several of these side by side
    std::uint64_t seed = 1;
    bool exact = false;  // also logs logz_exact, by enumeration
};

/// Estimates log Z by AIS in chosen epochs and logs, in nats: logz, logz_low, logz_high; free_energy (mean F(v) of the training
/// rows), prob, prob_low, prob_high (mean log p(v)); the same of the validation rows with the prefix val_; logz_exact. For RBMs.
/// Does not touch the training's random numbers.
class AISCallback {
public:
    explicit AISCallback(AISCallbackOptions options = {}, Epochs epochs = {});

    /// Throws InputError before anything is trained when the machine has more than two layers, or `exact` is asked of too large a
    /// one.
    template <class X>
        requires requires(X& x) { x.model; }
    auto setup(X& context) -> void {
        prepare(context, context.model.topology());
    }

    template <class X>
        requires requires(X& x) {
            x.model;
            x.train;
            x.validation;
        }
    auto on_epoch_end(X& context) -> void {
        if (epochs_.contains(context.epoch, context.last)) { measure(context, context.model, context.train, context.validation); }
    }

private:
    /// The metrics of one split.
    struct Split {
        MetricId free_energy;
        MetricId prob;
        MetricId low;
        MetricId high;
    };

    auto prepare(SetupInfo& info, const Topology& topology) -> void;
    auto declare(Logs& logs, const std::string& name) const -> MetricId;
    auto declare_split(Logs& logs, const std::string& prefix) const -> Split;

    template <Real T>
    auto measure(EpochInfo& info, const DBM<T>& dbm, const Matrix<T>& train, const Matrix<T>* validation) -> void;

    AISCallbackOptions options_;
    Epochs epochs_;
    std::array<MetricId, 3> logz_;  // value, low, high
    MetricId exact_;
    Split train_;
    Split validation_;
};

}  // namespace nbm
