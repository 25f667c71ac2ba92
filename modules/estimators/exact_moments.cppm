export module nbm:estimators.exact_moments;

import :estimators.control;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// The model's expectations of all x^l (biases) and x^i x^j (weights), exactly and in double: the negative phase of the
/// log-likelihood's gradient. Enumerates like exact_log_z, twice. Throws InputError when both parities have more than
/// max_enumerated_units units, and Cancelled.
template <Real T>
auto exact_moments(const DBM<T>& dbm, const Control& control = {}) -> Parameters<double>;

}  // namespace nbm

namespace nbm {

struct ModelMoments {
    Parameters<double> moments;
    double log_z = 0.0;
};

template <Real T>
auto model_moments(const DBM<T>& dbm, const Control& control) -> ModelMoments;

struct DataMoments {
    Parameters<double> moments;
    std::vector<double> free_energies;  // of each row
};

/// The positive phase: (1 / rows) sum_r w_r of the expectations given row r of v, hidden states by enumeration. weights: none or
/// one for each row.
template <Real T>
auto data_moments(const DBM<T>& dbm, MatrixView<const T> v, std::span<const T> weights) -> DataMoments;

}  // namespace nbm
