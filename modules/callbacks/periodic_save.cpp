module;

#include <cstddef>
#include <filesystem>
#include <string>

#include <fmt/args.h>
#include <fmt/format.h>

module nbm:callbacks.periodic_save_impl;

import :callbacks.periodic_save;
import :tensor;

namespace nbm {

auto epoch_path(const std::string& path_template, std::size_t epoch) -> std::filesystem::path {
    try {
        return fmt::format(fmt::runtime(path_template), fmt::arg("epoch", epoch + 1));
    } catch (const fmt::format_error& error) {
        throw InputError(fmt::format("path '{}': {}; the only placeholder is {{epoch}}, or {{epoch:04d}} to pad it", path_template,
                                     error.what()));
    }
}

}  // namespace nbm
