// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/hwprobe/probe.hpp"

namespace hwprobe {

[[nodiscard]] bool has(Feature feature);

// Vendor, model, what Ringfold needs or uses of this processor, and the hypervisor below us if there is one.
void print_processor();

}  // namespace hwprobe
