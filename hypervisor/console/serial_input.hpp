// SPDX-License-Identifier: Apache-2.0
//
// Input from the serial port, by its interrupt; which is output's, too.
#pragma once

namespace ringfold {

// Claims the port's interrupt, for CPU 0, and lets it come. A machine where that is not possible has no console input,
// and waits for its output; it says so in the log.
void begin_serial_input();

// The port's interrupt has arrived, and was switched off at the port.
void handle_serial_interrupt();

}  // namespace ringfold
