// SPDX-License-Identifier: Apache-2.0
//
// The audit recounts every reference and type of every frame, and every count of every extent, from the page tables
// themselves and from the holders that its caller knows, and compares. It shares no accounting with what it checks: it
// reads entries and adds up.
//
// Nothing may change meanwhile: every other CPU is stopped, and no page-table lock is held.
#pragma once

#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/frame_state.hpp"

#include <cstdint>

namespace ringfold {

// One frame (or, for the extent's counts, its extent's first frame) whose accounting is wrong.
struct AuditFinding {
    MachineFrame frame;
    const char *what;
    uint64_t actual;
    uint64_t expected;
};

// What the audit adds up for a window of frames. Opaque to the callers.
class AuditCounts;
class DomainMemory;

// To be called by AuditCaller::visit_holders for each TypeReference that is held: vCPU roots, vCPU pages, call buffers,
// grant tables, and what is lent.
void audit_holder(AuditCounts &counts, MachineFrame frame, FrameType type);
// And this for each domain: the mappings of other domains' frames that it has counted.
void audit_borrowed(AuditCounts &counts, DomainMemory &memory);

struct AuditCaller {
    void *context;
    // Names every holder, the same ones each time: it is called once for each window of frames.
    void (*visit_holders)(void *context, AuditCounts &counts);
    void (*report)(void *context, const AuditFinding &finding);
};

// The number of findings.
uint64_t audit(const AuditCaller &caller);

}  // namespace ringfold
