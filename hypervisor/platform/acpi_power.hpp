// SPDX-License-Identifier: Apache-2.0
//
// Off and restart by way of ACPI, where the tables say how.
#pragma once

namespace ringfold {

// Returns only if the machine does not say how, or does not do it. Any CPU, interrupts off.
void acpi_power_off();
void acpi_reset();

}  // namespace ringfold
