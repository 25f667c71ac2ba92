export module nbm:sampling.positive_phase;

import :model;
import :sampling.mean_field;
import :standard;
import :tensor;

export namespace nbm {

/// Positive phase: the hidden means given the data, and their variational free energy. Exact for an RBM, mean field for a DBM.
template <Real T>
class PositivePhase {
public:
    inline explicit PositivePhase(MeanFieldOptions mean_field = {}) : mean_field_(std::move(mean_field)) {}

    /// Makes room for `rows` rows at a time.
    auto reserve(const DBM<T>& dbm, std::size_t rows) -> void;

    /// Fills the first batch.rows() rows of means() from batch: [rows, visible] and returns the sum of their free energies, in
    /// nats.
    auto run(const DBM<T>& dbm, MatrixView<const T> batch) -> double;

    /// The variational free energy of each row of the last batch, in nats; further elements mean nothing.
    inline auto free_energies() const -> std::span<const double> { return free_energies_; }

    /// Sweeps of mean field in the last run, summed over its rows; 0 for an RBM, whose means are exact without any.
    inline auto mean_field_sweeps() const -> std::size_t { return mean_field_sweeps_; }

    /// means[0] is the data.
    inline auto means() const -> const States<T>& { return means_; }
    inline auto capacity() const -> std::size_t { return means_.empty() ? 0 : means_[0].shape(0); }

private:
    auto run_binary(const DBM<T>& dbm, MatrixView<const T> batch) -> bool;

    MeanField mean_field_;
    std::vector<bool> free_;  // which layers may change
    States<T> means_;
    MeanFieldRoom<T> room_;
    std::vector<double> free_energies_;
    std::size_t mean_field_sweeps_ = 0;
    Workspace<BinaryChains> bits_;
};

}  // namespace nbm
