#pragma once

#include <string>

#include "report/pictures.hpp"
#include "report/run_files.hpp"

/// The final sheet, the sheets over the training, the film; HTML, empty without any.
auto samples_section(const Run& run, Album& album) -> std::string;

/// The filters of each layer; HTML, empty without any.
auto filters_section(const Run& run, Album& album) -> std::string;

/// One picture with its caption (plain text), empty when it is left out.
auto picture_figure(Album& album, const Picture& picture, const std::string& title, const std::string& caption, std::size_t share)
    -> std::string;
