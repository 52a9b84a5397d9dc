// SPDX-License-Identifier: Apache-2.0
//
// A domain's console: what it writes, and what is typed for it.
#pragma once

#include "hypervisor/console/input_buffer.hpp"
#include "hypervisor/console/output_ring.hpp"
#include "hypervisor/domain/console_line.hpp"

namespace ringfold {

struct DomainConsole {
    ConsoleLine line;   // of its output, unfinished; if its output is logged
    OutputRing output;  // for tools
    InputBuffer input;
    bool reader_waits = true;   // somebody read all output: the next byte is to be told
    bool writer_waits = false;  // input was not taken for want of room: the next room is to be told
};

}  // namespace ringfold
