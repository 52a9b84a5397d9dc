// SPDX-License-Identifier: Apache-2.0
//
// Configurations as files: TOML with xl's key names (man/hvctl-domain.5). A mistake is reported with file, line, the
// key or value that is wrong, what was expected, and the nearest known key.
#pragma once

#include "dom0-tools/library/domain_config.hpp"

#include <span>
#include <string>
#include <string_view>

namespace ringfold::tools {

// `settings` are KEY=VALUE, which replace what stands in the file; a value that is no TOML is a text.
[[nodiscard]] Outcome<DomainConfig> read_config(std::string_view text, const std::string &file,
                                                std::span<const std::string> settings);

// Paths in it become absolute. `file` may be empty: then all comes from the settings.
[[nodiscard]] Outcome<DomainConfig> load_config(const std::string &file, std::span<const std::string> settings);

}  // namespace ringfold::tools
