module nbm:estimators.reconstruction_error_impl;

import :estimators.reconstruction_error;
import :model;
import :random;
import :sampling;
import :standard;
import :tensor;

namespace nbm {

template <Real T>
auto reconstruction_error(const DBM<T>& dbm, const Matrix<T>& v, ReconstructionMeasure measure, const Stream& stream,
                          std::uint64_t step) -> double {
    constexpr std::size_t at_a_time = 1024;
    dbm.check(v);
    if (v.shape(0) == 0) { throw InputError("the mean reconstruction error of 0 rows is not defined"); }
    auto positive = PositivePhase<T>();
    positive.reserve(dbm, std::min(at_a_time, v.shape(0)));
    auto states = dbm.make_states(positive.capacity());
    auto errors = std::vector<double>(v.shape(0));
    for (std::size_t first = 0; first < v.shape(0); first += at_a_time) {
        const auto part = Rows{first, std::min(at_a_time, v.shape(0) - first)};
        positive.run(dbm, slice(v, part));
        parallel_rows(part.count, [&](Rows rows) {
            for (std::size_t l = 1; l < dbm.layer_count(); l += 2) {
                sample_probabilities<T>(slice(positive.means()[l], rows), slice(states[l], rows), stream,
                                        layer_step(step, dbm.layer_count(), l), first + rows.first);
            }
            const auto fields = slice(states[0], rows);
            dbm.field_rows(0, states, rows, fields);
            for (std::size_t r = 0; r != rows.count; ++r) {
                const auto row = slice(v, part).row(rows.first + r);
                const auto x = fields.row(r);
                auto& sum = errors[first + rows.first + r];
                for (std::size_t i = 0; i != row.size(); ++i) {
                    const auto difference = double(row[i]) - sigmoid(double(x[i]));
                    sum += measure == ReconstructionMeasure::squared ? difference * difference
                                                                     : softplus(double(x[i])) - double(row[i]) * double(x[i]);
                }
            }
        });
    }
    auto mean = 0.0;
    for (const auto e : errors) { mean += e / static_cast<double>(errors.size()); }
    return mean;
}

template auto reconstruction_error(const DBM<float>&, const Matrix<float>&, ReconstructionMeasure, const Stream&, std::uint64_t)
    -> double;
template auto reconstruction_error(const DBM<double>&, const Matrix<double>&, ReconstructionMeasure, const Stream&, std::uint64_t)
    -> double;

}  // namespace nbm
