module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

module nbm:callbacks.pseudo_likelihood_impl;

import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.options;
import :callbacks.pseudo_likelihood;
import :callbacks.row_subset;
import :estimators;
import :model;
import :random;
import :sampling;
import :tensor;

namespace nbm {

namespace {

/// The log pseudo-likelihood of each row.
template <Real T>
auto of_all_units(const DBM<T>& dbm, const Matrix<T>& v) -> std::vector<double> {
    auto values = std::vector<double>(v.shape(0));
    parallel_for(values.size(), [&](std::size_t r) {
        auto row = Matrix<T>::from_shape({1, v.shape(1)});
        std::ranges::copy(MatrixView<const T>(v).row(r), row.begin());
        values[r] = pseudo_likelihood(dbm, row);
    });
    return values;
}

/// The estimate of each row that pseudo_likelihood(dbm, v, stream, step) is the mean of.
template <Real T>
auto of_random_units(const DBM<T>& dbm, const Matrix<T>& v, const Stream& stream, std::uint64_t step) -> std::vector<double> {
    constexpr std::size_t at_a_time = 1024;
    const auto units = static_cast<double>(v.shape(1));
    auto values = std::vector<double>{};
    for (std::size_t first = 0; first < v.shape(0); first += at_a_time) {
        const auto part = slice(v, Rows{first, std::min(at_a_time, v.shape(0) - first)});
        auto off = Matrix<T>::from_shape({part.rows(), part.cols()});
        for (std::size_t r = 0; r != part.rows(); ++r) { std::ranges::copy(part.row(r), MatrixView<T>(off).row(r).begin()); }
        auto on = off;
        auto chosen = std::vector<double>{};
        for (std::size_t r = 0; r != part.rows(); ++r) {
            const auto i = static_cast<std::size_t>(stream.uniform(step, first + r, 0) * units);
            chosen.push_back(double(part(r, i)));
            off(r, i) = T{0};
            on(r, i) = T{1};
        }
        const auto f_off = dbm.free_energy(off);
        const auto f_on = dbm.free_energy(on);
        for (std::size_t r = 0; r != part.rows(); ++r) {
            const auto d = f_off[r] - f_on[r];  // the logarithm of the odds of 1
            const auto log_p = [](double weight, double x) { return weight == 0.0 ? 0.0 : -weight * softplus(x); };
            values.push_back(units * (log_p(chosen[r], -d) + log_p(1.0 - chosen[r], d)));
        }
    }
    return values;
}

struct MeanAndError {
    double mean = 0.0;
    double error = 0.0;  // infinite with a single value
};

auto mean_and_error(const std::vector<double>& values) -> MeanAndError {
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
    const auto log = [&](const Ids& ids, const Matrix<T>& split, std::uint64_t step) {
        const auto rows = RowSubset<T>(split, options_.rows);
        const auto& dbm = context.model;
        const auto [mean, error] =
            mean_and_error(options_.exact ? of_all_units(dbm, *rows) : of_random_units(dbm, *rows, stream, step));
        auto& logs = context.logs();
        logs.set(ids.value, mean);
        logs.set(ids.low, mean - 3.0 * error);
        logs.set(ids.high, mean + 3.0 * error);
    };
    // The same units in all epochs: what changes is the machine.
    log(train_, context.train, 0);
    if (context.validation != nullptr) { log(validation_, *context.validation, 1); }
}

template auto PseudoLikelihood::on_epoch_end(ModelContext<EpochInfo, float>&) -> void;
template auto PseudoLikelihood::on_epoch_end(ModelContext<EpochInfo, double>&) -> void;

}  // namespace nbm
