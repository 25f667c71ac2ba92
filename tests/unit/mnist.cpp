// Tests on real data, where they are: NBM_MNIST names the folder. Without it the test is reported as skipped.
#define BOOST_TEST_NO_MAIN
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

import nbm;

namespace {

auto folder() -> std::string {
    const auto* const named = std::getenv("NBM_MNIST");
    return named != nullptr ? named : NBM_MNIST_DEFAULT;
}

}  // namespace

BOOST_AUTO_TEST_CASE(idx_files_hold_the_known_numbers_of_digits) {
    const auto data = nbm::load_dataset<float>(folder());
    BOOST_TEST(data.train.shape(0) == 50000U);
    BOOST_TEST(data.valid.shape(0) == 10000U);
    BOOST_TEST(data.test.shape(0) == 10000U);
    BOOST_TEST(data.train.shape(1) == 784U);
    // The first training labels, and the numbers of each digit in the test set, of the published data set.
    const auto first = std::vector<int>{5, 0, 4, 1, 9, 2, 1, 3, 1, 4};
    BOOST_TEST(std::vector<int>(data.train_labels.begin(), data.train_labels.begin() + 10) == first,
               boost::test_tools::per_element());
    auto counts = std::vector<int>(10, 0);
    for (const auto label : data.test_labels) { ++counts.at(static_cast<std::size_t>(label)); }
    BOOST_TEST(counts == (std::vector<int>{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}),
               boost::test_tools::per_element());
    BOOST_TEST(xt::mean(data.train)() == 0.1307, boost::test_tools::tolerance(0.01));
}

BOOST_AUTO_TEST_CASE(npz_files_of_numpy_are_read) {
    const auto binary = nbm::load_dataset<float>(folder() + "/mnist_sampled.npz");
    BOOST_TEST(binary.train.shape(0) == 50000U);
    BOOST_TEST(binary.test_labels.size() == 10000U);
    BOOST_TEST(xt::all(binary.test * (1.0F - binary.test) <= 0.0F));  // zeros and ones only
    const auto grey = nbm::load_dataset<double>(folder() + "/fast_probability.npz");
    BOOST_TEST(grey.train.shape(0) == 1000U);
    BOOST_TEST(grey.valid.shape(0) == 100U);
    BOOST_TEST(grey.train.shape(1) == 100U);
}

BOOST_AUTO_TEST_CASE(a_small_machine_has_the_likelihood_of_its_exact_log_z) {
    // 784-10, one epoch: AIS agrees with enumeration within its bar, and training has left the base rates (-206 nats) well behind.
    const auto data = nbm::load_dataset<float>(folder() + "/mnist_sampled.npz");
    auto dbm = nbm::DBM{{784, 10}};
    nbm::initialise(dbm, data.train, {.weights = nbm::Weights::normal});
    nbm::fit(dbm, data.train, nbm::CD{{.steps = 1}}, nbm::SGD{{.learning_rate = 0.05}}, {.epochs = 1});
    const auto exact = nbm::exact_log_z(dbm);
    const auto log_z = nbm::AIS{dbm, data.train, {.runs = 100, .betas = nbm::three_piece(5000)}}.run_log_z();
    BOOST_TEST(log_z.low < exact);
    BOOST_TEST(log_z.high > exact);
    BOOST_TEST(log_z.high - log_z.low < 1.0);
    BOOST_TEST(nbm::mean_log_probability(dbm, data.test, nbm::Estimate{exact, exact, exact}).value > -185.0);
}

auto main(int argc, char** argv) -> int {
    if (!std::filesystem::exists(folder() + "/mnist_sampled.npz")) {
        std::puts("skipped: no MNIST data; set NBM_MNIST to their folder to run this test");
        return 77;
    }
    return boost::unit_test::unit_test_main([] { return true; }, argc, argv);
}
