#include "people.hpp"
#include "profile.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "results.hpp"

namespace {

using View = nbm::MatrixView<const Real>;
using nbm::Transpose;

/// How the output of a product is cut among the threads; BLAS itself uses one.
enum class Cut : bool { rows, columns };

/// out = op(a) op(b), on all threads.
auto multiply(Cut cut, View a, View b, nbm::MatrixView<Real> out, Transpose transpose_a, Transpose transpose_b) -> void {
    const auto whole = cut == Cut::rows ? out.rows() : out.cols();
    const auto threads = nbm::threads();
    const auto parts = nbm::RowBlocks(whole, (whole + threads - 1) / threads);
    nbm::parallel_for(parts.count(), [&](std::size_t p) {
        const auto [first, count] = parts[p];
        if (count == 0) { return; }
        if (cut == Cut::rows) {
            const auto part = transpose_a == Transpose::yes ? a.columns(first, count) : a.slice({first, count});
            nbm::multiply<Real>(part, b, out.slice({first, count}), transpose_a, transpose_b);
        } else {
            const auto part = transpose_b == Transpose::yes ? b.slice({first, count}) : b.columns(first, count);
            nbm::multiply<Real>(a, part, out.columns(first, count), transpose_a, transpose_b);
        }
    });
}

auto filled(std::size_t rows, std::size_t columns, Real value) -> nbm::Matrix<Real> {
    auto matrix = nbm::zero_matrix<Real>(rows, columns);
    matrix.fill(value);
    return matrix;
}

/// The matrix products of a machine with so many rows.
class Products {
public:
    Products(const nbm::Topology& topology, std::size_t rows) : edges_(topology.edges().begin(), topology.edges().end()) {
        for (const auto size : topology.sizes()) {
            states_.push_back(filled(rows, size, Real{1}));
            fields_.push_back(filled(rows, size, Real{0}));
        }
        for (const auto edge : edges_) {
            weights_.push_back(filled(topology.size(edge.lower), topology.size(edge.upper), Real{0.01F}));
            gradients_.push_back(filled(topology.size(edge.lower), topology.size(edge.upper), Real{0}));
        }
    }

    /// Each layer from those below it.
    auto pass_up(Cut cut) -> void {
        for (std::size_t e = 0; e != edges_.size(); ++e) { up(cut, e); }
    }
    /// Each layer from all its neighbours; without the visible ones, whose part of the fields stays, in mean field.
    auto sweep(Cut cut, bool with_visible) -> void {
        for (std::size_t e = 0; e != edges_.size(); ++e) {
            if (edges_[e].lower == 0 && !with_visible) { continue; }
            multiply(cut, states_[edges_[e].upper], weights_[e], fields_[edges_[e].lower], Transpose::no, Transpose::yes);
            up(cut, e);
        }
    }
    auto statistics(Cut cut) -> void {
        for (std::size_t e = 0; e != edges_.size(); ++e) {
            multiply(cut, states_[edges_[e].lower], states_[edges_[e].upper], gradients_[e], Transpose::yes, Transpose::no);
        }
    }

private:
    auto up(Cut cut, std::size_t e) -> void {
        multiply(cut, states_[edges_[e].lower], weights_[e], fields_[edges_[e].upper], Transpose::no, Transpose::no);
    }

    std::vector<nbm::Edge> edges_;
    std::vector<nbm::Matrix<Real>> states_;
    std::vector<nbm::Matrix<Real>> fields_;
    std::vector<nbm::Matrix<Real>> weights_;
    std::vector<nbm::Matrix<Real>> gradients_;
};

/// The shortest of some runs of f(cut), for the better one of the two ways to cut.
template <class F>
auto best_seconds(const F& f) -> double {
    using Clock = std::chrono::steady_clock;
    constexpr auto least_runs = 5;
    constexpr auto least_seconds = 0.05;
    auto best = std::numeric_limits<double>::infinity();
    for (const auto cut : {Cut::rows, Cut::columns}) {
        f(cut);  // makes the data known to the caches
        auto sum = 0.0;
        for (auto run = 0; run < least_runs || sum < least_seconds; ++run) {
            const auto begin = Clock::now();
            f(cut);
            const auto seconds = std::chrono::duration<double>(Clock::now() - begin).count();
            best = std::min(best, seconds);
            sum += seconds;
        }
    }
    return best;
}

}  // namespace

auto measure_floor(const nbm::Topology& topology, const TrainOptions& o, std::size_t batch, TrainingProfile& result) -> void {
    const auto& profile = result.phases;
    result.threads = nbm::threads();
    if (o.trainer == "exact" || profile.updates == 0) { return; }
    const auto chains = o.trainer == "cd" || o.chains == 0 ? batch : o.chains;
    auto data = Products(topology, batch);
    auto model = Products(topology, chains);
    const auto batches = static_cast<double>(profile.rows) / static_cast<double>(batch);  // whole ones
    // The chains of CD are as many as the rows, those of the others the same in each update.
    const auto updates = o.trainer == "cd" ? batches : static_cast<double>(profile.updates);
    const auto sweeps = static_cast<double>(o.steps * (o.trainer == "pt" ? o.temperatures : 1));
    auto seconds = batches * best_seconds([&](Cut cut) {
                       data.pass_up(cut);
                       data.statistics(cut);
                   });
    if (profile.mean_field_sweeps != 0) {
        seconds += static_cast<double>(profile.mean_field_sweeps) / static_cast<double>(batch) *
                   best_seconds([&](Cut cut) { data.sweep(cut, false); });
    }
    seconds += updates * sweeps * best_seconds([&](Cut cut) { model.sweep(cut, true); });
    result.floor = seconds + updates * best_seconds([&](Cut cut) { model.statistics(cut); });
}

auto phases_of(const TrainingProfile& profile) -> std::vector<std::pair<std::string, double>> {
    const auto& p = profile.phases;
    return {{"data", p.data},     {"positive", p.positive},   {"negative", p.negative},     {"gradient", p.gradient},
            {"update", p.update}, {"callbacks", p.callbacks}, {"validation", p.validation}, {"pretraining", profile.pretraining}};
}

auto print(const TrainingProfile& profile, std::FILE* stream) -> void {
    const auto& p = profile.phases;
    const auto share = [&](double seconds) { return p.total > 0.0 ? 100.0 * seconds / p.total : 0.0; };
    const auto row = [&](const std::string& name, double seconds) {
        say(stream, "  {:<12}{:>10.3f} s{:>8.1f} %\n", name, seconds, share(seconds));
    };
    say(stream, "time of the training, {} updates:\n", p.updates);
    for (const auto& [name, seconds] : phases_of(profile)) {
        const auto may_be_missing = name == "validation" || name == "pretraining";
        if (!may_be_missing || seconds > 0.0) { row(name, seconds); }
    }
    row("sum", p.sum() + profile.pretraining);
    row("wall", p.total);
    if (profile.floor) {
        say(stream,
            "matrix products alone (sgemm, {} thread{}): {:.3f} s; positive, negative and gradient took {:.2f} times as long\n",
            profile.threads, profile.threads == 1 ? "" : "s", *profile.floor,
            (p.positive + p.negative + p.gradient) / *profile.floor);
    }
}
