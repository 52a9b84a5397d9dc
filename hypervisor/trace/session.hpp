// SPDX-License-Identifier: Apache-2.0
//
// The one trace there may be: who has it, and whose frames its rings are in.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"

#include <ringfold/trace.h>

#include <cstdint>

namespace ringfold {
struct Domain;
}

namespace ringfold::trace {

// How many rings start() wants.
[[nodiscard]] uint32_t ring_count();

// Where the machine frames for the rings come from: read(context, n) is page n, counted through all rings.
struct FrameSource {
    void *context;
    Result<MachineFrame> (*read)(void *context, uint32_t number);
};

// Begins to trace `classes` into frames of `domain`, `frames_per_ring` for each ring. busy: there is a trace, or a
// frame is a page table; otherwise as the source and hold_writable() say. All or nothing.
[[nodiscard]] Result<void> start(Domain &domain, uint32_t classes, uint32_t frames_per_ring, const FrameSource &source);

// Ends it, and lets go of the frames. not_found: `domain` does not trace. No lock is held.
[[nodiscard]] Result<void> stop(const Domain &domain);

[[nodiscard]] ringfold_trace_status status();

// True once after a ring was half filled: whoever traces is told.
[[nodiscard]] bool take_growth();

// For the audit, with the machine stopped: visit(MachineFrame) for each frame that is held.
void for_each_frame(void *context, void (*visit)(void *context, MachineFrame frame));

}  // namespace ringfold::trace
