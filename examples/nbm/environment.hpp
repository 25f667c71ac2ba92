#pragma once

#include <nlohmann/json.hpp>

/// The version of nbm, what it is built with and runs on, as `nbm version --json` prints them.
auto environment() -> nlohmann::ordered_json;
