// How data are prepared: Otsu's threshold, whitening, squashing, splits, and what is written and read again.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "helpers.hpp"
#include "temporary.hpp"

import nbm;

namespace {

namespace tt = boost::test_tools;

template <class T = double>
auto matrix_of(std::size_t units, const std::vector<double>& values) -> nbm::Matrix<T> {
    auto m = nbm::zero_matrix<T>(values.size() / units, units);
    std::ranges::transform(values, m.begin(), [](double x) { return static_cast<T>(x); });
    return m;
}

/// How often each grey level is there.
using Histogram = std::vector<std::pair<double, int>>;

template <class T = double>
auto drawn(const Histogram& histogram) -> nbm::Matrix<T> {
    auto values = std::vector<double>{};
    for (const auto& [level, count] : histogram) { values.insert(values.end(), static_cast<std::size_t>(count), level); }
    std::ranges::reverse(values);  // the order must not matter
    return matrix_of<T>(1, values);
}

/// Otsu's criterion by its first definition, sigma_B^2 = w0 (m0 - m)^2 + w1 (m1 - m)^2, for the cut below each level; the first of
/// those that are best but for rounding.
auto best_cut(const Histogram& histogram) -> std::size_t {
    auto best = -1.0;
    auto cut = std::size_t{0};
    for (std::size_t c = 1; c != histogram.size(); ++c) {
        auto count = std::array<double, 2>{};
        auto sum = std::array<double, 2>{};
        for (std::size_t i = 0; i != histogram.size(); ++i) {
            count[i >= c] += histogram[i].second;
            sum[i >= c] += histogram[i].second * histogram[i].first;
        }
        const auto all = count[0] + count[1];
        const auto mean = (sum[0] + sum[1]) / all;
        auto between = 0.0;
        for (const auto side : {0, 1}) {
            between += count[side] / all * (sum[side] / count[side] - mean) * (sum[side] / count[side] - mean);
        }
        if (between > best + 1e-9) {
            best = between;
            cut = c;
        }
    }
    return cut;
}

/// Rows with correlated units of different widths around a mean, the same each time.
auto correlated(std::size_t rows, std::size_t units) -> nbm::Matrix<double> {
    auto source = nbm::zero_matrix<double>(rows, units);
    auto state = 1U;
    for (auto& x : source) {
        state = state * 1664525U + 1013904223U;
        x = state / 4294967296.0 - 0.5;
    }
    auto result = nbm::zero_matrix<double>(rows, units);
    for (std::size_t r = 0; r != rows; ++r) {
        for (std::size_t k = 0; k != units; ++k) {
            result(r, k) = 0.3 * double(k) + source(r, k) * (1.0 + double(k)) + 0.7 * source(r, (k + 1) % units);
        }
    }
    return result;
}

auto mean_of(const nbm::Matrix<double>& rows, std::size_t k) -> double {
    auto sum = 0.0;
    for (std::size_t r = 0; r != rows.shape(0); ++r) { sum += rows(r, k); }
    return sum / double(rows.shape(0));
}

auto covariance(const nbm::Matrix<double>& rows, std::size_t i, std::size_t j) -> double {
    auto sum = 0.0;
    for (std::size_t r = 0; r != rows.shape(0); ++r) { sum += (rows(r, i) - mean_of(rows, i)) * (rows(r, j) - mean_of(rows, j)); }
    return sum / double(rows.shape(0));
}

auto squared_distance(const nbm::Matrix<double>& a, const nbm::Matrix<double>& mean_free) -> double {
    auto sum = 0.0;
    for (std::size_t i = 0; i != a.size(); ++i) {
        sum += (a.data()[i] - mean_free.data()[i]) * (a.data()[i] - mean_free.data()[i]);
    }
    return sum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(otsus_threshold_is_the_best_of_all_cuts) {
    const auto histograms = std::vector<Histogram>{
        {{0, 5}, {1, 3}},
        {{0.1, 1}, {0.9, 1000}},
        {{0, 10}, {0.1, 20}, {0.2, 8}, {0.6, 3}, {0.7, 9}, {1, 4}},
        {{0, 1}, {0.5, 1}, {1, 1}},              // two equally good cuts
        {{0, 2}, {0.25, 1}, {0.75, 1}, {1, 2}},  // symmetric
        {{0, 100}, {0.01, 1}, {0.02, 1}, {0.98, 1}, {0.99, 1}},
        {{0.3, 7}, {0.3000001, 1}, {0.31, 1}},                         // finer than bytes
        {{-3, 4}, {-1, 1}, {2, 2}, {8, 1}},                            // not only in [0, 1]
        {{0.1, 3}, {0.2, 3}, {0.4, 3}, {0.5, 3}, {0.7, 3}, {0.8, 3}},  // symmetric, three humps
    };
    for (const auto& histogram : histograms) {
        const auto cut = best_cut(histogram);
        const auto below = histogram[cut - 1].first;
        const auto above = histogram[cut].first;
        BOOST_TEST_CONTEXT("cut between " << below << " and " << above) {
            BOOST_TEST(nbm::otsu_threshold(drawn(histogram)) == below / 2 + above / 2, tt::tolerance(1e-12));
            auto values = drawn<float>(histogram);
            const auto before = values;
            nbm::binarise(values, nbm::Binarise::otsu);
            for (std::size_t i = 0; i != values.size(); ++i) {
                BOOST_TEST(values.data()[i] == (before.data()[i] >= static_cast<float>(above) ? 1.0F : 0.0F));
            }
        }
    }
    // Bytes: by all 255 thresholds.
    auto bytes = Histogram{};
    for (auto level = 0; level != 256; ++level) { bytes.emplace_back(level / 255.0, 1 + (level * level * 7 + 13 * level) % 101); }
    const auto cut = best_cut(bytes);
    BOOST_TEST(nbm::otsu_threshold(drawn(bytes)) == (double(cut) - 0.5) / 255.0, tt::tolerance(1e-12));
    // Neighbouring numbers have no middle.
    const auto next = std::nextafter(0.5, 1.0);
    BOOST_TEST(nbm::otsu_threshold(matrix_of(1, {0.5, next})) == next);
}

BOOST_AUTO_TEST_CASE(otsus_threshold_is_that_of_the_training_rows) {
    auto data = nbm::Dataset<double>{};
    data.train = matrix_of(2, {0.1, 0.2, 0.8, 0.8});  // cut at 0.5
    data.valid = matrix_of(2, {0.49, 0.51});
    data.test = matrix_of(2, {0.6, 0.9, 0.55, 0.8});  // by themselves they would be cut at 0.7
    nbm::binarise(data, nbm::Binarise::otsu);
    BOOST_TEST((data.train == matrix_of(2, {0, 0, 1, 1})));
    BOOST_TEST((data.valid == matrix_of(2, {0, 1})));
    BOOST_TEST((data.test == matrix_of(2, {1, 1, 1, 1})));
    auto fixed = nbm::Dataset<float>{};
    fixed.train = matrix_of<float>(2, {0.25, 0.24});
    fixed.test = matrix_of<float>(2, {0.5, 0.1});
    nbm::binarise(fixed, 0.25);
    BOOST_TEST((fixed.train == matrix_of<float>(2, {1, 0})));
    BOOST_TEST((fixed.test == matrix_of<float>(2, {1, 0})));
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    BOOST_TEST(has(message_of<nbm::InputError>([] { nbm::otsu_threshold(matrix_of(1, {0.5, 0.5})); }), "all 2 are 0.5"));
    BOOST_TEST(has(message_of<nbm::InputError>([] { nbm::otsu_threshold(nbm::zero_matrix<float>(0, 3)); }), "0 values"));
    BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::otsu_threshold(matrix_of(1, {0, nan})); }), "finite"));
}

BOOST_AUTO_TEST_CASE(whitened_training_rows_have_the_identity_as_covariance) {
    const auto rows = correlated(300, 5);
    for (const auto kind : {nbm::Whiten::pca, nbm::Whiten::zca}) {
        const auto whitening = nbm::fit_whitening(rows, {.kind = kind, .epsilon = 0.0});
        const auto white = whitening.apply(rows);
        for (std::size_t i = 0; i != 5; ++i) {
            BOOST_TEST(std::abs(mean_of(white, i)) < 1e-10);
            BOOST_TEST(whitening.mean(i) == mean_of(rows, i), tt::tolerance(1e-12));
            for (std::size_t j = 0; j != 5; ++j) { BOOST_TEST(std::abs(covariance(white, i, j) - (i == j ? 1.0 : 0.0)) < 1e-9); }
        }
        const auto back = whitening.restore(white);
        for (std::size_t i = 0; i != rows.size(); ++i) { BOOST_TEST(std::abs(back.data()[i] - rows.data()[i]) < 1e-10); }
        // In float as in double, to its precision.
        auto single = nbm::zero_matrix<float>(300, 5);
        std::ranges::transform(rows, single.begin(), [](double x) { return static_cast<float>(x); });
        const auto white_single = nbm::fit_whitening(single, {.kind = kind, .epsilon = 0.0}).apply(single);
        for (std::size_t i = 0; i != rows.size(); ++i) {
            BOOST_TEST(std::abs(double(white_single.data()[i]) - white.data()[i]) < 1e-4);
        }
    }
}

BOOST_AUTO_TEST_CASE(pca_goes_along_the_axes_and_zca_stays_near_the_rows) {
    const auto rows = correlated(300, 5);
    const auto pca = nbm::fit_whitening(rows, {.kind = nbm::Whiten::pca, .epsilon = 0.0});
    const auto zca = nbm::fit_whitening(rows, {.kind = nbm::Whiten::zca, .epsilon = 0.0});
    auto trace = 0.0;
    auto sum = 0.0;
    for (std::size_t k = 0; k != 5; ++k) {
        trace += covariance(rows, k, k);
        sum += pca.variances(k);
        BOOST_TEST((k == 0 || pca.variances(k) < pca.variances(k - 1)));
        for (std::size_t i = 0; i != 5; ++i) { BOOST_TEST(zca.transform(i, k) == zca.transform(k, i)); }
        // Column k of the transform, made a unit vector, is an eigenvector: C u = variance u.
        const auto width = std::sqrt(pca.variances(k));
        for (std::size_t i = 0; i != 5; ++i) {
            auto product = 0.0;
            for (std::size_t j = 0; j != 5; ++j) { product += covariance(rows, i, j) * pca.transform(j, k) * width; }
            BOOST_TEST(std::abs(product - pca.variances(k) * pca.transform(i, k) * width) < 1e-9);
        }
    }
    BOOST_TEST(sum == trace, tt::tolerance(1e-12));
    // Of all white rows, those of ZCA are the nearest to the rows without their mean: PCA turned by any rotation is white, too.
    auto centred = rows;
    for (std::size_t r = 0; r != 300; ++r) {
        for (std::size_t k = 0; k != 5; ++k) { centred(r, k) -= mean_of(rows, k); }
    }
    const auto white = zca.apply(rows);
    const auto nearest = squared_distance(white, centred);
    BOOST_TEST(squared_distance(pca.apply(rows), centred) > nearest);
    for (const auto angle : {0.01, -0.01, 1.0}) {
        for (std::size_t i = 0; i != 5; ++i) {
            for (std::size_t j = 0; j != i; ++j) {
                auto turned = white;
                for (std::size_t r = 0; r != 300; ++r) {
                    turned(r, i) = std::cos(angle) * white(r, i) - std::sin(angle) * white(r, j);
                    turned(r, j) = std::sin(angle) * white(r, i) + std::cos(angle) * white(r, j);
                }
                BOOST_TEST(squared_distance(turned, centred) > nearest);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(epsilon_bounds_how_much_narrow_directions_are_enlarged) {
    // Independent units of the variances 4 and 0.01, by hand; epsilon 0.01 leaves 4 / 4.01 and 0.01 / 0.02.
    const auto rows = matrix_of(2, {2, 0.1, 2, -0.1, -2, 0.1, -2, -0.1});
    for (const auto kind : {nbm::Whiten::pca, nbm::Whiten::zca}) {
        const auto whitening = nbm::fit_whitening(rows, {.kind = kind, .epsilon = 0.01});
        const auto white = whitening.apply(rows);
        BOOST_TEST(whitening.variances(0) == 4.0, tt::tolerance(1e-12));
        BOOST_TEST(whitening.variances(1) == 0.01, tt::tolerance(1e-12));
        BOOST_TEST(covariance(white, 0, 0) == 4.0 / 4.01, tt::tolerance(1e-9));
        BOOST_TEST(covariance(white, 1, 1) == 0.5, tt::tolerance(1e-9));
        const auto back = whitening.restore(white);
        for (std::size_t i = 0; i != rows.size(); ++i) { BOOST_TEST(std::abs(back.data()[i] - rows.data()[i]) < 1e-12); }
    }
    // A unit that never changes stays 0, unless epsilon is 0.
    const auto flat = matrix_of(2, {1, 0.5, 0, 0.5});
    const auto white = nbm::fit_whitening(flat, {.epsilon = 1e-3}).apply(flat);
    BOOST_TEST(std::abs(white(0, 1)) < 1e-12);
    BOOST_TEST(white(0, 0) == 0.5 / std::sqrt(0.25 + 1e-3), tt::tolerance(1e-9));
    const auto fit = [](const nbm::Matrix<double>& m, double epsilon) { nbm::fit_whitening(m, {.epsilon = epsilon}); };
    BOOST_TEST(has(message_of<nbm::InputError>([&] { fit(flat, 0.0); }), "do not vary in 1 of 2 directions"));
    BOOST_TEST(has(message_of<nbm::InputError>([&] { fit(flat, -1.0); }), "epsilon is -1"));
    BOOST_TEST(has(message_of<nbm::InputError>([&] { fit(nbm::zero_matrix<double>(0, 2), 1.0); }), "there are none"));
    BOOST_TEST(has(message_of<nbm::InputError>([&] { fit(matrix_of(1, {0, INFINITY}), 1.0); }), "row 1, column 0 is inf"));
    const auto whitening = nbm::fit_whitening(flat, {});
    BOOST_TEST(has(message_of<nbm::ShapeError>([&] { whitening.apply(matrix_of(3, {1, 2, 3})); }), "rows of 3 values"));
}

BOOST_AUTO_TEST_CASE(other_splits_are_whitened_and_squashed_as_the_training_rows) {
    auto data = nbm::Dataset<double>{};
    data.train = correlated(200, 3);
    data.valid = matrix_of(3, {1, 2, 3});
    data.test = matrix_of(3, {-1, 0, 4, 2, 2, 2});
    const auto before = data;
    const auto whitening = nbm::whiten(data, {.kind = nbm::Whiten::pca, .epsilon = 0.1});
    for (const auto& [white, raw] : {std::pair(&data.valid, &before.valid), std::pair(&data.test, &before.test)}) {
        for (std::size_t r = 0; r != raw->shape(0); ++r) {
            for (std::size_t k = 0; k != 3; ++k) {
                auto expected = 0.0;
                for (std::size_t i = 0; i != 3; ++i) {
                    expected += ((*raw)(r, i) - mean_of(before.train, i)) * whitening.transform(i, k);
                }
                BOOST_TEST((*white)(r, k) == expected, tt::tolerance(1e-10));
            }
        }
    }
    auto range = nbm::Dataset<double>{.train = matrix_of(2, {-1, 3, 0, 1}), .test = matrix_of(2, {-2, 2, 4, 3})};
    nbm::squash(range, nbm::Squash::range);
    BOOST_TEST((range.train == matrix_of(2, {0, 1, 0.25, 0.5})));
    BOOST_TEST((range.test == matrix_of(2, {0, 0.75, 1, 1})));
    auto logistic = nbm::Dataset<double>{.train = matrix_of(2, {0, std::log(3.0)}), .test = matrix_of(2, {-std::log(3.0), 800})};
    nbm::squash(logistic, nbm::Squash::logistic);
    BOOST_TEST(logistic.train(0, 0) == 0.5);
    BOOST_TEST(logistic.train(0, 1) == 0.75, tt::tolerance(1e-12));
    BOOST_TEST(logistic.test(0, 0) == 0.25, tt::tolerance(1e-12));
    BOOST_TEST(logistic.test(0, 1) == 1.0);
    auto same = nbm::Dataset<double>{.train = matrix_of(2, {3, 3})};
    BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::squash(same, nbm::Squash::range); }), "all the same"));
}

BOOST_AUTO_TEST_CASE(rows_are_split_anew_each_with_its_label) {
    auto data = nbm::Dataset<double>{};
    const auto fill = [](nbm::Matrix<double>& rows, std::vector<int>& labels, int first, int count) {
        rows = nbm::zero_matrix<double>(static_cast<std::size_t>(count), 1);
        for (auto r = 0; r != count; ++r) {
            rows(static_cast<std::size_t>(r), 0) = first + r;
            labels.push_back(first + r);
        }
    };
    fill(data.train, data.train_labels, 0, 10);
    fill(data.valid, data.valid_labels, 10, 5);
    fill(data.test, data.test_labels, 15, 8);
    data.label_names = {"a"};
    auto again = data;
    nbm::resplit(data, {.train = 60, .valid = 30, .test = 10}, 4);
    BOOST_TEST(data.train.shape(0) == 15U);  // 23 rows: 6 of 6.9, 2 of 2.3, the rest
    BOOST_TEST(data.valid.shape(0) == 6U);
    BOOST_TEST(data.test.shape(0) == 2U);
    BOOST_TEST((data.label_names == std::vector<std::string>{"a"}));
    auto seen = std::set<double>{};
    for (const auto& [rows, labels] : {std::pair(&data.train, &data.train_labels), std::pair(&data.valid, &data.valid_labels),
                                       std::pair(&data.test, &data.test_labels)}) {
        for (std::size_t r = 0; r != rows->shape(0); ++r) {
            BOOST_TEST((*rows)(r, 0) == (*labels)[r]);
            seen.insert((*rows)(r, 0));
        }
    }
    BOOST_TEST(seen.size() == 23U);
    BOOST_TEST(!std::ranges::is_sorted(data.train));
    auto other = again;
    nbm::resplit(again, {.train = 60, .valid = 30, .test = 10}, 4);
    BOOST_TEST((again.train == data.train));
    nbm::resplit(other, {.train = 60, .valid = 30, .test = 10}, 5);
    BOOST_TEST(!(other.train == data.train));
    for (const auto& shares :
         {nbm::Shares{50, 25, 24}, nbm::Shares{0, 50, 50}, nbm::Shares{101, 0, static_cast<std::size_t>(-1)}}) {
        BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::resplit(data, shares); }), "100 in all"));
    }
}

BOOST_AUTO_TEST_CASE(what_is_saved_is_read_again) {
    const auto folder = Temporary();
    auto data = nbm::digits<float>({.train = 7, .valid = 3, .test = 2, .seed = 5});
    data.train(0, 0) = 0.1F;  // not all binary
    data.train(0, 1) = 1.0F / 3.0F;
    for (const auto* name : {"a.npz", "a.h5", "a.hdf5"}) {
        nbm::save_dataset(data, folder / name);
        const auto read = nbm::load_dataset<float>((folder / name).string());
        BOOST_TEST((read.train == data.train && read.valid == data.valid && read.test == data.test));
        BOOST_TEST((read.train_labels == data.train_labels && read.test_labels == data.test_labels));
    }
    const auto message = message_of<nbm::InputError>([&] { nbm::save_dataset(data, folder / "a.csv"); });
    BOOST_TEST(has(message, "several have rows"));
    data.valid = data.test = nbm::zero_matrix<float>(0, 0);
    data.label_names = {"zero", "one, or so", "\"two\"", "three", "4", "five", "six", "seven", "eight", "nine"};
    for (const auto* name : {"b.csv", "b.tsv", "b.npy"}) {
        nbm::save_dataset(data, folder / name);
        const auto read = nbm::load_dataset<float>((folder / name).string(), nbm::LoadOptions{.split = false});
        BOOST_TEST((read.train == data.train));
        BOOST_TEST((read.valid.size() == 0U && read.test.size() == 0U));
        BOOST_TEST_REQUIRE(read.train_labels.size() == 7U);
        for (std::size_t r = 0; r != 7; ++r) {
            const auto label = static_cast<std::size_t>(read.train_labels[r]);
            const auto expected = static_cast<std::size_t>(data.train_labels[r]);
            if (read.label_names.empty()) {
                BOOST_TEST(label == expected);
            } else {
                BOOST_TEST(read.label_names[label] == data.label_names[expected]);
            }
        }
        // Rows that the file does not split are split as ever.
        const auto split = nbm::load_dataset<float>((folder / name).string(), nbm::LoadOptions{.seed = 9});
        BOOST_TEST(split.train.shape(0) == 7U);
    }
    nbm::save_dataset(nbm::Dataset<float>{.train = data.train}, folder / "b.npy");
    BOOST_TEST(nbm::load_npy<float>(folder / "b.npy").train_labels.empty());  // none of the earlier file
    // Real values are for those who ask.
    auto real = nbm::Dataset<double>{.train = matrix_of(2, {-1.5, 0, 2, 1e-3})};
    nbm::save_dataset(real, folder / "r.npz");
    BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::load_dataset<double>((folder / "r.npz").string()); }), "is -1.5"));
    BOOST_TEST((nbm::load_dataset<double>((folder / "r.npz").string(), {.allowed = nbm::Allowed::real}).train == real.train));
    real.train(1, 1) = INFINITY;
    nbm::save_dataset(real, folder / "r.npz");
    BOOST_TEST(has(message_of<nbm::InputError>(
                       [&] { nbm::load_dataset<double>((folder / "r.npz").string(), {.allowed = nbm::Allowed::real}); }),
                   "row 1, column 1 is inf; a finite number"));
    real.train_labels = {1, 1 << 25};
    BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::save_dataset(real, folder / "r.npz"); }), "33554432"));
    BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::save_dataset(real, folder / "r.mat"); }), "'.mat'"));
}
