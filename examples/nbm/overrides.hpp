#pragma once

#include <string>
#include <vector>

import nbm;

/// What --set KEY=VALUE asks for outside of callbacks, as a configuration file would tell it; of two for one key the last counts.
/// Throws InputError for what is no path of a setting.
auto plain_overrides(const std::vector<std::string>& texts) -> nbm::Config;

/// Gives callbacks what --set callbacks.N.KEY=VALUE and --set callbacks.TYPE.KEY=VALUE ask for, N counted from 0; TYPE may be an
/// id. Throws InputError when there is no such callback, or more than one of the type.
auto override_callbacks(std::vector<nbm::CallbackSection>& sections, const std::vector<std::string>& texts) -> void;
