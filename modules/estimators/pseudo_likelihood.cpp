module nbm:estimators.pseudo_likelihood_impl;

import :estimators.control;
import :estimators.pseudo_likelihood;
import :model;
import :random;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

/// The conditionals of single visible units in one row after the other.
template <Real T>
class Conditionals {
public:
    explicit Conditionals(const DBM<T>& dbm) : dbm_(dbm), weights_(dbm.weights(0, 1)), flipped_(dbm.size(1)) {}

    /// The fields of the hidden units, given the whole row.
    auto set_row(std::span<const T> v, std::span<const T> fields) -> void {
        v_ = v;
        fields_ = fields;
        sum_ = softplus_sum(fields);
    }

    /// log p(v_i | all others), with D = F(v_i = 0) - F(v_i = 1): log sigmoid(D) for 1, log sigmoid(-D) for 0.
    auto log_probability(std::size_t i) -> double {
        const auto value = double(v_[i]);
        const auto off = value == 0.0 ? sum_ : moved_sum(i, -v_[i]);
        const auto on = value == 1.0 ? sum_ : moved_sum(i, T{1} - v_[i]);
        const auto difference = double(dbm_.bias(0)[i]) + on - off;
        auto result = 0.0;
        if (value != 0.0) { result -= value * softplus(-difference); }
        if (value != 1.0) { result -= (1.0 - value) * softplus(difference); }
        return result;
    }

private:
    static auto softplus_sum(std::span<const T> fields) -> double {
        auto sum = 0.0;
        add_softplus<T>({fields.data(), 1, fields.size(), fields.size()}, 1.0, {&sum, 1});
        return sum;
    }
    /// The sum of softplus(fields) after unit i has changed.
    auto moved_sum(std::size_t i, T change) -> double {
        const auto w = MatrixView<const T>(weights_).row(i);
        for (std::size_t k = 0; k != w.size(); ++k) { flipped_[k] = fields_[k] + change * w[k]; }
        return softplus_sum(flipped_);
    }

    const DBM<T>& dbm_;
    const Matrix<T>& weights_;
    std::vector<T> flipped_;
    std::span<const T> v_;
    std::span<const T> fields_;
    double sum_ = 0.0;
};

/// terms(conditionals of row r, r) of each row.
template <Real T, class Terms>
auto terms_of_rows(const DBM<T>& dbm, const Matrix<T>& v, const Control& control, const Terms& terms) -> Vector<double> {
    if (!dbm.topology().is_rbm()) {
        throw InputError(
            fmt::format("the pseudo-likelihood has a closed form for two layers only, not for {}", dbm.topology().describe()));
    }
    dbm.check(v);
    auto progress = Progress(control, v.shape(0));
    auto values = zero_vector<double>(v.shape(0));
    parallel_rows(v.shape(0), [&](Rows rows) {
        auto fields = Matrix<T>::from_shape({rows.count, dbm.size(1)});
        set_rows<T>(fields, as_span(dbm.bias(1)));
        multiply<T>(slice(v, rows), dbm.weights(0, 1), fields, Transpose::no, Transpose::no, T{1}, T{1});
        auto conditionals = Conditionals<T>(dbm);
        for (std::size_t r = 0; r != rows.count && !progress.stopped(); ++r) {
            conditionals.set_row(MatrixView<const T>(v).row(rows.first + r), MatrixView<const T>(fields).row(r));
            values[rows.first + r] = terms(conditionals, rows.first + r);
            progress.advance();
        }
    });
    progress.finish("the pseudo-likelihood");
    return values;
}

auto mean_of(const Vector<double>& values) -> double {
    if (values.size() == 0) { throw InputError("the mean pseudo-likelihood of 0 rows is not defined"); }
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

template <Real T>
auto pseudo_likelihoods(const DBM<T>& dbm, const Matrix<T>& v, const Control& control) -> Vector<double> {
    return terms_of_rows(dbm, v, control, [&](Conditionals<T>& conditionals, std::size_t) {
        auto sum = 0.0;
        for (std::size_t i = 0; i != dbm.visible_size(); ++i) { sum += conditionals.log_probability(i); }
        return sum;
    });
}

template <Real T>
auto pseudo_likelihoods(const DBM<T>& dbm, const Matrix<T>& v, const Stream& stream, std::uint64_t step) -> Vector<double> {
    const auto units = static_cast<double>(dbm.visible_size());
    return terms_of_rows(dbm, v, {}, [&](Conditionals<T>& conditionals, std::size_t r) {
        return units * conditionals.log_probability(static_cast<std::size_t>(stream.uniform(step, r, 0) * units));
    });
}

template <Real T>
auto pseudo_likelihood(const DBM<T>& dbm, const Matrix<T>& v, const Control& control) -> double {
    return mean_of(pseudo_likelihoods(dbm, v, control));
}

template <Real T>
auto pseudo_likelihood(const DBM<T>& dbm, const Matrix<T>& v, const Stream& stream, std::uint64_t step) -> double {
    return mean_of(pseudo_likelihoods(dbm, v, stream, step));
}

template auto pseudo_likelihoods(const DBM<float>&, const Matrix<float>&, const Control&) -> Vector<double>;
template auto pseudo_likelihoods(const DBM<double>&, const Matrix<double>&, const Control&) -> Vector<double>;
template auto pseudo_likelihoods(const DBM<float>&, const Matrix<float>&, const Stream&, std::uint64_t) -> Vector<double>;
template auto pseudo_likelihoods(const DBM<double>&, const Matrix<double>&, const Stream&, std::uint64_t) -> Vector<double>;
template auto pseudo_likelihood(const DBM<float>&, const Matrix<float>&, const Control&) -> double;
template auto pseudo_likelihood(const DBM<double>&, const Matrix<double>&, const Control&) -> double;
template auto pseudo_likelihood(const DBM<float>&, const Matrix<float>&, const Stream&, std::uint64_t) -> double;
template auto pseudo_likelihood(const DBM<double>&, const Matrix<double>&, const Stream&, std::uint64_t) -> double;

}  // namespace nbm
