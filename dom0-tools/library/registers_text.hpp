// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ringfold/vcpu.h>

#include <string>

namespace ringfold::tools {

// Registers of a vCPU as a few lines for people.
[[nodiscard]] std::string registers_text(uint32_t vcpu, const ringfold_vcpu_registers &registers);

}  // namespace ringfold::tools
