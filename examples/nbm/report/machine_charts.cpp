#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "report/curves.hpp"
#include "report/html.hpp"
#include "report/machine_charts.hpp"
#include "report/svg.hpp"

namespace {

constexpr auto most_parts = std::size_t{16};

/// Counts of finite numbers in bins of equal width; empty without one.
auto histogram(const std::vector<double>& numbers, std::size_t bins) -> Histogram {
    auto h = Histogram{};
    if (std::ranges::none_of(numbers, [](double x) { return std::isfinite(x); })) { return h; }
    const auto all_equal = std::ranges::adjacent_find(numbers, std::not_equal_to{}) == numbers.end();
    h.edges = nbm::even_edges(numbers, all_equal ? 3 : bins);
    for (const auto count : nbm::histogram(numbers, h.edges)) { h.counts.push_back(static_cast<double>(count)); }
    return h;
}

/// "235,200 numbers, mean 0.01, standard deviation 0.12"
auto statistics(const std::vector<double>& numbers) -> std::string {
    auto count = 0.0;
    auto mean = 0.0;
    auto squares = 0.0;  // Welford's recurrence
    for (const auto x : numbers) {
        if (!std::isfinite(x)) { continue; }
        count += 1.0;
        const auto before = x - mean;
        mean += before / count;
        squares += before * (x - mean);
    }
    auto text = fmt::format("{} numbers", whole_number(numbers.size()));
    if (count > 0.0) {
        text += fmt::format(", mean {}, standard deviation {}", short_number(mean, 3), short_number(std::sqrt(squares / count), 3));
    }
    if (const auto bad = numbers.size() - static_cast<std::size_t>(count); bad != 0) {
        text += fmt::format("; {} of them are not finite and not drawn", whole_number(bad));
    }
    return text + ".";
}

auto part(const std::string& id, const std::string& title, const std::vector<double>& numbers, std::size_t colour) -> std::string {
    auto h = histogram(numbers, numbers.size() < 200 ? 15 : 61);
    h.title = "Histogram: " + title;
    h.x_label = "value";
    h.colour = colour;
    return figure(id, escape(title) + R"( <span class="unit">count</span>)", statistics(numbers), "", draw(h));
}

auto layer_name(std::size_t layer) -> std::string { return layer == 0 ? "data" : fmt::format("h{}", layer); }

}  // namespace

auto weight_figures(const Run& run) -> std::string {
    if (!run.machine) { return {}; }
    auto html = std::string{};
    auto count = std::size_t{0};
    for (const auto& [edge, weights] : run.machine->synapses()) {
        if (count == most_parts) { break; }
        html +=
            part(fmt::format("weights{}", ++count), fmt::format("Weights {} to {}", layer_name(edge.lower), layer_name(edge.upper)),
                 {weights.begin(), weights.end()}, 0);
    }
    for (std::size_t l = 0; l != run.machine->layer_count() && l != most_parts; ++l) {
        const auto& bias = run.machine->bias(l);
        html += part(fmt::format("biases{}", l), "Biases of " + layer_name(l), {bias.begin(), bias.end()}, 2);
    }
    return R"(<div class="charts">)" + html + "</div>\n";
}

auto ais_figures(const Run& run, nlohmann::ordered_json& data) -> std::string {
    auto html = std::string{};
    if (!run.log_weights.empty()) {
        auto h = histogram(run.log_weights, std::clamp<std::size_t>(run.log_weights.size() / 5, 5, 40));
        h.title = "Histogram of the log weights of the runs of AIS";
        h.x_label = "log weight, nats";
        auto text = std::string(
            "One weight a run; their mean is Z over that of the base. A narrow heap is good; a long tail to the right means that "
            "few runs decide.");
        const auto finite = std::ranges::count_if(run.log_weights, [](double x) { return std::isfinite(x); });
        if (const auto zero = run.log_weights.size() - static_cast<std::size_t>(finite); zero != 0) {
            text += fmt::format(" {} runs have no finite log weight and are not drawn.", zero);
        }
        html += figure("ais-weights", R"(Log weights <span class="unit">runs</span>)", text, "", draw(h));
    }
    if (!run.ais_positions.empty()) {
        auto curves = Curves{};
        curves.note =
            "From all runs at the base to what is left of them at the machine. A sudden fall shows where the steps between inverse "
            "temperatures are too large.";
        curves.chart = {.title = "Effective sample size along the path",
                        .x_label = "position on the path, 0 the base, 1 the machine",
                        .y_label = "runs",
                        .x = run.ais_positions,
                        .series = {{.label = "effective sample size", .colour = 2, .y = run.ais_sample_sizes}}};
        html += figures({curves}, "ais", data);
    }
    return html.empty() ? html : R"(<div class="charts">)" + html + "</div>\n";
}
