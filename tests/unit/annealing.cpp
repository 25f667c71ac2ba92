#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "oracle.hpp"

import nbm;

#include "machines.hpp"
#include "told_draw.hpp"

// Annealing is unbiased: E[w] Z_start = Z_end to 1e-12, by dynamic programming over all states of the chain, through every outcome
// of every draw of nbm's own sweeps.

namespace {

using nbm::Parity;
using Path = nbm::AnnealingPath<double>;
using Mass = std::vector<double>;  // by the number of the chain's state

/// The chain of a path over all of its states at once.
class Chain {
public:
    /// visible: the number of the visible state, for a path given it; start_biases: of each layer then.
    explicit Chain(const Path& path, std::optional<std::size_t> visible = {}, double start_bias = 0.0)
        : path_(path),
          visible_(visible),
          start_bias_(start_bias),
          kept_(path.summed() == Parity::odd ? (visible ? 2 : 0) : 1),
          states_(std::size_t{1} << units_from(path.topology(), kept_, 2)),
          drawn_(units_from(path.topology(), visible ? 1 : 0, 1)) {}

    auto size() const -> std::size_t { return states_; }

    /// The exact start of the path.
    auto start() const -> Mass {
        auto chains = make(states_);
        auto told = std::vector<std::size_t>(states_);
        for (std::size_t s = 0; s != states_; ++s) { told[s] = s; }
        auto starting = ToldDraw(told);
        path_.start(chains, starting);
        auto mass = Mass(states_);
        for (std::size_t s = 0; s != states_; ++s) {
            BOOST_REQUIRE(bits_of(chains.states, kept_, s) == s);
            mass[s] = starting.probability(s);
        }
        return mass;
    }

    /// Multiplies each state's mass by its weight.
    auto weigh(Mass& mass, double from, double to) const -> void {
        auto chains = make(states_);
        for (std::size_t s = 0; s != states_; ++s) { set_bits(chains.states, kept_, s, s); }
        path_.weigh(chains, from, to);
        for (std::size_t s = 0; s != states_; ++s) { mass[s] *= std::exp(chains.log_weights[s]); }
    }

    auto sweep(Mass& mass, double at) -> void {
        auto& kernel = kernels_[at];
        if (kernel.empty()) { kernel = kernel_at(at); }
        auto next = Mass(states_, 0.0);
        for (std::size_t s = 0; s != states_; ++s) {
            for (std::size_t t = 0; t != states_; ++t) { next[t] += mass[s] * kernel[s][t]; }
        }
        mass = next;
    }

    /// log E[w] of a run that begins with this mass.
    auto anneal(Mass mass, std::vector<double> positions, std::size_t sweeps) -> double {
        for (std::size_t k = 1; k != positions.size(); ++k) {
            weigh(mass, positions[k - 1], positions[k]);
            for (std::size_t s = 0; k + 1 != positions.size() && s != sweeps; ++s) { sweep(mass, positions[k]); }
        }
        auto sum = 0.0;
        for (const auto m : mass) { sum += m; }
        return std::log(sum);
    }

private:
    auto make(std::size_t count) const -> nbm::AnnealedChains<double> {
        auto chains = path_.make_chains(count);
        for (std::size_t r = 0; visible_ && r != count; ++r) {
            for (std::size_t k = 0; k != path_.topology().size(0); ++k) { chains.states[0](r, k) = double(*visible_ >> k & 1U); }
            for (std::size_t l = 1; l != chains.states.size(); ++l) {
                for (std::size_t k = 0; k != chains.states[l].shape(1); ++k) {
                    chains.start_fields[l](r, k) = start_bias_ * (1.0 + 0.3 * double(k));
                }
            }
        }
        if (visible_) {
            auto unused = ToldDraw(std::vector<std::size_t>(count));
            path_.start(chains, unused);
        }
        return chains;
    }
    auto kernel_at(double at) const -> std::vector<Mass> {
        auto kernel = std::vector<Mass>(states_, Mass(states_, 0.0));
        for (std::size_t s = 0; s != states_; ++s) {
            auto draw = ToldDraw::all(drawn_);
            auto chains = make(draw.chains());
            for (std::size_t r = 0; r != draw.chains(); ++r) { set_bits(chains.states, kept_, r, s); }
            path_.sweep(chains, at, draw);
            BOOST_REQUIRE(draw.exhausted(drawn_));
            for (std::size_t r = 0; r != draw.chains(); ++r) { kernel[s][bits_of(chains.states, kept_, r)] += draw.probability(r); }
        }
        return kernel;
    }

    const Path& path_;
    std::optional<std::size_t> visible_;
    double start_bias_;
    std::size_t kept_;
    std::size_t states_;
    std::size_t drawn_;
    std::map<double, std::vector<Mass>> kernels_;
};

/// The distribution of a machine over the states of the layers first, first + 2, ..., by enumeration.
auto exact_mass(const nbm::DBM<double>& dbm, std::size_t first) -> Mass {
    const auto truth = oracle::Machine(dbm);
    auto mass = Mass(std::size_t{1} << units_from(dbm.topology(), first, 2), 0.0);
    auto states = dbm.make_states(1);
    auto z = 0.0;
    truth.for_each(1.0, [&](const oracle::State& x, double p) {
        oracle::put(x, states, 0);
        mass[bits_of(states, first, 0)] += p;
        z += p;
    });
    for (auto& m : mass) { m /= z; }
    return mass;
}

auto reversed(std::vector<double> values) -> std::vector<double> { return {values.rbegin(), values.rend()}; }

/// Forward and reverse AIS on a path, for several schedules and numbers of sweeps.
auto check_unbiased(const Path& path, double log_z_start, double log_z_end, const std::string& what) -> void {
    auto chain = Chain(path);
    const auto schedules =
        std::vector<nbm::Betas>{nbm::linear(2), nbm::linear(3), nbm::three_piece(5),
                                nbm::Betas(std::vector<double>{0.0, 0.05, 0.7, 1.0}), nbm::place_betas(path, 4, {.chains = 20})};
    const auto first_mass = chain.start();
    const auto last_mass = exact_mass(path.knots().back(), path.summed() == Parity::odd ? 0 : 1);
    for (const auto& betas : schedules) {
        const auto positions = path.refine(betas);
        for (const std::size_t sweeps : {1, 2}) {
            const auto forward = chain.anneal(first_mass, positions, sweeps) + log_z_start;
            const auto reverse = chain.anneal(last_mass, reversed(positions), sweeps) + log_z_end;
            BOOST_TEST(std::abs(std::expm1(forward - log_z_end)) < 1e-12, what << ", forward, " << positions.size());
            BOOST_TEST(std::abs(std::expm1(reverse - log_z_start)) < 1e-12, what << ", reverse, " << positions.size());
        }
    }
}

auto machines() -> std::vector<nbm::DBM<double>> {
    return {machine({6, 5}, 31, 2.0), machine({3, 3, 3}, 32, 1.5),
            machine(nbm::Topology({4, 3, 2, 2}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}}), 33, 1.5)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(weights_are_unbiased_for_every_base_path_and_parity) {
    for (const auto& dbm : machines()) {
        const auto log_z = oracle::Machine(dbm).log_z();
        const auto data = some_data(dbm.visible_size());
        for (const auto base : {nbm::Base::data, nbm::Base::uniform, nbm::Base::own_biases, nbm::Base::mean_field}) {
            const auto first = nbm::make_base(dbm, &data, base);
            for (const auto summed : {Parity::even, Parity::odd}) {
                const auto what =
                    dbm.topology().describe() + ", base " + std::to_string(int(base)) + ", parity " + std::to_string(int(summed));
                const auto geometric = Path({first, dbm}, summed);
                check_unbiased(geometric, geometric.log_z_start(), log_z, what + ", geometric");
                const auto moments = nbm::moment_path(first, dbm, summed, data,
                                                      {.knots = 3, .chains = 20, .burn_in = 10, .sweeps = 20, .updates = 20});
                BOOST_REQUIRE(moments.knots().size() == 3U);
                check_unbiased(moments, moments.log_z_start(), log_z, what + ", moments");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(weights_between_two_machines_are_unbiased) {
    // Neither end is without weights; the middle knot is another machine altogether.
    const auto base = machine({4, 2}, 34, 1.5);
    for (const auto& dbm : {machine({4, 3}, 35, 2.0), machine({4, 2, 2}, 36, 1.5)}) {
        const auto joined = nbm::join(base, dbm);
        const auto log_z_start = oracle::Machine(joined.start).log_z();
        const auto log_z_end = oracle::Machine(joined.end).log_z();
        const auto hidden = [](const nbm::DBM<double>& m) { return double(units_from(m.topology(), 1, 1)); };
        BOOST_TEST(log_z_start == oracle::Machine(base).log_z() + std::log(2.0) * hidden(dbm), boost::test_tools::tolerance(1e-13));
        BOOST_TEST(log_z_end == oracle::Machine(dbm).log_z() + std::log(2.0) * hidden(base), boost::test_tools::tolerance(1e-13));
        for (const auto summed : {Parity::even, Parity::odd}) {
            const auto first = summed == Parity::odd ? std::size_t{0} : std::size_t{1};
            const auto middle = machine(joined.start.topology(), 37, 1.0);
            for (const auto& path :
                 {Path({joined.start, joined.end}, summed), Path({joined.start, middle, joined.end}, summed, {0.0, 0.3, 1.0})}) {
                auto chain = Chain(path);
                const auto positions = path.refine(nbm::linear(4));
                const auto forward = chain.anneal(exact_mass(joined.start, first), positions, 1) + log_z_start;
                const auto reverse = chain.anneal(exact_mass(joined.end, first), reversed(positions), 1) + log_z_end;
                BOOST_TEST(std::abs(std::expm1(forward - log_z_end)) < 1e-12);
                BOOST_TEST(std::abs(std::expm1(reverse - log_z_start)) < 1e-12);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(weights_given_the_visible_layer_are_unbiased) {
    for (const auto& dbm : machines()) {
        const auto truth = oracle::Machine(dbm);
        auto sums = Mass(std::size_t{1} << dbm.visible_size(), 0.0);  // p(v) Z
        truth.for_each(1.0, [&](const oracle::State& x, double p) {
            auto v = std::size_t{0};
            for (std::size_t k = 0; k != x[0].size(); ++k) { v |= static_cast<std::size_t>(x[0][k]) << k; }
            sums[v] += p;
        });
        for (const auto summed : {Parity::even, Parity::odd}) {
            if (dbm.topology().is_rbm() && summed == Parity::odd) { continue; }  // no layer is left for the chain
            const auto path = Path::given_visible(dbm, summed);
            for (const std::size_t v : {0U, 5U, 7U}) {
                for (const auto start_bias : {0.0, 0.8}) {
                    auto chain = Chain(path, v, start_bias);
                    auto log_z_start = 0.0;
                    for (std::size_t l = 1; l != dbm.layer_count(); ++l) {
                        for (std::size_t k = 0; k != dbm.size(l); ++k) {
                            log_z_start += nbm::softplus(start_bias * (1.0 + 0.3 * double(k)));
                        }
                    }
                    auto visible = 0.0;
                    for (std::size_t k = 0; k != dbm.visible_size(); ++k) { visible += double(v >> k & 1U) * dbm.bias(0)[k]; }
                    for (const auto& betas : {nbm::linear(2), nbm::linear(4)}) {
                        const auto estimate = chain.anneal(chain.start(), path.refine(betas), 1) + log_z_start + visible;
                        BOOST_TEST(std::abs(std::expm1(estimate - std::log(sums[v]))) < 1e-12);
                    }
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(whole_runs_go_through_these_steps) {
    // Every trajectory of a tiny machine, through the very functions that AIS calls.
    const auto dbm = machine({2, 1, 1}, 38, 2.0);
    const auto data = some_data(2);
    const auto log_z = oracle::Machine(dbm).log_z();
    for (const auto summed : {Parity::even, Parity::odd}) {
        const auto path = Path({nbm::data_base(dbm, data), dbm}, summed);
        const auto first = summed == Parity::odd ? std::size_t{0} : std::size_t{1};
        const auto kept = units_from(dbm.topology(), first, 2);
        const auto positions = path.refine(nbm::linear(3));
        const auto down_positions = std::vector<double>(positions.rbegin(), positions.rend());
        for (const std::size_t sweeps : {1, 2}) {
            const auto bits = kept + 4 * sweeps;
            auto draw = ToldDraw::all(bits);
            auto chains = path.make_chains(draw.chains());
            path.start(chains, draw);
            nbm::anneal<double>(path, positions, sweeps, chains, draw, [](std::size_t) { return true; });
            BOOST_TEST(draw.exhausted(bits));
            auto sum = 0.0;
            for (std::size_t r = 0; r != draw.chains(); ++r) { sum += draw.probability(r) * std::exp(chains.log_weights[r]); }
            BOOST_TEST(std::abs(std::expm1(std::log(sum) + path.log_z_start() - log_z)) < 1e-12);

            const auto exact = exact_mass(dbm, first);
            sum = 0.0;
            for (std::size_t s = 0; s != exact.size(); ++s) {
                auto down = ToldDraw::all(4 * sweeps);
                auto samples = path.make_chains(down.chains());
                for (std::size_t r = 0; r != down.chains(); ++r) { set_bits(samples.states, first, r, s); }
                nbm::anneal<double>(path, down_positions, sweeps, samples, down, [](std::size_t) { return true; });
                BOOST_TEST(down.exhausted(4 * sweeps));
                for (std::size_t r = 0; r != down.chains(); ++r) {
                    sum += exact[s] * down.probability(r) * std::exp(samples.log_weights[r]);
                }
            }
            BOOST_TEST(std::abs(std::expm1(std::log(sum) + log_z - path.log_z_start())) < 1e-12);
        }
    }
}

BOOST_AUTO_TEST_CASE(raise_estimates_the_distribution_that_annealing_makes) {
    // p_ann by dynamic programming forward; its RAISE estimate over every trajectory backward.
    for (const auto& dbm : {machine({3, 1}, 39, 1.5), machine({2, 1, 1}, 40, 1.5)}) {
        const auto path = Path({nbm::data_base(dbm, some_data(dbm.visible_size())), dbm}, Parity::odd);
        const auto positions = path.refine(nbm::Betas(std::vector<double>{0.0, 0.4, 1.0}));
        const auto visible = std::size_t{1} << dbm.visible_size();
        const auto units = units_from(dbm.topology(), 0, 1);
        const auto even_hidden = units_from(dbm.topology(), 2, 2);
        auto chain = Chain(path);
        auto mass = chain.start();
        for (std::size_t k = 1; k != positions.size(); ++k) { chain.sweep(mass, positions[k]); }
        const auto truth = exact_mass(dbm, 0);
        auto p_ann = Mass(visible, 0.0);
        auto p = Mass(visible, 0.0);
        for (std::size_t s = 0; s != mass.size(); ++s) {
            p_ann[s % visible] += mass[s];
            p[s % visible] += truth[s];
        }
        auto mean_log_p = 0.0;
        auto mean_raise = 0.0;
        for (std::size_t v = 0; v != visible; ++v) {
            auto draw = ToldDraw::all(even_hidden + 2 * units);
            auto chains = path.make_chains(draw.chains());
            auto proposal = dbm.make_states(draw.chains());
            for (std::size_t l = 2; l < proposal.size(); l += 2) { proposal[l].fill(0.3); }
            for (std::size_t r = 0; r != draw.chains(); ++r) { set_bits(chains.states, 0, r, v); }
            nbm::raise_weights<double>(path, dbm, positions, 1, proposal, chains, draw, [](std::size_t) { return true; });
            BOOST_TEST(draw.exhausted(even_hidden + 2 * units));
            auto sum = 0.0;
            auto mean_log = 0.0;
            for (std::size_t r = 0; r != draw.chains(); ++r) {
                sum += draw.probability(r) * std::exp(chains.log_weights[r]);
                mean_log += draw.probability(r) * chains.log_weights[r];
            }
            BOOST_TEST(std::abs(sum / p_ann[v] - 1.0) < 1e-12);
            BOOST_TEST(mean_log < std::log(p_ann[v]));  // below in expectation
            mean_raise += p[v] * mean_log;
            mean_log_p += p[v] * std::log(p[v]);
        }
        BOOST_TEST(mean_raise < mean_log_p);
    }
}

BOOST_AUTO_TEST_CASE(wrong_paths_are_refused) {
    const auto dbm = machine({3, 2}, 41, 1.0);
    BOOST_CHECK_THROW(Path({dbm}, Parity::odd), nbm::InputError);
    BOOST_CHECK_THROW(Path({dbm, machine({3, 3}, 1, 1.0)}, Parity::odd), nbm::InputError);
    BOOST_CHECK_THROW(Path({dbm, dbm, dbm}, Parity::odd, {0.0, 0.7, 0.7}), nbm::InputError);
    BOOST_CHECK_THROW(Path({dbm, dbm, dbm}, Parity::odd, {0.0, 1.0}), nbm::InputError);
    const auto path = Path({dbm, dbm, dbm}, Parity::odd);
    BOOST_CHECK_THROW(path.log_z_start(), nbm::InputError);
    auto chains = path.make_chains(1);
    BOOST_CHECK_THROW(path.weigh(chains, 0.4, 0.6), nbm::InputError);
    BOOST_CHECK_THROW(nbm::place_betas(path, 10), nbm::InputError);
    BOOST_CHECK_THROW(nbm::place_betas(Path::given_visible(dbm, Parity::even), 10), nbm::InputError);
    BOOST_CHECK_THROW(Path::given_visible(dbm, Parity::even).log_z_start(), nbm::InputError);
    BOOST_CHECK_THROW(nbm::moment_path(dbm, dbm, Parity::odd, some_data(3)), nbm::InputError);
    BOOST_CHECK_THROW(nbm::moment_path(nbm::DBM<double>({3, 3}), dbm, Parity::odd, some_data(3)), nbm::InputError);
    BOOST_CHECK_THROW(nbm::make_base<double>(dbm, nullptr, nbm::Base::data), nbm::InputError);
    BOOST_CHECK_THROW(nbm::join(dbm, machine({4, 2}, 1, 1.0)), nbm::ShapeError);
}
