export module nbm:callbacks.tensorboard;

import :callbacks.any_run;
import :callbacks.contexts;
import :callbacks.options;
import :io;
import :model;
import :sampling;
import :standard;
import :tensor;

export namespace nbm {

/// What TensorBoard's horizontal axis counts: epochs from 1, or updates.
enum class TensorBoardStep : std::uint8_t { epoch, update };

struct TensorBoardOptions {
    std::filesystem::path folder = "tensorboard";
    TensorBoardStep step = TensorBoardStep::epoch;
    std::size_t histograms = 0;  // in every n-th epoch and the last; 0: never
    std::size_t images = 0;      // in every n-th epoch and the last; 0: never
    std::size_t tiles = 64;      // filters, and samples, in a picture
    std::size_t sweeps = 200;    // of chains made for samples, where the trainer keeps none
    std::size_t height = 0;      // of a tile in pixels; 0: a square where the visible units make one, else one row
    std::uint64_t seed = 1;      // of these chains
};

/// Writes event files for TensorBoard: each metric of each epoch as a curve (lists as "name/0", "name/1", ...), the distributions
/// of each layer's biases ("bias/h0") and each synapse's weights ("weights/h0-1"), and pictures: "filters", the weights of the
/// first hidden units from the visible ones, and "samples", the visible units' probabilities given the hidden states of the
/// trainer's chains, or of chains that start at training rows where it keeps none. Each training makes a new file in the folder and
/// makes TensorBoard forget what earlier files hold from its first step on, as a resumed training repeats steps. Does not touch
/// the training's random numbers. Visible units that make no picture of sensible size are warned of once.
class TensorBoard {
public:
    static constexpr auto stage = Stage::record;
    static constexpr std::string_view kind = "tensorboard";
    static constexpr bool expendable = true;  // in a configuration, its failures are warnings unless asked otherwise
    static constexpr std::string_view doc = "curves, distributions and pictures for TensorBoard";
    using Options = TensorBoardOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit TensorBoard(TensorBoardOptions options = {});

    /// Throws InputError for a wrong height.
    template <Real T>
    auto setup(const ModelContext<SetupInfo, T>& context) -> void {
        prepare(context, context.model.topology());
    }
    /// Throws FileError when the folder cannot be written to.
    auto on_train_begin(const TrainInfo& info) -> void;
    template <class X>
        requires requires(const X& x) { x.trainer; }
    auto on_epoch_end(const X& context) -> void {
        using T = typename X::run_type::value_type;
        write<T>(context, chains_of<T>(context.trainer));
    }
    auto teardown(const TrainInfo& info) -> void;

private:
    auto prepare(const SetupInfo& info, const Topology& topology) -> void;
    auto write_scalars(const EpochInfo& info, std::int64_t step) -> void;
    template <Real T>
    auto write(const ModelContext<EpochInfo, T>& context, const Chains<T>* chains) -> void;
    template <Real T>
    auto write_images(const ModelContext<EpochInfo, T>& context, const Chains<T>* chains, std::int64_t step) -> void;

    TensorBoardOptions options_;
    std::optional<EventFile> file_;
    ImageShape shape_;
    bool drawable_ = true;
};

}  // namespace nbm
