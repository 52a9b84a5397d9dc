// SPDX-License-Identifier: Apache-2.0
//
// A vCPU's registers as notes of an ELF core.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <ringfold/vcpu.h>

#include <cstdint>
#include <optional>
#include <string>

namespace ringfold::tools {

// As gdb reads them, and crash: NT_PRSTATUS.
[[nodiscard]] std::string status_note(uint32_t vcpu, const ringfold_vcpu_registers &registers);

// As QEMU's dump-guest-memory writes them. A core with such notes is one of a machine to crash, which then believes the
// registers of each CPU, and not only those of one that has panicked. `root`: pseudo-physical.
[[nodiscard]] std::string machine_note(const ringfold_vcpu_registers &registers, std::optional<GuestFrame> root);

}  // namespace ringfold::tools
