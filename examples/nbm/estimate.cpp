#include "estimate.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "people.hpp"
#include "rows.hpp"

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

auto watched(std::FILE* stream, std::string what, std::stop_token stop) -> nbm::Control {
    struct Watch {
        std::string what;
        nbm::ProgressLine line;
        std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
        ~Watch() { line.clear(); }
    };
    const auto watch = std::make_shared<Watch>(std::move(what), nbm::ProgressLine(stream));
    if (!watch->line.is_live()) { return {.stop = std::move(stop)}; }
    return {.stop = std::move(stop), .progress = [watch](double done) {
                if (!watch->line.is_due() || done <= 0.0) { return; }
                const auto elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - watch->begin).count();
                const auto left = std::vector{fmt::format("{:.0f} %", 100.0 * done),
                                              nbm::ProgressLine::duration(elapsed / done - elapsed) + " left"};
                watch->line.draw(watch->what, done, left);
            }};
}

auto estimate_log_z(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>* rows, const TrainOptions& o, const nbm::Control& control)
    -> Annealing {
    auto options = ais_options(o);
    options.control = control;
    auto ais = rows == nullptr ? nbm::AIS<Real>(dbm, options) : nbm::AIS<Real>(dbm, *rows, options);
    const auto log_z = ais.run_log_z();
    return {.log_z = log_z,
            .log_z_base = ais.log_z_base(),
            .log_weights = {ais.log_weights().begin(), ais.log_weights().end()},
            .effective_sample_sizes = ais.effective_sample_sizes()};
}

auto estimate_reverse_log_z(const nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& rows, const TrainOptions& o, std::stop_token stop)
    -> nbm::LogZ {
    auto* const stream = people(o.quiet, o.json);
    auto chains = nbm::make_chains(dbm, o.ais_runs, o.seed, nbm::Purpose::samples);
    chains.states[0] = some_rows(rows, o.ais_runs, o.seed);
    const auto sweeping = watched(stream, "samples for reverse AIS", stop);
    constexpr auto at_once = std::size_t{100};
    for (auto done = std::size_t{0}; done < o.ais_reverse; done += at_once) {
        nbm::Gibbs({.steps = std::min(at_once, o.ais_reverse - done)}).run(dbm, chains);
        if (stop.stop_requested()) { throw nbm::Cancelled("the samples for reverse AIS were cancelled"); }
        if (sweeping.progress) { sweeping.progress(static_cast<double>(done) / static_cast<double>(o.ais_reverse)); }
    }
    auto options = ais_options(o);
    options.control = watched(stream, "reverse AIS", stop);
    return nbm::AIS<Real>(dbm, rows, options).run_reverse_log_z(chains.states);
}

auto estimate(const nbm::DBM<Real>& dbm, const nbm::Dataset<Real>* data, const TrainOptions& o, bool validation,
              std::stop_token stop) -> Likelihood {
    auto result = Likelihood{.bound = !dbm.topology().is_rbm()};
    result.annealing =
        estimate_log_z(dbm, data == nullptr ? nullptr : &data->train, o, watched(people(o.quiet, o.json), "AIS", stop));
    result.log_z = result.annealing.log_z;
    if (data == nullptr) { return result; }
    if (o.ais_reverse != 0) { result.annealing.reverse = estimate_reverse_log_z(dbm, data->train, o, stop); }
    const auto of = [&](const nbm::Matrix<Real>& rows) -> std::optional<nbm::LogProbability> {
        if (rows.shape(0) == 0) { return std::nullopt; }
        if (!result.bound) { return nbm::mean_log_probability(dbm, rows, result.log_z); }
        const auto bound = nbm::variational_bound(dbm, rows, result.log_z, nbm::to_convergence(), {.stop = stop});
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
    say(people(o.quiet, o.json), "estimating log Z by AIS: {} runs x {} inverse temperatures ({})\n", o.ais_runs, o.ais_betas,
        o.ais_schedule);
}

auto describe(const Likelihood& likelihood, bool binary) -> std::string {
    const auto& log_z = likelihood.log_z;
    const auto what = likelihood.bound ? "bound" : "log-probability";
    auto text = fmt::format("\n{:<21} {}   (effective sample size {:.1f} of {} runs)\n", "log Z", show(log_z),
                            log_z.effective_sample_size, log_z.runs);
    const auto line = [&](const char* split, const std::optional<nbm::LogProbability>& value) {
        if (value) { text += fmt::format("{:<21} {}\n", fmt::format("{} {}", split, what), show(*value)); }
    };
    line("train", likelihood.train);
    line("valid", likelihood.valid);
    line("test", likelihood.test);
    if (const auto& reverse = likelihood.annealing.reverse) {
        text += fmt::format("{:<21} {}   (effective sample size {:.1f}; {:.2f} above AIS)\n", "log Z, reverse AIS", show(*reverse),
                            reverse->effective_sample_size, reverse->value - log_z.value);
    }
    if (likelihood.bound && likelihood.train) {
        text += fmt::format("bounds are at or below the mean log-probability: mean field ({} sweeps{})\n",
                            likelihood.mean_field_steps, likelihood.converged ? "" : ", not converged");
    }
    if (!binary) { text += "grey data: these are lower bounds on the log-probability of binary rows drawn from them\n"; }
    if (const auto verdict = log_z.trustworthy(); !verdict) { text += fmt::format("do not trust log Z yet: {}\n", verdict.reason); }
    return text;
}
