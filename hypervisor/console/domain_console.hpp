// SPDX-License-Identifier: Apache-2.0
//
// A domain's console: what it writes, and what is typed for it.
#pragma once

#include "hypervisor/console/input_buffer.hpp"
#include "hypervisor/domain/console_line.hpp"

namespace ringfold {

struct DomainConsole {
    ConsoleLine line;  // of its output, unfinished
    InputBuffer input;
};

}  // namespace ringfold
