#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

import nbm;

namespace {

constexpr auto infinity = std::numeric_limits<double>::infinity();

template <class T>
auto filled(std::size_t rows, std::size_t cols, double seed) -> nbm::Matrix<T> {
    auto m = nbm::zero_matrix<T>(rows, cols);
    for (std::size_t i = 0; i != rows * cols; ++i) { m.data()[i] = static_cast<T>(std::sin(seed + 1.7 * double(i))); }
    return m;
}

}  // namespace

BOOST_AUTO_TEST_CASE(elementary_functions_do_not_overflow) {
    BOOST_TEST(nbm::sigmoid(0.0) == 0.5);
    BOOST_TEST(nbm::sigmoid(1e4) == 1.0);
    BOOST_TEST(nbm::sigmoid(-1e4) == 0.0);
    BOOST_TEST(nbm::sigmoid(-700.0) > 0.0);
    BOOST_TEST(nbm::softplus(1e4) == 1e4);
    BOOST_TEST(nbm::softplus(-1e4) == 0.0);
    BOOST_TEST(nbm::softplus(0.0) == std::log(2.0), boost::test_tools::tolerance(1e-15));
    BOOST_TEST(nbm::softplus(-50.0) == std::exp(-50.0), boost::test_tools::tolerance(1e-14));
    BOOST_TEST(nbm::logit(nbm::sigmoid(1.25)) == 1.25, boost::test_tools::tolerance(1e-14));
    const auto large = std::vector{1e4, 1e4 + std::log(3.0)};
    BOOST_TEST(nbm::log_sum_exp(large) == 1e4 + std::log(4.0), boost::test_tools::tolerance(1e-15));
    BOOST_TEST(nbm::log_sum_exp(std::vector<double>{}) == -infinity);
    BOOST_TEST(nbm::log_sum_exp(std::vector{-infinity, -infinity}) == -infinity);
    BOOST_TEST(nbm::log_add_exp(-infinity, 3.0) == 3.0);
    BOOST_TEST(nbm::log_diff_exp(1e4 + std::log(4.0), 1e4 + std::log(3.0)) == 1e4, boost::test_tools::tolerance(1e-15));
    BOOST_TEST(nbm::log_diff_exp(2.0, 2.0) == -infinity);
    BOOST_TEST(nbm::log_diff_exp(0.0, -1e-12) == std::log(1e-12), boost::test_tools::tolerance(1e-4));
    BOOST_TEST(std::isnan(nbm::log_diff_exp(1.0, 2.0)));
    BOOST_TEST(std::isnan(nbm::log_sum_exp(std::vector{-infinity, std::nan("")})));
    BOOST_TEST(std::isnan(nbm::log_add_exp(-infinity, std::nan(""))));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(products_equal_the_sums_they_stand_for, T, decltype(std::tuple<float, double>{})) {
    using enum nbm::Transpose;
    for (const auto ta : {no, yes}) {
        for (const auto tb : {no, yes}) {
            const auto a = ta == no ? filled<T>(5, 7, 0.1) : filled<T>(7, 5, 0.1);
            const auto b = tb == no ? filled<T>(7, 4, 0.2) : filled<T>(4, 7, 0.2);
            auto out = filled<T>(5, 4, 0.3);
            const auto before = out;
            nbm::multiply<T>(a, b, out, ta, tb, T{2}, T{3});
            for (std::size_t i = 0; i != 5; ++i) {
                for (std::size_t j = 0; j != 4; ++j) {
                    auto sum = 3.0 * double(before(i, j));
                    for (std::size_t k = 0; k != 7; ++k) {
                        sum += 2.0 * double(ta == no ? a(i, k) : a(k, i)) * double(tb == no ? b(k, j) : b(j, k));
                    }
                    BOOST_TEST(std::abs(double(out(i, j)) - sum) < (sizeof(T) == 4 ? 1e-5 : 1e-13));
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(products_of_windows_leave_the_rest_alone) {
    const auto a = filled<double>(6, 8, 0.5);
    const auto b = filled<double>(3, 5, 0.6);
    auto out = nbm::zero_matrix<double>(4, 5);
    nbm::multiply<double>(nbm::MatrixView<const double>(a).slice({1, 2}).columns(3, 3), b,
                          nbm::MatrixView<double>(out).slice({1, 2}));
    for (std::size_t j = 0; j != 5; ++j) {
        BOOST_TEST(out(0, j) == 0.0);
        BOOST_TEST(out(3, j) == 0.0);
        auto sum = 0.0;
        for (std::size_t k = 0; k != 3; ++k) { sum += a(2, 3 + k) * b(k, j); }
        BOOST_TEST(out(2, j) == sum, boost::test_tools::tolerance(1e-13));
    }
    BOOST_CHECK_THROW(nbm::multiply<double>(a, b, out), nbm::ShapeError);
}

BOOST_AUTO_TEST_CASE(products_run_in_openblas) { BOOST_TEST(nbm::blas_name().find("OpenBLAS") != std::string::npos); }

BOOST_AUTO_TEST_CASE_TEMPLATE(kernels_equal_the_functions_they_stand_for, T, decltype(std::tuple<float, double>{})) {
    const auto tolerance = sizeof(T) == 4 ? 3e-6 : 1e-13;
    // Lengths on both sides of the vector width, and long enough to flush the products of the softplus sum many times.
    for (const std::size_t n : {1, 15, 16, 17, 33, 1500, 40000}) {
        auto z = nbm::zero_matrix<T>(2, n);
        for (std::size_t i = 0; i != 2 * n; ++i) {
            z.data()[i] = static_cast<T>(40.0 * std::sin(double(i * i) + 0.3) * std::sin(0.1 * double(i)));
        }
        auto base = nbm::zero_vector<T>(n);
        for (std::size_t i = 0; i != n; ++i) { base[i] = static_cast<T>(std::cos(double(i))); }
        const auto beta = 0.7;
        auto sums = std::vector<double>(2, 1.0);
        nbm::add_softplus<T>(z, beta, sums);
        auto activated = z;
        nbm::activate<T>(activated, beta);
        auto both = z;
        auto both_sums = std::vector<double>(2, 1.0);
        nbm::activate_and_sum<T>(both, both_sums);
        auto annealed = z;
        auto weights = std::vector<double>(2, 0.0);
        nbm::anneal<T>(annealed, nbm::as_span(std::as_const(base)), 0.25, 0.75, weights);
        auto annealed_plain = z;
        auto weights_plain = std::vector<double>(2, 0.0);
        nbm::anneal<T>(annealed_plain, {}, 0.0, 0.5, weights_plain);
        for (std::size_t r = 0; r != 2; ++r) {
            auto softplus_sum = 1.0;
            auto full_sum = 1.0;
            auto weight = 0.0;
            auto weight_plain = 0.0;
            for (std::size_t k = 0; k != n; ++k) {
                const auto x = double(z(r, k));
                const auto a = double(base[k]);
                softplus_sum += nbm::softplus(beta * x);
                full_sum += nbm::softplus(x);
                weight += nbm::softplus(a + 0.75 * (x - a)) - nbm::softplus(a + 0.25 * (x - a));
                weight_plain += nbm::softplus(0.5 * x) - std::log(2.0);
                BOOST_REQUIRE(std::abs(double(activated(r, k)) - nbm::sigmoid(beta * x)) < tolerance);
                BOOST_REQUIRE(std::abs(double(both(r, k)) - nbm::sigmoid(x)) < tolerance);
                BOOST_REQUIRE(std::abs(double(annealed(r, k)) - (a + 0.75 * (x - a))) < 10 * tolerance);
                BOOST_REQUIRE(std::abs(double(annealed_plain(r, k)) - 0.5 * x) < 10 * tolerance);
            }
            BOOST_TEST(sums[r] == softplus_sum, boost::test_tools::tolerance(tolerance));
            BOOST_TEST(both_sums[r] == full_sum, boost::test_tools::tolerance(tolerance));
            BOOST_TEST(std::abs(weights[r] - weight) < tolerance * (1.0 + full_sum));
            BOOST_TEST(std::abs(weights_plain[r] - weight_plain) < tolerance * (1.0 + full_sum));
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(kernels_survive_huge_fields, T, decltype(std::tuple<float, double>{})) {
    for (const auto sign : {1.0, -1.0}) {
        auto z = nbm::zero_matrix<T>(1, 20);
        z.fill(static_cast<T>(sign * 1e4));
        auto sums = std::vector<double>(1, 0.0);
        nbm::add_softplus<T>(z, 1.0, sums);
        BOOST_TEST(std::abs(sums[0] - (sign > 0 ? 2e5 : 0.0)) < 1e-30 + 1e-12 * 2e5);
        nbm::activate<T>(z, 1.0);
        BOOST_TEST(std::abs(double(z(0, 19)) - (sign > 0 ? 1.0 : 0.0)) < 1e-30);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(kernels_keep_nan, T, decltype(std::tuple<float, double>{})) {
    auto z = nbm::zero_matrix<T>(1, 20);
    z(0, 3) = static_cast<T>(std::nan(""));
    auto sums = std::vector<double>(1, 0.0);
    nbm::add_softplus<T>(z, 1.0, sums);
    BOOST_TEST(std::isnan(sums[0]));
    nbm::activate<T>(z, 1.0);
    BOOST_TEST(std::isnan(z(0, 3)));
    BOOST_TEST(z(0, 4) == T{0.5F});
}

BOOST_AUTO_TEST_CASE(parallel_loops_visit_every_block_once_whatever_the_number_of_threads) {
    for (const std::size_t count : {1, 2, 5, 0}) {
        nbm::set_threads(count);
        BOOST_TEST((count == 0 ? nbm::threads() >= 1 : nbm::threads() == count));
        auto visits = std::vector<std::atomic<int>>(1000);
        nbm::parallel_for(1000, [&](std::size_t block) { ++visits[block]; });
        for (const auto& v : visits) { BOOST_REQUIRE(v == 1); }
        auto rows = std::vector<std::atomic<int>>(1234);
        nbm::parallel_rows(1234, [&](nbm::Rows part) {
            for (auto r = part.first; r != part.first + part.count; ++r) { ++rows[r]; }
        });
        for (const auto& v : rows) { BOOST_REQUIRE(v == 1); }
    }
    BOOST_CHECK_THROW(nbm::parallel_for(10, [](std::size_t) { throw nbm::InputError("x"); }), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(row_blocks_cover_all_rows) {
    for (std::size_t rows = 0; rows != 300; ++rows) {
        const auto blocks = nbm::RowBlocks(rows);
        auto next = std::size_t{0};
        for (std::size_t b = 0; b != blocks.count(); ++b) {
            BOOST_REQUIRE(blocks[b].first == next);
            BOOST_REQUIRE(blocks[b].count >= 1);
            BOOST_REQUIRE(blocks[b].count <= 64);
            next += blocks[b].count;
        }
        BOOST_REQUIRE(next == rows);
    }
}

BOOST_AUTO_TEST_CASE(unknown_names_are_answered_with_the_nearest) {
    const auto names = std::vector<std::string>{"pcd", "cd", "threshold"};
    BOOST_TEST(nbm::nearest_name("pdc", names) == "pcd");
    BOOST_TEST(nbm::nearest_name("treshold", names) == "threshold");
    BOOST_TEST(nbm::nearest_name("zzzzzz", names) == "");
    const auto text = nbm::unknown_name("trainer", "pdc", names);
    BOOST_TEST(text.find("'pdc'") != std::string::npos);
    BOOST_TEST(text.find("did you mean 'pcd'") != std::string::npos);
}
