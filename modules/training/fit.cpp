module;

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

module nbm:training.fit_impl;

import :callbacks;
import :data;
import :io;
import :model;
import :random;
import :tensor;
import :training.fit;

namespace nbm {

namespace {

template <Real T>
auto check_rows(const DBM<T>& dbm, const Matrix<T>& rows, std::string_view what) -> void {
    if (rows.shape(0) == 0) { throw InputError(fmt::format("the {} data have no rows", what)); }
    if (rows.shape(1) != dbm.visible_size()) {
        throw ShapeError(fmt::format("the {} data have {} values a row; the machine {} has {} visible units", what, rows.shape(1),
                                     dbm.topology().describe(), dbm.visible_size()));
    }
    check_unit_interval(rows, fmt::format("{} data", what));
}

}  // namespace

template <Real T>
auto check_fit(const DBM<T>& dbm, const Matrix<T>& train, const FitOptions<T>& options) -> void {
    if (options.epochs == 0) { throw InputError("0 epochs were asked for; at least 1 is needed"); }
    if (options.resume.empty() && options.initial_epoch >= options.epochs) {
        throw InputError(
            fmt::format("training would begin with epoch {} but end before epoch {}", options.initial_epoch, options.epochs));
    }
    if (!options.resume.empty() && options.initial_epoch != 0) {
        throw InputError("initial_epoch is for a training that goes on in memory; a checkpoint knows its own epoch");
    }
    if (options.batch_size == 0) { throw InputError("the batch size is 0; at least 1 row is needed"); }
    const auto& p = options.penalty;
    for (const auto strength : {p.l1, p.l2, p.bias_l1, p.bias_l2}) {
        if (!(strength >= 0.0)) { throw InputError(fmt::format("a penalty has the strength {}; it must be at least 0", strength)); }
    }
    check_rows(dbm, train, "training");
    if (options.validation != nullptr) { check_rows(dbm, *options.validation, "validation"); }
}

template <Real T>
auto gather_rows(const Matrix<T>& data, const std::vector<std::size_t>& order, std::size_t first, MatrixView<T> batch) -> void {
    for (std::size_t i = 0; i != batch.rows(); ++i) {
        std::ranges::copy(MatrixView<const T>(data).row(order[first + i]), batch.row(i).begin());
    }
}

auto epoch_order(std::size_t rows, bool shuffle, std::uint64_t seed, std::size_t epoch) -> std::vector<std::size_t> {
    if (shuffle) { return permutation(Stream(seed, Purpose::shuffle), epoch, rows); }
    auto order = std::vector<std::size_t>(rows);
    std::iota(order.begin(), order.end(), std::size_t{0});
    return order;
}

auto print_warning(std::string_view sentence) -> void { fmt::print(stderr, "nbm: warning: {}\n", sentence); }

namespace {

constexpr auto saved_whole_numbers = {std::pair{"rows", &FitParams::rows}, std::pair{"batch_size", &FitParams::batch_size}};

}  // namespace

auto save_loop(State& state, const FitParams& params, bool shuffle, const Position& position, const std::string& stop_reason,
               const Logs& logs) -> void {
    for (const auto& [name, member] : saved_whole_numbers) { state.put(name, params.*member); }
    state.put("seed", params.seed);
    state.put("shuffle", shuffle);
    state.put("epoch", position.epoch);
    state.put("batch", position.batch);
    state.put("seconds", position.seconds);
    state.put("ended", position.ended);
    state.put("stop_reason", stop_reason);
    auto& metrics = state.child("logs");
    if (position.batch == 0) { return; }
    for (std::size_t i = 0; i != logs.metrics().size(); ++i) {
        if (const auto value = logs.values()[i]) { metrics.put(logs.metrics()[i].name, *value); }
        if (!logs.lists()[i].empty()) { metrics.put(logs.metrics()[i].name, logs.lists()[i]); }
    }
}

auto load_loop(const std::filesystem::path& path, const State& state, const FitParams& params, bool shuffle, Logs& logs)
    -> SavedLoop {
    const auto require = [&](const std::string& what, auto found, auto expected) {
        if (found == expected) { return; }
        throw FileError(path.string(), fmt::format("belongs to a training with {} {}; this one has {}", what, found, expected));
    };
    for (const auto& [name, member] : saved_whole_numbers) { require(name, state.get<std::size_t>(name), params.*member); }
    require("seed", state.get<std::uint64_t>("seed"), params.seed);
    require("shuffle", state.get<bool>("shuffle"), shuffle);
    const auto& metrics = state.child("logs");
    for (std::size_t i = 0; i != logs.metrics().size(); ++i) {
        const auto& name = logs.metrics()[i].name;
        if (!metrics.has(name)) { continue; }
        const auto& value = metrics.value(name);
        if (const auto* number = std::get_if<double>(&value)) { logs.set(MetricId{i}, *number); }
        if (const auto* list = std::get_if<std::vector<double>>(&value)) { logs.set(MetricId{i}, *list); }
    }
    return {.position = {.epoch = state.get<std::size_t>("epoch"),
                         .batch = state.get<std::size_t>("batch"),
                         .seconds = state.get<double>("seconds"),
                         .ended = state.get<bool>("ended")},
            .stop_reason = state.get<std::string>("stop_reason")};
}

template auto check_fit(const DBM<float>&, const Matrix<float>&, const FitOptions<float>&) -> void;
template auto check_fit(const DBM<double>&, const Matrix<double>&, const FitOptions<double>&) -> void;
template auto gather_rows(const Matrix<float>&, const std::vector<std::size_t>&, std::size_t, MatrixView<float>) -> void;
template auto gather_rows(const Matrix<double>&, const std::vector<std::size_t>&, std::size_t, MatrixView<double>) -> void;

}  // namespace nbm
