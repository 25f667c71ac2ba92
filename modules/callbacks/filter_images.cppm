export module nbm:callbacks.filter_images;

import :callbacks.contexts;
import :callbacks.options;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// Whether paths of connections lead down from a layer to the visible units; false for a layer that is not there.
auto reaches_visible(const Topology& topology, std::size_t layer) -> bool;

/// What the first `count` units of a layer look for in the visible units: [count, visible], the sum over all paths down of the
/// products of their weights; for the first hidden layer its weights themselves. Zeros when no path leads down. Throws InputError
/// for a layer that is not there or has fewer units.
template <Real T>
auto filters_of(const DBM<T>& dbm, std::size_t layer, std::size_t count) -> Matrix<T>;

struct FilterImagesOptions {
    std::filesystem::path path = "filters/{epoch:04d}.png";
    std::size_t layer = 1;    // whose units; 1 is the first hidden one
    std::size_t tiles = 100;  // units that are shown, the first ones; 0: all
    std::size_t columns = 0;  // tiles side by side; 0: as many as make the sheet about square
    std::size_t height = 0;   // of a picture in pixels; 0: a square where the visible units make one, else one row
};

/// After each epoch draws what hidden units look for in a picture, as a sheet with one tile for each: its weights from the visible
/// units; for layers further up the products of weights W0 W1 ..., summed over all paths down. Grey is 0 and each tile reaches from
/// black for -m to white for m, m its largest magnitude. Visible units that make no picture of sensible size are warned of once.
class FilterImages {
public:
    static constexpr auto stage = Stage::record;
    static constexpr std::string_view kind = "filter_images";
    static constexpr bool expendable = true;  // in a configuration, its failures are warnings unless asked otherwise
    static constexpr std::string_view doc = "pictures of the weights of hidden units";
    using Options = FilterImagesOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit FilterImages(FilterImagesOptions options = {});

    /// Throws InputError for a layer that is not there or has no path down to the visible units, and for a wrong height or path.
    template <Real T>
    auto setup(const ModelContext<SetupInfo, T>& context) -> void {
        prepare(context, context.model.topology());
    }
    template <Real T>
    auto on_epoch_end(const ModelContext<EpochInfo, T>& context) -> void;

private:
    auto prepare(const SetupInfo& info, const Topology& topology) -> void;

    FilterImagesOptions options_;
    bool possible_ = true;
};

}  // namespace nbm
