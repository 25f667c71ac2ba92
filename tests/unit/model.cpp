#include <boost/test/unit_test.hpp>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "oracle.hpp"

import nbm;

namespace {

using nbm::Parity;

/// An RBM, a 3-layer DBM, and 4 layers with a skip connection; parameters with standard deviation 1.5.
auto machines() -> std::vector<nbm::DBM<double>> {
    auto result = std::vector<nbm::DBM<double>>{};
    result.emplace_back(nbm::Topology{4, 3});
    result.emplace_back(nbm::Topology{3, 4, 2});
    result.emplace_back(nbm::Topology({3, 2, 2, 3}, {{0, 1}, {1, 2}, {2, 3}, {0, 3}}));
    for (std::size_t i = 0; i != result.size(); ++i) { oracle::randomise(result[i], 10 + i, 1.5); }
    return result;
}

/// All joint states, one a row.
auto all_states(const nbm::DBM<double>& dbm, const oracle::Machine& truth) -> nbm::States<double> {
    auto states = dbm.make_states(truth.state_count());
    for (std::size_t n = 0; n != truth.state_count(); ++n) { oracle::put(truth.state(n), states, n); }
    return states;
}

auto rejects(std::vector<std::size_t> sizes, std::vector<nbm::Edge> edges, const std::string& mention) -> bool {
    try {
        nbm::Topology(std::move(sizes), std::move(edges));
    } catch (const nbm::InputError& error) { return std::string(error.what()).find(mention) != std::string::npos; }
    return false;
}

constexpr auto tight = 1e-10;

}  // namespace

BOOST_AUTO_TEST_CASE(topologies_are_validated) {
    BOOST_TEST(rejects({4}, {}, "at least 2"));
    BOOST_TEST(rejects({4, 0}, {{0, 1}}, "layer 1 has no units"));
    BOOST_TEST(rejects({4, 3}, {{0, 2}}, "edge 0-2: there are only layers 0 to 1"));
    BOOST_TEST(rejects({4, 3}, {{1, 0}}, "edge 1-0"));
    BOOST_TEST(rejects({4, 3}, {{1, 1}}, "edge 1-1"));
    BOOST_TEST(rejects({4, 3, 2}, {{0, 1}, {0, 2}}, "same parity"));
    BOOST_TEST(rejects({4, 3}, {{0, 1}, {0, 1}}, "listed twice"));
    BOOST_TEST(rejects({4, 3, 2, 2}, {{0, 1}, {1, 2}}, "layer 3 has no edge"));
    const auto skip = nbm::Topology({3, 2, 2, 3}, {{0, 3}, {0, 1}, {1, 2}, {2, 3}});
    BOOST_TEST(skip.units(Parity::even) == 5U);
    BOOST_TEST(skip.units(Parity::odd) == 5U);
    BOOST_TEST(!skip.is_rbm());
    BOOST_TEST(skip.describe() == "3-2-2-3 with edges 0-1 0-3 1-2 2-3");
    BOOST_TEST(nbm::Topology({784, 500}).describe() == "784-500");
}

BOOST_AUTO_TEST_CASE(energies_equal_enumeration) {
    for (const auto& dbm : machines()) {
        const auto truth = oracle::Machine(dbm);
        const auto energies = dbm.energy(all_states(dbm, truth));
        for (std::size_t n = 0; n != truth.state_count(); ++n) {
            BOOST_REQUIRE_SMALL(energies[n] - truth.energy(truth.state(n)), tight);
        }
    }
}

BOOST_AUTO_TEST_CASE(conditionals_equal_enumeration_of_the_joint) {
    for (const auto& dbm : machines()) {
        const auto truth = oracle::Machine(dbm);
        const auto states = all_states(dbm, truth);
        for (const auto beta : {1.0, 0.3}) {
            auto bit = std::size_t{0};
            for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
                auto p = nbm::Matrix<double>::from_shape({1, 1});
                dbm.conditional(l, states, p, beta);
                for (std::size_t k = 0; k != dbm.size(l); ++k, ++bit) {
                    for (std::size_t n = 0; n != truth.state_count(); ++n) {
                        const auto on = n | std::size_t{1} << bit;
                        const auto off = on ^ std::size_t{1} << bit;
                        const auto w1 = std::exp(-beta * truth.energy(truth.state(on)));
                        const auto w0 = std::exp(-beta * truth.energy(truth.state(off)));
                        BOOST_REQUIRE_SMALL(p(n, k) - w1 / (w0 + w1), tight);
                    }
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(free_energies_of_both_parities_equal_enumeration) {
    for (const auto& dbm : machines()) {
        const auto truth = oracle::Machine(dbm);
        const auto states = all_states(dbm, truth);
        for (const auto beta : {1.0, 0.4, 0.0}) {
            for (const auto summed : {Parity::even, Parity::odd}) {
                const auto f = dbm.free_energy(states, summed, beta);
                for (std::size_t n = 0; n != truth.state_count(); ++n) {
                    const auto kept = truth.state(n);
                    auto sum = 0.0;
                    truth.for_each(beta, [&](const oracle::State& x, double p) {
                        auto same = true;
                        for (std::size_t l = 0; l != x.size(); ++l) {
                            same = same && (nbm::parity_of(l) == summed || x[l] == kept[l]);
                        }
                        sum += same ? p : 0.0;
                    });
                    BOOST_REQUIRE_SMALL(f[n] + std::log(sum), tight);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(free_energy_of_visible_units_gives_their_probability) {
    const auto dbm = machines()[0];
    const auto truth = oracle::Machine(dbm);
    auto v = nbm::zero_matrix<double>(16, 4);
    for (std::size_t n = 0; n != 16; ++n) {
        for (std::size_t k = 0; k != 4; ++k) { v(n, k) = double(n >> k & 1U); }
    }
    const auto f = dbm.free_energy(v);
    for (std::size_t n = 0; n != 16; ++n) {
        auto sum = 0.0;
        for (std::size_t h = 0; h != 8; ++h) { sum += std::exp(-truth.energy(truth.state(n | h << 4U))); }
        BOOST_REQUIRE_SMALL(f[n] + std::log(sum), tight);
    }
    BOOST_CHECK_THROW(machines()[1].free_energy(nbm::zero_matrix<double>(1, 3)), nbm::InputError);
    BOOST_CHECK_THROW(dbm.free_energy(nbm::zero_matrix<double>(1, 3)), nbm::ShapeError);
}

BOOST_AUTO_TEST_CASE(fields_sum_over_the_asked_direction) {
    const auto dbm = machines()[2];
    const auto truth = oracle::Machine(dbm);
    const auto states = all_states(dbm, truth);
    for (std::size_t l = 0; l != 4; ++l) {
        auto both = nbm::Matrix<double>::from_shape({1, 1});
        auto up = both;
        auto down = both;
        dbm.field(l, states, both);
        dbm.field(l, states, up, nbm::Direction::up);
        dbm.field(l, states, down, nbm::Direction::down);
        for (const std::size_t n : {std::size_t{0}, std::size_t{77}, truth.state_count() - 1}) {
            const auto x = truth.state(n);
            for (std::size_t k = 0; k != dbm.size(l); ++k) {
                auto below = truth.biases[l][k];
                auto above = truth.biases[l][k];
                for (const auto& e : truth.edges) {
                    for (std::size_t i = 0; e.upper == l && i != x[e.lower].size(); ++i) {
                        below += x[e.lower][i] * e.weights[i][k];
                    }
                    for (std::size_t j = 0; e.lower == l && j != x[e.upper].size(); ++j) {
                        above += x[e.upper][j] * e.weights[k][j];
                    }
                }
                BOOST_REQUIRE_SMALL(up(n, k) - below, tight);
                BOOST_REQUIRE_SMALL(down(n, k) - above, tight);
                BOOST_REQUIRE_SMALL(both(n, k) - (below + above - truth.biases[l][k]), tight);
            }
        }
    }
    auto out = nbm::Matrix<double>::from_shape({1, 1});
    BOOST_CHECK_THROW(dbm.field(0, nbm::DBM<double>({3, 2}).make_states(1), out), nbm::ShapeError);
}

BOOST_AUTO_TEST_CASE(the_upward_pass_compensates_weights_not_biases) {
    const auto dbm = machines()[1];
    const auto truth = oracle::Machine(dbm);
    const auto v = nbm::Matrix<double>({{1.0, 0.0, 1.0}, {0.2, 0.9, 0.5}});
    const auto states = dbm.propup(v);
    for (std::size_t r = 0; r != 2; ++r) {
        for (std::size_t j = 0; j != 4; ++j) {
            auto z = 0.0;
            for (std::size_t i = 0; i != 3; ++i) { z += v(r, i) * truth.edges[0].weights[i][j]; }
            BOOST_TEST(states[1](r, j) == nbm::sigmoid(truth.biases[1][j] + 2.0 * z), boost::test_tools::tolerance(tight));
        }
        for (std::size_t k = 0; k != 2; ++k) {
            auto z = 0.0;
            for (std::size_t j = 0; j != 4; ++j) { z += states[1](r, j) * truth.edges[1].weights[j][k]; }
            BOOST_TEST(states[2](r, k) == nbm::sigmoid(truth.biases[2][k] + z), boost::test_tools::tolerance(tight));
        }
    }
}

BOOST_AUTO_TEST_CASE(float_machines_agree_with_double_ones) {
    const auto exact = machines()[2];
    auto single = nbm::DBM<float>(exact.topology());
    for (std::size_t l = 0; l != 4; ++l) {
        for (std::size_t k = 0; k != exact.size(l); ++k) { single.bias(l)[k] = static_cast<float>(exact.bias(l)[k]); }
    }
    for (std::size_t s = 0; s != 4; ++s) {
        for (std::size_t i = 0; i != exact.synapses()[s].weights.size(); ++i) {
            single.synapses()[s].weights.data()[i] = static_cast<float>(exact.synapses()[s].weights.data()[i]);
        }
    }
    const auto truth = oracle::Machine(exact);
    auto states = single.make_states(truth.state_count());
    for (std::size_t n = 0; n != truth.state_count(); ++n) { oracle::put(truth.state(n), states, n); }
    const auto f = single.free_energy(states, Parity::odd);
    const auto g = exact.free_energy(all_states(exact, truth), Parity::odd);
    for (std::size_t n = 0; n != truth.state_count(); ++n) { BOOST_REQUIRE_SMALL(f[n] - g[n], 1e-5); }
}

BOOST_AUTO_TEST_CASE(weights_are_found_by_their_layers) {
    auto dbm = machines()[2];
    BOOST_TEST((&dbm.weights(0, 3) == &dbm.synapses()[1].weights));
    BOOST_CHECK_THROW(dbm.weights(0, 2), nbm::InputError);
}
