// SPDX-License-Identifier: Apache-2.0
//
// Back traces along the chain of frame pointers (System V ABI, AMD64 supplement, 3.2.2: [rbp] is the caller's rbp,
// [rbp + 8] the return address). Only words on stacks of the hypervisor's are read, so a chain that is broken ends the
// trace and never faults.
#pragma once

#include <cstdint>

namespace ringfold {

// Logs the trace of a context at `instruction_pointer` whose frame pointer is `frame_pointer`.
void log_backtrace(uint64_t instruction_pointer, uint64_t frame_pointer);

// Whether the 16 bytes at `address` lie on a stack that is mapped.
[[nodiscard]] bool on_hypervisor_stack(uint64_t address);

}  // namespace ringfold
