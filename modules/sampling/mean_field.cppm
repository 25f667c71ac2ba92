export module nbm:sampling.mean_field;

import :model;
import :sampling.chains;
import :standard;
import :tensor;

export namespace nbm {

struct MeanFieldOptions {
    std::size_t steps = 25;                  // at most so many sweeps
    double tolerance = 1e-4;                 // a row is left alone when none of its means moves by more
    double beta = 1.0;                       // inverse temperature
    std::vector<std::size_t> clamped = {0};  // layers that keep their values
};

/// How a mean-field run ended, over all blocks of rows.
struct MeanFieldResult {
    std::size_t steps = 0;      // sweeps done, the most of any row
    std::size_t row_steps = 0;  // the sweeps of all rows together
    double change = 0.0;        // largest change of a mean in the last sweep
    bool converged = false;
};

/// Naive mean field: each free layer's means become sigmoid(beta field) of the others' means, odd layers first, until they stay.
/// With all free layers of one parity (an RBM with v clamped) a single sweep is exact.
class MeanField {
public:
    inline explicit MeanField(MeanFieldOptions options = {}) : options_(std::move(options)) {}

    /// Improves means[l]: [batch, units] in place. Throws ShapeError or InputError.
    template <Real T>
    auto run(const DBM<T>& dbm, States<T>& means) const -> MeanFieldResult;

    inline auto options() const -> const MeanFieldOptions& { return options_; }

private:
    MeanFieldOptions options_;
};

}  // namespace nbm

namespace nbm {

/// Working room of mean field, [rows, units] for each layer.
template <Real T>
struct MeanFieldRoom {
    States<T> input;     // what the free neighbours contribute to a layer's field
    States<T> constant;  // the part of a free layer's field that stays: bias and clamped neighbours
};

}  // namespace nbm
