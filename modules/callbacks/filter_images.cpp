module nbm:callbacks.filter_images_impl;

import :callbacks.contexts;
import :callbacks.filter_images;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.periodic_save;
import :callbacks.pictures;
import :io;
import :model;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

auto sheet_of(const FilterImagesOptions& options, const Topology& topology) -> Sheet {
    const auto units = topology.size(options.layer);
    auto sheet = square_sheet(picture_shape("FilterImages", topology.size(0), options.height),
                              options.tiles == 0 ? units : std::min(units, options.tiles));
    if (options.columns != 0) { sheet.columns = std::min(options.columns, sheet.tiles); }
    return sheet;
}

}  // namespace

auto reaches_visible(const Topology& topology, std::size_t layer) -> bool {
    return layer == 0 || std::ranges::any_of(topology.edges(), [&](Edge edge) {
               return edge.upper == layer && reaches_visible(topology, edge.lower);
           });
}

template <Real T>
auto filters_of(const DBM<T>& dbm, std::size_t layer, std::size_t count) -> Matrix<T> {
    if (layer >= dbm.layer_count() || count > dbm.size(layer)) {
        throw InputError(
            fmt::format("there are no filters of {} units of layer {} in a machine {}", count, layer, dbm.topology().describe()));
    }
    auto parts = std::vector<Matrix<T>>{};  // by way of each layer
    for (std::size_t l = 0; l <= layer; ++l) { parts.push_back(zero_matrix<T>(count, dbm.size(l))); }
    for (std::size_t k = 0; k != count; ++k) { parts[layer](k, k) = T{1}; }
    for (auto l = layer; l != 0; --l) {
        for (const auto& synapse : dbm.synapses()) {
            if (synapse.edge.upper != l) { continue; }
            multiply<T>(parts[l], synapse.weights, parts[synapse.edge.lower], Transpose::no, Transpose::yes, T{1}, T{1});
        }
    }
    return parts[0];
}

FilterImages::FilterImages(FilterImagesOptions options) : options_(std::move(options)) {
    if (options_.path.empty()) { throw InputError("FilterImages: path is empty; the path of a file is needed"); }
    if (options_.layer == 0) { throw InputError("FilterImages: layer is 0, which is visible; the hidden ones are 1 and up"); }
}

auto FilterImages::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("path", options.path, "PNG file, with {epoch} and names of metrics", path_template());
    visitor.option("layer", options.layer, "the layer whose units are shown; 1 is the first hidden one", at_least(1));
    visitor.option("tiles", options.tiles, "units that are shown, the first ones; 0: all");
    visitor.option("columns", options.columns, "tiles side by side; 0: about as many as below each other");
    visitor.option("height", options.height, "of a picture in pixels; 0: a square where the visible units make one, else one row");
}

auto FilterImages::prepare(const SetupInfo& info, const Topology& topology) -> void {
    if (options_.layer >= topology.layer_count()) {
        throw InputError(fmt::format("FilterImages: layer is {}, but the hidden layers of {} are 1 to {}", options_.layer,
                                     topology.describe(), topology.layer_count() - 1));
    }
    if (!reaches_visible(topology, options_.layer)) {
        throw InputError(fmt::format("FilterImages: no path leads from layer {} of {} down to the visible units", options_.layer,
                                     topology.describe()));
    }
    epoch_path(options_.path, 0, info.logs());
    const auto problem = sheet_of(options_, topology).problem();
    possible_ = problem.empty();
    if (!possible_) { info.warn("FilterImages draws nothing: " + problem); }
}

template <Real T>
auto FilterImages::on_epoch_end(const ModelContext<EpochInfo, T>& context) -> void {
    if (!possible_) { return; }
    const auto sheet = sheet_of(options_, context.model.topology());
    const auto filters = filters_of(context.model, options_.layer, sheet.tiles);
    write_png(sheet.draw(filters, Grey::symmetric), epoch_path(options_.path, context.epoch, context.logs()));
}

template auto filters_of(const DBM<float>&, std::size_t, std::size_t) -> Matrix<float>;
template auto filters_of(const DBM<double>&, std::size_t, std::size_t) -> Matrix<double>;
template auto FilterImages::on_epoch_end(const ModelContext<EpochInfo, float>&) -> void;
template auto FilterImages::on_epoch_end(const ModelContext<EpochInfo, double>&) -> void;

}  // namespace nbm
