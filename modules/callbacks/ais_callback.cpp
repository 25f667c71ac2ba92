module;

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include <fmt/format.h>

module nbm:callbacks.ais_callback_impl;

import :callbacks.ais_callback;
import :callbacks.contexts;
import :callbacks.logs;
import :callbacks.schedule;
import :estimators;
import :model;
import :tensor;

namespace nbm {

AISCallback::AISCallback(AISCallbackOptions options, Epochs epochs) : options_(std::move(options)), epochs_(std::move(epochs)) {}

auto AISCallback::declare(Logs& logs, const std::string& name) const -> MetricId {
    return logs.declare({options_.name.empty() ? name : fmt::format("{}_{}", name, options_.name), "nat",
                         name.find("prob") == std::string::npos ? Better::neither : Better::higher});
}

auto AISCallback::declare_split(Logs& logs, const std::string& prefix) const -> Split {
    return {.free_energy = declare(logs, prefix + "free_energy"),
            .prob = declare(logs, prefix + "prob"),
            .low = declare(logs, prefix + "prob_low"),
            .high = declare(logs, prefix + "prob_high")};
}

auto AISCallback::prepare(SetupInfo& info, const Topology& topology) -> void {
    if (!topology.is_rbm()) {
        throw InputError(fmt::format("AISCallback measures log-probabilities of machines with two layers, not of {}", topology.describe()));
    }
    const auto smaller = std::min(topology.size(0), topology.size(1));
    if (options_.exact && smaller > max_enumerated_units) {
        throw InputError(fmt::format("AISCallback: exact log Z needs a side of at most {} units; the smaller one has {}",
                                     max_enumerated_units, smaller));
    }
    auto& logs = info.logs();
    logz_ = {declare(logs, "logz"), declare(logs, "logz_low"), declare(logs, "logz_high")};
    train_ = declare_split(logs, "");
    if (info.has_validation) { validation_ = declare_split(logs, "val_"); }
    if (options_.exact) { exact_ = declare(logs, "logz_exact"); }
}

template <Real T>
auto AISCallback::measure(EpochInfo& info, const DBM<T>& dbm, const Matrix<T>& train, const Matrix<T>* validation) -> void {
    auto& logs = info.logs();
    auto ais = AIS<T>(dbm, train, {.runs = options_.runs, .betas = options_.betas, .seed = options_.seed + info.epoch});
    const auto log_z = ais.run_log_z();
    logs.set(logz_[0], log_z.value);
    logs.set(logz_[1], log_z.low);
    logs.set(logz_[2], log_z.high);
    const auto log_split = [&](const Split& split, const Matrix<T>& rows) {
        const auto probability = mean_log_probability(dbm, rows, log_z);
        logs.set(split.free_energy, -probability.value - log_z.value);
        logs.set(split.prob, probability.value);
        logs.set(split.low, probability.low);
        logs.set(split.high, probability.high);
    };
    log_split(train_, train);
    if (validation != nullptr) { log_split(validation_, *validation); }
    if (options_.exact) { logs.set(exact_, exact_log_z(dbm)); }
}

template auto AISCallback::measure(EpochInfo&, const DBM<float>&, const Matrix<float>&, const Matrix<float>*) -> void;
template auto AISCallback::measure(EpochInfo&, const DBM<double>&, const Matrix<double>&, const Matrix<double>*) -> void;

}  // namespace nbm
