export module nbm:callbacks.periodic_save;

import :callbacks.any_run;
import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :io;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// The path template with `{epoch}` (counted from 1; `{epoch:04d}` pads) and the names of metrics (`{val_prob:.2f}`; nan where
/// absent) filled in. Throws InputError for another placeholder, with the nearest name.
auto epoch_path(const std::filesystem::path& path_template, std::size_t epoch, const Logs& logs = {}) -> std::filesystem::path;

/// A path with its braces doubled: what to put before a template.
auto escape_template(const std::filesystem::path& path) -> std::string;

struct PeriodicSaveOptions {
    std::filesystem::path weight_path = "weights/{epoch:04d}.h5";
    std::filesystem::path opt_path =
        "";  // the optimiser's state too, beside the weights, as load_training() reads them; empty: no such file
};

/// Saves the weights after each epoch, atomically. For some epochs only: Every.
class PeriodicSave {
public:
    static constexpr auto stage = Stage::persist;
    static constexpr std::string_view kind = "periodic_save";
    static constexpr std::string_view doc = "weights, and the optimiser's state, after each epoch";
    using Options = PeriodicSaveOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    inline explicit PeriodicSave(PeriodicSaveOptions options = {}) : options_(std::move(options)) {}

    /// Finds a wrong template, or an optimiser without a state, before training.
    template <class X>
        requires requires(const X& x) { x.optimiser; }
    auto setup(const X& context) -> void {
        epoch_path(options_.weight_path, 0, context.logs());
        context.claim(options_.weight_path);
        if (options_.opt_path.empty()) { return; }
        epoch_path(options_.opt_path, 0, context.logs());
        auto state = State{};
        save_optimiser(context.optimiser, state);
    }

    template <class X>
        requires requires(const X& x) { x.optimiser; }
    auto on_epoch_end(const X& context) -> void {
        save_weights(context.model, epoch_path(options_.weight_path, context.epoch, context.logs()));
        if (options_.opt_path.empty()) { return; }
        auto state = State{};
        save_optimiser(context.optimiser, state);
        save_training(context.model, state, epoch_path(options_.opt_path, context.epoch, context.logs()));
    }

private:
    template <class O>
    static auto save_optimiser(const O& optimiser, State& state) -> void {
        if constexpr (Stateful<O>) {
            optimiser.save_state(state.child("optimiser"));
        } else {
            throw InputError("PeriodicSave: opt_path is given, but this optimiser has no state that can be saved");
        }
    }

    PeriodicSaveOptions options_;
};

}  // namespace nbm
