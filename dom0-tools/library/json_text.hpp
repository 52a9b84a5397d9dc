// SPDX-License-Identifier: Apache-2.0
//
// JSON as text, in one line unless it is indented. What is not UTF-8, such as a guest's output, is replaced, not
// refused.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace ringfold::tools {

[[nodiscard]] inline std::string json_text(const nlohmann::json &value, int indent = -1) {
    return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace ringfold::tools
