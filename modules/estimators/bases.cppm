export module nbm:estimators.bases;

import :model;
import :standard;
import :tensor;

export namespace nbm {

/// The machine without weights from which annealing begins: all units independent, visible biases from the data's base rates and no
/// others (Salakhutdinov and Murray 2008); no biases at all; the machine's own biases; or the means that mean field finds for all
/// its layers.
enum class Base : std::uint8_t { data, uniform, own_biases, mean_field };

/// b^A = logit((mean + 0.05) / 1.05) with the mean of each visible unit clipped away from 0 and 1. v: [batch, visible].
template <Real T>
auto base_rate_bias(const Matrix<T>& v) -> Vector<T>;

/// The machine of Base::data: base_rate_bias(data), all other parameters 0. Throws ShapeError, and InputError without data.
template <Real T>
auto data_base(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& data) -> DBM<T>;

/// The machine of Base::own_biases.
template <Real T>
auto own_biases_base(const DBM<T>& dbm) -> DBM<T>;

/// The machine of Base::mean_field: the logits of the means at a fixed point of naive mean field, the one with the lowest
/// variational free energy that a few starts lead to.
template <Real T>
auto mean_field_base(const DBM<T>& dbm) -> DBM<T>;

/// Any of these. data: [batch, visible]; may be null for others than Base::data. Throws InputError without data that are needed.
template <Real T>
auto make_base(const DBM<T>& dbm, const std::type_identity_t<Matrix<T>>* data, Base base) -> DBM<T>;

/// Two machines over the same visible units seen as machines of one topology, layer by layer side by side, so that a path can lead
/// from one to the other (Salakhutdinov and Murray 2008, section 4.1.2). In each, the other's hidden units are free: log Z of
/// `start` is that of the first plus log 2 for each hidden unit of the second, and the reverse for `end`.
template <Real T>
struct JoinedMachines {
    DBM<T> start;
    DBM<T> end;
};

/// Throws ShapeError when the visible layers differ.
template <Real T>
auto join(const DBM<T>& first, const DBM<T>& second) -> JoinedMachines<T>;

}  // namespace nbm
