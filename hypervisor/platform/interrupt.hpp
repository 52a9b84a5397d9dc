// SPDX-License-Identifier: Apache-2.0
//
// What becomes of an interrupt that is not an exception.
#pragma once

#include <cstdint>

namespace ringfold {

// Called by the entry code with interrupts off. Acknowledges the interrupt where one must be.
void handle_interrupt(uint8_t vector);

}  // namespace ringfold
