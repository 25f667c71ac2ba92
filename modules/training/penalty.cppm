export module nbm:training.penalty;

import :model;
import :tensor;

export namespace nbm {

/// Strengths of the penalties that training subtracts from the log-likelihood, in nats: l1 sum |W| + l2 sum W^2, and the same for
/// the biases.
struct Penalty {
    double l1 = 0.0;
    double l2 = 0.0;
    double bias_l1 = 0.0;
    double bias_l2 = 0.0;
};

/// gradient -= derivative of the penalty: l1 sign(W) + 2 l2 W.
template <Real T>
auto add_penalty(const DBM<T>& dbm, const Penalty& penalty, Gradient<T>& gradient) -> void;

/// Shortens the incoming weights of each hidden unit, those from all layers below it together, to the L2 norm max_norm where they
/// are longer (Srebro, Rennie and Jaakkola 2005). max_norm must be above 0.
template <Real T>
auto limit_norms(DBM<T>& dbm, double max_norm) -> void;

}  // namespace nbm
