#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../modules/kernels/kernels.hpp"

import nbm;

#include "kernel_helpers.hpp"

namespace {

constexpr std::size_t unit_counts[] = {1, 15, 17, 783};
constexpr std::size_t chain_counts[] = {1, 3, 20, 40, 60, 80, 96, 101, 128, 1000};  // bundles of all sizes, and several

Guarded<float> fields(const Layout& layout, std::uint64_t seed, Kind kind) {
    auto z = Guarded<float>(layout.room() * 4);
    for (std::size_t i = 0; i != z.size(); ++i) { z[i] = static_cast<float>(Noise(seed, kind)(i)); }
    return z;
}

bool on(Guarded<std::uint32_t>& states, const Layout& layout, std::size_t chain, std::size_t unit, std::size_t units) {
    return (states[layout.state(chain, unit, units)] >> unit % 4 & 1U) != 0;
}

bool close(double x, double wanted, double bound) { return (std::isnan(x) && std::isnan(wanted)) || std::abs(x - wanted) <= bound; }

}  // namespace

BOOST_AUTO_TEST_CASE(fields_are_sums_of_weights) {
    for (const auto units : unit_counts) {
        for (const auto chains : chain_counts) {
            for (const auto by_column : {false, true}) {
                for (const auto kind : {Kind::ordinary, Kind::huge}) {
                    same_bits([&](const kernels::Kernels& set) {
                        auto bits = Bits();
                        const auto layout = Layout{chains};
                        constexpr std::size_t receiving = 23;  // of the second group, each number of units up to 12
                        auto w = Guarded<float>(units * receiving);
                        for (std::size_t i = 0; i != w.size(); ++i) { w[i] = static_cast<float>(Noise(1, kind)(i)); }
                        auto states = random_states(layout, units, 2, 15U);  // padding may hold anything that is an index
                        auto tables = Guarded<float>(kernels::table_numbers(units));
                        auto bias = Guarded<float>(receiving);
                        for (std::size_t j = 0; j != receiving; ++j) { bias[j] = float(j) - 2.5F; }
                        const auto counts = chains == 3 ? std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
                                                        : std::vector<std::size_t>{5, 12};
                        for (const auto count : counts) {
                            const auto r = count == 12 ? kernels::Receivers{0, 12} : kernels::Receivers{12, count};
                            const auto quad_fields = layout.room() * 4;
                            auto z = Guarded<float>(quads_of(r.count) * quad_fields, 9.0F);
                            set.binary.set_fields(bias.data(), r, layout.bundles, z.data());
                            const auto senders = kernels::Senders{
                                w.data(), by_column ? 1 : receiving, by_column ? units : 1, units, states.data(), -0.75F};
                            set.binary.add_fields(senders, r, layout.bundles, tables.data(), z.data());
                            auto wrong = 0;
                            for (std::size_t c = 0; c != chains; ++c) {
                                for (std::size_t a = 0; a != r.count; ++a) {
                                    auto sum = double(bias[r.first + a]);
                                    auto size = std::abs(sum);
                                    for (std::size_t i = 0; i != units; ++i) {
                                        if (!on(states, layout, c, i, units)) { continue; }
                                        const auto x = 0.75 * double(by_column ? w[i + (r.first + a) * units]
                                                                               : w[i * receiving + r.first + a]);
                                        sum -= x;
                                        size += std::abs(x);
                                    }
                                    // Each number passes at most 3 roundings in a table, one a quad and 3 at the end.
                                    const auto found = double(z[a / 4 * quad_fields + layout.field(c, a % 4)]);
                                    wrong += close(found, sum, double(quads_of(units) + 6) * 0x1p-24 * size) ? 0 : 1;
                                }
                            }
                            BOOST_TEST(wrong == 0);
                            bits.add(z);
                            BOOST_TEST(tables.is_whole());
                            set.binary.set_fields(nullptr, r, layout.bundles, z.data());
                            for (std::size_t i = 0; i != z.size(); ++i) { wrong += z[i] == 0.0F ? 0 : 1; }
                            BOOST_TEST(wrong == 0);
                        }
                        return bits;
                    });
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(states_are_packed_and_unpacked) {
    for (const auto units : unit_counts) {
        for (const auto chains : chain_counts) {
            same_bits([&](const kernels::Kernels& set) {
                auto bits = Bits();
                const auto layout = Layout{chains};
                auto wanted = random_states(layout, units, 3);
                const auto stride = units + 3;
                const auto nan = std::numeric_limits<float>::quiet_NaN();  // between rows, where nobody may look
                auto rows = Guarded<float>(chains * stride, nan);
                auto columns = Guarded<float>(units * (chains + 5), nan);
                for (std::size_t c = 0; c != chains; ++c) {
                    for (std::size_t k = 0; k != units; ++k) {
                        rows[c * stride + k] = columns[k * (chains + 5) + c] = on(wanted, layout, c, k, units) ? 1.0F : 0.0F;
                    }
                }
                auto by_rows = Guarded<std::uint32_t>(wanted.size(), 99);
                auto by_columns = Guarded<std::uint32_t>(wanted.size(), 99);
                auto back = Guarded<float>(chains * stride, 5.0F);
                for (std::size_t b = 0; b != layout.blocks; ++b) {
                    const auto count = std::min<std::size_t>(16, chains - b * 16);
                    auto* row = rows.data() + b * 16 * stride;
                    BOOST_TEST(set.binary.pack_rows(row, stride, count, units, layout.bundles, b, by_rows.data()));
                    BOOST_TEST(set.binary.pack_columns(columns.data() + b * 16, chains + 5, count, units, layout.bundles, b,
                                                       by_columns.data()));
                    set.binary.unpack_rows(by_rows.data(), layout.bundles, b, units, count, back.data() + b * 16 * stride, stride);
                }
                auto wrong = 0;
                for (std::size_t i = 0; i != wanted.size(); ++i) {
                    wrong += by_rows[i] == wanted[i] && by_columns[i] == wanted[i] ? 0 : 1;
                }
                for (std::size_t c = 0; c != chains; ++c) {
                    for (std::size_t k = 0; k != stride; ++k) {
                        wrong += back[c * stride + k] == (k < units ? rows[c * stride + k] : 5.0F) ? 0 : 1;
                    }
                }
                BOOST_TEST(wrong == 0);
                const auto last = (chains - 1) % 16;
                const auto b = layout.blocks - 1;
                for (const auto strange :
                     {0.5F, 2.0F, -1.0F, -0.0F, nan, 1e-45F, std::numeric_limits<float>::infinity(), 1.0000001F}) {
                    for (const auto unit : {std::size_t{0}, units / 2, units - 1}) {
                        auto& r = rows[(chains - 1) * stride + unit];
                        auto& c = columns[unit * (chains + 5) + chains - 1];
                        const auto kept = std::exchange(r, strange);
                        c = strange;
                        BOOST_TEST(!set.binary.pack_rows(rows.data() + b * 16 * stride, stride, last + 1, units, layout.bundles, b,
                                                         by_rows.data()));
                        BOOST_TEST(!set.binary.pack_columns(columns.data() + b * 16, chains + 5, last + 1, units, layout.bundles, b,
                                                            by_columns.data()));
                        r = c = kept;
                    }
                }
                bits.add(by_rows);
                bits.add(by_columns);
                return bits;
            });
        }
    }
}

BOOST_AUTO_TEST_CASE(units_are_drawn_and_summed) {
    const auto stream = nbm::Stream(0xFEDCBA987654321ULL, nbm::Purpose::chains);
    constexpr std::size_t units = 11;
    for (const auto chains : chain_counts) {
        for (const auto kind : all_kinds) {
            for (const std::size_t first_row : {std::size_t{0}, std::size_t{300}, std::size_t{0xFFFFFFF0U}}) {
                same_bits([&](const kernels::Kernels& set) {
                    auto bits = Bits();
                    const auto layout = Layout{chains};
                    const auto random =
                        kernels::Randomness{stream.counter(77, static_cast<std::uint32_t>(first_row), 0), stream.key()};
                    const auto room = layout.room();
                    float base[4] = {0.5F, -1.0F, 0.25F, 3.0F};
                    float gains[4] = {1.0F, 10.0F, 100.0F, 1000.0F};
                    for (const std::size_t first : {4, 8}) {
                        const auto r = kernels::Receivers{first, std::min<std::size_t>(4, units - first)};
                        for (const auto mode : {0, 1, 2, 3, 4, 5}) {  // draw, with gains, activate in 3 ways, anneal
                            auto z = fields(layout, 5, kind);
                            auto before = fields(layout, 5, kind);
                            auto states = Guarded<std::uint32_t>(room * 3, 99);
                            auto gain = Guarded<float>(room, 0.5F);
                            auto positive = Guarded<float>(room, 0.25F);
                            auto product = Guarded<float>(room, 2.0F);
                            auto divisor = Guarded<float>(room, 3.0F);
                            const auto now = 0.75F;
                            if (mode < 2) {
                                set.binary.draw(z.data(), r, layout.bundles, {mode == 0 ? nullptr : base, now}, random, 3,
                                                states.data(), mode == 0 ? nullptr : gains, mode == 0 ? nullptr : gain.data());
                            } else if (mode < 5) {
                                set.binary.activate(z.data(), r, layout.bundles, mode == 2 ? nullptr : &random, 3, states.data(),
                                                    {positive.data(), product.data()}, mode != 4);
                            } else {
                                set.binary.anneal(z.data(), r, layout.bundles, {base, 0.25F}, now, &random, 3, states.data(),
                                                  {positive.data(), product.data(), divisor.data()});
                            }
                            auto wrong = 0;
                            for (std::size_t c = 0; c != chains; ++c) {
                                auto wanted_gain = 0.5;
                                auto sum = 0.25 + std::log(2.0) - (mode == 5 ? std::log(3.0) : 0.0);
                                auto size = 4.0;
                                for (std::size_t a = 0; a != r.count; ++a) {
                                    const auto x = before[layout.field(c, a)];
                                    const auto b = mode == 1 || mode == 5 ? base[a] : 0.0F;
                                    const auto y = mode < 2 || mode == 5 ? double(b + (x - b) * now) : double(x);
                                    const auto p = plain_sigmoid(y);
                                    const auto is_on = on(states, layout, c, first + a, units);
                                    if (mode != 2) {
                                        const auto u = uniform_of(stream, 77, (first_row + c) & 0xFFFFFFFFU, first + a);
                                        wrong += is_right_draw(is_on, u, p) ? 0 : 1;
                                    }
                                    wanted_gain += is_on ? double(gains[a]) : 0.0;
                                    sum += plain_softplus(y) - (mode == 5 ? plain_softplus(double(b + (x - b) * 0.25F)) : 0.0);
                                    size += std::abs(y) + std::abs(double(x));
                                    const auto kept = mode == 2 || mode == 3 ? p : double(x);
                                    wrong +=
                                        close(double(z[layout.field(c, a)]), kept, mode == 2 || mode == 3 ? 1e-6 : 0.0) ? 0 : 1;
                                }
                                if (mode == 1) { wrong += double(gain[c]) == wanted_gain ? 0 : 1; }
                                if (mode >= 2) {
                                    const auto found = double(positive[c]) + std::log(double(product[c])) -
                                                       (mode == 5 ? std::log(double(divisor[c])) : 0.0);
                                    wrong += close(found, sum, 1e-6 * size) ? 0 : 1;
                                }
                                for (std::size_t k = 0; k < units; k += 4) {  // the other quads stay as they were
                                    if (k != first || mode == 2) { wrong += states[layout.state(c, k, units)] == 99 ? 0 : 1; }
                                }
                                if (mode != 2) { wrong += states[layout.state(c, first, units)] >> r.count == 0 ? 0 : 1; }
                            }
                            BOOST_TEST_CONTEXT("mode " << mode << " chains " << chains) { BOOST_TEST(wrong == 0); }
                            bits.add(z);
                            bits.add(states);
                            for (auto* part : {&gain, &positive, &product, &divisor}) { bits.add(*part); }
                        }
                    }
                    return bits;
                });
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(fields_are_stored) {
    for (const auto chains : chain_counts) {
        same_bits([&](const kernels::Kernels& set) {
            auto bits = Bits();
            const auto layout = Layout{chains};
            auto z = fields(layout, 6, Kind::ordinary);
            for (const std::size_t first : {4, 8}) {
                const auto r = kernels::Receivers{first, first == 4 ? std::size_t{4} : std::size_t{3}};
                auto rows = Guarded<float>(chains * 12, 0.5F);
                auto columns = Guarded<float>(chains * 12, 0.5F);
                set.binary.store_rows(z.data(), r, layout.bundles, chains, rows.data(), 12);
                set.binary.store_columns(z.data(), r, layout.bundles, chains, columns.data(), chains);
                auto wrong = 0;
                for (std::size_t c = 0; c != chains; ++c) {
                    for (std::size_t k = 0; k != 12; ++k) {
                        const auto inside = k >= first && k < first + r.count;
                        const auto wanted = inside ? z[layout.field(c, k - first)] : 0.5F;
                        wrong += rows[c * 12 + k] == wanted && columns[k * chains + c] == wanted ? 0 : 1;
                    }
                }
                BOOST_TEST(wrong == 0);
                bits.add(rows);
                bits.add(columns);
            }
            return bits;
        });
    }
}

BOOST_AUTO_TEST_CASE(parts_are_collected_without_overflow) {
    for (const std::size_t count : {1, 83, 84, 85, 180}) {
        for (const std::size_t chains : {1, 3, 101}) {
            same_bits([&](const kernels::Kernels& set) {
                const auto stride = Layout{chains}.room();
                auto positive = Guarded<float>(count * stride, 0.5F);
                auto product = Guarded<float>(count * stride, 4096.0F);
                auto divisor = Guarded<float>(count * stride);
                for (std::size_t i = 0; i != divisor.size(); ++i) { divisor[i] = 1.0F + float(i % 7); }
                auto bits = Bits();
                for (const auto factors : {0, 1, 2}) {
                    auto sums = Guarded<double>(chains, 3.0);
                    set.binary.collect(
                        {positive.data(), factors > 0 ? product.data() : nullptr, factors > 1 ? divisor.data() : nullptr}, count,
                        stride, chains, sums.data());
                    for (std::size_t c = 0; c != chains; ++c) {
                        auto wanted = 3.0 + 0.5 * double(count) + (factors > 0 ? double(count) * 12.0 * std::log(2.0) : 0.0);
                        for (std::size_t p = 0; factors > 1 && p != count; ++p) {
                            wanted -= std::log(double(divisor[p * stride + c]));
                        }
                        BOOST_TEST(sums[c] == wanted, boost::test_tools::tolerance(1e-12));
                    }
                    bits.add(sums);
                }
                return bits;
            });
        }
    }
}
