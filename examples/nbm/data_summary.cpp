#include "data_summary.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "likelihood_json.hpp"
#include "machine_file.hpp"

namespace {

/// The bytes of a row; the data must have no negative zeros.
auto bytes_of(const nbm::Matrix<Real>& rows, std::size_t r) -> std::string_view {
    const auto row = nbm::MatrixView<const Real>(rows).row(r);
    return {reinterpret_cast<const char*>(row.data()), row.size_bytes()};
}

auto set_of(const nbm::Matrix<Real>& rows) -> std::unordered_set<std::string_view> {
    auto result = std::unordered_set<std::string_view>{};
    for (std::size_t r = 0; r != rows.shape(0); ++r) { result.insert(bytes_of(rows, r)); }
    return result;
}

auto without_negative_zeros(nbm::Matrix<Real> rows) -> nbm::Matrix<Real> {
    for (auto& x : rows) { x += Real{0}; }
    return rows;
}

auto summary_of(const Split& split, const nbm::Matrix<Real>& rows) -> SplitSummary {
    auto s = SplitSummary{.name = split.name, .rows = rows.shape(0)};
    s.lowest = std::numeric_limits<double>::infinity();
    s.highest = -s.lowest;
    auto ones = std::size_t{0};
    for (const double x : rows) {
        s.lowest = std::min(s.lowest, x);
        s.highest = std::max(s.highest, x);
        s.mean += x;
        ones += x == 1.0 ? 1U : 0U;
    }
    s.mean /= static_cast<double>(rows.size());
    s.ones = static_cast<double>(ones) / static_cast<double>(rows.size());
    s.duplicates = s.rows - set_of(rows).size();
    for (const auto label : *split.labels) { ++s.labels[label]; }
    return s;
}

auto constant_units(const nbm::Matrix<Real>& rows) -> std::vector<std::size_t> {
    auto result = std::vector<std::size_t>{};
    for (std::size_t k = 0; k != rows.shape(1); ++k) {
        auto r = std::size_t{1};
        while (r < rows.shape(0) && rows(r, k) == rows(0, k)) { ++r; }
        if (r >= rows.shape(0)) { result.push_back(k); }
    }
    return result;
}

auto count_distinct(const std::vector<nbm::Matrix<Real>>& parts, DataSummary& summary) -> void {
    auto values = std::unordered_set<Real>{};
    for (const auto& rows : parts) {
        for (const auto x : rows) {
            values.insert(x);
            if (values.size() > DataSummary::most_distinct) {
                summary.more = true;
                summary.distinct = DataSummary::most_distinct;
                return;
            }
        }
    }
    summary.distinct = values.size();
}

auto label_text(const DataSummary& summary, int label) -> std::string {
    const auto named = label >= 0 && static_cast<std::size_t>(label) < summary.label_names.size();
    return named ? summary.label_names[static_cast<std::size_t>(label)] : fmt::format("{}", label);
}

auto print_labels(const DataSummary& summary) -> void {
    constexpr auto most = std::size_t{30};
    auto labels = std::set<int>{};
    for (const auto& split : summary.splits) {
        for (const auto& [label, count] : split.labels) { labels.insert(label); }
    }
    if (labels.empty()) {
        fmt::print("labels: none\n");
        return;
    }
    auto width = std::string_view("labels").size();
    for (const auto label : labels) { width = std::max(width, label_text(summary, label).size()); }
    fmt::print("{:<{}}", "labels", width);
    for (const auto& split : summary.splits) { fmt::print(" {:>9}", split.name); }
    fmt::print("\n");
    auto shown = std::size_t{0};
    for (const auto label : labels) {
        if (shown++ == most) {
            fmt::print("and {} more labels\n", labels.size() - most);
            return;
        }
        fmt::print("{:<{}}", label_text(summary, label), width);
        for (const auto& split : summary.splits) {
            const auto found = split.labels.find(label);
            fmt::print(" {:>9}", found == split.labels.end() ? 0 : found->second);
        }
        fmt::print("\n");
    }
}

}  // namespace

auto summarise(const nbm::Dataset<Real>& data) -> DataSummary {
    auto summary = DataSummary{.units = data.train.shape(1), .label_names = data.label_names};
    const auto shape = nbm::image_shape_of(summary.units);
    if (shape.height == shape.width) { summary.picture = shape; }
    auto parts = std::vector<nbm::Matrix<Real>>{};
    auto binary = true;
    auto in_unit_interval = true;
    for (const auto& split : splits_of(data)) {
        parts.push_back(without_negative_zeros(*split.rows));
        const auto& s = summary.splits.emplace_back(summary_of(split, parts.back()));
        in_unit_interval = in_unit_interval && s.lowest >= 0.0 && s.highest <= 1.0;
        binary = binary && std::ranges::all_of(parts.back(), [](Real x) { return x == Real{0} || x == Real{1}; });
    }
    summary.kind = binary ? "binary" : in_unit_interval ? "grey" : "real";
    count_distinct(parts, summary);
    summary.constant = constant_units(parts.front());
    const auto train = set_of(parts.front());
    for (std::size_t i = 1; i != parts.size(); ++i) {
        auto& count = summary.in_train[summary.splits[i].name];
        for (std::size_t r = 0; r != parts[i].shape(0); ++r) { count += train.contains(bytes_of(parts[i], r)) ? 1U : 0U; }
    }
    return summary;
}

auto print(const DataSummary& summary, const std::string& name) -> void {
    constexpr auto most = std::size_t{20};
    auto rows = std::size_t{0};
    for (const auto& split : summary.splits) { rows += split.rows; }
    fmt::print("data {}: {} rows of {} units{}\n", name, rows, summary.units,
               summary.picture ? fmt::format(", pictures of {} x {}", summary.picture->height, summary.picture->width) : "");
    fmt::print("values: {}, {}{} different ones{}\n", summary.kind, summary.more ? "more than " : "", summary.distinct,
               summary.kind == "real" ? "; a training needs values in [0, 1]" : "");
    fmt::print("{:<6} {:>9} {:>10} {:>10} {:>10} {:>9} {:>15}\n", "split", "rows", "min", "max", "mean", "ones", "duplicate rows");
    for (const auto& s : summary.splits) {
        fmt::print("{:<6} {:>9} {:>10.4g} {:>10.4g} {:>10.4g} {:>7.2f} % {:>15}\n", s.name, s.rows, s.lowest, s.highest, s.mean,
                   100 * s.ones, s.duplicates);
    }
    auto constant = summary.constant;
    constant.resize(std::min(most, constant.size()));
    fmt::print("units that never change in the training rows: {}{}{}{}\n", summary.constant.size(), constant.empty() ? "" : ": ",
               fmt::join(constant, ", "), constant.size() < summary.constant.size() ? ", ..." : "");
    for (const auto& s : summary.splits) {
        if (s.name == "train") { continue; }
        const auto count = summary.in_train.at(s.name);
        fmt::print("{} rows that are also training rows: {}{}\n", s.name, count,
                   count == 0 ? "" : "; what is measured on them says little about new rows");
    }
    print_labels(summary);
}

auto to_json(const DataSummary& summary, const std::string& name) -> nlohmann::ordered_json {
    auto json = nlohmann::ordered_json{{"data", name}, {"units", summary.units}, {"picture", nullptr}};
    if (summary.picture) { json["picture"] = {{"height", summary.picture->height}, {"width", summary.picture->width}}; }
    json["kind"] = summary.kind;
    json["distinct_values"] = summary.more ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(summary.distinct);
    json["constant_units"] = summary.constant;
    auto splits = nlohmann::ordered_json::object();
    for (const auto& s : summary.splits) {
        auto labels = nlohmann::ordered_json::object();
        for (const auto& [label, count] : s.labels) { labels[fmt::format("{}", label)] = count; }
        auto& split = splits[s.name] = {{"rows", s.rows},
                                        {"min", number_or_null(s.lowest)},
                                        {"max", number_or_null(s.highest)},
                                        {"mean", number_or_null(s.mean)},
                                        {"ones", number_or_null(s.ones)},
                                        {"duplicate_rows", s.duplicates}};
        if (s.name != "train") { split["also_in_train"] = summary.in_train.at(s.name); }
        split["labels"] = std::move(labels);
    }
    json["splits"] = std::move(splits);
    json["label_names"] = summary.label_names;
    return json;
}
