// SPDX-License-Identifier: Apache-2.0
//
// The domains that the boot loader brought: one for each module that is a kernel.
#pragma once

#include "hypervisor/boot/boot_information.hpp"

namespace ringfold {

// Builds a domain from each module's ELF image, numbered from 1 in module order; they run as soon as the CPUs enter the
// scheduler. The module's command line is
//
//     [file] [name=NAME] [memory=SIZE[K|M|G]] [vcpus=N] [cpu=N] [rights=BITS] [dom0] [-- the guest's command line]
//     [file] ramdisk
//
// Defaults: the file's name, 16 MiB, 1 vCPU, CPU 0, no rights. `dom0`: pseudo-physical frames are machine frames, the
// default is 256 MiB and all rights, and the machine ends with the domain. `ramdisk`: the module of the kernel before
// it, and no domain. A module that cannot be built is logged and makes the machine's exit status a failure.
void build_boot_domains(const BootInformation &information);

}  // namespace ringfold
