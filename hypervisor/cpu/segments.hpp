// SPDX-License-Identifier: Apache-2.0
//
// Segment registers and bases of a guest, as a vCPU switch saves and loads them.
#pragma once

#include "hypervisor/domain/vcpu.hpp"

namespace ringfold {

[[nodiscard]] SegmentState save_segments();

// The descriptors that the selectors name may have changed since they were loaded: a selector that no longer names a
// readable segment is loaded as null, as the processor does on a return to an outer ring.
void load_segments(const SegmentState &segments);

}  // namespace ringfold
