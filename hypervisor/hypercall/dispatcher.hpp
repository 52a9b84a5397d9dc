// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/lib/result.hpp"

#include <cstdint>

namespace ringfold {

struct Vcpu;

// Carries out the hypercall that RAX and the argument registers of `frame` name, and writes status and second result.
void dispatch_hypercall(Vcpu &caller, EntryFrame &frame);

// The negated number that a guest sees for an error.
[[nodiscard]] int64_t to_abi(Error error);

}  // namespace ringfold
