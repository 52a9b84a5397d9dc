// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hypervisor/boot/boot_information.hpp"
#include "hypervisor/cpu/features.hpp"

namespace ringfold {

// Who we are, what the machine is, and what the boot loader brought.
void log_banner(const BootInformation &information, const CpuFeatures &features);

}  // namespace ringfold
