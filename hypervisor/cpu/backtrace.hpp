// SPDX-License-Identifier: Apache-2.0
//
// Back traces along the chain of frame pointers (System V ABI, AMD64 supplement, 3.2.2: [rbp] is the caller's rbp,
// [rbp + 8] the return address). Only words on stacks of the hypervisor's are read, so a chain that is broken ends the
// trace and never faults.
#pragma once

#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/lib/log.hpp"

#include <array>
#include <cstdint>

namespace ringfold {

struct Backtrace {
    std::array<uint64_t, 32> addresses;
    unsigned depth = 0;
};

// The trace of a context at `instruction_pointer` whose frame pointer is `frame_pointer`. Takes no lock.
[[nodiscard]] Backtrace collect_backtrace(uint64_t instruction_pointer, uint64_t frame_pointer);

// With the names of functions.
void log_backtrace(LogLevel level, const Backtrace &trace);
void log_registers(LogLevel level, const EntryFrame &frame);

// Whether the 16 bytes at `address` lie on a stack that is mapped.
[[nodiscard]] bool on_hypervisor_stack(uint64_t address);

}  // namespace ringfold
