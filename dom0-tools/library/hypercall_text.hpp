// SPDX-License-Identifier: Apache-2.0
//
// Names of hypercalls, and what their errors mean, from the table of the ABI.
#pragma once

#include "dom0-tools/library/outcome.hpp"

#include <cstdint>
#include <string_view>

namespace ringfold::tools {

[[nodiscard]] std::string_view hypercall_name(uint32_t number);  // empty: there is none

// `status` is negative: as the hypervisor answered.
[[nodiscard]] Failure hypercall_failure(uint32_t number, int64_t status);

}  // namespace ringfold::tools
