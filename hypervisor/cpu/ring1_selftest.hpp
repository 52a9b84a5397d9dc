// SPDX-License-Identifier: Apache-2.0
//
// Does the processor keep ring 1 in bounds? Ringfold's safety rests on a handful of instructions faulting at CPL 1, and
// a host that deprivileges its guests in software (KVM's PVM module) does not make them fault. So, once at boot, they
// are tried.
#pragma once

#include <cstdint>
#include <optional>

namespace ringfold {

struct Ring1Breach {
    const char *instruction;  // what was tried
    const char *expected;     // what the manuals say
    uint8_t vector;           // what happened: an exception's vector, or `ring1_completed`
    uint64_t error;
    uint64_t rflags;  // in ring 1 at that moment
};

// The vector that a probe raises itself when it was not stopped.
inline constexpr uint8_t ring1_completed = 0x30;

// Runs every probe; the first that goes wrong, or nothing. For the boot processor, once, before the real descriptor
// tables are loaded: it uses tables and stacks of its own, puts IDTR back and leaves GDTR and TR on its own, which have
// ring 0's code and data at selectors 0x08 and 0x10, as at boot. No interrupt source may be open.
[[nodiscard]] std::optional<Ring1Breach> verify_ring1();

}  // namespace ringfold
