module;

#include <stdio.h>

module nbm:training.fit_impl;

import :data;
import :model;
import :standard;
import :tensor;
import :training.fit;
import :training.fit_options;
import nbm.fmt;

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
auto check_fit(const DBM<T>& dbm, const Matrix<T>& train, std::size_t rows, const FitOptions<T>& options) -> void {
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
    normalised_weights(options.weights, rows);
    if (options.redraw != nullptr) {
        check_rows(dbm, *options.redraw, "probabilities of the training");
        if (options.redraw->shape(0) != rows) {
            throw ShapeError(fmt::format("rows would be drawn from the probabilities of {}, but there are {} training rows",
                                         options.redraw->shape(0), rows));
        }
    }
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
auto checksum(std::span<const T> values) -> std::uint64_t {
    if (values.empty()) { return 0; }
    // FNV-1a, 64 bits, over whole numbers in place of bytes.
    auto hash = std::uint64_t{14695981039346656037U};
    for (const auto w : values) { hash = (hash ^ std::bit_cast<std::uint64_t>(static_cast<double>(w))) * 1099511628211U; }
    return hash;
}

auto print_warning(std::string_view sentence) -> void { fmt::print(stderr, "nbm: warning: {}\n", sentence); }

template auto check_fit(const DBM<float>&, const Matrix<float>&, std::size_t, const FitOptions<float>&) -> void;
template auto check_fit(const DBM<double>&, const Matrix<double>&, std::size_t, const FitOptions<double>&) -> void;
template auto normalised_weights(const Vector<float>*, std::size_t) -> Vector<float>;
template auto normalised_weights(const Vector<double>*, std::size_t) -> Vector<double>;
template auto checksum(std::span<const float>) -> std::uint64_t;
template auto checksum(std::span<const double>) -> std::uint64_t;

}  // namespace nbm
