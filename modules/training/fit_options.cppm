export module nbm:training.fit_options;

import :model;
import :standard;
import :tensor;
import :training.penalty;
import :training.profile;

export namespace nbm {

/// What fit() needs of a trainer: see CD.
template <class Tr, class T>
concept Trainer =
    Real<T> && requires(Tr& trainer, const DBM<T>& dbm, const Matrix<T>& data, MatrixView<const T> batch, Gradient<T>& g) {
        trainer.begin(dbm, data, std::size_t{}, std::uint64_t{}, bool{});
        { trainer.gradient(dbm, batch, g) } -> std::same_as<double>;
        { trainer.evaluate(dbm, data) } -> std::same_as<double>;
    };

/// A trainer whose rows may count differently: weights[r] >= 0 for each row of the batch, or none.
template <class Tr, class T>
concept WeightedTrainer = Trainer<Tr, T> && requires(Tr& trainer, const DBM<T>& dbm, MatrixView<const T> batch, Gradient<T>& g,
                                                     std::span<const T> weights) {
    { trainer.gradient(dbm, batch, g, weights) } -> std::same_as<double>;
};

/// What fit() needs of an optimiser: see SGD.
template <class O, class T>
concept Optimiser = Real<T> && requires(O& optimiser, DBM<T>& dbm, const Gradient<T>& g) { optimiser.update(dbm, g); };

/// Prints "nbm: warning: ..." on stderr.
auto print_warning(std::string_view sentence) -> void;

template <Real T>
struct FitOptions {
    std::size_t epochs = 10;                // the epoch after the last, counted from 0
    std::size_t batch_size = 100;           // rows an update; the last batch of an epoch may be smaller
    const Matrix<T>* validation = nullptr;  // [rows, visible], evaluated after each epoch
    const Vector<T>* weights = nullptr;     // [rows], how much each training row counts: at least 0; only their ratios matter
    const Matrix<T>* redraw = nullptr;      // [rows, visible]: each epoch draws its rows anew from these probabilities; no `train`
    bool shuffle = true;                    // anew in each epoch
    std::size_t initial_epoch = 0;          // where a continued training begins; trainer and optimiser go on from where they are
    Penalty penalty = {};
    double max_norm = 0.0;              // of each hidden unit's incoming weights, see limit_norms; 0: no limit
    std::uint64_t seed = 1;             // of shuffling and of the trainer
    std::stop_token stop = {};          // asked after each batch; a request ends the training as cancelled
    std::filesystem::path resume = {};  // a checkpoint to go on from: machine, trainer, optimiser, history and callbacks
    bool continue_after_stop = false;   // go on even from a checkpoint whose training a callback had stopped
    std::function<void(std::string_view)> on_warning = print_warning;  // what becomes of warnings; the history has them, too
    Profile* profile = nullptr;  // where the time goes, overwritten; null: nothing is measured
};

}  // namespace nbm
