// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hypervisor/boot/boot_information.hpp"
#include "hypervisor/boot/command_line.hpp"

namespace ringfold {

// What the boot loader said; complete before kmain() begins, and unchanged from then on.
[[nodiscard]] const BootInformation &boot_information();
[[nodiscard]] CommandLine boot_options();

}  // namespace ringfold
