module;

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

export module nbm:callbacks.periodic_save;

import :callbacks.contexts;
import :callbacks.schedule;
import :io;
import :model;
import :tensor;

export namespace nbm {

/// The path template with `{epoch}` (counted from 1; `{epoch:04d}` pads) filled in. Throws InputError for another placeholder.
auto epoch_path(const std::string& path_template, std::size_t epoch) -> std::filesystem::path;

/// Saves the weights in chosen epochs, atomically, to a path such as "weights/{epoch:04d}.h5".
class PeriodicSave {
public:
    static constexpr auto stage = Stage::persist;

    inline explicit PeriodicSave(std::string weight_path, Epochs epochs = {})
        : weight_path_(std::move(weight_path)), epochs_(std::move(epochs)) {}

    /// Finds a wrong template before training.
    inline auto setup(const SetupInfo&) -> void { epoch_path(weight_path_, 0); }

    template <class X>
        requires requires(const X& x) { x.model; }
    auto on_epoch_end(const X& context) -> void {
        if (epochs_.contains(context.epoch, context.last)) { save_weights(context.model, epoch_path(weight_path_, context.epoch)); }
    }

private:
    std::string weight_path_;
    Epochs epochs_;
};

}  // namespace nbm
