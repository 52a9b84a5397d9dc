// SPDX-License-Identifier: Apache-2.0
//
// Debug builds break on request, so that tests see what a breakage looks like: `crash=` on the command line is one of
//
//     panic        a panic
//     page_fault   a read of an address that is not mapped
//     write_text   a write to the hypervisor's own code
//     run_data     a call into data
//     stack        endless recursion, into the guard page
#pragma once

#include "hypervisor/boot/command_line.hpp"

namespace ringfold {

// Returns if there is no such option, or it is not a debug build.
void crash_if_asked(CommandLine options);

}  // namespace ringfold
