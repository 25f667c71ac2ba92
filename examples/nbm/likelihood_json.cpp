#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "likelihood_json.hpp"

auto number_or_null(double x) -> nlohmann::ordered_json { return std::isfinite(x) ? nlohmann::ordered_json(x) : nullptr; }

auto to_json(const nbm::Estimate& e) -> nlohmann::ordered_json {
    return {{"value", number_or_null(e.value)},
            {"low", number_or_null(e.low)},
            {"high", number_or_null(e.high)},
            {"standard_error", number_or_null(e.standard_error)}};
}

auto to_json(const nbm::LogZ& z) -> nlohmann::ordered_json {
    auto json = to_json(static_cast<const nbm::Estimate&>(z));
    const auto verdict = z.trustworthy();
    json["effective_sample_size"] = number_or_null(z.effective_sample_size);
    json["largest_weight_share"] = number_or_null(z.largest_weight_share);
    json["log_weight_variance"] = number_or_null(z.log_weight_variance);
    json["trustworthy"] = verdict.yes;
    json["verdict"] = verdict.reason;
    return json;
}

auto to_json(const Likelihood& likelihood) -> nlohmann::ordered_json {
    const auto what = std::string(likelihood.bound ? "bound" : "log_prob");
    auto json = nlohmann::ordered_json{{"log_z", to_json(likelihood.log_z)}};
    if (const auto& reverse = likelihood.annealing.reverse) { json["log_z_reverse"] = to_json(*reverse); }
    json["train_" + what] = likelihood.train ? to_json(*likelihood.train) : nullptr;
    if (likelihood.valid) { json["valid_" + what] = to_json(*likelihood.valid); }
    json["test_" + what] = likelihood.test ? to_json(*likelihood.test) : nullptr;
    return json;
}

auto text_of(const nlohmann::ordered_json& json) -> std::string {
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}
