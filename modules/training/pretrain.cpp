module nbm:training.pretrain_impl;

import :callbacks;
import :estimators;
import :model;
import :standard;
import :tensor;
import :training.fit;
import :training.fit_options;
import :training.initialise;
import :training.pretrain;
import nbm.fmt;

namespace nbm {

namespace {

template <Real T>
auto doubled(const Vector<T>& values, bool really) -> Vector<T> {
    if (!really) { return values; }
    auto result = Vector<T>::from_shape({2 * values.size()});
    std::ranges::copy(values, std::ranges::copy(values, result.begin()).out);
    return result;
}

/// The first `columns` columns of the first `rows` rows.
template <Real T>
auto corner(const Matrix<T>& m, std::size_t rows, std::size_t columns) -> Matrix<T> {
    auto result = Matrix<T>::from_shape({rows, columns});
    for (std::size_t r = 0; r != rows; ++r) {
        std::ranges::copy(MatrixView<const T>(m).row(r).first(columns), MatrixView<T>(result).row(r).begin());
    }
    return result;
}

template <Real T>
auto share_mean(std::span<T> a, std::span<T> b) -> void {
    for (std::size_t k = 0; k != a.size(); ++k) { a[k] = b[k] = (a[k] + b[k]) / T{2}; }
}

template <Real T>
auto share_mean_of_halves(std::span<T> values) -> void {
    share_mean(values.first(values.size() / 2), values.last(values.size() / 2));
}

}  // namespace

auto pretrained_rbms(const Topology& topology) -> std::vector<PretrainedRBM> {
    const auto sizes = topology.sizes();
    if (topology != Topology(std::vector<std::size_t>(sizes.begin(), sizes.end()))) {
        throw InputError(fmt::format("layer-wise pretraining needs a chain of layers, each connected to the next only, not {}",
                                     topology.describe()));
    }
    const auto count = sizes.size() - 1;
    auto parts = std::vector<PretrainedRBM>{};
    for (std::size_t i = 0; i != count; ++i) {
        parts.push_back({.index = i,
                         .count = count,
                         .edge = {i, i + 1},
                         .doubled_visible = count != 1 && i == 0,
                         .doubled_hidden = count != 1 && i + 1 == count});
    }
    return parts;
}

template <Real T>
auto compose_dbm(const std::vector<DBM<T>>& rbms) -> DBM<T> {
    if (rbms.empty()) { throw InputError("a deep machine is composed of at least 1 RBM, found none"); }
    auto sizes = std::vector<std::size_t>{rbms[0].visible_size()};
    for (std::size_t i = 0; i != rbms.size(); ++i) {
        const auto& rbm = rbms[i];
        if (!rbm.topology().is_rbm() || rbm.visible_size() != sizes.back()) {
            throw InputError(fmt::format("machine {} is {}; an RBM with {} visible units is needed there", i,
                                         rbm.topology().describe(), sizes.back()));
        }
        sizes.push_back(rbm.size(1));
    }
    const auto last = rbms.size();
    auto dbm = DBM<T>(Topology(std::move(sizes)));
    for (std::size_t i = 0; i != last; ++i) {
        dbm.synapses()[i].weights = rbms[i].weights(0, 1);
        if (i != 0 && i + 1 != last) {
            for (auto& w : dbm.synapses()[i].weights) { w /= T{2}; }
        }
    }
    dbm.bias(0) = rbms.front().bias(0);
    dbm.bias(last) = rbms.back().bias(1);
    for (std::size_t l = 1; l != last; ++l) {
        auto from_above = rbms[l].bias(0);
        dbm.bias(l) = rbms[l - 1].bias(1);
        share_mean(as_span(dbm.bias(l)), as_span(from_above));
    }
    return dbm;
}

template <Real T>
auto check_pretrain(const DBM<T>& dbm, const Matrix<T>& train, const FitOptions<T>& options) -> void {
    pretrained_rbms(dbm.topology());
    check_fit(dbm, train, train.shape(0), options);
}

template <Real T>
auto begin_rbm(const DBM<T>& dbm, const PretrainedRBM& part, const Matrix<T>& data) -> DBM<T> {
    const auto& weights = dbm.weights(part.edge.lower, part.edge.upper);
    const auto visible = weights.shape(0);
    const auto hidden = weights.shape(1);
    auto rbm = DBM<T>(Topology{part.doubled_visible ? 2 * visible : visible, part.doubled_hidden ? 2 * hidden : hidden});
    auto& own = rbm.weights(0, 1);
    for (std::size_t i = 0; i != own.shape(0); ++i) {
        for (std::size_t j = 0; j != own.shape(1); ++j) { own(i, j) = weights(i % visible, j % hidden); }
    }
    rbm.bias(1) = doubled(dbm.bias(part.edge.upper), part.doubled_hidden);
    rbm.bias(0) = part.index == 0 ? doubled(dbm.bias(0), part.doubled_visible) : biases_of_means(data);
    return rbm;
}

template <Real T>
auto finish_rbm(const DBM<T>& rbm, const PretrainedRBM& part, Outcome outcome) -> DBM<T> {
    if (outcome == Outcome::cancelled) {
        throw Cancelled(fmt::format("the pretraining was cancelled in its training {} of {}", part.index + 1, part.count));
    }
    const auto finite = [](const auto& values) { return std::ranges::all_of(values, [](T x) { return std::isfinite(x); }); };
    if (!finite(rbm.bias(0)) || !finite(rbm.bias(1)) || !finite(rbm.weights(0, 1))) {
        throw InputError(
            fmt::format("the pretraining diverged in its training {} of {}: parameters are no finite numbers; lower the "
                        "learning rate, momentum or penalties",
                        part.index + 1, part.count));
    }
    const auto visible = rbm.size(0) / (part.doubled_visible ? 2 : 1);
    const auto hidden = rbm.size(1) / (part.doubled_hidden ? 2 : 1);
    auto result = DBM<T>(Topology{visible, hidden});
    for (const std::size_t l : {0, 1}) {
        std::ranges::copy_n(rbm.bias(l).begin(), std::ptrdiff_t(result.size(l)), result.bias(l).begin());
    }
    result.weights(0, 1) = corner(rbm.weights(0, 1), visible, hidden);
    return result;
}

template <Real T>
auto twice(const Matrix<T>& data) -> Matrix<T> {
    const auto columns = data.shape(1);
    auto result = Matrix<T>::from_shape({data.shape(0), 2 * columns});
    for (std::size_t r = 0; r != data.shape(0); ++r) {
        const auto from = MatrixView<const T>(data).row(r);
        const auto to = MatrixView<T>(result).row(r);
        std::ranges::copy(from, to.begin());
        std::ranges::copy(from, to.subspan(columns).begin());
    }
    return result;
}

template <Real T>
auto replace_by_hidden_means(const DBM<T>& rbm, Matrix<T>& data) -> void {
    auto states = States<T>{};
    // Not only moved: a tensor that was moved from keeps its shape without its storage, and is not resized to the shape that it
    // has.
    states.push_back(std::exchange(data, Matrix<T>{}));
    states.push_back(zero_matrix<T>(states[0].shape(0), rbm.size(1)));
    rbm.conditional(1, states, data);
}

template <Real T>
auto TiedCopies<T>::on_gradient(const GradientInfo<T>& info) const -> void {
    auto& gradient = info.gradient;
    const auto weights = MatrixView<T>(gradient.weights[0]);
    if (part.doubled_visible) {
        share_mean_of_halves(as_span(gradient.biases[0]));
        const auto half = weights.rows() / 2;
        for (std::size_t r = 0; r != half; ++r) { share_mean(weights.row(r), weights.row(half + r)); }
    }
    if (part.doubled_hidden) {
        share_mean_of_halves(as_span(gradient.biases[1]));
        for (std::size_t r = 0; r != weights.rows(); ++r) { share_mean_of_halves(weights.row(r)); }
    }
}

/// Distant from one another, so that the next seed of the user shares no random numbers. Only a machine of two layers, for which
/// pretraining is the training, uses the seed itself: the training that follows pretraining does, too.
auto seed_of(std::uint64_t seed, std::size_t index) -> std::uint64_t { return seed + index * 0x9E3779B97F4A7C15U; }

template auto compose_dbm(const std::vector<DBM<float>>&) -> DBM<float>;
template auto compose_dbm(const std::vector<DBM<double>>&) -> DBM<double>;
template auto check_pretrain(const DBM<float>&, const Matrix<float>&, const FitOptions<float>&) -> void;
template auto check_pretrain(const DBM<double>&, const Matrix<double>&, const FitOptions<double>&) -> void;
template auto begin_rbm(const DBM<float>&, const PretrainedRBM&, const Matrix<float>&) -> DBM<float>;
template auto begin_rbm(const DBM<double>&, const PretrainedRBM&, const Matrix<double>&) -> DBM<double>;
template auto finish_rbm(const DBM<float>&, const PretrainedRBM&, Outcome) -> DBM<float>;
template auto finish_rbm(const DBM<double>&, const PretrainedRBM&, Outcome) -> DBM<double>;
template auto twice(const Matrix<float>&) -> Matrix<float>;
template auto twice(const Matrix<double>&) -> Matrix<double>;
template auto replace_by_hidden_means(const DBM<float>&, Matrix<float>&) -> void;
template auto replace_by_hidden_means(const DBM<double>&, Matrix<double>&) -> void;
template struct TiedCopies<float>;
template struct TiedCopies<double>;

}  // namespace nbm
