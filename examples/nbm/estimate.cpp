#include "estimate.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace {

auto betas(const TrainOptions& o) -> nbm::Betas {
    return o.ais_schedule == "linear"     ? nbm::linear(o.ais_betas)
           : o.ais_schedule == "adaptive" ? nbm::adaptive(o.ais_betas)
                                          : nbm::three_piece(o.ais_betas);
}

auto ais_options(const TrainOptions& o) -> nbm::AISOptions {
    return {.runs = o.ais_runs,
            .betas = betas(o),
            .seed = o.seed,
            .summed = o.ais_summed == "even"  ? std::optional(nbm::Parity::even)
                      : o.ais_summed == "odd" ? std::optional(nbm::Parity::odd)
                                              : std::nullopt,
            .base = o.ais_base == "uniform"      ? nbm::Base::uniform
                    : o.ais_base == "own-biases" ? nbm::Base::own_biases
                    : o.ais_base == "mean-field" ? nbm::Base::mean_field
                                                 : nbm::Base::data,
            .path = o.ais_path == "moments" ? nbm::Path::moments : nbm::Path::geometric,
            .sweeps = o.ais_sweeps};
}

}  // namespace

auto show(const nbm::Estimate& e) -> std::string { return fmt::format("{:.2f} nats [{:.2f}, {:.2f}]", e.value, e.low, e.high); }

auto estimate_log_z(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>* rows, const TrainOptions& o) -> Annealing {
    const auto options = ais_options(o);
    auto ais = rows == nullptr ? nbm::AIS<Real>(dbm, options) : nbm::AIS<Real>(dbm, *rows, options);
    const auto log_z = ais.run_log_z();
    return {.log_z = log_z,
            .log_z_base = ais.log_z_base(),
            .log_weights = {ais.log_weights().begin(), ais.log_weights().end()},
            .effective_sample_sizes = ais.effective_sample_sizes()};
}

auto estimate(const nbm::DBM<Real>& dbm, const nbm::Dataset<Real>* data, const TrainOptions& o, bool validation) -> Likelihood {
    auto result = Likelihood{.bound = !dbm.topology().is_rbm()};
    result.annealing = estimate_log_z(dbm, data == nullptr ? nullptr : &data->train, o);
    result.log_z = result.annealing.log_z;
    if (data == nullptr) { return result; }
    const auto of = [&](const nbm::Matrix<Real>& rows) -> std::optional<nbm::LogProbability> {
        if (rows.shape(0) == 0) { return std::nullopt; }
        if (!result.bound) { return nbm::mean_log_probability(dbm, rows, result.log_z); }
        const auto bound = nbm::variational_bound(dbm, rows, result.log_z);
        result.mean_field_steps = std::max(result.mean_field_steps, bound.mean_field_steps);
        result.converged = result.converged && bound.converged;
        return bound;
    };
    result.train = of(data->train);
    if (validation) { result.valid = of(data->valid); }
    result.test = of(data->test);
    return result;
}

auto announce_ais(const TrainOptions& o) -> void {
    fmt::print("estimating log Z by AIS: {} runs x {} inverse temperatures ({})\n", o.ais_runs, o.ais_betas, o.ais_schedule);
    std::fflush(stdout);
}

auto print(const Likelihood& likelihood, bool binary) -> void {
    const auto& log_z = likelihood.log_z;
    const auto what = likelihood.bound ? "bound" : "log-probability";
    fmt::print("\n{:<21} {}   (effective sample size {:.1f} of {} runs)\n", "log Z", show(log_z), log_z.effective_sample_size,
               log_z.runs);
    const auto line = [&](const char* split, const std::optional<nbm::LogProbability>& value) {
        if (value) { fmt::print("{:<21} {}\n", fmt::format("{} {}", split, what), show(*value)); }
    };
    line("train", likelihood.train);
    line("valid", likelihood.valid);
    line("test", likelihood.test);
    if (likelihood.bound && likelihood.train) {
        fmt::print("bounds are at or below the mean log-probability: mean field ({} sweeps{})\n", likelihood.mean_field_steps,
                   likelihood.converged ? "" : ", not converged");
    }
    if (!binary) { fmt::print("grey data: these are lower bounds on the log-probability of binary rows drawn from them\n"); }
    if (const auto verdict = log_z.trustworthy(); !verdict) { fmt::print("do not trust log Z yet: {}\n", verdict.reason); }
}
