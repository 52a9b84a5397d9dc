// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/hwprobe/probe.hpp"

namespace hwprobe {

// What holds for every probe: CR4, the SYSCALL MSRs, no breakpoints.
void arrange_machine();

// What one probe needs beside it, and back again.
void arrange(const Probe &probe);
void arrange_back(const Probe &probe);

}  // namespace hwprobe
