module nbm:callbacks.tensorboard_impl;

import :callbacks.contexts;
import :callbacks.filter_images;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.pictures;
import :callbacks.tensorboard;
import :io;
import :model;
import :random;
import :sampling;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

/// p(v | h) of the first `count` chains.
template <Real T>
auto visible_probabilities(const DBM<T>& dbm, const Chains<T>& chains, std::size_t count) -> Matrix<T> {
    auto states = dbm.make_states(count);
    for (std::size_t l = 0; l != states.size(); ++l) {
        const auto to = MatrixView<T>(states[l]);
        for (std::size_t r = 0; r != count; ++r) {
            std::ranges::copy(MatrixView<const T>(chains.states[l]).row(r), to.row(r).begin());
        }
    }
    auto probabilities = zero_matrix<T>(count, dbm.visible_size());
    dbm.conditional(0, states, probabilities);
    return probabilities;
}

/// The same of chains from training rows; nothing when a stop was requested meanwhile.
template <Real T>
auto sample_from_data(const ModelContext<EpochInfo, T>& context, const TensorBoardOptions& options) -> std::optional<Matrix<T>> {
    const auto& dbm = context.model;
    const auto stream = Stream(options.seed, Purpose::samples);
    const auto sweep = first_sweep(context.epoch);
    const auto step = [&](std::uint64_t draw) { return layer_step(sweep + draw, dbm.layer_count(), 0); };
    auto visible = random_rows(context.train, options.tiles, stream, step(0));
    sample_probabilities<T>(visible, visible, stream, step(1), 0);
    auto chains = chains_from(dbm, visible, stream, sweep + drawn_before_sweeps);
    auto probabilities = States<T>{};
    if (!advance(dbm, chains, probabilities, options.sweeps, context.stop_token())) { return {}; }
    return std::move(probabilities[0]);
}

auto is_due(std::size_t every, const EpochInfo& info) -> bool { return every != 0 && ((info.epoch + 1) % every == 0 || info.last); }

}  // namespace

TensorBoard::TensorBoard(TensorBoardOptions options) : options_(std::move(options)) {
    if (options_.folder.empty()) { throw InputError("TensorBoard: folder is empty; the path of a folder is needed"); }
    if (options_.tiles == 0) { throw InputError("TensorBoard: tiles is 0; at least 1 is needed"); }
    if (options_.sweeps == 0) { throw InputError("TensorBoard: sweeps is 0; at least 1 is needed"); }
}

auto TensorBoard::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("folder", options.folder, "the folder of the event files");
    visitor.choice("step", options.step, "what the horizontal axis counts", {"epoch", "update"});
    visitor.option("histograms", options.histograms, "distributions of the parameters in every n-th epoch and the last; 0: never");
    visitor.option("images", options.images, "pictures of filters and samples in every n-th epoch and the last; 0: never");
    visitor.option("tiles", options.tiles, "filters, and samples, in a picture", at_least(1));
    visitor.option("sweeps", options.sweeps, "of chains made for samples, where the trainer keeps none", at_least(1));
    visitor.option("height", options.height, "of a tile in pixels; 0: a square where the visible units make one, else one row");
    visitor.option("seed", options.seed, "of the random numbers of these chains");
}

auto TensorBoard::prepare(const SetupInfo& info, const Topology& topology) -> void {
    file_.reset();
    shape_ = picture_shape("TensorBoard", topology.size(0), options_.height);
    const auto problem = options_.images == 0 ? std::string{} : square_sheet(shape_, options_.tiles).problem();
    drawable_ = problem.empty();
    if (!drawable_) { info.warn("TensorBoard draws no pictures: " + problem); }
}

auto TensorBoard::on_train_begin(const TrainInfo& info) -> void {
    const auto before = options_.step == TensorBoardStep::epoch ? info.first_epoch : info.first_epoch * info.batches;
    file_.emplace(options_.folder, static_cast<std::int64_t>(before) + 1);
}

auto TensorBoard::write_scalars(const EpochInfo& info, std::int64_t step) -> void {
    const auto& logs = info.logs();
    for (std::size_t i = 0; i != logs.metrics().size(); ++i) {
        const auto& name = logs.metrics()[i].name;
        if (const auto value = logs.values()[i]) { file_->scalar(name, step, *value); }
        const auto& list = logs.lists()[i];
        for (std::size_t k = 0; k != list.size(); ++k) { file_->scalar(fmt::format("{}/{}", name, k), step, list[k]); }
    }
}

template <Real T>
auto TensorBoard::write_images(const ModelContext<EpochInfo, T>& context, const Chains<T>* chains, std::int64_t step) -> void {
    const auto& dbm = context.model;
    if (reaches_visible(dbm.topology(), 1)) {
        const auto filters = filters_of(dbm, 1, std::min(options_.tiles, dbm.size(1)));
        file_->image("filters", step, square_sheet(shape_, filters.shape(0)).draw(filters, Grey::symmetric));
    }
    const auto samples = chains != nullptr && chains->count() != 0
                             ? visible_probabilities(dbm, *chains, std::min(options_.tiles, chains->count()))
                             : sample_from_data(context, options_);
    if (samples) { file_->image("samples", step, square_sheet(shape_, samples->shape(0)).draw(*samples, Grey::zero_to_one)); }
}

template <Real T>
auto TensorBoard::write(const ModelContext<EpochInfo, T>& context, const Chains<T>* chains) -> void {
    const auto step = static_cast<std::int64_t>(options_.step == TensorBoardStep::epoch ? context.epoch + 1 : context.step);
    write_scalars(context, step);
    if (is_due(options_.histograms, context)) {
        for (std::size_t l = 0; l != context.model.layer_count(); ++l) {
            file_->histogram("bias/" + part_name(l), step, as_span(std::as_const(context.model).bias(l)));
        }
        for (const auto& [edge, weights] : context.model.synapses()) {
            file_->histogram("weights/" + part_name(edge), step, std::span<const T>(weights.data(), weights.size()));
        }
    }
    if (drawable_ && is_due(options_.images, context)) { write_images(context, chains, step); }
    file_->flush();
}

auto TensorBoard::teardown(const TrainInfo&) -> void { file_.reset(); }

template auto TensorBoard::write(const ModelContext<EpochInfo, float>&, const Chains<float>*) -> void;
template auto TensorBoard::write(const ModelContext<EpochInfo, double>&, const Chains<double>*) -> void;

}  // namespace nbm
