// SPDX-License-Identifier: Apache-2.0
//
// Free frames that are set aside for one who will take them; which ones is open until then. The frame allocator's lock
// guards it (frame_allocator.hpp).
#pragma once

#include "hypervisor/lib/units.hpp"

namespace ringfold {

struct FrameClaim {
    FrameCount count;
    bool is_closed = false;
};

}  // namespace ringfold
