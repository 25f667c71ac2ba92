export module nbm:training.initialise;

import :data;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// How the weights of a synapse begin: with orthonormal rows or columns, whichever are fewer, times the scale (Saxe, McClelland and
/// Ganguli 2014), or normally distributed with the scale as standard deviation (Hinton 2012, section 8).
enum class Weights : std::uint8_t { orthogonal, normal };

struct InitialiseOptions {
    std::uint64_t seed = 1;
    Weights weights = Weights::orthogonal;
    double scale = 0.0;  // 0 means the usual one: 1 for orthogonal, 0.01 for normal
};

/// Draws the weights and sets the visible biases to logit(mean of the data), the mean clipped to [0.001, 0.999] (Hinton 2012,
/// section 8.1); hidden biases become 0. data: [rows, visible]. Throws ShapeError or InputError.
template <Real T>
auto initialise(DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& data, InitialiseOptions options = {}) -> void;

/// The same with the means of all training rows, also of those that are not in memory.
template <Real T>
auto initialise(DBM<T>& dbm, const std::type_identity_t<StreamedDataset<T>>& data, InitialiseOptions options = {}) -> void;

}  // namespace nbm

namespace nbm {

/// The visible biases of independent units with the means of the data, these clipped to [0.001, 0.999].
template <Real T>
auto biases_of_means(const Matrix<T>& data) -> Vector<T>;

}  // namespace nbm
