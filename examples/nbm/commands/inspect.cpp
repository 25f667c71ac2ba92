#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "likelihood_json.hpp"
#include "machine_file.hpp"
#include "pictures.hpp"

import nbm;

namespace {

/// A unit is dead when no states of its neighbours change its probability of being 1 by more.
constexpr auto dead_below = 0.01;

/// Of the finite numbers of a part.
struct Numbers {
    std::size_t count = 0;  // all, finite or not
    std::size_t non_finite = 0;
    double lowest = std::numeric_limits<double>::infinity();
    double highest = -std::numeric_limits<double>::infinity();
    double mean = 0.0;
    double deviation = 0.0;
    double norm = 0.0;
};

template <class Values>
auto numbers_of(const Values& values) -> Numbers {
    auto n = Numbers{.count = values.size()};
    auto sum = 0.0;
    auto largest = 0.0;
    for (const double x : values) {
        if (!std::isfinite(x)) {
            ++n.non_finite;
            continue;
        }
        n.lowest = std::min(n.lowest, x);
        n.highest = std::max(n.highest, x);
        largest = std::max(largest, std::abs(x));
        sum += x;
    }
    const auto finite_count = static_cast<double>(n.count - n.non_finite);
    n.mean = sum / finite_count;
    auto squares = 0.0;
    auto scaled = 0.0;  // so that large numbers do not overflow
    for (const double x : values) {
        if (!std::isfinite(x)) { continue; }
        squares += (x - n.mean) * (x - n.mean);
        if (largest != 0.0) { scaled += x / largest * (x / largest); }
    }
    n.deviation = std::sqrt(squares / finite_count);
    n.norm = largest * std::sqrt(scaled);
    return n;
}

auto sigmoid(double x) -> double { return 1.0 / (1.0 + std::exp(-x)); }

/// By how much the states of its neighbours can change the probability of each unit of a layer to be 1; NaN for a unit with
/// numbers that are not finite.
auto reach_of(const nbm::DBM<double>& dbm, std::size_t layer) -> std::vector<double> {
    auto low = std::vector<double>(dbm.bias(layer).begin(), dbm.bias(layer).end());
    auto high = low;
    const auto add = [&](std::size_t unit, double w) {
        (w < 0.0 ? low : high)[unit] += w;
        if (std::isnan(w)) { low[unit] = w; }
    };
    for (const auto& [edge, weights] : dbm.synapses()) {
        if (edge.lower != layer && edge.upper != layer) { continue; }
        for (std::size_t i = 0; i != weights.shape(0); ++i) {
            for (std::size_t j = 0; j != weights.shape(1); ++j) { add(edge.lower == layer ? i : j, weights(i, j)); }
        }
    }
    auto reach = std::vector<double>(low.size());
    for (std::size_t k = 0; k != reach.size(); ++k) { reach[k] = sigmoid(high[k]) - sigmoid(low[k]); }
    return reach;
}

auto dead_units(const nbm::DBM<double>& dbm, std::size_t layer) -> std::vector<std::size_t> {
    auto dead = std::vector<std::size_t>{};
    const auto reach = reach_of(dbm, layer);
    for (std::size_t k = 0; k != reach.size(); ++k) {
        if (reach[k] < dead_below) { dead.push_back(k); }
    }
    return dead;
}

/// The length of the longest vector of weights into a unit of the upper layer, which --max-norm limits.
auto longest_vector(const nbm::Matrix<double>& weights) -> double {
    auto longest = 0.0;
    for (std::size_t j = 0; j != weights.shape(1); ++j) {
        auto squares = 0.0;
        for (std::size_t i = 0; i != weights.shape(0); ++i) { squares += weights(i, j) * weights(i, j); }
        longest = std::isnan(squares) ? squares : std::max(longest, squares);
        if (std::isnan(longest)) { break; }
    }
    return std::sqrt(longest);
}

auto to_json(const Numbers& n) -> nlohmann::ordered_json {
    return {{"count", n.count},
            {"non_finite", n.non_finite},
            {"min", number_or_null(n.lowest)},
            {"max", number_or_null(n.highest)},
            {"mean", number_or_null(n.mean)},
            {"standard_deviation", number_or_null(n.deviation)},
            {"norm", number_or_null(n.norm)}};
}

auto as_json(const nbm::DBM<double>& dbm, const MachineFile& file) -> nlohmann::ordered_json {
    auto json = nlohmann::ordered_json{{"file", file.path.string()},
                                       {"kind", file.checkpoint ? "checkpoint" : "weights"},
                                       {"topology", dbm.topology().describe()}};
    auto non_finite = std::size_t{0};
    auto count = std::size_t{0};
    auto layers = nlohmann::ordered_json::array();
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        const auto biases = numbers_of(dbm.bias(l));
        layers.push_back(
            {{"name", nbm::part_name(l)}, {"units", dbm.size(l)}, {"biases", to_json(biases)}, {"dead_units", dead_units(dbm, l)}});
        non_finite += biases.non_finite;
        count += biases.count;
    }
    auto synapses = nlohmann::ordered_json::array();
    for (const auto& [edge, weights] : dbm.synapses()) {
        const auto numbers = numbers_of(weights);
        auto part = nlohmann::ordered_json{{"name", nbm::part_name(edge)}};
        part["shape"] = {weights.shape(0), weights.shape(1)};
        part["weights"] = to_json(numbers);
        part["longest_vector"] = number_or_null(longest_vector(weights));
        synapses.push_back(std::move(part));
        non_finite += numbers.non_finite;
        count += numbers.count;
    }
    json["parameters"] = count;
    json["non_finite"] = non_finite;
    json["layers"] = std::move(layers);
    json["synapses"] = std::move(synapses);
    return json;
}

auto print_row(const std::string& name, const std::string& shape, const Numbers& n) -> void {
    fmt::print("{:<8} {:>12} {:>11.4g} {:>11.4g} {:>11.4g} {:>11.4g} {:>11.4g} {:>10}\n", name, shape, n.lowest, n.highest, n.mean,
               n.deviation, n.norm, n.non_finite);
}

auto print_table(const nbm::DBM<double>& dbm, const MachineFile& file) -> void {
    constexpr auto shown = std::size_t{20};
    fmt::print("{}: {} of a machine {}\n", file.path.string(), file.checkpoint ? "checkpoint" : "weights",
               dbm.topology().describe());
    fmt::print("{:<8} {:>12} {:>11} {:>11} {:>11} {:>11} {:>11} {:>10}\n", "part", "shape", "min", "max", "mean", "deviation",
               "norm", "not finite");
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        print_row(nbm::part_name(l), fmt::format("{}", dbm.size(l)), numbers_of(dbm.bias(l)));
    }
    for (const auto& [edge, weights] : dbm.synapses()) {
        print_row(nbm::part_name(edge), fmt::format("{}x{}", weights.shape(0), weights.shape(1)), numbers_of(weights));
    }
    for (const auto& [edge, weights] : dbm.synapses()) {
        fmt::print("longest vector of weights {} into a unit of {}: {:.4g}\n", nbm::part_name(edge), nbm::part_name(edge.upper),
                   longest_vector(weights));
    }
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        auto dead = dead_units(dbm, l);
        const auto count = dead.size();
        dead.resize(std::min(count, shown));
        fmt::print("dead units of {}: {}{}{}{}\n", nbm::part_name(l), count, count == 0 ? "" : ": ", fmt::join(dead, ", "),
                   count > shown ? ", ..." : "");
    }
    fmt::print("(a unit is dead when its neighbours change its probability of being 1 by less than {})\n", dead_below);
}

auto inspect(const MachineOptions& o) -> void {
    const auto file = find_machine(o.file);
    const auto dbm = read_machine<double>(file);
    if (!o.plots.empty()) {
        prepare_plots(o.plots, weight_files(dbm.topology()), o.overwrite);
        write_weight_plots(dbm, o.plots);
        write_filters(dbm, o.plots);
    }
    if (o.json) {
        fmt::print("{}\n", text_of(as_json(dbm, file)));
    } else {
        print_table(dbm, file);
        if (!o.plots.empty()) { fmt::print("plots of the weights and filters in {}\n", o.plots); }
    }
}

}  // namespace

auto add_inspect_command(CLI::App& app) -> Command {
    const auto o = std::make_shared<MachineOptions>();
    auto* const command = app.add_subcommand("inspect", "Tell what the numbers of a machine look like, and which units are dead");
    add_file(*command, *o);
    add_plots(*command, *o, "Draw histograms of weights and biases, and what the hidden units look for");
    command->add_flag("--json", o->json, "One JSON object, for scripts");
    return {command, [o] { inspect(*o); }};
}
