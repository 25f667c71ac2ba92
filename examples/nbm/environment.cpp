#include "environment.hpp"

#include <string>

#include <nlohmann/json.hpp>

import nbm;

auto environment() -> nlohmann::ordered_json {
    return {{"version", NBM_VERSION},
            {"compiler", __VERSION__},
            {"blas", nbm::blas_name()},
            {"instruction_set", std::string(nbm::instruction_set())},
            {"threads", nbm::threads()}};
}
