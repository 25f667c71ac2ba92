module nbm:callbacks.sample_callback_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.periodic_save;
import :callbacks.pictures;
import :callbacks.sample_callback;
import :data;
import :io;
import :model;
import :random;
import :sampling;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

constexpr auto start_kinds = std::size_t{5};

auto sheet_of(const SampleCallbackOptions& options, std::size_t units) -> Sheet {
    const auto across = options.n_samples + 1;
    return {.shape = picture_shape("SampleCallback", units, options.height), .tiles = options.n_chains * across, .columns = across};
}

/// Which half is hidden: 0 left, 1 right, 2 upper, 3 lower; only halves that the shape has.
auto hidden_half(ImageShape shape, std::uint32_t random) -> std::uint32_t {
    if (shape.height < 2) { return random % 2; }
    return shape.width < 2 ? 2 + random % 2 : random % 4;
}

auto is_hidden(std::uint32_t half, ImageShape shape, std::size_t pixel) -> bool {
    const auto x = pixel % shape.width;
    const auto y = pixel / shape.width;
    switch (half) {
        case 0: return x < shape.width / 2;
        case 1: return x >= (shape.width + 1) / 2;
        case 2: return y < shape.height / 2;
        default: return y >= (shape.height + 1) / 2;
    }
}

auto with_ending(const std::filesystem::path& path, const char* ending) -> std::filesystem::path { return path.string() + ending; }

/// The pictures of one chain after another: [chains * arrays, visible].
template <Real T>
auto by_chains(const std::vector<std::pair<std::string, Matrix<T>>>& arrays, std::size_t chains) -> Matrix<T> {
    auto rows = Matrix<T>::from_shape({chains * arrays.size(), arrays[0].second.shape(1)});
    const auto to = MatrixView<T>(rows);
    for (std::size_t a = 0; a != arrays.size(); ++a) {
        for (std::size_t c = 0; c != chains; ++c) {
            std::ranges::copy(MatrixView<const T>(arrays[a].second).row(c), to.row(c * arrays.size() + a).begin());
        }
    }
    return rows;
}

}  // namespace

SampleCallback::SampleCallback(SampleCallbackOptions options) : options_(std::move(options)) {
    const auto check = [](bool fine, const std::string& sentence) {
        if (!fine) { throw InputError("SampleCallback: " + sentence); }
    };
    check(!options_.path.empty(), "path is empty; the path of a file without its ending is needed");
    check(options_.n_chains != 0, "n_chains is 0; at least 1 is needed");
    check(options_.n_samples != 0, "n_samples is 0; at least 1 is needed");
    check(options_.plot_every != 0, "plot_every is 0; at least 1 sweep is needed");
    check(options_.flip >= 0.0 && options_.flip <= 1.0, fmt::format("flip is {}; a probability is needed", options_.flip));
    check(options_.noise >= 0.0 && std::isfinite(options_.noise),
          fmt::format("noise is {}; a standard deviation is needed", options_.noise));
    check(options_.start != SampleStart::all || options_.n_chains % start_kinds == 0,
          fmt::format("n_chains is {}, which cannot be divided by {}; start \"all\" gives each kind of start the same number",
                      options_.n_chains, start_kinds));
}

SampleCallback::SampleCallback(const std::filesystem::path& savename, std::size_t n_chains, std::size_t n_samples,
                               std::size_t plot_every)
    : SampleCallback(SampleCallbackOptions{.path = escape_template(savename) + ".{epoch:04d}",
                                           .n_chains = n_chains,
                                           .n_samples = n_samples,
                                           .plot_every = plot_every}) {}

auto SampleCallback::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("path", options.path, "files without their endings .png and .npz, with {epoch} and names of metrics",
                   path_template());
    visitor.option("n_chains", options.n_chains, "chains, rows of the sheet", at_least(1));
    visitor.option("n_samples", options.n_samples, "samples of each chain", at_least(1));
    visitor.option("plot_every", options.plot_every, "sweeps from one sample to the next", at_least(1));
    visitor.choice("start", options.start, "what the chains begin with; all: a fifth of them with each kind",
                   {"all", "noise", "data", "flipped", "noisy", "masked"});
    visitor.choice("data", options.data, "where rows of data are taken from", {"train", "validation"});
    visitor.option("flip", options.flip, "probability of each bit to be flipped, for flipped starts", within(0.0, 1.0));
    visitor.option("noise", options.noise, "standard deviation of what is added, for noisy starts", at_least(0.0));
    visitor.choice("mask_fill", options.mask_fill, "the hidden half of a picture, for masked starts", {"zero", "noise"});
    visitor.option("height", options.height, "of a picture in pixels; 0: a square where the visible units make one, else one row");
    visitor.option("seed", options.seed, "of the chains' random numbers");
}

auto SampleCallback::prepare(const SetupInfo& info, std::size_t units) -> void {
    epoch_path(options_.path, 0, info.logs());
    if (options_.data == SampleData::validation && !info.has_validation) {
        throw InputError("SampleCallback: data is \"validation\", but this training has no validation rows");
    }
    const auto problem = sheet_of(options_, units).problem();
    drawable_ = problem.empty();
    if (!drawable_) { info.warn("SampleCallback draws no pictures: " + problem); }
}

auto SampleCallback::kind_of_chain(std::size_t chain) const -> SampleStart {
    if (options_.start != SampleStart::all) { return options_.start; }
    return static_cast<SampleStart>(1 + chain / (options_.n_chains / start_kinds));
}

/// The first visible states: [chains, visible]. They are drawn from probabilities, so that data between 0 and 1 become bits, too.
template <Real T>
auto SampleCallback::starts(const Matrix<T>& data, ImageShape shape, const Stream& stream, std::size_t layers,
                            std::uint64_t sweep) const -> Matrix<T> {
    const auto step = [&](std::uint64_t draw) { return layer_step(sweep + draw, layers, 0); };
    auto visible = random_rows(data, options_.n_chains, stream, step(0));
    for (std::size_t r = 0; r != options_.n_chains; ++r) {
        const auto start = kind_of_chain(r);
        const auto half = hidden_half(shape, stream.word(step(3), r, 0));
        const auto row = MatrixView<T>(visible).row(r);
        for (std::size_t c = 0; c != row.size(); ++c) {
            auto& p = row[c];
            if (start == SampleStart::noise) {
                p = T{0.5};
            } else if (start == SampleStart::flipped && stream.uniform(step(1), r, c) < options_.flip) {
                p = T{1} - p;
            } else if (start == SampleStart::noisy) {
                p = std::clamp(p + static_cast<T>(options_.noise * stream.normal(step(2), r, c)), T{0}, T{1});
            } else if (start == SampleStart::masked && is_hidden(half, shape, c)) {
                p = options_.mask_fill == MaskFill::zero ? T{0} : T{0.5};
            }
        }
    }
    sample_probabilities<T>(visible, visible, stream, step(4), 0);
    return visible;
}

template <Real T>
auto SampleCallback::on_epoch_end(const ModelContext<EpochInfo, T>& context) -> void {
    const auto& dbm = context.model;
    const auto& data = options_.data == SampleData::train ? context.train : *context.validation;
    const auto sheet = sheet_of(options_, dbm.visible_size());
    const auto stream = Stream(options_.seed, Purpose::samples);
    const auto sweep = first_sweep(context.epoch);
    auto arrays = std::vector<std::pair<std::string, Matrix<T>>>{};
    arrays.emplace_back("start", starts(data, sheet.shape, stream, dbm.layer_count(), sweep));
    auto chains = chains_from(dbm, arrays[0].second, stream, sweep + drawn_before_sweeps);
    auto probabilities = States<T>{};
    const auto digits = std::to_string(options_.n_samples).size();
    for (std::size_t s = 0; s != options_.n_samples; ++s) {
        if (!advance(dbm, chains, probabilities, options_.plot_every, context.stop_token())) { return; }
        arrays.emplace_back(fmt::format("sample_{:0{}d}", s + 1, digits), probabilities[0]);
    }
    const auto path = epoch_path(options_.path, context.epoch, context.logs());
    write_npz<T>(with_ending(path, ".npz"), arrays);
    if (drawable_) { write_png(sheet.draw(by_chains(arrays, options_.n_chains), Grey::zero_to_one), with_ending(path, ".png")); }
}

template auto SampleCallback::on_epoch_end(const ModelContext<EpochInfo, float>&) -> void;
template auto SampleCallback::on_epoch_end(const ModelContext<EpochInfo, double>&) -> void;

}  // namespace nbm
