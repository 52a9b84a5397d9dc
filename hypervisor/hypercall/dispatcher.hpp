// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/lib/result.hpp"

#include <cstdint>

namespace ringfold {

struct Vcpu;

// Carries out the hypercall that RAX and the argument registers of `frame` name, and writes status and second result.
void dispatch_hypercall(Vcpu &caller, EntryFrame &frame);

// What a hypercall leaves in RAX and RDX.
struct CallOutcome {
    int64_t status;
    uint64_t second;
};
// The same for one that is part of another: invalid_argument if it can only be issued alone.
[[nodiscard]] CallOutcome dispatch_part(Vcpu &caller, const EntryFrame &frame);

// The negated number that a guest sees for an error.
[[nodiscard]] int64_t to_abi(Error error);

}  // namespace ringfold
