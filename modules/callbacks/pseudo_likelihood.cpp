module nbm:callbacks.pseudo_likelihood_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.pseudo_likelihood;
import :callbacks.row_subset;
import :estimators;
import :model;
import :random;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

struct MeanAndError {
    double mean = 0.0;
    double error = 0.0;  // infinite with a single value
};

auto mean_and_error(const Vector<double>& values) -> MeanAndError {
    const auto n = static_cast<double>(values.size());
    const auto mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
    if (values.size() == 1) { return {mean, std::numeric_limits<double>::infinity()}; }
    auto squares = 0.0;
    for (const auto x : values) { squares += (x - mean) * (x - mean); }
    return {mean, std::sqrt(squares / (n - 1.0) / n)};
}

}  // namespace

PseudoLikelihood::PseudoLikelihood(PseudoLikelihoodOptions options) : options_(std::move(options)) {}

auto PseudoLikelihood::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("exact", options.exact, "all units of each row, not a random one");
    visitor.option("rows", options.rows, "at most so many rows of each split, evenly spread over it; 0: all");
    visitor.option("seed", options.seed, "of the choice of units");
    visitor.option("name", options.name, "appended to the names of the metrics, for several of these side by side");
}

auto PseudoLikelihood::id() const -> std::string { return named_metric(std::string(kind), options_.name); }

auto PseudoLikelihood::prepare(SetupInfo& info, const Topology& topology) -> void {
    if (!topology.is_rbm()) {
        throw InputError(fmt::format("PseudoLikelihood measures machines with two layers, not {}", topology.describe()));
    }
    auto& logs = info.logs();
    const auto declare = [&](const std::string& name) -> Ids {
        const auto low = named_metric(name + "_low", options_.name);
        const auto high = named_metric(name + "_high", options_.name);
        const auto value = logs.declare(
            {.name = named_metric(name, options_.name), .unit = "nat", .better = Better::higher, .low = low, .high = high});
        return {
            .value = value, .low = logs.declare({low, "nat", Better::higher}), .high = logs.declare({high, "nat", Better::higher})};
    };
    train_ = declare("pslike");
    if (info.has_validation) { validation_ = declare("val_pslike"); }
}

template <Real T>
auto PseudoLikelihood::on_epoch_end(ModelContext<EpochInfo, T>& context) -> void {
    const auto stream = Stream(options_.seed, Purpose::evaluation);
    const auto control = Control{.stop = context.stop_token()};
    const auto log = [&](const Ids& ids, const Matrix<T>& split, std::uint64_t step) {
        const auto rows = RowSubset<T>(split, options_.rows);
        const auto& dbm = context.model;
        const auto [mean, error] =
            mean_and_error(options_.exact ? pseudo_likelihoods(dbm, *rows, control) : pseudo_likelihoods(dbm, *rows, stream, step));
        auto& logs = context.logs();
        logs.set(ids.value, mean);
        logs.set(ids.low, mean - 3.0 * error);
        logs.set(ids.high, mean + 3.0 * error);
    };
    // The same units in all epochs: what changes is the machine.
    try {
        log(train_, context.train, 0);
        if (context.validation != nullptr) { log(validation_, *context.validation, 1); }
    } catch (const Cancelled&) { return; }
}

template auto PseudoLikelihood::on_epoch_end(ModelContext<EpochInfo, float>&) -> void;
template auto PseudoLikelihood::on_epoch_end(ModelContext<EpochInfo, double>&) -> void;

}  // namespace nbm
