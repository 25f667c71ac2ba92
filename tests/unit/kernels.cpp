#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../modules/kernels/kernels.hpp"

import nbm;

#include "kernel_helpers.hpp"

namespace {

template <class T>
const kernels::RowKernels<T>& rows_of(const kernels::Kernels& k) {
    if constexpr (std::is_same_v<T, float>) {
        return k.float_rows;
    } else {
        return k.double_rows;
    }
}

template <class T>
Guarded<T> row(std::size_t n, std::uint64_t seed, Kind kind) {
    auto z = Guarded<T>(n);
    for (std::size_t i = 0; i != n; ++i) { z[i] = static_cast<T>(Noise(seed, kind)(i)); }
    return z;
}

template <class T>
double plain_uniform(const nbm::Stream& stream, std::size_t row, std::size_t unit) {
    return std::is_same_v<T, float> ? uniform_of(stream, 9, row, unit) : stream.uniform(9, row, unit);
}

/// |x - wanted| is at most a few roundings of the largest term; both may be NaN.
template <class T>
void near(double x, double wanted, double scale) {
    const auto bound = (std::is_same_v<T, float> ? 2e-6 : 5e-14) * (1.0 + scale);
    if (!(std::isnan(x) && std::isnan(wanted)) && !(std::abs(x - wanted) <= bound)) {
        BOOST_ERROR(x << " is not " << wanted << " within " << bound);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(rows, T, decltype(std::tuple<float, double>{})) {
    const auto stream = nbm::Stream(0x123456789ABCDEFULL, nbm::Purpose::ais);
    for (const auto n : {1U, 15U, 16U, 17U, 64U, 65U, 783U, 2000U}) {
        for (const auto kind : all_kinds) {
            same_bits([&](const kernels::Kernels& set) {
                const auto& k = rows_of<T>(set);
                auto bits = Bits();
                const auto x = row<T>(n, 1, kind);
                const auto values = [&, z = x](std::size_t i) mutable { return double(z[i]); };
                auto softplus = 0.0L;
                auto magnitudes = 0.0;
                for (std::size_t i = 0; i != n; ++i) {
                    auto v = values;
                    softplus += (long double)plain_softplus(v(i));
                    magnitudes += std::abs(v(i));
                }
                {
                    auto z = row<T>(n, 1, kind);
                    k.activate(z.data(), n, T{0.5});
                    auto v = values;
                    for (std::size_t i = 0; i != n; ++i) { near<T>(double(z[i]), plain_sigmoid(0.5 * v(i)), 0.0); }
                    bits.add(z);
                }
                {
                    auto z = row<T>(n, 1, kind);
                    const auto sum = k.softplus(z.data(), n, T{1});
                    near<T>(sum, double(softplus), magnitudes + n);
                    bits.add(sum);
                    const auto same = k.activate_and_sum(z.data(), n);
                    BOOST_TEST((same == sum || std::isnan(sum)));
                    auto v = values;
                    for (std::size_t i = 0; i != n; ++i) { near<T>(double(z[i]), plain_sigmoid(v(i)), 0.0); }
                    bits.add(same);
                    bits.add(z);
                }
                for (const auto has_base : {false, true}) {
                    auto z = row<T>(n, 1, kind);
                    auto base = row<T>(n, 2, Kind::ordinary);
                    const auto sum = k.anneal(z.data(), has_base ? base.data() : nullptr, n, T(0.25), T(0.75));
                    auto wanted = 0.0L;
                    auto v = values;
                    for (std::size_t i = 0; i != n; ++i) {
                        const auto b = has_base ? double(base[i]) : 0.0;
                        const auto y = b + 0.75 * (v(i) - b);
                        wanted += plain_softplus(y) - plain_softplus(b + 0.25 * (v(i) - b));
                        near<T>(double(z[i]), y, std::abs(v(i)));
                    }
                    near<T>(sum, double(wanted), magnitudes + 3.0 * n);
                    bits.add(sum);
                    bits.add(z);
                }
                {
                    auto z = row<T>(n, 1, kind);
                    auto y = row<T>(n, 3, Kind::ordinary);
                    auto dot = 0.0;
                    auto size = 0.0;
                    for (std::size_t i = 0; i != n; ++i) {
                        const auto product = double(z[i]) * double(y[i]);
                        dot += product;
                        size += std::abs(product);
                    }
                    const auto sum = k.dot(z.data(), y.data(), n);
                    near<double>(sum, dot, 100.0 * size);
                    bits.add(sum);
                }
                {
                    auto means = row<T>(n, 4, Kind::ordinary);
                    auto before = row<T>(n, 4, Kind::ordinary);
                    auto input = row<T>(n, 1, kind);
                    auto constant = row<T>(n, 3, Kind::ordinary);
                    const auto change = k.update_means(means.data(), input.data(), constant.data(), n, T(0.75));
                    auto most = 0.0;
                    for (std::size_t i = 0; i != n; ++i) {
                        near<T>(double(means[i]), plain_sigmoid(0.75 * (double(input[i]) + double(constant[i]))), 0.0);
                        const auto moved = double(std::abs(T(before[i] - means[i])));
                        most = moved > most || std::isnan(moved) ? moved : most;
                    }
                    BOOST_TEST((double(change) == most || (std::isnan(most) && std::isnan(change))));
                    bits.add(change);
                    bits.add(means);
                }
                {
                    // Probabilities, among them 0, 1 and ones near them; what is none counts nothing.
                    auto q = row<T>(n, 5, kind);
                    auto wanted = 0.0;
                    for (std::size_t i = 0; i != n; ++i) {
                        q[i] = i % 7 == 3 ? T(0) : i % 7 == 4 ? T(1) : i % 7 == 5 ? T(1e-6) : T(plain_sigmoid(double(q[i])));
                        const auto p = double(q[i]);
                        if (p > 0.0 && p < 1.0) { wanted -= p * std::log(p) + (1.0 - p) * std::log1p(-p); }
                    }
                    const auto sum = k.entropy(q.data(), n);
                    near<T>(sum, wanted, 0.3 * n);
                    bits.add(sum);
                }
                for (const auto which : {0, 1, 2}) {
                    for (const auto in_place : {false, true}) {
                        if (which == 1 && in_place) { continue; }
                        auto in = row<T>(n, 1, kind);
                        auto p = std::vector<double>(n);
                        for (std::size_t i = 0; i != n; ++i) {
                            if (which == 2) { in[i] = T(plain_sigmoid(double(in[i]))); }
                            p[i] = which == 2 ? double(in[i]) : plain_sigmoid(double(in[i]));
                        }
                        auto other = Guarded<T>(n, T{5});
                        auto& out = in_place ? in : other;
                        const auto sample = which == 0   ? k.sample_logits
                                            : which == 1 ? k.activate_and_sample
                                                         : k.sample_probabilities;
                        sample(in.data(), n, out.data(), stream.counter(9, 5, 0), stream.key());
                        auto wrong = 0;
                        for (std::size_t i = 0; i != n; ++i) {
                            const auto u = plain_uniform<T>(stream, 5, i);
                            const auto near_p = std::is_same_v<T, float> ? 1e-6 : 1e-12;
                            const auto good = std::isnan(p[i])
                                                  ? out[i] == T{0}
                                                  : (out[i] == T{0} || out[i] == T{1}) &&
                                                        ((out[i] == T{1}) == (u < p[i]) || std::abs(u - p[i]) < near_p);
                            wrong += good ? 0 : 1;
                            if (which == 1) { near<T>(double(in[i]), p[i], 0.0); }
                        }
                        BOOST_TEST(wrong == 0);
                        bits.add(in);
                        bits.add(other);
                    }
                }
                return bits;
            });
        }
    }
}

BOOST_AUTO_TEST_CASE(enumeration) {
    constexpr std::size_t columns = 37;
    for (const std::size_t middle : {0, 1, 3, 5}) {
        for (const auto scale : {1.0, 30.0}) {  // with scale 30 all runs are wide
            same_bits([&](const kernels::Kernels& set) {
                const auto runs = std::array<kernels::Run, 3>{{{0, 8, scale > 1.0}, {8, 20, true}, {20, columns, scale > 1.0}}};
                const auto is_wide = [&](std::size_t j) { return scale > 1.0 || (j >= 8 && j < 20); };
                const auto noise = Noise(3);
                const auto z_low = [&](std::size_t j, std::size_t i) {
                    auto z = 0.0;
                    for (std::size_t u = 0; u != 5; ++u) { z += (i >> u & 1U) != 0 ? scale * noise(j * 5 + u) : 0.0; }
                    return z;
                };
                const auto z_middle = [&](std::size_t u, std::size_t j) { return scale * noise(1000 + u * columns + j); };
                const auto z_high = [&](std::size_t j) { return scale * noise(2000 + j); };
                auto low = Guarded<double>(columns * 32);
                auto on = Guarded<double>(std::max<std::size_t>(1, middle) * columns);
                auto off = on;
                off = Guarded<double>(on.size());
                for (std::size_t j = 0; j != columns; ++j) {
                    const auto table = [&](double z) { return is_wide(j) ? z : std::exp(z); };
                    for (std::size_t i = 0; i != 32; ++i) { low[j * 32 + i] = table(z_low(j, i)); }
                    for (std::size_t u = 0; u != middle; ++u) {
                        on[u * columns + j] = table(z_middle(u, j));
                        off[u * columns + j] = table(-z_middle(u, j));
                    }
                }
                const auto all_off = [&] {
                    auto high = Guarded<double>(columns);
                    for (std::size_t j = 0; j != columns; ++j) { high[j] = is_wide(j) ? z_high(j) : std::exp(z_high(j)); }
                    return high;
                };
                const auto c = kernels::Columns{low.data(), on.data(), off.data(), columns, middle, runs.data(), runs.size()};
                const auto states = (std::size_t{1} << middle) * 32;
                auto sums = Guarded<double>(states);
                auto high = all_off();
                set.enumeration.softplus_sums(c, high.data(), sums.data());
                auto p = Guarded<double>(states);
                for (std::size_t i = 0; i != states; ++i) { p[i] = std::abs(noise(5000 + i)); }
                auto low_moments = Guarded<double>(columns * 32, 0.5);
                auto middle_moments = Guarded<double>(std::max<std::size_t>(1, middle) * columns, 0.25);
                auto all = Guarded<double>(columns, 0.125);
                auto high_again = all_off();
                set.enumeration.add_moments(c, high_again.data(), p.data(), low_moments.data(), middle_moments.data(), all.data());

                auto plain_low = std::vector<double>(columns * 32, 0.5);
                auto plain_middle = std::vector<double>(middle_moments.size(), 0.25);
                auto plain_all = std::vector<double>(columns, 0.125);
                for (std::size_t s = 0; s != states; ++s) {
                    const auto gray = (s / 32) ^ (s / 64);
                    auto sum = 0.0;
                    for (std::size_t j = 0; j != columns; ++j) {
                        auto z = z_low(j, s % 32) + z_high(j);
                        for (std::size_t u = 0; u != middle; ++u) { z += (gray >> u & 1U) != 0 ? z_middle(u, j) : 0.0; }
                        sum += plain_softplus(z);
                        const auto term = p[s] * plain_sigmoid(z);
                        plain_low[j * 32 + s % 32] += term;
                        plain_all[j] += term;
                        for (std::size_t u = 0; u != middle; ++u) {
                            plain_middle[u * columns + j] += (gray >> u & 1U) != 0 ? term : 0.0;
                        }
                    }
                    BOOST_TEST(sums[s] == sum, boost::test_tools::tolerance(1e-12));
                }
                const auto close = [](Guarded<double>& x, const std::vector<double>& wanted) {
                    for (std::size_t i = 0; i != wanted.size(); ++i) {
                        BOOST_TEST(x[i] == wanted[i], boost::test_tools::tolerance(1e-11));
                    }
                };
                close(low_moments, plain_low);
                close(middle_moments, plain_middle);
                close(all, plain_all);
                auto bits = Bits();
                for (auto* part : {&sums, &high, &high_again, &low_moments, &middle_moments, &all}) { bits.add(*part); }
                return bits;
            });
        }
    }
    same_bits([&](const kernels::Kernels& set) {
        auto x = Guarded<double>(1001);
        for (std::size_t i = 0; i != x.size(); ++i) { x[i] = double(i) * 1.5 - 792.0; }
        x[7] = std::nan("");
        x[8] = -std::numeric_limits<double>::infinity();
        auto y = x;
        y = Guarded<double>(x.size());
        std::copy_n(x.data(), x.size(), y.data());
        set.enumeration.exponentials(y.data(), y.size());
        for (std::size_t i = 0; i != x.size(); ++i) {
            if (x[i] >= -708.0 && x[i] <= 709.0) { BOOST_TEST(y[i] == std::exp(x[i]), boost::test_tools::tolerance(4e-16)); }
            if (x[i] < -708.0) { BOOST_TEST(y[i] == 0.0); }
        }
        BOOST_TEST(std::isnan(y[7]));
        for (std::size_t i = 0; i != y.size(); ++i) {
            if (x[i] > 709.0) { y[i] = 0.0; }
        }
        auto bits = Bits();
        bits.add(y);
        return bits;
    });
}

// The child of the next test.
BOOST_AUTO_TEST_CASE(say_instruction_set, *boost::unit_test::disabled()) {
    try {
        std::cout << "[" << nbm::instruction_set() << "]" << std::endl;
    } catch (const nbm::InputError& error) {
        std::cout << "refused: " << error.what() << "; in use " << kernels::active().instruction_set << std::endl;
    }
}

BOOST_AUTO_TEST_CASE(the_environment_chooses_the_instruction_set) {
    const auto ask = [](const std::string& wish) {
        const auto program = std::string(boost::unit_test::framework::master_test_suite().argv[0]);
        const auto command = "env " + wish + " '" + program + "' --run_test=say_instruction_set 2>/dev/null";
        auto* pipe = popen(command.c_str(), "r");
        BOOST_REQUIRE(pipe != nullptr);
        auto answer = std::string();
        for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) { answer += static_cast<char>(c); }
        BOOST_TEST(pclose(pipe) == 0);
        return answer;
    };
    const auto says = [](const std::string& answer, const std::string& part) {
        BOOST_TEST_CONTEXT(answer) { BOOST_TEST(answer.find(part) != std::string::npos); }
    };
    const auto sets = instruction_sets();
    const auto best = std::string(sets.back()->instruction_set);
    for (const std::string name : {"baseline", "avx2", "avx512"}) {
        const auto known = std::ranges::any_of(sets, [&](const auto* set) { return set->instruction_set == name; });
        const auto answer = ask("NBM_ISA=" + name);
        says(answer, known ? "[" + name + "]" : "refused: NBM_ISA is '" + name + "', which ");
        if (!known) { says(answer, "in use " + best); }
    }
    says(ask("-u NBM_ISA"), "[" + best + "]");
    for (const std::string wrong : {"avx1024", "AVX2", ""}) {
        const auto answer = ask("NBM_ISA=" + wrong);
        says(answer, "refused: NBM_ISA is '" + wrong + "', which names no instruction set");
        says(answer, "in use " + best);
    }
}
