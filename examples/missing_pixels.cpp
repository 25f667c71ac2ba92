// Completes pictures whose lower half is missing: Gibbs sampling with the pixels that are there held.
#include <cstddef>
#include <cstdio>

import nbm;

namespace {

constexpr auto pixels = std::size_t{784};
constexpr auto known = pixels / 2;  // the upper half

/// values[r, k] = rows[r, k] for all pixels that are known.
auto hold(const nbm::Matrix<float>& rows, nbm::Matrix<float>& values) -> void {
    for (std::size_t r = 0; r != values.shape(0); ++r) {
        for (std::size_t k = 0; k != known; ++k) { values(r, k) = rows(r, k); }
    }
}

/// The mean of all rows, as the guess for each of 100 pictures.
auto base_rates(const nbm::Matrix<float>& rows) -> nbm::Matrix<double> {
    auto rates = nbm::zero_matrix<double>(100, pixels);
    for (std::size_t i = 0; i != rates.size(); ++i) {
        for (std::size_t r = 0; r != rows.shape(0); ++r) { rates.flat(i) += double(rows(r, i % pixels)) / double(rows.shape(0)); }
    }
    return rates;
}

/// Mean squared error in the missing half.
auto error(const nbm::Matrix<float>& rows, const nbm::Matrix<double>& guess) -> double {
    auto sum = 0.0;
    for (std::size_t r = 0; r != rows.shape(0); ++r) {
        for (std::size_t k = known; k != pixels; ++k) {
            const auto difference = double(rows(r, k)) - guess(r, k);
            sum += difference * difference;
        }
    }
    return sum / static_cast<double>(rows.shape(0) * (pixels - known));
}

}  // namespace

int main() {
    const auto data = nbm::digits({.train = 5000, .test = 100, .seed = 1});
    auto rbm = nbm::DBM{{pixels, 200}};
    nbm::initialise(rbm, data.train, {.seed = 1, .weights = nbm::Weights::normal});
    nbm::fit(rbm, data.train, nbm::PCD{{.steps = 5}}, nbm::SGD{{.learning_rate = 0.1, .decay = 0.001}}, {.epochs = 30, .seed = 1});

    auto chains = nbm::make_chains(rbm, data.test.shape(0), 1);
    auto probabilities = nbm::States<float>{};
    auto mean = nbm::zero_matrix<double>(data.test.shape(0), pixels);
    constexpr auto sweeps = 400;
    constexpr auto burn_in = 100;
    for (auto sweep = 0; sweep != sweeps; ++sweep) {
        hold(data.test, chains.states[0]);
        nbm::GibbsProb({}).run(rbm, chains, probabilities);
        if (sweep < burn_in) { continue; }
        for (std::size_t i = 0; i != mean.size(); ++i) { mean.flat(i) += double(probabilities[0].flat(i)) / (sweeps - burn_in); }
    }

    std::printf("mean squared error of the missing pixels\n");
    std::printf("  base rates of the training rows: %.4f\n", error(data.test, base_rates(data.train)));
    std::printf("  completed by the machine:        %.4f\n", error(data.test, mean));
    auto sheet = nbm::zero_matrix<float>(20, pixels);
    for (std::size_t r = 0; r != 10; ++r) {
        for (std::size_t k = 0; k != pixels; ++k) {
            sheet(r, k) = data.test(r, k);
            sheet(10 + r, k) = k < known ? data.test(r, k) : static_cast<float>(mean(r, k));
        }
    }
    nbm::write_png(nbm::tile_images<float>(sheet, {28, 28}, 10), "missing_pixels.png");
}
