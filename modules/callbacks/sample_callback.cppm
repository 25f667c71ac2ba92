export module nbm:callbacks.sample_callback;

import :callbacks.contexts;
import :callbacks.options;
import :io;
import :model;
import :random;
import :standard;
import :tensor;

export namespace nbm {

/// What chains begin with: a fifth of them with each kind of start; random bits; rows of data; rows some of whose bits are flipped;
/// rows with normal noise added, clipped to [0, 1]; rows half of whose picture (left, right, upper or lower, at random) is hidden.
enum class SampleStart : std::uint8_t { all, noise, data, flipped, noisy, masked };

/// What the hidden half of a picture is at the start. It is not held there.
enum class MaskFill : std::uint8_t { zero, noise };

/// Where rows of data are taken from.
enum class SampleData : std::uint8_t { train, validation };

struct SampleCallbackOptions {
    std::filesystem::path path = "samples/{epoch:04d}";  // without ending
    std::size_t n_chains = 20;
    std::size_t n_samples = 10;    // of each chain
    std::size_t plot_every = 200;  // sweeps from one sample to the next
    SampleStart start = SampleStart::all;
    SampleData data = SampleData::train;
    double flip = 0.1;   // probability of a bit to be flipped
    double noise = 0.3;  // standard deviation of the noise that is added
    MaskFill mask_fill = MaskFill::zero;
    std::size_t height = 0;  // of a picture in pixels; 0: a square where the visible units make one, else one row
    std::uint64_t seed = 1;
};

/// After each epoch runs Gibbs chains from several kinds of starts and writes path + ".png", a sheet with one row for each chain:
/// the start, then successive samples; and path + ".npz" with `start`, the chains' first visible states, 0 or 1, and `sample_1`,
/// `sample_2`, ... (with as many digits as the last one), the visible units' probabilities at each sample: [chains, visible]. With
/// SampleStart::all one fifth of the chains after another has each kind, in the order noise, data, flipped, noisy, masked. For
/// machines of any depth. Does not touch the training's random numbers; the same seed gives the same files, each epoch other
/// random numbers. When a stop is requested, what is under way is given up. Visible units that make no picture of sensible size are
/// warned of once, and the NPZ file alone is written.
class SampleCallback {
public:
    static constexpr auto stage = Stage::record;
    static constexpr std::string_view kind = "samples";
    static constexpr bool expendable = true;  // in a configuration, its failures are warnings unless asked otherwise
    static constexpr std::string_view doc = "pictures of samples from Gibbs chains with various starts";
    using Options = SampleCallbackOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    /// Throws InputError for options outside of their ranges, or n_chains that cannot be cut into five equal parts for
    /// SampleStart::all.
    explicit SampleCallback(SampleCallbackOptions options = {});
    /// Writes savename + ".0001.png" and so on.
    explicit SampleCallback(const std::filesystem::path& savename, std::size_t n_chains = 20, std::size_t n_samples = 10,
                            std::size_t plot_every = 200);

    /// Throws InputError for a wrong height or path, or when validation rows are asked for and there are none.
    template <Real T>
    auto setup(const ModelContext<SetupInfo, T>& context) -> void {
        prepare(context, context.model.visible_size());
    }
    template <Real T>
    auto on_epoch_end(const ModelContext<EpochInfo, T>& context) -> void;

private:
    auto prepare(const SetupInfo& info, std::size_t units) -> void;
    auto kind_of_chain(std::size_t chain) const -> SampleStart;
    template <Real T>
    auto starts(const Matrix<T>& data, ImageShape shape, const Stream& stream, std::size_t layers, std::uint64_t sweep) const
        -> Matrix<T>;

    SampleCallbackOptions options_;
    bool drawable_ = true;
};

}  // namespace nbm
