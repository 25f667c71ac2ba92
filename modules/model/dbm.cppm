export module nbm:model.dbm;

import :model.topology;
import :standard;
import :tensor;

export namespace nbm {

/// The states (or means) of all layers: states[l]: [chains, units of layer l].
template <Real T>
using States = std::vector<Matrix<T>>;

/// Which neighbours a field sums over.
enum class Direction : unsigned char { both, up, down };

/// A layer of binary units with its biases.
template <Real T>
struct Layer {
    Vector<T> bias;

    inline auto size() const -> std::size_t { return bias.size(); }
};

/// The weights between two layers, weights: [units of lower, units of upper].
template <Real T>
struct Synapse {
    Edge edge;
    Matrix<T> weights;
};

/// A deep Boltzmann machine with binary units and connections between layers of different parity; with two layers, a restricted
/// Boltzmann machine. Energy (Salakhutdinov and Hinton 2009): E(x) = - sum_l b_l.x^l - sum_(i<j) x^i W_ij x^j.
template <Real T = float>
class DBM {
public:
    using value_type = T;

    /// All parameters are zero: see initialise().
    explicit DBM(Topology topology);

    inline auto topology() const -> const Topology& { return topology_; }
    inline auto layer_count() const -> std::size_t { return layers_.size(); }
    inline auto size(std::size_t layer) const -> std::size_t { return topology_.size(layer); }
    inline auto visible_size() const -> std::size_t { return topology_.size(0); }

    inline auto layers() -> std::span<Layer<T>> { return layers_; }
    inline auto layers() const -> std::span<const Layer<T>> { return layers_; }
    inline auto synapses() -> std::span<Synapse<T>> { return synapses_; }
    inline auto synapses() const -> std::span<const Synapse<T>> { return synapses_; }
    inline auto bias(std::size_t layer) -> Vector<T>& { return layers_[layer].bias; }
    inline auto bias(std::size_t layer) const -> const Vector<T>& { return layers_[layer].bias; }
    /// The weights between two layers. Throws InputError when they are not connected.
    auto weights(std::size_t lower, std::size_t upper) -> Matrix<T>&;
    auto weights(std::size_t lower, std::size_t upper) const -> const Matrix<T>&;

    /// States for `count` chains, all zero.
    auto make_states(std::size_t count) const -> States<T>;

    /// out: [chains, units of layer] = b_l + sum over neighbours below x^i W_il (Direction::up or both) + sum over neighbours above
    /// x^j W_lj^T (down or both). Throws ShapeError.
    auto field(std::size_t layer, const States<T>& states, Matrix<T>& out, Direction direction = Direction::both) const -> void;

    /// The same for some rows of the states, on the calling thread and without checks; `out` has `rows.count` rows and may be
    /// those rows of states[layer].
    auto field_rows(std::size_t layer, const States<T>& states, Rows rows, MatrixView<T> out,
                    Direction direction = Direction::both) const -> void;

    /// out: [chains, units of layer] = p(x^l = 1 | all other layers) at inverse temperature beta = sigmoid(beta field).
    auto conditional(std::size_t layer, const States<T>& states, Matrix<T>& out, double beta = 1.0) const -> void;

    /// One upward pass from v: [batch, visible]: each hidden layer's mean given the layers below it only. In place of the missing
    /// input from above, its weights are scaled by (n_below + n_above) / n_below, the numbers of layers it is connected to
    /// (Salakhutdinov and Hinton 2009); biases are not.
    auto propup(const Matrix<T>& v) const -> States<T>;

    /// The same for one layer, from the layers below it, for some rows, on the calling thread and without checks.
    auto propup_rows(std::size_t layer, States<T>& states, Rows rows) const -> void;

    /// What the weights from below are scaled by in an upward pass.
    auto propup_scale(std::size_t layer) const -> double;

    /// E(x) of each chain, in nats. [chains], accumulated in double.
    auto energy(const States<T>& states) const -> Vector<double>;

    /// - log sum over all states of the layers of parity `summed` of exp(-beta E), each chain, in nats; the states of these layers
    /// are not read. [chains], accumulated in double.
    auto free_energy(const States<T>& states, Parity summed, double beta = 1.0) const -> Vector<double>;

    /// RBM: F(v) = - b.v - sum_k softplus(c_k + (v W)_k), so that log p(v) = -F(v) - log Z. [batch]. Throws InputError for a deeper
    /// machine, where F(v) has no closed form.
    auto free_energy(const Matrix<T>& v) const -> Vector<double>;

    /// Throws ShapeError, naming the layer, unless the states have this machine's shapes and agree in the number of chains.
    auto check(const States<T>& states) const -> void;

    /// Throws ShapeError unless the rows of v: [rows, visible] have a value for each visible unit.
    auto check(const Matrix<T>& v) const -> void;

private:
    Topology topology_;
    std::vector<Layer<T>> layers_;
    std::vector<Synapse<T>> synapses_;
};

/// The name of a layer or synapse in files: "h0", "h0-1".
auto part_name(std::size_t layer) -> std::string;
auto part_name(Edge edge) -> std::string;

}  // namespace nbm
