#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "oracle.hpp"

import nbm;

#include "machines.hpp"

namespace {

/// f() on the binary path and on the portable one.
template <class F>
auto on_both_paths(const F& f) {
    auto binary = f();
    nbm::set_binary_path(false);
    auto portable = f();
    nbm::set_binary_path(true);
    return std::pair(std::move(binary), std::move(portable));
}

auto rows_of(std::size_t rows, std::size_t units, bool grey = false) -> nbm::Matrix<float> {
    auto v = nbm::zero_matrix<float>(rows, units);
    const auto stream = nbm::Stream(4, nbm::Purpose::user);
    for (std::size_t r = 0; r != rows; ++r) {
        for (std::size_t k = 0; k != units; ++k) {
            const auto u = static_cast<float>(stream.uniform(0, r, k));
            v(r, k) = grey ? u : u < 0.4F ? 1.0F : 0.0F;
        }
    }
    return v;
}

auto machines() -> std::vector<nbm::DBM<float>> {
    auto all = std::vector<nbm::DBM<float>>{};
    for (const auto& topology : {nbm::Topology{783, 17}, nbm::Topology{17, 1}, nbm::Topology{1, 15}, nbm::Topology{31, 17, 9},
                                 nbm::Topology({31, 17, 9, 5}, {{0, 1}, {0, 3}, {1, 2}, {2, 3}})}) {
        all.push_back(machine<float>(topology, 7, topology.size(0) > 100 ? 0.05 : 0.3));
    }
    return all;
}

template <class A, class B>
auto distance(const A& a, const B& b) -> double {
    auto most = 0.0;
    for (std::size_t i = 0; i != a.size(); ++i) {
        const auto change = std::abs(double(a.data()[i]) - double(b.data()[i]));
        most = change <= most ? most : change;  // NaN, too
    }
    return most;
}

auto distance(const nbm::Gradient<float>& a, const nbm::Gradient<float>& b) -> double {
    auto most = 0.0;
    for (std::size_t l = 0; l != a.biases.size(); ++l) { most = std::max(most, distance(a.biases[l], b.biases[l])); }
    for (std::size_t s = 0; s != a.weights.size(); ++s) { most = std::max(most, distance(a.weights[s], b.weights[s])); }
    return most;
}

}  // namespace

BOOST_AUTO_TEST_CASE(positive_phases_agree) {
    for (const auto& dbm : machines()) {
        for (const std::size_t rows : {1, 3, 101}) {
            for (const auto grey : {false, true}) {
                const auto v = rows_of(rows, dbm.visible_size(), grey);
                const auto [a, b] = on_both_paths([&] {
                    auto phase = nbm::PositivePhase<float>({.steps = 50, .tolerance = 0.0});
                    phase.reserve(dbm, rows);
                    phase.run(dbm, v);
                    return phase;
                });
                for (std::size_t l = 0; l != dbm.layer_count(); ++l) { BOOST_TEST(distance(a.means()[l], b.means()[l]) < 1e-5); }
                for (std::size_t r = 0; r != rows; ++r) {
                    BOOST_TEST(std::abs(a.free_energies()[r] - b.free_energies()[r]) < 1e-3);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(gradients_and_chains_agree) {
    for (const auto& dbm : machines()) {
        for (const std::size_t rows : {1, 3, 101}) {
            for (const auto grey : {false, true}) {
                for (const auto weighted : {false, true}) {
                    const auto v = rows_of(rows, dbm.visible_size(), grey);
                    auto weights = std::vector<float>{};
                    for (std::size_t r = 0; weighted && r != rows; ++r) { weights.push_back(0.5F + float(r % 4)); }
                    const auto run = [&](auto trainer, std::size_t batch) {
                        trainer.begin(dbm, v, batch, 11, false);
                        auto g = nbm::zero_parameters(dbm);
                        const auto cost = trainer.gradient(dbm, v, g, weights);
                        auto states = nbm::States<float>{};
                        if constexpr (requires { trainer.chains(); }) { states = trainer.chains().states; }
                        return std::tuple(cost, g, states);
                    };
                    const auto check = [&](const auto& trainer, std::size_t batch) {
                        const auto [a, b] = on_both_paths([&] { return run(trainer, batch); });
                        const auto scale = weighted ? 2.0 : 1.0;
                        BOOST_TEST(std::abs(std::get<0>(a) - std::get<0>(b)) < 1e-3 * scale);
                        BOOST_TEST(distance(std::get<1>(a), std::get<1>(b)) < 1e-5 * scale);
                        BOOST_TEST((std::get<2>(a) == std::get<2>(b)));
                    };
                    check(nbm::CD<float>({.steps = 2}), rows + 5);  // fewer rows than chains
                    check(nbm::PCD<float>({.steps = 2, .chains = 37}), rows);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(annealing_agrees) {
    for (const auto& dbm : {machine<float>({15, 11}, 3, 0.5), machine<float>({9, 7, 5}, 4, 0.5)}) {
        const auto truth = nbm::exact_log_z(dbm);
        for (const auto summed : {nbm::Parity::even, nbm::Parity::odd}) {
            for (const std::size_t sweeps : {1, 2}) {
                for (const std::size_t runs : {1, 3, 101, 140, 600}) {
                    const auto samples = nbm::make_chains(dbm, runs, 5).states;
                    const auto run = [&](bool reverse) {
                        auto ais = nbm::AIS<float>(dbm, {.runs = runs,
                                                         .betas = nbm::three_piece(60),
                                                         .summed = summed,
                                                         .base = nbm::Base::own_biases,
                                                         .sweeps = sweeps});
                        const auto z = reverse ? ais.run_reverse_log_z(samples) : ais.run_log_z();
                        return std::pair(z, std::vector<double>(ais.log_weights().begin(), ais.log_weights().end()));
                    };
                    for (const auto reverse : {false, true}) {
                        const auto [a, b] = on_both_paths([&] { return run(reverse); });
                        auto others = std::size_t{0};
                        for (std::size_t r = 0; r != runs; ++r) { others += std::abs(a.second[r] - b.second[r]) < 1e-3 ? 0 : 1; }
                        // About 3,000 draws a run, each of which flips with a probability of some 1e-7.
                        BOOST_TEST(others <= 1 + runs / 100);
                        if (!reverse && runs > 100) {
                            for (const auto& z : {a.first, b.first}) { BOOST_TEST((z.low < truth && truth < z.high)); }
                        }
                    }
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(neither_threads_nor_more_runs_change_a_run) {
    const auto dbm = machine<float>({17, 9, 5}, 6, 0.5);
    const auto weights = [&](std::size_t runs) {
        auto ais = nbm::AIS<float>(dbm, {.runs = runs, .betas = 30, .base = nbm::Base::own_biases});
        ais.run_log_z();
        return std::vector<double>(ais.log_weights().begin(), ais.log_weights().end());
    };
    const auto all = weights(1100);
    for (const std::size_t threads : {1, 2, 5}) {
        nbm::set_threads(threads);
        for (const std::size_t runs : {1, 3, 101, 140, 600}) {
            const auto some = weights(runs);
            BOOST_TEST((std::equal(some.begin(), some.end(), all.begin())));
        }
        BOOST_TEST((weights(1100) == all));
    }
    nbm::set_threads(0);
    const auto rough = machine<double>({9, 5}, 6, 0.5);
    const auto [a, b] =
        on_both_paths([&] { return nbm::AIS<double>(rough, {.betas = 30, .base = nbm::Base::own_biases}).run_log_z().value; });
    BOOST_TEST(a == b);
}
