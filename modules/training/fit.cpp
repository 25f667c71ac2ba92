module;

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <span>
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
import :training.fit_options;

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
    if (!(options.max_norm >= 0.0)) {
        throw InputError(fmt::format("max_norm is {}; it must be above 0, or 0 for no limit", options.max_norm));
    }
    check_rows(dbm, train, "training");
    normalised_weights(options.weights, train.shape(0));
    if (options.validation != nullptr) { check_rows(dbm, *options.validation, "validation"); }
}

template <Real T>
auto normalised_weights(const Vector<T>* weights, std::size_t rows) -> Vector<T> {
    if (weights == nullptr) { return Vector<T>::from_shape({std::size_t{0}}); }
    if (weights->size() != rows) {
        throw ShapeError(fmt::format("there are {} weights for {} training rows; each row needs one", weights->size(), rows));
    }
    for (std::size_t r = 0; r != rows; ++r) {
        if (const auto w = (*weights)[r]; !std::isfinite(w) || w < T{0}) {
            throw InputError(fmt::format("the weight of training row {} is {}; it must be finite and at least 0", r, w));
        }
    }
    const auto largest = static_cast<double>(*std::ranges::max_element(*weights));
    if (largest == 0.0) { throw InputError("the weights of all training rows are 0; at least one must be above 0"); }
    auto sum = 0.0;
    for (const auto w : *weights) { sum += static_cast<double>(w) / largest; }
    auto result = *weights;
    for (auto& w : result) { w = static_cast<T>(static_cast<double>(w) / largest * (static_cast<double>(rows) / sum)); }
    return result;
}

template <Real T>
auto checksum(const Vector<T>& weights) -> std::uint64_t {
    if (weights.size() == 0) { return 0; }
    // FNV-1a, 64 bits, over whole numbers in place of bytes.
    auto hash = std::uint64_t{14695981039346656037U};
    for (const auto w : weights) { hash = (hash ^ std::bit_cast<std::uint64_t>(static_cast<double>(w))) * 1099511628211U; }
    return hash;
}

namespace {

template <Real T>
auto prefetch(std::span<const T> row) -> void {
    constexpr auto line = std::size_t{64} / sizeof(T);
    for (std::size_t k = 0; k < row.size(); k += line) { __builtin_prefetch(row.data() + k); }
}

}  // namespace

template <Real T>
auto gather_rows(const Matrix<T>& data, const std::vector<std::size_t>& order, std::size_t first, MatrixView<T> batch) -> void {
    const auto pieces = RowBlocks(batch.rows(), 32);
    parallel_for(pieces.count(), [&](std::size_t p) {
        const auto end = pieces[p].first + pieces[p].count;
        for (auto i = pieces[p].first; i != end; ++i) {
            // Rows lie anywhere in memory: the next one is on its way while this one is copied.
            if (i + 1 != end) { prefetch(MatrixView<const T>(data).row(order[first + i + 1])); }
            std::ranges::copy(MatrixView<const T>(data).row(order[first + i]), batch.row(i).begin());
        }
    });
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

auto save_loop(State& state, const LoopIdentity& identity, const Position& position, const std::string& stop_reason,
               const Logs& logs) -> void {
    for (const auto& [name, member] : saved_whole_numbers) { state.put(name, identity.params.*member); }
    state.put("seed", identity.params.seed);
    state.put("shuffle", identity.shuffle);
    state.put("weights", identity.weights);
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

auto load_loop(const std::filesystem::path& path, const State& state, const LoopIdentity& identity, Logs& logs) -> SavedLoop {
    const auto require = [&](const std::string& what, auto found, auto expected) {
        if (found == expected) { return; }
        throw FileError(path.string(), fmt::format("belongs to a training with {} {}; this one has {}", what, found, expected));
    };
    for (const auto& [name, member] : saved_whole_numbers) { require(name, state.get<std::size_t>(name), identity.params.*member); }
    require("seed", state.get<std::uint64_t>("seed"), identity.params.seed);
    require("shuffle", state.get<bool>("shuffle"), identity.shuffle);
    const auto weights = state.has("weights") ? state.get<std::uint64_t>("weights") : 0;  // older checkpoints know none
    if (weights != identity.weights) {
        const auto describe = [](std::uint64_t sum) { return sum == 0 ? "no weights of the rows" : "weights of the rows"; };
        const auto other = weights != 0 && identity.weights != 0 ? "other " : "";
        throw FileError(path.string(), fmt::format("belongs to a training with {}{}; this one has {}", other, describe(weights),
                                                   describe(identity.weights)));
    }
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
template auto normalised_weights(const Vector<float>*, std::size_t) -> Vector<float>;
template auto normalised_weights(const Vector<double>*, std::size_t) -> Vector<double>;
template auto checksum(const Vector<float>&) -> std::uint64_t;
template auto checksum(const Vector<double>&) -> std::uint64_t;
template auto gather_rows(const Matrix<float>&, const std::vector<std::size_t>&, std::size_t, MatrixView<float>) -> void;
template auto gather_rows(const Matrix<double>&, const std::vector<std::size_t>&, std::size_t, MatrixView<double>) -> void;

}  // namespace nbm
