module nbm:model.parameters_impl;

import :model.dbm;
import :model.parameters;
import :standard;
import :tensor;

namespace nbm {

template <Real T>
auto zero_parameters(const DBM<T>& dbm) -> Parameters<T> {
    auto result = Parameters<T>{};
    for (const auto& layer : dbm.layers()) { result.biases.push_back(zero_vector<T>(layer.size())); }
    for (const auto& synapse : dbm.synapses()) {
        result.weights.push_back(zero_matrix<T>(synapse.weights.shape(0), synapse.weights.shape(1)));
    }
    return result;
}

template auto zero_parameters(const DBM<float>&) -> Parameters<float>;
template auto zero_parameters(const DBM<double>&) -> Parameters<double>;

}  // namespace nbm
