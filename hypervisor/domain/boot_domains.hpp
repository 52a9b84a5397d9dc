// SPDX-License-Identifier: Apache-2.0
//
// The domains that the boot loader brought: one for each module.
#pragma once

#include "hypervisor/boot/boot_information.hpp"

namespace ringfold {

// Builds a domain from each module's ELF image, numbered from 1 in module order; they run as soon as the CPUs enter the
// scheduler. The module's command line is
//
//     [file] [name=NAME] [memory=SIZE[K|M|G]] [vcpus=N] [cpu=N] [-- the guest's command line]
//
// Defaults: the file's name, 16 MiB, 1 vCPU, CPU 0. A module that cannot be built is logged and
// makes the machine's exit status a failure.
void build_boot_domains(const BootInformation &information);

}  // namespace ringfold
