// Exact enumeration: the best of several rounds, in seconds. Arguments: enumerated and summed units, 20 and 784 if absent.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <limits>

import nbm;

namespace {

template <class F>
auto report(const char* name, F f) -> void {
    auto best = std::numeric_limits<double>::infinity();
    auto value = 0.0;
    for (int round = 0; round != 5; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        value = f();
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    std::printf("%-40s %8.3f s  (%.12g)\n", name, best, value);
}

}  // namespace

int main(int count, char** arguments) {
    const auto enumerated = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 20UL;
    const auto summed = count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 784UL;
    auto rbm = nbm::DBM<double>({summed, enumerated});
    auto deep = nbm::DBM<double>({summed, enumerated, 50});
    const auto stream = nbm::Stream(1, nbm::Purpose::user);
    auto step = std::uint64_t{0};
    const auto fill = [&](auto& values, double sd) {
        for (std::size_t i = 0; i != values.size(); ++i) { values.data()[i] = sd * stream.normal(step, 0, i); }
        ++step;
    };
    for (auto* dbm : {&rbm, &deep}) {
        for (std::size_t l = 0; l != dbm->layer_count(); ++l) { fill(dbm->bias(l), 1.0); }
        for (auto& synapse : dbm->synapses()) { fill(synapse.weights, 0.3); }
    }
    auto rows = nbm::Matrix<double>::from_shape({1000, summed});
    for (std::size_t i = 0; i != rows.size(); ++i) { rows.data()[i] = stream.uniform(step, 0, i) < 0.3 ? 1.0 : 0.0; }
    std::printf("%lu enumerated units, %lu summed out, %zu threads\n", enumerated, summed, nbm::threads());
    report("log Z", [&] { return nbm::exact_log_z(rbm); });
    report("expectations", [&] { return nbm::exact_moments(rbm).biases[0][0]; });
    report("10000 samples", [&] { return nbm::exact_samples(rbm, 10000, 1)[0](0, 0); });
    report("F(v) of 1000 rows, three layers", [&] { return nbm::exact_free_energy(deep, rows)[0]; });
    auto exact = nbm::Exact<double>();
    auto gradient = nbm::zero_parameters(deep);
    const auto batch = nbm::slice(static_cast<const nbm::Matrix<double>&>(rows), {0, 100});
    report("gradient of 100 rows, three layers", [&] { return exact.gradient(deep, batch, gradient); });
}
