#include "workloads.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "allocations.hpp"
#include "machines.hpp"

import nbm;

namespace bench {

namespace {

using Matrix = nbm::Matrix<float>;

constexpr std::size_t batch_size = 100;
constexpr std::uint64_t seed = 1;
constexpr std::size_t pixels = 784;

enum class Kind : std::uint8_t { binary, grey };

auto round_to_batches(std::size_t rows) -> std::size_t { return (rows + batch_size - 1) / batch_size * batch_size; }

/// Rows of a data set, again from the first one when there are too few.
auto read_rows(const Settings& settings, std::size_t rows, Kind kind) -> Matrix {
    auto train = nbm::load_dataset<float>(settings.data, seed).train;
    if (train.shape(1) != pixels) {
        throw nbm::InputError(fmt::format("{}: the workloads have {} visible units, these data {} values a row", settings.data,
                                          pixels, train.shape(1)));
    }
    if (kind == Kind::binary) { nbm::binarise(train, nbm::Binarise::sample, seed); }
    auto result = Matrix::from_shape({rows, pixels});
    for (std::size_t r = 0; r != rows; ++r) {
        std::ranges::copy(nbm::MatrixView<const float>(train).row(r % train.shape(0)),
                          nbm::MatrixView<float>(result).row(r).begin());
    }
    return result;
}

auto make_rows(std::size_t rows, Kind kind) -> Matrix {
    constexpr auto density = 0.13;  // of the digits' ink
    const auto stream = nbm::Stream(seed, nbm::Purpose::user);
    auto result = Matrix::from_shape({rows, pixels});
    nbm::parallel_rows(rows, [&](nbm::Rows part) {
        for (auto r = part.first; r != part.first + part.count; ++r) {
            for (std::size_t i = 0; i != pixels; ++i) {
                const auto u = stream.uniform(0, r, i);
                result(r, i) = kind == Kind::grey ? static_cast<float>(u) : u < density ? 1.0F : 0.0F;
            }
        }
    });
    return result;
}

auto rows_of(const Settings& settings, std::size_t rows, Kind kind) -> Matrix {
    return settings.data.empty() ? make_rows(rows, kind) : read_rows(settings, rows, kind);
}

/// Does what fit() does for each batch, without what it does around them.
template <class Trainer>
class Training {
public:
    Training(nbm::DBM<float> dbm, Matrix data, Trainer trainer)
        : dbm_(std::move(dbm)),
          data_(std::move(data)),
          trainer_(std::move(trainer)),
          gradient_(nbm::zero_parameters(dbm_)),
          batch_(Matrix::from_shape({batch_size, pixels})),
          order_(nbm::permutation(nbm::Stream(seed, nbm::Purpose::shuffle), 0, data_.shape(0))) {
        trainer_.begin(dbm_, data_, batch_size, seed, false);
    }

    auto run(std::size_t batches) -> void {
        for (std::size_t b = 0; b != batches; ++b) {
            for (std::size_t i = 0; i != batch_size; ++i) {
                const auto row = nbm::MatrixView<const float>(data_).row(order_[next_]);
                next_ = (next_ + 1) % order_.size();
                constexpr std::size_t line = 16;
                for (std::size_t k = 0; k < pixels; k += line) { __builtin_prefetch(&data_(order_[next_], k)); }
                std::ranges::copy(row, nbm::MatrixView<float>(batch_).row(i).begin());
            }
            trainer_.gradient(dbm_, batch_, gradient_);
            optimiser_.update(dbm_, gradient_);
        }
    }

private:
    nbm::DBM<float> dbm_;
    Matrix data_;
    Trainer trainer_;
    nbm::SGD<float> optimiser_ = nbm::SGD<float>({.learning_rate = 0.001, .momentum = 0.5});
    nbm::Gradient<float> gradient_;
    Matrix batch_;
    std::vector<std::size_t> order_;
    std::size_t next_ = 0;
};

using Operands = std::vector<Floor::Operand>;
using Products = std::vector<Floor::Product>;

/// The matrices of a chain of layers: states, fields, weights and gradients, found by layer.
struct Operators {
    Operators(const std::vector<std::size_t>& sizes, std::size_t rows) : layers(sizes.size()) {
        for (const auto values : {Floor::Values::states, Floor::Values::reals}) {
            for (const auto size : sizes) { operands.push_back({rows, size, values}); }
        }
        for (int copy = 0; copy != 2; ++copy) {
            for (std::size_t l = 0; l + 1 != layers; ++l) { operands.push_back({sizes[l], sizes[l + 1], Floor::Values::reals}); }
        }
    }
    auto field(std::size_t l) const -> std::size_t { return layers + l; }
    auto weights(std::size_t lower) const -> std::size_t { return 2 * layers + lower; }
    auto gradient(std::size_t lower) const -> std::size_t { return 3 * layers - 1 + lower; }

    /// The field of a layer from the one below or above it.
    auto from_below(std::size_t l, bool add = false) const -> Floor::Product {
        return {.a = l - 1, .b = weights(l - 1), .out = field(l), .add = add};
    }
    auto from_above(std::size_t l, bool add = false) const -> Floor::Product {
        return {.a = l + 1, .b = weights(l), .out = field(l), .transpose_b = true, .add = add};
    }

    std::size_t layers;
    Operands operands;
};

/// Each layer once, from all its neighbours.
auto sweep(const Operators& m, Products& products) -> void {
    for (const std::size_t parity : {0, 1}) {
        for (auto l = parity; l < m.layers; l += 2) {
            const auto above = l + 1 != m.layers;
            if (above) { products.push_back(m.from_above(l)); }
            if (l != 0) { products.push_back(m.from_below(l, above)); }
        }
    }
}

/// v W_1 once, a pass upwards, `mean_field` steps of the hidden layers, the chains' sweeps, and the statistics of both phases.
auto training_floor(const std::vector<std::size_t>& sizes, std::size_t mean_field, std::size_t sweeps, std::size_t batches)
    -> Floor {
    const auto m = Operators(sizes, batch_size);
    auto products = Products{};
    for (std::size_t l = 1; l != m.layers; ++l) { products.push_back(m.from_below(l)); }
    for (std::size_t s = 0; s != mean_field; ++s) {
        for (std::size_t l = 1; l + 1 < m.layers; ++l) {
            products.push_back(m.from_above(l));
            products.push_back(m.from_below(l + 1));
        }
    }
    for (std::size_t s = 0; s != sweeps; ++s) { sweep(m, products); }
    for (const auto add : {false, true}) {
        for (std::size_t l = 0; l + 1 != m.layers; ++l) {
            products.push_back({.a = l, .b = l + 1, .out = m.gradient(l), .transpose_a = true, .add = add});
        }
    }
    return Floor(m.operands, std::move(products), batches);
}

auto sampling_floor(const std::vector<std::size_t>& sizes, std::size_t chains, std::size_t sweeps) -> Floor {
    const auto m = Operators(sizes, chains);
    auto products = Products{};
    sweep(m, products);
    return Floor(m.operands, std::move(products), sweeps);
}

template <class Trainer>
auto training(const char* what, const std::vector<std::size_t>& sizes, Kind kind, const Settings& settings, Trainer trainer,
              std::size_t sweeps, std::size_t mean_field = 0) -> Workload {
    const auto rows = round_to_batches(settings.rows);
    const auto in_a_round = settings.full ? rows : round_to_batches(rows / 10);
    const auto batches = in_a_round / batch_size;
    auto state = std::make_shared<Training<Trainer>>(make_machine(sizes), rows_of(settings, rows, kind), std::move(trainer));
    return {.name = {},
            .what = fmt::format("{}, an epoch of {} {} rows", what, rows, kind == Kind::grey ? "grey" : "binary"),
            .scale = static_cast<double>(rows) / static_cast<double>(in_a_round),
            .steps = static_cast<double>(rows * sweeps),
            .warm_up = [state] { state->run(2); },
            .round = [state, batches] { state->run(batches); },
            .loop_bytes = {},
            .floor = training_floor(sizes, mean_field, sweeps, batches)};
}

auto annealing(const char* what, const std::vector<std::size_t>& sizes, std::size_t chains, std::size_t betas,
               const Settings& settings) -> Workload {
    const auto machine = make_machine(sizes);
    const auto data = rows_of(settings, 1000, Kind::binary);
    const auto prepared = [&](std::size_t count) {
        auto ais = std::make_shared<nbm::AIS<float>>(machine, data, nbm::AISOptions{.runs = chains, .betas = count, .seed = seed});
        ais->positions();
        return ais;
    };
    auto ais = prepared(betas);
    constexpr auto few = std::array<std::size_t, 2>{10, 30};
    const auto short_runs = std::array{prepared(few[0]), prepared(few[1])};
    const auto sweeps = betas - 1;
    return {.name = {},
            .what = fmt::format("{}, {} chains, {} betas", what, chains, betas),
            .scale = 1.0,
            .steps = static_cast<double>(chains * sweeps),
            .warm_up = [short_runs] { short_runs[0]->run_log_z(); },
            .round = [ais] { ais->run_log_z(); },
            // What grows with the betas is allocated in the loop; the rest is set-up.
            .loop_bytes = [short_runs, sweeps, few]() -> std::uint64_t {
                auto bytes = std::array<std::uint64_t, 2>{};
                for (std::size_t i = 0; i != 2; ++i) {
                    const auto before = allocated_bytes();
                    short_runs[i]->run_log_z();
                    bytes[i] = allocated_bytes() - before;
                }
                return bytes[1] > bytes[0] ? (bytes[1] - bytes[0]) * sweeps / (few[1] - few[0]) : 0;
            },
            .floor = sampling_floor(sizes, chains, sweeps)};
}

auto enumeration() -> Workload {
    constexpr std::size_t units = 20;
    constexpr std::size_t states_at_once = 1024;
    const auto states = std::size_t{1} << units;
    const auto machine = std::make_shared<nbm::DBM<float>>(make_machine({pixels, units}));
    return {.name = {},
            .what = "RBM 784-20, exact log Z",
            .scale = 1.0,
            .steps = static_cast<double>(states),
            .warm_up = [machine] { nbm::exact_log_z(*machine); },
            .round = [machine] { nbm::exact_log_z(*machine); },
            .loop_bytes = {},
            .floor = Floor({{states_at_once, units, Floor::Values::states},
                            {units, pixels, Floor::Values::reals},
                            {states_at_once, pixels, Floor::Values::reals}},
                           {{.a = 0, .b = 1, .out = 2}}, states / states_at_once)};
}

using Maker = Workload (*)(const Settings& settings);
struct Entry {
    std::string name;
    Maker make;
};

auto entries() -> const std::vector<Entry>& {
    static const auto all = std::vector<Entry>{
        {"W1",
         [](const Settings& s) { return training("RBM 784-500, CD-1", {pixels, 500}, Kind::binary, s, nbm::CD<float>(), 1); }},
        {"W1-grey",
         [](const Settings& s) { return training("RBM 784-500, CD-1", {pixels, 500}, Kind::grey, s, nbm::CD<float>(), 1); }},
        {"W2",
         [](const Settings& s) {
             return training("RBM 784-500, PCD-5", {pixels, 500}, Kind::binary, s, nbm::PCD<float>({.steps = 5}), 5);
         }},
        {"W3a", [](const Settings& s) { return annealing("RBM 784-500, AIS", {pixels, 500}, 100, 1000, s); }},
        {"W3b", [](const Settings& s) { return annealing("RBM 784-500, AIS", {pixels, 500}, 1000, 200, s); }},
        {"W4",
         [](const Settings& s) {
             return training("DBM 784-500-1000, PCD-5, 10 steps of mean field", {pixels, 500, 1000}, Kind::binary, s,
                             nbm::PCD<float>({.steps = 5, .mean_field = {.steps = 10, .tolerance = 0.0}}), 5, 10);
         }},
        {"W4b", [](const Settings& s) { return annealing("DBM 784-500-1000, AIS", {pixels, 500, 1000}, 100, 1000, s); }},
        {"W5", [](const Settings&) { return enumeration(); }}};
    return all;
}

}  // namespace

auto workload_names() -> const std::vector<std::string>& {
    static const auto names = [] {
        auto result = std::vector<std::string>{};
        for (const auto& entry : entries()) { result.push_back(entry.name); }
        return result;
    }();
    return names;
}

auto make_workload(const std::string& name, const Settings& settings) -> Workload {
    const auto found = std::ranges::find(entries(), name, &Entry::name);
    if (found == entries().end()) { throw nbm::InputError(nbm::unknown_name("workload", name, workload_names())); }
    auto workload = found->make(settings);
    workload.name = name;
    return workload;
}

}  // namespace bench
