// Made from page.css and page.js by embed.cmake when the program is built.
#pragma once

#include <string_view>

extern const std::string_view page_css;
extern const std::string_view page_css_sha256;  // hexadecimal
extern const std::string_view page_js;
extern const std::string_view page_js_sha256;
