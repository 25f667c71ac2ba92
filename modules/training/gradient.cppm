export module nbm:training.gradient;

import :io;
import :model;
import :standard;
import :tensor;

export namespace nbm {

/// The centring trick (Montavon and Mueller 2012; Melchior, Fischer and Wiskott 2016): the gradient of the machine whose states x
/// are replaced by x - c. The offsets c follow the mean activities <x>_data: c <- (1 - rate) c + rate <x>_data, in each update
/// before its gradient. They begin with the mean of the data and, for hidden units, with their mean in the first batch.
struct Centring {
    bool on = false;
    double rate = 0.01;
};

/// Keeps hidden units rarely active (Hinton 2012, section 11): strength (target - q) is added to the gradient of a unit's field,
/// where q <- memory q + (1 - memory) <x>_data begins with the mean of the first batch; so it goes to the unit's bias and, times
/// the mean activity of the unit below, to its weights from lower layers. It is the derivative of the cross entropy between target
/// and q.
struct Sparsity {
    double target = 0.1;
    double strength = 0.0;  // 0: off
    double memory = 0.9;
};

/// What becomes of the difference of the two phases' statistics before an optimiser sees it.
struct GradientOptions {
    Centring centring = {};
    Sparsity sparsity = {};
};

/// Applies GradientOptions to gradients and keeps what they remember from one update to the next. The parameters of the machine
/// are always the ordinary ones.
template <Real T>
class GradientRules {
public:
    /// Throws InputError for an option outside its range.
    explicit GradientRules(GradientOptions options = {});

    /// Begins anew for data: [rows, visible], unless `resumed` from a machine of this shape.
    auto begin(const DBM<T>& dbm, const Matrix<T>& data, bool resumed) -> void;

    /// Turns the gradient of the log-likelihood into the one to follow: sparsity, then centring. activities: the mean of each layer
    /// in the batch; when there are none (a batch whose rows weigh nothing), nothing happens. Does not allocate. Throws ShapeError
    /// unless begin() has seen a machine of this shape.
    auto apply(const DBM<T>& dbm, std::span<const Vector<T>> activities, Gradient<T>& gradient) -> void;

    inline auto options() const -> const GradientOptions& { return options_; }
    /// The offset of each layer's units; empty without centring.
    inline auto offsets() const -> std::span<const Vector<T>> { return offsets_; }
    /// The running mean of each hidden unit's activity (the visible layer's means nothing); empty without sparsity.
    inline auto running_activities() const -> std::span<const Vector<T>> { return running_; }

    /// Offsets and running activities. load_state, after begin(), throws InputError when the checkpoint was written with other
    /// rules or for other layers.
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    auto follow(std::span<const Vector<T>> activities) -> void;
    auto add_sparsity(const DBM<T>& dbm, std::span<const Vector<T>> activities, Gradient<T>& gradient) -> void;
    auto centre(const DBM<T>& dbm, Gradient<T>& gradient) -> void;

    GradientOptions options_;
    bool started_ = false;  // the first batch has been seen
    std::vector<Vector<T>> offsets_;
    std::vector<Vector<T>> running_;
    std::vector<Vector<T>> scratch_;  // one value a unit
};

}  // namespace nbm

namespace nbm {

class BinaryStates;

/// The rows that stand for one of the two distributions in a gradient, and how much each counts.
template <Real T>
class Phase {
public:
    /// layer(l): [>= rows, units of layer l], a matrix that must stay as it is while this phase is used. weights: none, or one for
    /// each row. Allocates when rows or weights are more than ever before.
    template <class LayerOf>
    auto set(const DBM<T>& dbm, const LayerOf& layer, std::size_t rows, std::span<const T> weights = {}) -> void {
        layers_.resize(dbm.layer_count());
        for (std::size_t l = 0; l != layers_.size(); ++l) { layers_[l] = &layer(l); }
        summarise(rows, weights);
    }

    /// The mean of the rows' weights.
    inline auto weight() const -> double { return total_ / static_cast<double>(rows_); }
    inline auto total() const -> double { return total_; }
    inline auto rows() const -> Rows { return {0, rows_}; }
    /// The mean of each layer; none when the rows weigh nothing.
    inline auto means() const -> std::span<const Vector<T>> {
        return total_ > 0.0 ? std::span<const Vector<T>>(means_) : std::span<const Vector<T>>{};
    }

    /// A layer's rows for a product with a layer of the other parity: the odd ones carry the weights.
    inline auto factor(std::size_t l) const -> MatrixView<const T> {
        return slice(weighted_ && parity_of(l) == Parity::odd ? scaled_[l] : *layers_[l], rows());
    }

    /// The rows of an even layer as senders, its units as chains, for table look-ups; null where they are not all 0 or 1.
    inline auto bits(std::size_t l) const -> const BinaryStates* { return binary_[l] ? bits_[l].find() : nullptr; }

private:
    auto summarise(std::size_t rows, std::span<const T> weights) -> void;
    auto set_bits(std::size_t l) -> void;

    std::vector<const Matrix<T>*> layers_;
    std::size_t rows_ = 0;
    double total_ = 0.0;
    bool weighted_ = false;
    std::vector<Matrix<T>> scaled_;  // odd layers, each row times its weight
    std::vector<Vector<T>> means_;
    std::vector<Workspace<BinaryStates>> bits_;  // of even layers
    std::vector<bool> binary_;                   // where bits_ holds them
};

/// gradient = w (<x^i x^j>_data - <x^i x^j>_model), likewise biases, where w is the mean weight of the data's rows and <> a mean in
/// which each row counts as much as its weight.
template <Real T>
auto difference(const DBM<T>& dbm, const Phase<T>& data, const Phase<T>& model, Gradient<T>& gradient) -> void;

/// The first half: gradient = w <x^i x^j>_data, likewise biases. For trainers that know the model's expectations otherwise.
template <Real T>
auto data_statistics(const DBM<T>& dbm, const Phase<T>& data, Gradient<T>& gradient) -> void;

/// Loads the child "gradient" of a trainer's state; a checkpoint written before there were rules has none. Throws InputError as
/// GradientRules::load_state.
template <Real T>
auto load_rules(const State& trainer, GradientRules<T>& rules) -> void;

/// sum_r weights[r] values[r], or the plain sum of the first `rows` values where there are no weights.
template <Real T>
auto weighted_sum(std::span<const double> values, std::size_t rows, std::span<const T> weights) -> double;

}  // namespace nbm
