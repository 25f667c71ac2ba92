export module nbm:model.parameters;

import :model.dbm;
import :standard;
import :tensor;

export namespace nbm {

/// One value for each parameter of a machine: a gradient, or an optimiser's moments.
template <Real T>
struct Parameters {
    std::vector<Vector<T>> biases;   // of each layer
    std::vector<Matrix<T>> weights;  // of each synapse
};

/// All zero, in the shapes of the machine.
template <Real T>
auto zero_parameters(const DBM<T>& dbm) -> Parameters<T>;

template <Real T>
using Gradient = Parameters<T>;

}  // namespace nbm
