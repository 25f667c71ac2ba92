export module nbm:estimators.exact_samples;

import :estimators.control;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// `count` independent samples of all layers from the model's distribution, without a Markov chain: the states of the smaller
/// parity are enumerated twice and drawn by their cumulative probabilities, then the other parity given them. states[l]: [count,
/// units]. Throws InputError when both parities have more than max_enumerated_units units or log Z is not a finite number, and
/// Cancelled.
template <Real T>
auto exact_samples(const DBM<T>& dbm, std::size_t count, std::uint64_t seed, const Control& control = {}) -> States<T>;

}  // namespace nbm
